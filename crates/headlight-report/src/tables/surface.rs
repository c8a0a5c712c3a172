//! The rows of what heads look at, whatever the trees: surface statistics, distances, the plane of heads.

use super::schema::tables;

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
        measure: String,
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
        behaviour: Option<String>,
        /// Role by Voita's rules (METHOD §6): `positional`, `syntactic`; empty when neither.
        role: Option<String>,
        /// Number of its hierarchical cluster, counted from 0.
        cluster: Option<u32>,
    }
}
