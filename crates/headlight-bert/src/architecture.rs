//! What a model is, as data: sizes and choices read from `config.json`, and the names of its tensors.
//!
//! The encoders compute what an [`Architecture`] says and never ask which family it is of. A family is one file in
//! `families/`: it reads its `config.json` and names its tensors.

mod families;
mod keys;

use std::path::Path;

use headlight_attention::HeadGrid;

use crate::{LoadError, files};
use families::FAMILIES;
pub(crate) use families::{HeadNames, Names};
use keys::Keys;

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

/// Sizes and choices of an encoder. All sizes are positive but for the number of segments, and heads divide the hidden
/// size.
#[derive(Clone, PartialEq, Debug)]
pub struct Architecture {
    /// The family whose file reads and names it, such as `bert`.
    pub family: &'static str,
    /// Layers and heads per layer.
    pub grid: HeadGrid,
    /// Width of the hidden states.
    pub hidden: usize,
    /// Rows of the embedding of pieces.
    pub vocabulary: usize,
    /// How a piece's place in the input enters.
    pub positions: Positions,
    /// Rows of the embedding of segments; 0 where there is none.
    pub segments: usize,
    /// What follows attention in a layer.
    pub feed_forward: FeedForward,
    /// Layer normalisation, after the residuals around attention and feed-forward block.
    pub norm: Norm,
    /// How the masked-language-model head differs from family to family.
    pub head: MaskedLmShape,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f32,
}

/// Learned embeddings of positions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Positions {
    /// Rows of the embedding.
    pub rows: usize,
    /// The row of the first piece; those before it stand for padding.
    pub offset: usize,
}

/// A feed-forward block: linear, activation, linear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedForward {
    /// Width between the two linear layers.
    pub width: usize,
    /// Between them.
    pub activation: Activation,
}

/// A layer normalisation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Norm {
    /// ε under the root.
    pub epsilon: f32,
}

/// A masked-language-model head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaskedLmShape {
    /// Whether the decoder is the word embedding itself.
    pub tied: bool,
    /// After its first linear layer.
    pub activation: Activation,
}

/// One layer on its turn in a walk through an encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// The layer, counted from 0.
    pub layer: usize,
    /// Whether nothing of this layer is wanted but its attention: what follows it would change nothing.
    pub ends_at_attention: bool,
}

impl Architecture {
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
        let keys = Keys::new(path, files::read_json(path)?);
        // Early checkpoints have no type; the names of their tensors tell whether they are BERT.
        let model_type = keys.text("model_type", "bert")?;
        let Some(family) = FAMILIES.iter().find(|family| family.model_types.contains(&model_type)) else {
            return keys.unsupported("model_type", model_type, families::SUPPORTED);
        };
        let architecture = (family.read)(&keys)?;
        architecture.check(&keys)?;
        Ok(architecture)
    }

    /// Width of one attention head.
    pub fn head_width(&self) -> usize {
        self.hidden / self.grid.heads
    }

    /// The longest input in pieces, those around the text included.
    pub fn max_pieces(&self) -> usize {
        self.positions.rows - self.positions.offset
    }

    /// The layers in their order. Only hidden states need what the last one makes of its attention.
    pub(crate) fn walk(&self, hidden_states: bool) -> impl Iterator<Item = Step> + use<> {
        let layers = self.grid.layers;
        (0..layers).map(move |layer| Step { layer, ends_at_attention: layer + 1 == layers && !hidden_states })
    }

    /// The names of its tensors.
    pub(crate) fn names(&self) -> &'static Names {
        let family = FAMILIES.iter().find(|family| family.name == self.family);
        &family.unwrap_or(&FAMILIES[0]).names
    }

    fn check(&self, keys: &Keys) -> Result<(), LoadError> {
        let HeadGrid { heads, .. } = self.grid;
        if !self.hidden.is_multiple_of(heads) {
            return keys.wrong(format!("the hidden size {} is no multiple of the {heads} heads", self.hidden));
        }
        if self.positions.rows <= self.positions.offset {
            let Positions { rows, offset } = self.positions;
            return keys.wrong(format!("max_position_embeddings is {rows}, of which {offset} stand for padding"));
        }
        Ok(())
    }
}
