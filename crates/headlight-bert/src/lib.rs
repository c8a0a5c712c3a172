//! Words in, attention out: encoders of the BERT family that keep every layer's attention.

mod checkpoint;
mod error;
mod pieces;
mod request;
mod spec;
mod tokenizer;
mod weights;

pub use error::{LoadError, TensorProblems};
pub use pieces::{Pieces, Skip, UnfitPieces};
pub use request::{AttentionKind, Encoded, HeadMask, HiddenStates, Level, Masking, Request};
pub use spec::{Activation, ModelSpec};
pub use tokenizer::{SpecialPieces, Tokenizer};
pub use weights::{BertWeights, Embeddings, LayerNorm, LayerWeights, Linear, MaskedLmHead};
