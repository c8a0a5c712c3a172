//! Words in, attention out: encoders of the BERT family that keep every layer's attention.

mod checkpoint;
mod error;
mod spec;
mod weights;

pub use error::{LoadError, TensorProblems};
pub use spec::{Activation, ModelSpec};
pub use weights::{BertWeights, Embeddings, LayerNorm, LayerWeights, Linear, MaskedLmHead};
