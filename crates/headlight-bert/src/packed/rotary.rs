//! Rotary embeddings: the first columns of queries and keys, turned by their place.

use pulp::{Simd, WithSimd};

use super::simd::InstructionSet;
use crate::{Architecture, Rotary};

/// The angles of a chunk's places in layers that see all and in local ones.
pub(super) struct Turned {
    angles: Vec<(Rotary, Angles)>,
}

impl Turned {
    pub(super) fn new(spec: &Architecture, places: usize) -> Self {
        let mut angles: Vec<(Rotary, Angles)> = Vec::new();
        let local = spec.attention.local.as_ref().and_then(|local| local.rotary.as_ref());
        for rotary in [spec.attention.rotary.as_ref(), local].into_iter().flatten() {
            if !angles.iter().any(|(known, _)| known == rotary) {
                angles.push((rotary.clone(), Angles::new(rotary, places)));
            }
        }
        Self { angles }
    }

    pub(super) fn of(&self, rotary: Option<&Rotary>) -> Option<&Angles> {
        self.angles.iter().find(|(known, _)| Some(known) == rotary).map(|(_, angles)| angles)
    }
}

/// Cosines and sines of the angles of each place.
#[derive(Default)]
pub(crate) struct Angles {
    /// `[place][pair]`.
    cosines: Vec<f32>,
    sines: Vec<f32>,
    pairs: usize,
}

impl Angles {
    /// Of the first `places` places.
    pub(crate) fn new(rotary: &Rotary, places: usize) -> Self {
        let of_place = |place: usize| rotary.frequencies.iter().map(move |frequency| frequency * place as f32);
        let angles: Vec<f32> = (0..places).flat_map(of_place).collect();
        Self {
            cosines: angles.iter().map(|angle| angle.cos()).collect(),
            sines: angles.iter().map(|angle| angle.sin()).collect(),
            pairs: rotary.frequencies.len(),
        }
    }

    /// Those that turn back.
    pub(crate) fn reversed(&self) -> Self {
        let sines = self.sines.iter().map(|sine| -sine).collect();
        Self { cosines: self.cosines.clone(), sines, pairs: self.pairs }
    }
}

/// Turns the first `heads` heads of this width in each row of a sentence, the n-th row as the n-th place says.
pub(crate) fn rotate(
    set: InstructionSet,
    rows: &mut [f32],
    stride: usize,
    heads: usize,
    width: usize,
    angles: &Angles,
) {
    set.run(Rotate { rows, stride, heads, width, angles });
}

struct Rotate<'a> {
    rows: &'a mut [f32],
    stride: usize,
    heads: usize,
    width: usize,
    angles: &'a Angles,
}

impl WithSimd for Rotate<'_> {
    type Output = ();

    /// Plain loops, which the compiler makes vectors of.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { rows, stride, heads, width, angles: Angles { cosines, sines, pairs } } = self;
        let angles = cosines.chunks_exact(*pairs).zip(sines.chunks_exact(*pairs));
        for (row, (cosines, sines)) in rows.chunks_exact_mut(stride).zip(angles) {
            for head in row.chunks_exact_mut(width).take(heads) {
                let (left, right) = head[..2 * pairs].split_at_mut(*pairs);
                for (((left, right), cosine), sine) in left.iter_mut().zip(right).zip(cosines).zip(sines) {
                    let (x, y) = (*left, *right);
                    *left = x * cosine - y * sine;
                    *right = y * cosine + x * sine;
                }
            }
        }
    }
}
