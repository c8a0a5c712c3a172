//! What a model is: its sizes and choices, read from `config.json`.

use std::{fs, io, path::Path};

use headlight_attention::HeadGrid;
use serde::Deserialize;

use crate::LoadError;

/// The non-linearity between the two linear layers of a feed-forward block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Activation {
    /// x·Φ(x), Φ by the error function (`gelu`).
    Gelu,
    /// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (`gelu_new`, `gelu_pytorch_tanh`).
    GeluTanh,
    /// max(x, 0) (`relu`).
    Relu,
}

/// Sizes and choices of an encoder of the BERT family. All sizes are positive, and heads divide the hidden size.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelSpec {
    /// Layers and heads per layer.
    pub grid: HeadGrid,
    /// Width of the hidden states.
    pub hidden: usize,
    /// Width between the two linear layers of a feed-forward block.
    pub intermediate: usize,
    /// Rows of the embedding of pieces.
    pub vocabulary: usize,
    /// Rows of the embedding of positions: the longest input in pieces, `[CLS]` and `[SEP]` included.
    pub max_positions: usize,
    /// Rows of the embedding of segments.
    pub segments: usize,
    /// The feed-forward non-linearity.
    pub activation: Activation,
    /// ε of layer normalisation.
    pub layer_norm_eps: f32,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f32,
    /// Whether the masked-LM decoder is the word embedding itself.
    pub tied_decoder: bool,
}

/// The keys of `config.json` that decide what is computed. Defaults are those of transformers' `BertConfig`.
#[derive(Deserialize)]
struct Config {
    // Early checkpoints have none; their tensors' names tell whether they are BERT.
    #[serde(default = "bert")]
    model_type: String,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    hidden_size: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default = "eps")]
    layer_norm_eps: f32,
    #[serde(default = "initializer_range")]
    initializer_range: f32,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default = "yes")]
    tie_word_embeddings: bool,
}

fn bert() -> String {
    "bert".into()
}
fn two() -> usize {
    2
}
fn gelu() -> String {
    "gelu".into()
}
fn absolute() -> String {
    "absolute".into()
}
fn eps() -> f32 {
    1e-12
}
fn initializer_range() -> f32 {
    0.02
}
fn yes() -> bool {
    true
}

impl ModelSpec {
    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.hidden / self.grid.heads
    }

    /// Reads `config.json`.
    ///
    /// # Errors
    /// A file that is missing or no JSON, a key that is missing, a model that is not supported, sizes that cannot be.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = fs::read_to_string(path).map_err(|source| match (source.kind(), path.parent()) {
            (io::ErrorKind::NotFound, Some(folder)) => LoadError::MissingFile {
                folder: folder.to_owned(),
                wanted: "config.json",
                hint: "a model is a folder with config.json, model.safetensors and tokenizer.json or vocab.txt",
            },
            _ => LoadError::Read { path: path.to_owned(), source },
        })?;
        let config: Config =
            serde_json::from_str(&text).map_err(|source| LoadError::Json { path: path.to_owned(), source })?;
        config.check(path)
    }
}

impl Config {
    fn check(self, path: &Path) -> Result<ModelSpec, LoadError> {
        let unsupported = |key, found: &str, supported| LoadError::Unsupported {
            path: path.to_owned(),
            key,
            found: found.to_owned(),
            supported,
        };
        if self.model_type != "bert" {
            return Err(unsupported("model_type", &self.model_type, "bert"));
        }
        if self.position_embedding_type != "absolute" {
            return Err(unsupported("position_embedding_type", &self.position_embedding_type, "absolute"));
        }
        if self.is_decoder {
            return Err(unsupported("is_decoder", "true", "false (encoders that see both sides)"));
        }
        let activation = match self.hidden_act.as_str() {
            "gelu" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" => Activation::GeluTanh,
            "relu" => Activation::Relu,
            other => return Err(unsupported("hidden_act", other, "gelu, gelu_new, gelu_pytorch_tanh, relu")),
        };
        let wrong = |problem| Err(LoadError::Config { path: path.to_owned(), problem });
        let sizes = [
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ];
        if let Some((key, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return wrong(format!("{key} is 0"));
        }
        // No real model comes near; beyond it, products of sizes overflow.
        if let Some((key, size)) = sizes.iter().find(|(_, size)| *size > 1 << 28) {
            return wrong(format!("{key} is {size}, which no model has"));
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
            return wrong(format!("hidden_size {hidden} is no multiple of num_attention_heads {heads}"));
        }
        for (key, value) in [("layer_norm_eps", self.layer_norm_eps), ("initializer_range", self.initializer_range)] {
            if !(value.is_finite() && value > 0.0) {
                return wrong(format!("{key} is {value}, not a positive number"));
            }
        }
        Ok(ModelSpec {
            grid: HeadGrid { layers: self.num_hidden_layers, heads: self.num_attention_heads },
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            vocabulary: self.vocab_size,
            max_positions: self.max_position_embeddings,
            segments: self.type_vocab_size,
            activation,
            layer_norm_eps: self.layer_norm_eps,
            initializer_range: self.initializer_range,
            tied_decoder: self.tie_word_embeddings,
        })
    }
}
