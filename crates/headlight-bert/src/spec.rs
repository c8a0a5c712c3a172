//! What a model is: its sizes and choices, read from `config.json`.

use std::path::Path;

use headlight_attention::HeadGrid;
use serde::Deserialize;

use crate::{LoadError, files};

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

/// The keys of `config.json` that decide what is computed. Those that may be absent have the defaults of transformers'
/// `BertConfig`.
#[derive(Deserialize)]
struct Config {
    // Early checkpoints have none; their tensors' names tell whether they are BERT.
    model_type: Option<String>,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    hidden_size: usize,
    intermediate_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: Option<usize>,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
    layer_norm_eps: Option<f32>,
    initializer_range: Option<f32>,
    is_decoder: Option<bool>,
    tie_word_embeddings: Option<bool>,
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
        if let (false, Some(folder)) = (path.exists(), path.parent()) {
            return Err(LoadError::MissingFile {
                folder: folder.to_owned(),
                wanted: "config.json",
                hint: "a model is a folder with config.json, model.safetensors and tokenizer.json or vocab.txt",
            });
        }
        let config: Config = files::read_json(path)?;
        config.check(path)
    }
}

impl Config {
    fn check(self, path: &Path) -> Result<ModelSpec, LoadError> {
        let activation = self.supported_activation(path)?;
        let segments = self.type_vocab_size.unwrap_or(2);
        let wrong = |problem| Err(LoadError::Config { path: path.to_owned(), problem });
        let sizes = [
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", segments),
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
        let layer_norm_eps = self.layer_norm_eps.unwrap_or(1e-12);
        let initializer_range = self.initializer_range.unwrap_or(0.02);
        for (key, value) in [("layer_norm_eps", layer_norm_eps), ("initializer_range", initializer_range)] {
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
            segments,
            activation,
            layer_norm_eps,
            initializer_range,
            tied_decoder: self.tie_word_embeddings.unwrap_or(true),
        })
    }

    /// The activation, once it is clear that this crate computes the model.
    fn supported_activation(&self, path: &Path) -> Result<Activation, LoadError> {
        let unsupported = |key, found: &str, supported| {
            Err(LoadError::Unsupported { path: path.to_owned(), key, found: found.to_owned(), supported })
        };
        let or = |value: &'_ Option<String>, default: &str| value.as_deref().unwrap_or(default).to_owned();
        let model_type = or(&self.model_type, "bert");
        if model_type != "bert" {
            return unsupported("model_type", &model_type, "bert");
        }
        let positions = or(&self.position_embedding_type, "absolute");
        if positions != "absolute" {
            return unsupported("position_embedding_type", &positions, "absolute");
        }
        if self.is_decoder == Some(true) {
            return unsupported("is_decoder", "true", "false (encoders that see both sides)");
        }
        match or(&self.hidden_act, "gelu").as_str() {
            "gelu" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
            "relu" => Ok(Activation::Relu),
            other => unsupported("hidden_act", other, "gelu, gelu_new, gelu_pytorch_tanh, relu"),
        }
    }
}
