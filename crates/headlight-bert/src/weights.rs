//! The weights of an encoder as plain arrays, validated against its [`Architecture`] and found by the names of its family.
//! Every encoder of this crate is built from [`BertWeights`].

mod tensors;

use std::path::Path;

use crate::{Architecture, LoadError};
use tensors::Tensors;

/// A linear layer y = W·x + b in checkpoint layout.
#[derive(Clone, PartialEq, Debug)]
pub struct Linear {
    /// Width of x.
    pub inputs: usize,
    /// Width of y.
    pub outputs: usize,
    /// W, `[outputs][inputs]` row-major.
    pub weight: Vec<f32>,
    /// b, `[outputs]`; zeros where the model has none.
    pub bias: Vec<f32>,
}

/// Scale and shift of a normalisation over the last axis; what it does is said by [`Architecture::norm`].
#[derive(Clone, PartialEq, Debug)]
pub struct LayerNorm {
    /// γ, `[width]`.
    pub weight: Vec<f32>,
    /// β, `[width]`; zeros where the model has none.
    pub bias: Vec<f32>,
}

/// The input of the first layer: the sum of the embeddings of word, position and segment, normalised, projected.
#[derive(Clone, PartialEq, Debug)]
pub struct Embeddings {
    /// `[vocabulary][width]`.
    pub words: Vec<f32>,
    /// `[row][width]`, empty where there are none.
    pub positions: Vec<f32>,
    /// `[segments][width]`, empty where there are none.
    pub segments: Vec<f32>,
    /// Over the sum.
    pub norm: Option<LayerNorm>,
    /// width → breadth.
    pub projection: Option<Linear>,
    /// Of distances by bucket, `[bucket][heads]` or `[bucket][breadth]`, already normalised; empty where there are none.
    pub relative: Vec<f32>,
}

/// One layer. With heads of width w, head h owns rows `h·w..(h+1)·w` of the query and the same columns of the attention
/// output; of key and value it owns those of its group's head.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerWeights {
    /// breadth → heads.
    pub query: Linear,
    /// breadth → heads of keys.
    pub key: Linear,
    /// breadth → heads of values.
    pub value: Linear,
    /// Over each head's queries, where the model has it.
    pub query_norm: Option<LayerNorm>,
    /// Over each head's keys, where the model has it.
    pub key_norm: Option<LayerNorm>,
    /// The queries of distances, where they have a projection of their own.
    pub relative_query: Option<Linear>,
    /// The keys of distances, where they have a projection of their own.
    pub relative_key: Option<Linear>,
    /// heads → breadth: W_O, over the concatenated heads.
    pub attention_output: Linear,
    /// After the residual around attention, or over what attention reads, where it reads anything normalised.
    pub attention_norm: Option<LayerNorm>,
    /// breadth → intermediate, activated and multiplied with what `intermediate` makes, where the model is gated.
    pub gate: Option<Linear>,
    /// breadth → intermediate, activated where the model is not gated.
    pub intermediate: Linear,
    /// intermediate → breadth.
    pub output: Linear,
    /// After the residual around the feed-forward block, or over what that block reads.
    pub output_norm: LayerNorm,
}

/// The language-model head: logits = D·norm(activation(transform(x))) + bias.
#[derive(Clone, PartialEq, Debug)]
pub struct MaskedLmHead {
    /// Before the decoder, where the model has it.
    pub transform: Option<HeadTransform>,
    /// D, `[vocabulary][width]`; `None` when it is the word embedding, as in every published BERT.
    pub decoder: Option<Vec<f32>>,
    /// `[vocabulary]`; zeros where the model has none.
    pub bias: Vec<f32>,
}

/// What stands before the decoder of a language-model head; the activation lies between.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadTransform {
    /// breadth → width of the embeddings.
    pub linear: Linear,
    /// Over what was activated.
    pub norm: LayerNorm,
}

/// All weights of a checkpoint. Shapes are those of [`Architecture`], all values are finite.
#[derive(Clone, PartialEq, Debug)]
pub struct BertWeights {
    /// Embeddings and their normalisation.
    pub embeddings: Embeddings,
    /// The layers whose weights differ, first to last.
    pub layers: Vec<LayerWeights>,
    /// After the last layer, where the model has it.
    pub final_norm: Option<LayerNorm>,
    /// The language-model head, if the checkpoint has one.
    pub masked_lm: Option<MaskedLmHead>,
}

/// What happens to tensors within the encoder that the model of the config does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ExtraTensors {
    /// They are an error: an adapter or another kind of layer may change what heads attend to.
    #[default]
    Refuse,
    /// They are passed over, as transformers does.
    Ignore,
}

/// The weights of a checkpoint and what was noticed on reading them.
pub(crate) struct ReadWeights {
    pub weights: BertWeights,
    /// What is wrong with a masked-LM head that was left out.
    pub masked_lm_problems: Option<LoadError>,
    /// What a reader of results should know.
    pub warnings: Vec<String>,
}

impl BertWeights {
    /// Reads `model.safetensors` or `pytorch_model.bin` (or their shards) of a checkpoint folder. F32, F16 and BF16 become f32; a leading
    /// `bert.`, alone or after the names of other parts, and the old names `gamma` and `beta` are understood. Whatever
    /// stands on the encoder (pooler, classifiers, a masked-LM head that does not fit) is passed over.
    ///
    /// # Errors
    /// A missing or damaged file; or all tensors at fault at once: missing, within the encoder without a use, of another
    /// shape or type, not finite.
    pub fn read(folder: &Path, spec: &Architecture) -> Result<Self, LoadError> {
        Ok(ReadWeights::read(folder, spec, ExtraTensors::Refuse)?.weights)
    }
}

impl ReadWeights {
    /// See [`BertWeights::read`].
    pub fn read(folder: &Path, spec: &Architecture, extra: ExtraTensors) -> Result<Self, LoadError> {
        let mut tensors = Tensors::open(folder, spec.names())?;
        // First the shapes of everything, so that nothing large is read from a checkpoint that does not fit.
        tensors.reading = false;
        tensors.encoder(spec)?;
        let mut warnings = tensors.finish_names(spec, extra)?;
        tensors.reading = true;
        let weights = tensors.encoder(spec)?;
        tensors.fail_on_problems()?;
        let problems = std::mem::take(&mut tensors.masked_lm_problems);
        let masked_lm_problems = (!problems.is_empty()).then(|| {
            warnings.push(format!("the masked-language-model head does not fit the model and is left out: {problems}"));
            LoadError::Tensors { path: tensors.checkpoint.path.clone(), problems: Box::new(problems) }
        });
        Ok(Self { weights, masked_lm_problems, warnings })
    }
}
