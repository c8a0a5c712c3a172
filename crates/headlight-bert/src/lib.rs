//! Words in, attention out: encoders of the BERT family that keep every layer's attention.

mod batch;
mod checkpoint;
mod device;
mod encoder;
mod error;
mod gradients;
mod masked;
mod model;
mod packed;
mod pieces;
mod random;
mod reference;
mod request;
mod spec;
mod stream;
mod tokenizer;
mod weights;

pub use device::{Device, DeviceError};
pub use error::{LoadError, TensorProblems};
pub use gradients::{LossGradients, MaskedLm, MaskedLmError};
pub use masked::MaskedPieces;
pub use model::{LoadOptions, Model};
pub use pieces::{Pieces, Skip, UnfitPieces};
pub use request::{AttentionKind, Encoded, HeadMask, HiddenStates, Level, Masking, Request};
pub use spec::{Activation, ModelSpec};
pub use stream::StreamError;
pub use tokenizer::{SpecialPieces, Tokenizer};
pub use weights::{BertWeights, Embeddings, LayerNorm, LayerWeights, Linear, MaskedLmHead};
