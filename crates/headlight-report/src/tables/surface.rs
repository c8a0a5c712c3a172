//! The rows of what heads look at, whatever the trees: surface statistics, distances, the plane of heads.

use super::schema::tables;
use super::words::words;

words! {
    /// What is measured of a map, or of a layer.
    SurfaceMeasure {
        /// Attention to the previous piece.
        Previous = "prev",
        /// Attention to the next piece.
        Next = "next",
        /// Attention of a piece to itself.
        Current = "self",
        /// Attention to `[CLS]`.
        Cls = "cls",
        /// Attention to `[SEP]`.
        Sep = "sep",
        /// Attention of `[SEP]` to `[SEP]`.
        SepToSep = "sep_sep",
        /// Attention of all other pieces to `[SEP]`.
        OtherToSep = "rest_sep",
        /// Attention to full stops and commas.
        Punctuation = "punct",
        /// Entropy of a row.
        Entropy = "entropy",
        /// Entropy of the row of `[CLS]`.
        ClsEntropy = "entropy_cls",
        /// Attention of all other pieces to the first.
        First = "first",
        /// Entropy of a row that attends to all pieces equally.
        UniformEntropy = "entropy_uniform",
    }

    /// What a head mostly looks at.
    Behaviour {
        /// The next piece.
        Next = "next",
        /// The previous piece.
        Previous = "previous",
        /// Everything.
        Broad = "broad",
        /// `[CLS]`.
        Cls = "cls",
        /// `[SEP]`.
        Sep = "sep",
        /// Full stops and commas.
        Punctuation = "punctuation",
    }

    /// What a head is for, by the rules of Voita et al.
    Role {
        /// It attends to one offset.
        Positional = "positional",
        /// It finds a relation.
        Syntactic = "syntactic",
    }
}

tables! {
    /// One surface statistic of one head, or of a layer (METHOD §3).
    "surface" => Surface {
        /// Name of the corpus or treebank.
        corpus: String,
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0; empty for a statistic of the whole layer.
        head_index: Option<u32>,
        /// `prev`, `next`, `self`, `cls`, `sep`, `sep_sep`, `rest_sep`, `punct`, `entropy`, `entropy_cls`, `entropy_uniform`; and where no special piece stands before the words `first`, of all other pieces to the first.
        measure: SurfaceMeasure,
        /// Its mean over sequences; attention is a share, entropy in nats.
        value: f64,
        /// Sequences averaged.
        sequences: u64,
    }

    /// The Jensen–Shannon distance of two heads (METHOD §3); each pair once, the lower head first.
    "head_distances" => HeadDistance {
        /// Layer of the first head, counted from 0.
        layer_a_index: u32,
        /// First head within its layer, counted from 0.
        head_a_index: u32,
        /// Layer of the second head, counted from 0.
        layer_b_index: u32,
        /// Second head within its layer, counted from 0.
        head_b_index: u32,
        /// Divergence summed over rows, in nats.
        js_sum: f64,
        /// The same divided by the number of rows.
        js_mean_per_row: f64,
        /// Rows summed.
        rows: u64,
    }

    /// Where one head lies among all heads, and what it does.
    "clusters" => Cluster {
        /// Layer, counted from 0.
        layer_index: u32,
        /// Head within its layer, counted from 0.
        head_index: u32,
        /// First coordinate of the embedding by multidimensional scaling.
        x: f64,
        /// Second coordinate.
        y: f64,
        /// Behaviour by the thresholds of METHOD §3: `next`, `previous`, `broad`, `cls`, `sep`, `punctuation`; empty when none is reached.
        behaviour: Option<Behaviour>,
        /// Role by Voita's rules (METHOD §6): `positional`, `syntactic`; empty when neither.
        role: Option<Role>,
        /// Number of its hierarchical cluster, counted from 0.
        cluster: Option<u32>,
    }
}
