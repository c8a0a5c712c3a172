//! What a model is, as data: sizes and choices read from `config.json`, and the names of its tensors.
//!
//! The encoders compute what an [`Architecture`] says and never ask which family it is of. A family is one file in
//! `families/`: it reads its `config.json` and names its tensors.

mod families;
mod keys;
mod rotary;
mod shape;

use std::path::Path;

use headlight_attention::HeadGrid;
pub use headlight_attention::Visibility;

use crate::{LoadError, files};
use families::FAMILIES;
pub(crate) use families::{Expand, HeadNames, Inputs, Names};
use keys::Keys;
pub use shape::{
    Activation, Attention, Biases, Buckets, Embedding, FeedForward, LmShape, LmTransform, Local, LocalLayers, Norm,
    NormKind, Order, Positions, Relative, Rotary,
};
pub(crate) use shape::{LayerAttention, View};

/// Sizes and choices of an encoder. All sizes are positive but for the number of segments.
#[derive(Clone, PartialEq, Debug)]
pub struct Architecture {
    /// The family whose file reads and names it, such as `bert`.
    pub family: &'static str,
    /// Layers and heads per layer.
    pub grid: HeadGrid,
    /// Width of the hidden states.
    pub breadth: usize,
    /// Rows of the embedding of pieces.
    pub vocabulary: usize,
    /// What enters the first layer.
    pub embedding: Embedding,
    /// What attention is.
    pub attention: Attention,
    /// What follows attention in a layer.
    pub feed_forward: FeedForward,
    /// What a normalisation does, those of queries and keys included.
    pub norm: Norm,
    /// Where layers normalise.
    pub order: Order,
    /// Which linear layers have a bias.
    pub biases: Biases,
    /// Layers whose weights differ; neighbours share them where these are fewer than the layers.
    pub stored_layers: usize,
    /// The language-model head of a checkpoint that has one: masked where attention is full, causal where it is causal.
    pub head: LmShape,
    /// Standard deviation of freshly drawn weights.
    pub initializer_range: f32,
}

/// One layer on its turn in a walk through an encoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// The layer, counted from 0.
    pub layer: usize,
    /// Which of the stored weights are its own.
    pub stored: usize,
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
        self.attention.head_width
    }

    /// The longest input in pieces, those around the text included.
    pub fn max_pieces(&self) -> usize {
        match self.embedding.positions {
            Positions::Learned { rows, offset } => rows - offset,
            Positions::InAttention { longest } => longest,
        }
    }

    /// Which pieces a piece may attend to.
    pub fn visibility(&self) -> Visibility {
        self.attention.visibility
    }

    /// Width of all heads together: of their queries, and of what they make of the values.
    pub(crate) fn heads_width(&self) -> usize {
        self.grid.heads * self.attention.head_width
    }

    /// Width of all keys together, and of all values.
    pub(crate) fn keys_width(&self) -> usize {
        self.attention.key_value_heads * self.attention.head_width
    }

    /// Whether a layer normalises what its attention reads.
    pub(crate) fn normalises_input(&self, layer: usize) -> bool {
        self.order != Order::Post && (layer > 0 || self.attention.first_normalised)
    }

    /// The layers in their order. Only hidden states need what the last one makes of its attention.
    pub(crate) fn walk(&self, states: bool) -> impl Iterator<Item = Step> + use<> {
        let (layers, stored) = (self.grid.layers, self.stored_layers);
        (0..layers).map(move |layer| Step {
            layer,
            stored: if stored == layers { layer } else { layer * stored / layers },
            ends_at_attention: layer + 1 == layers && !states,
        })
    }

    /// The names of its tensors.
    pub(crate) fn names(&self) -> &'static Names {
        let family = FAMILIES.iter().find(|family| family.name == self.family);
        &family.unwrap_or(&FAMILIES[0]).names
    }

    fn check(&self, keys: &Keys) -> Result<(), LoadError> {
        let (heads, Attention { key_value_heads, head_width, .. }) = (self.grid.heads, &self.attention);
        // Shared weights do not tell how many layers there are.
        if self.stored_layers < self.grid.layers && self.grid.layers > 1 << 10 {
            return keys.wrong(format!("num_hidden_layers is {}, which no model has", self.grid.layers));
        }
        if !heads.is_multiple_of(*key_value_heads) {
            return keys
                .wrong(format!("{heads} heads cannot share {key_value_heads} heads of keys and values equally"));
        }
        for rotary in [&self.attention.rotary, &self.attention.local.as_ref().and_then(|local| local.rotary.clone())] {
            if let Some(Rotary { frequencies }) = rotary
                && (frequencies.is_empty() || 2 * frequencies.len() > *head_width)
            {
                let turned = 2 * frequencies.len();
                return keys.wrong(format!("{turned} of the {head_width} columns of a head are to be turned"));
            }
        }
        if let Positions::Learned { rows, offset } = self.embedding.positions
            && rows <= offset
        {
            return keys.wrong(format!("max_position_embeddings is {rows}, of which {offset} stand for padding"));
        }
        let Embedding { width, projected, .. } = self.embedding;
        if width != self.breadth && !projected {
            return keys.wrong(format!("the embeddings have width {width}, the hidden states {}", self.breadth));
        }
        let decoded = self.head.transform.map_or(self.breadth, |transform| transform.width);
        if self.head.tied && decoded != width {
            return keys.wrong(format!("embeddings of width {width} cannot decode states of width {decoded}"));
        }
        Ok(())
    }
}
