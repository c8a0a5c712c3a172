//! What heads look at on the surface: neighbours, special pieces, punctuation, everything at once (METHOD §3; Clark et al.
//! 2019, §3). `[CLS]` is the first special piece of the frame, `[SEP]` those that end a segment; where a frame has none, what
//! is about them is not measured.
//!
//! [`surface`] gives one value per head, statistic and sequence; [`SurfaceMeans`] averages them over sequences, so
//! that long sequences count as much as short ones.

use headlight_attention::{AttentionHead, AttentionMaps, Frame, HeadGrid};
use serde::{Deserialize, Serialize};

use crate::logarithm::entropy;

/// What is measured of a head. All but the entropies are shares of attention: between 0 and 1 where rows sum to 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Statistic {
    /// Attention to the previous piece.
    Previous,
    /// Attention to the next piece.
    Next,
    /// Attention of a piece to itself.
    Current,
    /// Attention to `[CLS]`.
    Cls,
    /// Attention to `[SEP]`; in a pair of segments to both of them.
    Sep,
    /// Attention of `[SEP]` to `[SEP]`.
    SepToSep,
    /// Attention of all other pieces, `[CLS]` among them, to `[SEP]`.
    OtherToSep,
    /// Attention to full stops and commas.
    Punctuation,
    /// Entropy of a row, in nats.
    Entropy,
    /// Entropy of the row of `[CLS]`, in nats.
    ClsEntropy,
    /// Where no special piece stands before the words: attention of all other pieces to the first one, the sink on which
    /// causal models park it (METHOD §10).
    First,
}

impl Statistic {
    /// All of them, in the order of tables.
    pub const ALL: [Statistic; 11] = [
        Statistic::Previous,
        Statistic::Next,
        Statistic::Current,
        Statistic::Cls,
        Statistic::Sep,
        Statistic::SepToSep,
        Statistic::OtherToSep,
        Statistic::Punctuation,
        Statistic::Entropy,
        Statistic::ClsEntropy,
        Statistic::First,
    ];

    /// As tables write it.
    pub fn name(self) -> &'static str {
        match self {
            Statistic::Previous => "prev",
            Statistic::Next => "next",
            Statistic::Current => "self",
            Statistic::Cls => "cls",
            Statistic::Sep => "sep",
            Statistic::SepToSep => "sep_sep",
            Statistic::OtherToSep => "rest_sep",
            Statistic::Punctuation => "punct",
            Statistic::Entropy => "entropy",
            Statistic::ClsEntropy => "entropy_cls",
            Statistic::First => "first",
        }
    }
}

/// What a sum over rows is divided by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Denominator {
    /// The rows that can have such attention: the first piece has no previous one, the last no next one. A sequence
    /// without full stops and commas says nothing about [`Statistic::Punctuation`].
    #[default]
    Eligible,
    /// All rows, as in the released code, which makes attention to neighbours look smaller (METHOD §8, slip 12). A
    /// sequence without full stops and commas has 0 attention to them.
    Rows,
}

/// Where the pieces lie in a sequence that statistics ask for; positions count from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Landmarks {
    /// The special pieces around the sequence; the first of those before it is `[CLS]`.
    pub frame: Frame,
    /// Every `[SEP]`.
    pub sep: Vec<usize>,
    /// Every full stop and comma.
    pub punctuation: Vec<usize>,
}

/// The statistics of one sequence; `[statistic, head]`, in the order of [`Statistic::ALL`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SurfaceValues {
    grid: HeadGrid,
    pieces: usize,
    /// Per statistic a value per head; none where the sequence has nothing to measure.
    values: [Option<Vec<f64>>; Statistic::ALL.len()],
}

impl SurfaceValues {
    /// The value of one head; `None` where the sequence has nothing to measure.
    pub fn value(&self, head: AttentionHead, statistic: Statistic) -> Option<f64> {
        self.values[statistic as usize].as_ref().map(|values| values[self.grid.number(head)])
    }
}

/// Measures all heads on one sequence. Rows are taken as they are: normalise those of other weights than attention's
/// first (see [`crate::normalise_rows`]).
///
/// # Panics
/// When a landmark lies outside the sequence.
pub fn surface(maps: &AttentionMaps, landmarks: &Landmarks, denominator: Denominator) -> SurfaceValues {
    let pieces = maps.positions();
    let is_sep: Vec<bool> = (0..pieces).map(|piece| landmarks.sep.contains(&piece)).collect();
    let seps = landmarks.sep.len();
    let to_seps = if seps == 0 { 0 } else { pieces };
    let to_cls = if landmarks.frame.before().is_empty() { 0 } else { pieces };
    let neighbours = match denominator {
        Denominator::Eligible => pieces.saturating_sub(1),
        Denominator::Rows => pieces,
    };
    let punctuated = match denominator {
        Denominator::Eligible if landmarks.punctuation.is_empty() => 0,
        _ => pieces,
    };
    let rows = |statistic| match statistic {
        Statistic::Previous | Statistic::Next => neighbours,
        Statistic::SepToSep => seps,
        Statistic::OtherToSep => to_seps - seps,
        Statistic::Punctuation => punctuated,
        Statistic::Cls => to_cls,
        Statistic::ClsEntropy => to_cls.min(1),
        Statistic::Sep => to_seps,
        Statistic::First => {
            if landmarks.frame.before().is_empty() {
                neighbours
            } else {
                0
            }
        }
        Statistic::Current | Statistic::Entropy => pieces,
    };
    let heads = maps.grid().iter();
    let sums: Vec<[f64; Statistic::ALL.len()]> =
        heads.map(|head| sums(maps.head(head), pieces, &is_sep, landmarks)).collect();
    let values = Statistic::ALL.map(|statistic| {
        let rows = rows(statistic);
        (rows > 0).then(|| sums.iter().map(|sums| sums[statistic as usize] / rows as f64).collect())
    });
    SurfaceValues { grid: maps.grid(), pieces, values }
}

/// Sums over the rows of one head's map, in the order of [`Statistic::ALL`].
fn sums(map: &[f32], pieces: usize, is_sep: &[bool], landmarks: &Landmarks) -> [f64; Statistic::ALL.len()] {
    let mut sums = [0.0; Statistic::ALL.len()];
    let mut add = |statistic: Statistic, value: f64| sums[statistic as usize] += value;
    for (from, row) in map.chunks_exact(pieces).enumerate() {
        let to = |piece: usize| f64::from(row[piece]);
        let to_all = |pieces: &[usize]| pieces.iter().map(|&piece| to(piece)).sum::<f64>();
        if from > 0 {
            add(Statistic::Previous, to(from - 1));
            add(Statistic::First, to(0));
        }
        if from + 1 < pieces {
            add(Statistic::Next, to(from + 1));
        }
        add(Statistic::Current, to(from));
        add(Statistic::Cls, to(0));
        let to_sep = to_all(&landmarks.sep);
        add(Statistic::Sep, to_sep);
        add(if is_sep[from] { Statistic::SepToSep } else { Statistic::OtherToSep }, to_sep);
        add(Statistic::Punctuation, to_all(&landmarks.punctuation));
        let entropy = entropy(row);
        add(Statistic::Entropy, entropy);
        if from == 0 {
            add(Statistic::ClsEntropy, entropy);
        }
    }
    sums
}

/// The accumulator of surface statistics over a corpus: means over sequences.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SurfaceMeans {
    grid: HeadGrid,
    sums: [Vec<f64>; Statistic::ALL.len()],
    counts: [u64; Statistic::ALL.len()],
    sequences: u64,
    uniform: f64,
}

impl SurfaceMeans {
    /// No sequence seen yet.
    pub fn new(grid: HeadGrid) -> Self {
        let sums = Statistic::ALL.map(|_| vec![0.0; grid.len()]);
        Self { grid, sums, counts: Default::default(), sequences: 0, uniform: 0.0 }
    }

    /// Adds one sequence. Sequences in the same order give the same digits.
    ///
    /// # Panics
    /// When the sequence was measured on a model with other heads.
    pub fn add(&mut self, sequence: &SurfaceValues) {
        assert_eq!(self.grid, sequence.grid, "statistics of another model");
        for ((sums, count), values) in self.sums.iter_mut().zip(&mut self.counts).zip(&sequence.values) {
            if let Some(values) = values {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                *count += 1;
            }
        }
        self.sequences += 1;
        self.uniform += (sequence.pieces as f64).ln();
    }

    /// Adds what another accumulator has seen.
    ///
    /// # Panics
    /// When the two are of models with other heads.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.grid, other.grid, "statistics of another model");
        for (sums, more) in self.sums.iter_mut().zip(&other.sums) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sequences += other.sequences;
        self.uniform += other.uniform;
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Sequences seen.
    pub fn sequences(&self) -> u64 {
        self.sequences
    }

    /// Sequences that a statistic was measured on.
    pub fn measured(&self, statistic: Statistic) -> u64 {
        self.counts[statistic as usize]
    }

    /// The mean of a statistic for one head; `None` where no sequence had anything to measure.
    pub fn mean(&self, head: AttentionHead, statistic: Statistic) -> Option<f64> {
        let count = self.measured(statistic);
        (count > 0).then(|| self.sums[statistic as usize][self.grid.number(head)] / count as f64)
    }

    /// The mean of a statistic over the heads of a layer.
    pub fn layer_mean(&self, layer: usize, statistic: Statistic) -> Option<f64> {
        let heads = self.grid.iter().filter(|head| head.layer == layer);
        let sum: f64 = heads.map(|head| self.mean(head, statistic)).sum::<Option<f64>>()?;
        Some(sum / self.grid.heads as f64)
    }

    /// The entropy that uniform attention would have, in nats: the mean over sequences of ln n, n pieces. `None` before
    /// the first sequence.
    pub fn uniform_entropy(&self) -> Option<f64> {
        (self.sequences > 0).then(|| self.uniform / self.sequences as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GRID: HeadGrid = HeadGrid { layers: 1, heads: 1 };
    const HEAD: AttentionHead = AttentionHead { layer: 0, index: 0 };

    /// `[CLS] a . [SEP] b [SEP]`: binary fractions, so that sums are exact.
    #[rustfmt::skip]
    const PAIR: [f32; 36] = [
        1.0,  0.0,  0.0,  0.0,  0.0,  0.0,
        0.5,  0.25, 0.25, 0.0,  0.0,  0.0,
        0.0,  0.5,  0.0,  0.25, 0.0,  0.25,
        0.0,  0.0,  0.0,  0.5,  0.25, 0.25,
        0.25, 0.25, 0.25, 0.25, 0.0,  0.0,
        0.0,  0.0,  1.0,  0.0,  0.0,  0.0,
    ];

    fn measure(denominator: Denominator, punctuation: &[usize]) -> SurfaceValues {
        let maps = AttentionMaps::new(GRID, 6, PAIR.to_vec()).unwrap();
        surface(
            &maps,
            &Landmarks { frame: Frame::bert(), sep: vec![3, 5], punctuation: punctuation.to_vec() },
            denominator,
        )
    }

    #[test]
    fn each_statistic_is_what_it_says() {
        let (eligible, rows) = (measure(Denominator::Eligible, &[2]), measure(Denominator::Rows, &[2]));
        let check = |statistic, sum: f64, eligible_rows: f64, all_rows: f64| {
            assert_eq!(eligible.value(HEAD, statistic), Some(sum / eligible_rows), "{statistic:?}");
            assert_eq!(rows.value(HEAD, statistic), Some(sum / all_rows), "{statistic:?}");
        };
        check(Statistic::Previous, 0.5 + 0.5 + 0.0 + 0.25 + 0.0, 5.0, 6.0);
        check(Statistic::Next, 0.0 + 0.25 + 0.25 + 0.25 + 0.0, 5.0, 6.0);
        check(Statistic::Current, 1.0 + 0.25 + 0.0 + 0.5 + 0.0 + 0.0, 6.0, 6.0);
        check(Statistic::Cls, 1.75, 6.0, 6.0);
        check(Statistic::Sep, 0.5 + 0.75 + 0.25, 6.0, 6.0);
        check(Statistic::SepToSep, 0.75, 2.0, 2.0);
        check(Statistic::OtherToSep, 0.5 + 0.25, 4.0, 4.0);
        check(Statistic::Punctuation, 1.5, 6.0, 6.0);
        let entropy = eligible.value(HEAD, Statistic::Entropy).unwrap();
        let expected = (3.0 * 1.5 + 2.0) * std::f64::consts::LN_2 / 6.0;
        assert!((entropy - expected).abs() < 1e-6, "{entropy} {expected}");
        assert!(eligible.value(HEAD, Statistic::ClsEntropy).unwrap() < 1e-30);
    }

    #[test]
    fn what_a_frame_has_not_is_not_measured() {
        let of = |frame: Frame, sep: Vec<usize>, statistic| {
            let maps = AttentionMaps::new(GRID, 6, PAIR.to_vec()).unwrap();
            let landmarks = Landmarks { frame, sep, punctuation: vec![2] };
            surface(&maps, &landmarks, Denominator::Rows).value(HEAD, statistic)
        };
        let first_alone = |statistic| of(Frame::new(["<bos>"], []), Vec::new(), statistic);
        assert_eq!(first_alone(Statistic::Cls), Some(1.75 / 6.0));
        assert!(
            first_alone(Statistic::ClsEntropy).unwrap() < 1e-30,
            "it attends to one piece, next to nothing besides"
        );
        // Nothing before the words: what the five other pieces give the first one.
        assert_eq!(of(Frame::none(), Vec::new(), Statistic::First), Some(0.75 / 6.0));
        assert_eq!((of(Frame::none(), Vec::new(), Statistic::Cls), first_alone(Statistic::First)), (None, None));
        for statistic in [Statistic::Sep, Statistic::SepToSep, Statistic::OtherToSep] {
            assert_eq!(first_alone(statistic), None, "{statistic:?}");
        }
        for statistic in [Statistic::Cls, Statistic::ClsEntropy, Statistic::Sep] {
            assert_eq!(of(Frame::none(), Vec::new(), statistic), None, "{statistic:?}");
        }
        assert_eq!(of(Frame::none(), Vec::new(), Statistic::Punctuation), Some(0.25));
    }

    #[test]
    fn without_punctuation_there_is_nothing_to_measure() {
        let mut means = SurfaceMeans::new(GRID);
        assert_eq!((means.mean(HEAD, Statistic::Cls), means.uniform_entropy()), (None, None));
        means.add(&measure(Denominator::Eligible, &[]));
        assert_eq!(means.mean(HEAD, Statistic::Punctuation), None);
        means.add(&measure(Denominator::Eligible, &[2]));
        assert_eq!(means.mean(HEAD, Statistic::Punctuation), Some(0.25));
        assert_eq!((means.measured(Statistic::Punctuation), means.sequences()), (1, 2));
        assert_eq!(measure(Denominator::Rows, &[]).value(HEAD, Statistic::Punctuation), Some(0.0));
        assert_eq!(means.uniform_entropy(), Some(6_f64.ln()));
    }

    fn sequences() -> impl Strategy<Value = Vec<SurfaceValues>> {
        let grid = HeadGrid { layers: 2, heads: 2 };
        let sequence = (2_usize..30).prop_flat_map(move |pieces| {
            prop::collection::vec(0.01_f32..1.0, grid.len() * pieces * pieces).prop_map(move |mut weights| {
                for row in weights.chunks_mut(pieces) {
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|weight| *weight /= sum);
                }
                let maps = AttentionMaps::new(grid, pieces, weights).unwrap();
                let landmarks = Landmarks {
                    frame: Frame::bert(),
                    sep: vec![pieces - 1],
                    punctuation: (1..pieces - 1).step_by(3).collect(),
                };
                surface(&maps, &landmarks, Denominator::Eligible)
            })
        });
        prop::collection::vec(sequence, 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn shares_add_up_and_entropy_is_below_uniform(sequences in sequences()) {
            for sequence in &sequences {
                for head in sequence.grid.iter() {
                    let of = |statistic| sequence.value(head, statistic).unwrap();
                    let pieces = sequence.pieces as f64;
                    let split = (of(Statistic::SepToSep) + (pieces - 1.0) * of(Statistic::OtherToSep)) / pieces;
                    prop_assert!((of(Statistic::Sep) - split).abs() < 1e-9);
                    prop_assert!(of(Statistic::Entropy) <= pieces.ln() + 1e-5);
                    prop_assert!(of(Statistic::Cls) + of(Statistic::Sep) <= 1.0 + 1e-5);
                }
            }
        }

        #[test]
        fn parts_add_up(sequences in sequences()) {
            let means = |sequences: &[SurfaceValues]| {
                let mut means = SurfaceMeans::new(HeadGrid { layers: 2, heads: 2 });
                sequences.iter().for_each(|sequence| means.add(sequence));
                means
            };
            let (left, right) = sequences.split_at(sequences.len() / 2);
            let (mut sum, whole) = (means(left), means(&sequences));
            sum.merge(&means(right));
            prop_assert_eq!(sum.sequences(), whole.sequences());
            for statistic in Statistic::ALL {
                prop_assert_eq!(sum.measured(statistic), whole.measured(statistic));
                for head in whole.grid().iter() {
                    if let (Some(sum), Some(whole)) = (sum.mean(head, statistic), whole.mean(head, statistic)) {
                        prop_assert!((sum - whole).abs() < 1e-12);
                    }
                }
            }
        }
    }
}
