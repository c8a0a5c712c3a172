//! Words in, attention out: encoders that keep every layer's attention, from BERT to Llama.
//!
//! The usual libraries fuse attention away; here it is the product. A [`Model`] is a checkpoint folder made ready: its
//! [`Tokenizer`] turns words or text into [`Pieces`], each of which knows its word, and [`Model::stream`] answers a
//! [`Request`] for any number of them: attention over pieces or merged to words, or only its peaks; weights, norms, or
//! what whole layers mix; with heads masked; hidden states of every layer. Results come back in input order, the same for any number of threads, and memory is
//! bounded by what is in flight.
//!
//! ```
//! # let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bert"));
//! use headlight_attention::{AttentionHead, MergeRule};
//! use headlight_bert::{Level, LoadOptions, Model, Request};
//!
//! let model = Model::load(folder, &LoadOptions::default())?;
//! let pieces = model.tokenizer().words(&["trees", "on", "a", "mat"], 128).expect("few pieces");
//! assert_eq!(pieces.len(), 7); // [CLS] tree ##s on a mat [SEP]
//!
//! let request = Request { attention: Some(Level::Words(MergeRule::Mean)), ..Request::default() };
//! let attention = model.encode(&pieces, &request)?.words.expect("attention was asked for");
//! let head = attention.head_view(AttentionHead { layer: 2, index: 0 });
//! assert_eq!(head.dim(), (6, 6)); // [CLS], four words, [SEP]
//! assert!((head.row(1).sum() - 1.0).abs() < 1e-5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`MaskedLm`] adds what needs a masked-language-model head: losses, and their gradients with respect to attention.
//!
//! Weights have one loader, [`BertWeights::read`], which names everything wrong with a checkpoint in one error. From them
//! are built the encoder in burn, generic over the backend, which is the reference and serves GPUs; and the packed encoder,
//! which is the fast one on a processor. Absent on purpose: training, generation, pooled sentence vectors, and knowledge
//! of treebanks (this crate takes words, not sentences).

mod architecture;
mod batch;
mod checkpoint;
mod device;
mod encoder;
mod error;
mod files;
mod gradients;
mod likelihood;
mod logits;
mod masked;
mod model;
mod packed;
mod padded;
mod peaks;
mod pieces;
mod precision;
mod random;
mod reference;
mod request;
mod stream;
#[cfg(test)]
mod testing;
mod times;
mod tokenizer;
mod weights;

pub use architecture::{
    Activation, Architecture, Attention, Biases, Buckets, Embedding, FeedForward, LmShape, LmTransform, Local,
    LocalLayers, Norm, NormKind, Order, Positions, Relative, Rotary, Visibility,
};
pub use checkpoint::check_safetensors;
pub use device::{Device, DeviceError, keep_kernels};
pub use error::{LoadError, TensorProblems};
pub use gradients::{LossGradients, MaskedLm, MaskedLmError};
pub use likelihood::Hiding;
pub use masked::MaskedPieces;
pub use model::{LoadOptions, Model};
pub use packed::PackedEncoder;
pub use pieces::{Legibility, Pieces, Skip, UnfitPieces};
pub use precision::Precision;
pub use request::{AttentionKind, Encoded, HeadMask, HiddenStates, Level, Masking, Request};
pub use stream::StreamError;
pub use tokenizer::{SpecialPieces, Tokenizer};
pub use weights::{
    BertWeights, Embeddings, ExtraTensors, HeadTransform, LayerNorm, LayerWeights, Linear, MaskedLmHead,
};
