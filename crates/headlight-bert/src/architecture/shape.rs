//! The parts of an [`Architecture`](super::Architecture): what differs between models, as values.

use std::ops::Range;

use headlight_attention::Visibility;

/// The non-linearity of a feed-forward block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Activation {
    /// x·Φ(x), Φ by the error function (`gelu`).
    Gelu,
    /// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (`gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`).
    GeluTanh,
    /// max(x, 0) (`relu`).
    Relu,
    /// x / (1 + e⁻ˣ) (`silu`, `swish`).
    Silu,
}

/// What enters the first layer: the sum of embeddings, normalised and projected where a model does so.
#[derive(Clone, PartialEq, Debug)]
pub struct Embedding {
    /// Width of the embeddings; that of the hidden states, unless they are projected.
    pub width: usize,
    /// How a piece's place in the input enters.
    pub positions: Positions,
    /// Rows of the embedding of segments; 0 where there is none. With one, every piece is of that segment.
    pub segments: usize,
    /// Whether the sum is normalised.
    pub norm: bool,
    /// Whether a linear layer stands between embeddings and hidden states.
    pub projected: bool,
}

/// How a piece's place enters the embeddings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Positions {
    /// By an embedding of each place.
    Learned {
        /// Rows of the embedding.
        rows: usize,
        /// The row of the first piece; those before it stand for padding.
        offset: usize,
    },
    /// Not at all: attention tells places apart.
    InAttention {
        /// The longest input that the model was made for.
        longest: usize,
    },
}

/// What attention is in every layer of a model.
#[derive(Clone, PartialEq, Debug)]
pub struct Attention {
    /// Which pieces a piece may attend to.
    pub visibility: Visibility,
    /// Heads of keys and values, of which each serves as many heads of queries as the others. They divide the heads.
    pub key_value_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Whether the queries and keys of each head are normalised.
    pub query_key_norm: bool,
    /// Whether logits are divided by the number of the layer as well, counted from 1.
    pub scaled_by_layer: bool,
    /// What the distance of two pieces adds to their logit.
    pub relative: Option<Relative>,
    /// By what angles queries and keys are turned.
    pub rotary: Option<Rotary>,
    /// The layers that see only what is near.
    pub local: Option<Local>,
    /// Whether the first layer normalises its input where the others do.
    pub first_normalised: bool,
}

/// Layers in which a piece sees only what is near.
#[derive(Clone, PartialEq, Debug)]
pub struct Local {
    /// Which layers.
    pub layers: LocalLayers,
    /// The furthest that is seen: 1 is the neighbour.
    pub reach: usize,
    /// By what angles their queries and keys are turned.
    pub rotary: Option<Rotary>,
}

/// Which layers are local.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalLayers {
    /// All but the first and every so-many-th after it.
    AllButEvery(usize),
    /// From this layer on.
    From(usize),
    /// Those of which the list says so.
    Listed(Vec<bool>),
}

impl LocalLayers {
    fn contains(&self, layer: usize) -> bool {
        match self {
            Self::AllButEvery(step) => !layer.is_multiple_of(*step),
            Self::From(first) => layer >= *first,
            Self::Listed(layers) => layers.get(layer).copied().unwrap_or(false),
        }
    }
}

/// Rotary embeddings (Su et al. 2021): the first 2·n columns of each query and key are turned, column i with column n + i, by
/// the piece's place times the i-th frequency.
#[derive(Clone, PartialEq, Debug)]
pub struct Rotary {
    /// Radians from a place to the next.
    pub frequencies: Vec<f32>,
}

/// What the distance of two pieces adds to the logit of the one for the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Relative {
    /// A learned number for each bucket of distances and head, the same in all layers (Raffel et al. 2020).
    Bias(Buckets),
    /// Products of queries with embeddings of distances, and of keys with them (He et al. 2021).
    Disentangled {
        /// The rows of the embeddings.
        buckets: Buckets,
        /// Whether queries are multiplied with the keys of distances.
        content_to_position: bool,
        /// Whether keys are multiplied with the queries of distances.
        position_to_content: bool,
        /// Whether distances have the projections of the pieces, and not their own.
        shared: bool,
        /// Whether the embeddings of distances are normalised.
        norm: bool,
    },
}

/// Distances by bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Buckets {
    /// As T5 counts them: half of the buckets for pieces before, half for pieces behind; near distances exactly.
    Halves {
        /// All of them.
        count: usize,
        /// Distances from here on share one.
        furthest: usize,
    },
    /// As DeBERTa counts them, around row `span`; distances beyond half a span by their logarithm where `furthest` says so.
    Around {
        /// Half the number of rows.
        span: usize,
        /// The distance whose logarithm is that of the last row.
        furthest: Option<usize>,
    },
}

impl Buckets {
    /// Number of buckets.
    pub fn rows(self) -> usize {
        match self {
            Self::Halves { count, .. } => count,
            Self::Around { span, .. } => 2 * span,
        }
    }

    /// The bucket of a piece at `from` that attends to one at `to`. Logarithms are of f32, as torch takes them.
    pub fn row(self, from: usize, to: usize) -> usize {
        let distance = from.abs_diff(to);
        match self {
            Self::Halves { count, furthest } => {
                let (half, exact) = (count / 2, count / 4);
                let bucket = if distance < exact {
                    distance
                } else {
                    let steps = (furthest as f64 / exact as f64).ln() as f32;
                    let beyond = (distance as f32 / exact as f32).ln() / steps * (half - exact) as f32;
                    (exact + beyond as usize).min(half - 1)
                };
                if to > from { half + bucket } else { bucket }
            }
            Self::Around { span, furthest } => {
                let middle = span / 2;
                let bucket = match furthest {
                    Some(furthest) if distance > middle => {
                        let steps = ((furthest - 1) as f32 / middle as f32).ln();
                        let beyond = (distance as f32 / middle as f32).ln() / steps * (middle - 1) as f32;
                        beyond.ceil() as usize + middle
                    }
                    _ => distance,
                };
                if from >= to { (span + bucket).min(2 * span - 1) } else { span.saturating_sub(bucket) }
            }
        }
    }
}

/// A feed-forward block: linear, activation, linear; where it is gated, what was activated is multiplied with what a third
/// linear layer makes of the same input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedForward {
    /// Width between the linear layers.
    pub width: usize,
    /// Between them.
    pub activation: Activation,
    /// Whether it is gated.
    pub gated: bool,
}

/// A normalisation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Norm {
    /// What it does.
    pub kind: NormKind,
    /// ε under the root.
    pub epsilon: f32,
    /// Whether it has a shift.
    pub bias: bool,
}

/// What a normalisation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NormKind {
    /// (x − mean) / √(variance + ε).
    Layer,
    /// x / √(mean of x² + ε).
    Rms,
}

/// Where a layer normalises, and what its two blocks read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// After each block and its residual, as in BERT.
    Post,
    /// What each block reads; the states after the last layer are normalised once more.
    Pre,
    /// As [`Order::Pre`], with both blocks reading the input of the layer.
    Parallel,
}

/// Which linear layers have a bias.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Biases {
    /// Queries, keys and values.
    pub query_key_value: bool,
    /// What follows the heads.
    pub attention_output: bool,
    /// Feed-forward blocks.
    pub feed_forward: bool,
}

impl Biases {
    /// Everywhere.
    pub const ALL: Self = Self { query_key_value: true, attention_output: true, feed_forward: true };
    /// Nowhere.
    pub const NONE: Self = Self { query_key_value: false, attention_output: false, feed_forward: false };
}

/// A language-model head: where there is a transform, linear, activation and normalisation; then the decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LmShape {
    /// Before the decoder.
    pub transform: Option<LmTransform>,
    /// Whether the decoder has a bias.
    pub bias: bool,
    /// Whether the decoder is the word embedding itself.
    pub tied: bool,
}

/// What stands before the decoder of a language-model head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LmTransform {
    /// Width of its outputs.
    pub width: usize,
    /// After its linear layer.
    pub activation: Activation,
    /// Whether its linear layer has a bias.
    pub bias: bool,
}

/// What the attention of one layer is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerAttention<'a> {
    pub view: View,
    pub rotary: Option<&'a Rotary>,
    /// What logits are multiplied with.
    pub scale: f32,
}

/// Which pieces the pieces of an input see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct View {
    causal: bool,
    reach: Option<usize>,
}

impl View {
    /// The pieces that the one at `from` sees, of `pieces`.
    #[inline(always)]
    pub fn range(self, from: usize, pieces: usize) -> Range<usize> {
        let start = self.reach.map_or(0, |reach| from.saturating_sub(reach));
        let end = if self.causal { from + 1 } else { self.reach.map_or(pieces, |reach| from + reach + 1) };
        start.min(pieces)..end.min(pieces)
    }

    /// The pieces that see the one at `to`, of `pieces`.
    pub fn seeing(self, to: usize, pieces: usize) -> Range<usize> {
        let start = if self.causal { to } else { self.reach.map_or(0, |reach| to.saturating_sub(reach)) };
        let end = self.reach.map_or(pieces, |reach| to + reach + 1);
        start.min(pieces)..end.min(pieces)
    }

    /// Whether every piece sees all of an input of so many.
    pub fn is_whole(self, pieces: usize) -> bool {
        !self.causal && self.reach.is_none_or(|reach| reach + 1 >= pieces)
    }
}

impl Attention {
    /// Attention as BERT's, of heads of this width.
    pub fn full(heads: usize, head_width: usize) -> Self {
        Self {
            visibility: Visibility::Full,
            key_value_heads: heads,
            head_width,
            query_key_norm: false,
            scaled_by_layer: false,
            relative: None,
            rotary: None,
            local: None,
            first_normalised: true,
        }
    }

    pub(crate) fn of_layer(&self, layer: usize) -> LayerAttention<'_> {
        let local = self.local.as_ref().filter(|local| local.layers.contains(layer));
        let parts = match self.relative {
            Some(Relative::Disentangled { content_to_position, position_to_content, .. }) => {
                1 + usize::from(content_to_position) + usize::from(position_to_content)
            }
            _ => 1,
        };
        let scale = 1.0 / ((self.head_width * parts) as f32).sqrt();
        LayerAttention {
            view: View { causal: self.visibility == Visibility::Causal, reach: local.map(|local| local.reach) },
            rotary: local.map_or(self.rotary.as_ref(), |local| local.rotary.as_ref()),
            scale: if self.scaled_by_layer { scale / (layer + 1) as f32 } else { scale },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_sees_what_its_layer_lets_it_see() {
        let views = [
            (false, None, vec![0..5; 5]),
            (true, None, (0..5).map(|from| 0..from + 1).collect()),
            (false, Some(1), vec![0..2, 0..3, 1..4, 2..5, 3..5]),
            (true, Some(2), vec![0..1, 0..2, 0..3, 1..4, 2..5]),
        ];
        for (causal, reach, expected) in views {
            let view = View { causal, reach };
            assert_eq!((0..5).map(|from| view.range(from, 5)).collect::<Vec<_>>(), expected, "{view:?}");
            let sees = |from: usize, to: usize| expected[from].contains(&to);
            let pairs = (0..5).flat_map(|from| (0..5).map(move |to| (from, to)));
            assert!(
                pairs.into_iter().all(|(from, to)| view.seeing(to, 5).contains(&from) == sees(from, to)),
                "{view:?}"
            );
            assert_eq!(view.is_whole(5), expected == vec![0..5; 5]);
        }
    }

    #[test]
    fn every_distance_has_a_bucket_that_exists() {
        let halves = Buckets::Halves { count: 32, furthest: 128 };
        assert_eq!(
            [(0, 0), (1, 0), (0, 1), (7, 0), (8, 0), (0, 500)].map(|(i, j)| halves.row(i, j)),
            [0, 1, 17, 7, 8, 31]
        );
        let around = Buckets::Around { span: 256, furthest: Some(512) };
        assert_eq!(
            [(0, 0), (3, 0), (0, 3), (128, 0), (0, 128)].map(|(i, j)| around.row(i, j)),
            [256, 259, 253, 384, 128]
        );
        for buckets in [
            halves,
            around,
            Buckets::Around { span: 8, furthest: None },
            Buckets::Around { span: 4, furthest: Some(9) },
        ] {
            for distance in 0..3000 {
                assert!(buckets.row(distance, 0) < buckets.rows() && buckets.row(0, distance) < buckets.rows());
            }
        }
    }
}
