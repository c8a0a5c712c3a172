//! One attention head on one sentence: softmax(Q·Kᵀ / √width) and its product with V, with what the distance of pieces adds to
//! the logits, and without the pieces that are out of sight.
//!
//! Heads are narrow and sentences short, so a general matrix product would spend its time on preparations. Here Q, K and
//! V of the head are copied once into the order in which they are read; then a few rows of the map at a time are computed,
//! normalised and multiplied with V before they leave the first-level cache.

use std::array;

use pulp::{Simd, WithSimd};

use super::{functions::exp, layer::Strided, scratch::Buffer, simd::InstructionSet};
use crate::{Architecture, Masking, architecture::LayerAttention, architecture::View};

/// Rows of the map that are computed together.
const ROWS: usize = 4;

/// One head of one sentence, within the rows that the layer's fused projection made, biases included.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    /// `[piece][…]`: a row holds the queries of all heads, then their keys, then (if needed) their values.
    pub projected: &'a [f32],
    /// Length of such a row.
    pub stride: usize,
    /// Width of one head.
    pub width: usize,
    /// Which head.
    pub index: usize,
    /// Where its queries, keys and values begin in a row.
    columns: [usize; 3],
    /// Width of what all heads make together.
    contexts: usize,
    /// What logits are multiplied with.
    pub scale: f32,
    /// Which pieces the pieces see.
    view: View,
}

impl<'a> Head<'a> {
    pub(crate) fn new(
        spec: &Architecture,
        layer: LayerAttention<'_>,
        projected: &'a [f32],
        stride: usize,
        index: usize,
    ) -> Self {
        let (width, contexts) = (spec.head_width(), spec.heads_width());
        let own = index * width;
        // As many heads of queries for each of keys and values.
        let shared = index / (spec.grid.heads / spec.attention.key_value_heads) * width;
        let columns = [own, contexts + shared, contexts + spec.keys_width() + shared];
        Self { projected, stride, width, index, columns, contexts, scale: layer.scale, view: layer.view }
    }
}

/// Room for one head's operands.
#[derive(Default)]
pub(crate) struct HeadScratch {
    queries: Buffer,
    keys: Buffer,
    values: Buffer,
    scores: Buffer,
    products: Buffer,
}

/// How a head goes to work.
#[derive(Clone, Copy, Default)]
pub(crate) struct Task<'a> {
    /// What is added to the logits, `[from, to]`.
    pub added: Option<&'a [f32]>,
    /// How its work is taken away.
    pub mask: Option<Masking>,
    /// The pieces whose rows are computed; all of them where there are no such.
    pub rows: Option<&'a [usize]>,
}

/// Writes the head's weights `[from, to]` to `map` and, where asked for, its contexts (weights · V) to its columns of
/// `contexts` `[from][heads]`.
pub(crate) fn attend(
    set: InstructionSet,
    head: Head<'_>,
    task: Task<'_>,
    scratch: &mut HeadScratch,
    map: &mut [f32],
    contexts: Option<&mut [f32]>,
) {
    set.run(Attend { head, task, scratch, map, contexts });
}

impl<'a> Head<'a> {
    /// Pieces of the sentence.
    pub(crate) fn pieces(self) -> usize {
        self.projected.len() / self.stride
    }

    /// The head's queries (0), keys (1) or values (2) of all pieces, and what stands behind them in their rows.
    pub(crate) fn part(self, part: usize) -> Strided<'a> {
        Strided { values: &self.projected[self.columns[part]..], stride: self.stride }
    }

    /// Where these begin in a row.
    pub(crate) fn column(self, part: usize) -> usize {
        self.columns[part]
    }

    /// The head's part of each row: its queries (0), keys (1) or values (2).
    #[inline(always)]
    fn rows(self, part: usize) -> impl Iterator<Item = &'a [f32]> {
        let columns = self.columns[part]..self.columns[part] + self.width;
        self.projected.chunks_exact(self.stride).map(move |row| &row[columns.clone()])
    }
}

struct Attend<'a> {
    head: Head<'a>,
    task: Task<'a>,
    scratch: &'a mut HeadScratch,
    map: &'a mut [f32],
    contexts: Option<&'a mut [f32]>,
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Attend { head, task: Task { added, mask, rows }, scratch, map, mut contexts } = self;
        let (pieces, width, lanes) = (head.pieces(), head.width, S::F32_LANES);
        let padded = pieces.next_multiple_of(lanes);
        let count = rows.map_or(pieces, <[usize]>::len);
        let piece = |row: usize| rows.map_or(row, |rows| rows[row]);

        let queries = scratch.queries.slice(count * width);
        pack_queries(head, (0..count).map(piece), queries);
        let keys = scratch.keys.slice(padded * width);
        pack_keys(head, lanes, keys);
        let keys = S::as_simd_f32s(keys).0;
        let padded_width = width.next_multiple_of(lanes);
        let values = S::as_mut_simd_f32s(scratch.values.slice(pieces * padded_width)).0;
        if contexts.is_some() {
            pack_values(simd, head, values);
        }
        let scores = scratch.scores.slice(ROWS * padded);
        let products = scratch.products.slice(ROWS * padded_width);

        let whole = head.view.is_whole(pieces);
        let within = simd.mask_between_m32s(0, ((pieces - 1) % lanes + 1) as u32).mask();

        for start in (0..count).step_by(ROWS) {
            // Where the rows end within these, the last one fills them up; those products go nowhere.
            let own = array::from_fn(|row| &queries[(start + row).min(count - 1) * width..][..width]);
            multiply(simd, own, keys, S::as_mut_simd_f32s(scores).0);
            for (row, from) in scores.chunks_exact_mut(padded).zip((start..count).map(piece)) {
                if let Some(added) = added.and_then(|added| added.chunks_exact(pieces).nth(from)) {
                    row.iter_mut().zip(added).for_each(|(logit, added)| *logit += added);
                }
                let seen = head.view.range(from, pieces);
                if !whole {
                    row[..seen.start].fill(f32::MIN);
                    row[seen.end..].fill(f32::MIN);
                }
                softmax(simd, S::as_mut_simd_f32s(row).0, within);
                match mask {
                    Some(Masking::Zero) => row.fill(0.0),
                    Some(Masking::Uniform) => {
                        row.fill(0.0);
                        let share = 1.0 / seen.len() as f32;
                        row[seen].fill(share);
                    }
                    None => {}
                }
            }
            let maps = map[start * pieces..count * pieces].chunks_exact_mut(pieces);
            for (row, out) in scores.chunks_exact(padded).zip(maps) {
                out.copy_from_slice(&row[..pieces]);
            }
            if let Some(contexts) = contexts.as_deref_mut() {
                let own = array::from_fn(|row| &scores[row * padded..][..pieces]);
                multiply(simd, own, values, S::as_mut_simd_f32s(products).0);
                let contexts = contexts[start * head.contexts..].chunks_exact_mut(head.contexts);
                for (product, context) in products.chunks_exact(padded_width).zip(contexts) {
                    context[head.index * width..][..width].copy_from_slice(&product[..width]);
                }
            }
        }
    }
}

/// Queries of these pieces as logits are scaled, `[piece][width]`.
#[inline(always)]
fn pack_queries(head: Head<'_>, pieces: impl Iterator<Item = usize>, queries: &mut [f32]) {
    let (scale, own) = (head.scale, head.part(0));
    for (piece, out) in pieces.zip(queries.chunks_exact_mut(head.width)) {
        let row = &own.values[piece * own.stride..][..head.width];
        out.iter_mut().zip(row).for_each(|(out, x)| *out = x * scale);
    }
}

/// Keys in panels of `lanes` pieces, `[panel][width][lane]`. Lanes beyond the last piece hold what was there.
#[inline(always)]
fn pack_keys(head: Head<'_>, lanes: usize, keys: &mut [f32]) {
    for (piece, row) in head.rows(1).enumerate() {
        let panel = &mut keys[piece / lanes * lanes * head.width..][..lanes * head.width];
        for (column, x) in panel.chunks_exact_mut(lanes).zip(row) {
            column[piece % lanes] = *x;
        }
    }
}

/// Values in panels of one vector's columns, `[panel][piece]`; columns beyond the last are 0.
#[inline(always)]
fn pack_values<S: Simd>(simd: S, head: Head<'_>, values: &mut [S::f32s]) {
    let pieces = head.pieces();
    for (piece, row) in head.rows(2).enumerate() {
        let (vectors, tail) = S::as_simd_f32s(row);
        for (panel, x) in vectors.iter().enumerate() {
            values[panel * pieces + piece] = *x;
        }
        if !tail.is_empty() {
            values[vectors.len() * pieces + piece] = simd.partial_load_f32s(tail);
        }
    }
}

/// Products of [`ROWS`] rows with a matrix in panels: `out` `[row][panel]`.
#[inline(always)]
fn multiply<S: Simd>(simd: S, rows: [&[f32]; ROWS], panels: &[S::f32s], out: &mut [S::f32s]) {
    let depth = rows[0].len();
    let across = panels.len() / depth;
    let pairs = panels.chunks_exact(2 * depth);
    let single = pairs.remainder();
    for (pair, panels) in pairs.enumerate() {
        let (left, right) = panels.split_at(depth);
        for (row, products) in tile(simd, rows, [left, right]).into_iter().enumerate() {
            out[row * across + 2 * pair..][..2].copy_from_slice(&products);
        }
    }
    if !single.is_empty() {
        for (row, [product]) in tile(simd, rows, [single]).into_iter().enumerate() {
            out[row * across + across - 1] = product;
        }
    }
}

/// Products of [`ROWS`] rows with a few panels, summed in registers. Rows and panels are of one length.
#[inline(always)]
fn tile<S: Simd, const COLUMNS: usize>(
    simd: S,
    rows: [&[f32]; ROWS],
    panels: [&[S::f32s]; COLUMNS],
) -> [[S::f32s; COLUMNS]; ROWS] {
    let depth = rows[0].len();
    // Equal lengths by construction; said again so that the compiler drops the checks in the loop.
    let rows = rows.map(|row| &row[..depth]);
    let panels = panels.map(|panel| &panel[..depth]);
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    for k in 0..depth {
        for (sums, row) in sums.iter_mut().zip(&rows) {
            let x = simd.splat_f32s(row[k]);
            for (sum, panel) in sums.iter_mut().zip(&panels) {
                *sum = simd.mul_add_e_f32s(x, panel[k], *sum);
            }
        }
    }
    sums
}

/// row ← e^(row − max) / Σ e^(row − max), where the last vector counts only `within`; other lanes become 0.
#[inline(always)]
fn softmax<S: Simd>(simd: S, row: &mut [S::f32s], within: S::m32s) {
    let Some((last, others)) = row.split_last_mut() else { return };
    *last = simd.select_f32s(within, *last, simd.splat_f32s(f32::MIN));
    let mut max = *last;
    for x in others {
        max = simd.max_f32s(max, *x);
    }
    let max = simd.splat_f32s(simd.reduce_max_f32s(max));
    let mut sum = simd.splat_f32s(0.0);
    for x in row.iter_mut() {
        *x = exp(simd, simd.sub_f32s(*x, max));
        sum = simd.add_f32s(sum, *x);
    }
    let scale = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
    for x in row {
        *x = simd.mul_f32s(*x, scale);
    }
}
