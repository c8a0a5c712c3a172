//! The weights of a BERT encoder as plain arrays, validated against its [`ModelSpec`]: the one place where a checkpoint's
//! tensors are named. Every encoder of this crate is built from [`BertWeights`].

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use safetensors::Dtype;

use crate::{
    LoadError, ModelSpec, TensorProblems,
    checkpoint::{Checkpoint, Stored},
    error::some,
};

/// A linear layer y = W·x + b in checkpoint layout.
#[derive(Clone, PartialEq, Debug)]
pub struct Linear {
    /// Width of x.
    pub inputs: usize,
    /// Width of y.
    pub outputs: usize,
    /// W, `[outputs][inputs]` row-major.
    pub weight: Vec<f32>,
    /// b, `[outputs]`.
    pub bias: Vec<f32>,
}

/// Scale and shift of a layer normalisation over the last axis; its ε is [`ModelSpec::layer_norm_eps`].
#[derive(Clone, PartialEq, Debug)]
pub struct LayerNorm {
    /// γ, `[width]`.
    pub weight: Vec<f32>,
    /// β, `[width]`.
    pub bias: Vec<f32>,
}

/// The input of the first layer: LayerNorm(word + position + segment).
#[derive(Clone, PartialEq, Debug)]
pub struct Embeddings {
    /// `[vocabulary][hidden]`.
    pub words: Vec<f32>,
    /// `[max_positions][hidden]`.
    pub positions: Vec<f32>,
    /// `[segments][hidden]`.
    pub segments: Vec<f32>,
    /// Over the sum.
    pub norm: LayerNorm,
}

/// One layer. With heads of width w = hidden / heads, head h owns rows `h·w..(h+1)·w` of query, key and value and the
/// same columns of the attention output.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerWeights {
    /// hidden → hidden.
    pub query: Linear,
    /// hidden → hidden.
    pub key: Linear,
    /// hidden → hidden.
    pub value: Linear,
    /// hidden → hidden: W_O, over the concatenated heads.
    pub attention_output: Linear,
    /// After the residual around attention.
    pub attention_norm: LayerNorm,
    /// hidden → intermediate, then the activation.
    pub intermediate: Linear,
    /// intermediate → hidden.
    pub output: Linear,
    /// After the residual around the feed-forward block.
    pub output_norm: LayerNorm,
}

/// The masked-language-model head: logits = D·LayerNorm(activation(transform(x))) + bias.
#[derive(Clone, PartialEq, Debug)]
pub struct MaskedLmHead {
    /// hidden → hidden.
    pub transform: Linear,
    /// Over the activated transform.
    pub norm: LayerNorm,
    /// D, `[vocabulary][hidden]`; `None` when it is the word embedding, as in every published BERT.
    pub decoder: Option<Vec<f32>>,
    /// `[vocabulary]`.
    pub bias: Vec<f32>,
}

/// All weights of a checkpoint. Shapes are those of [`ModelSpec`], all values are finite.
#[derive(Clone, PartialEq, Debug)]
pub struct BertWeights {
    /// Embeddings and their normalisation.
    pub embeddings: Embeddings,
    /// The layers, first to last.
    pub layers: Vec<LayerWeights>,
    /// The masked-LM head, if the checkpoint has one.
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
    /// Reads `model.safetensors` (or its shards) of a checkpoint folder. F32, F16 and BF16 become f32; a leading
    /// `bert.`, alone or after the names of other parts, and the old names `gamma` and `beta` are understood. Whatever
    /// stands on the encoder (pooler, classifiers, a masked-LM head that does not fit) is passed over.
    ///
    /// # Errors
    /// A missing or damaged file; or all tensors at fault at once: missing, within the encoder without a use, of another
    /// shape or type, not finite.
    pub fn read(folder: &Path, spec: &ModelSpec) -> Result<Self, LoadError> {
        Ok(ReadWeights::read(folder, spec, ExtraTensors::Refuse)?.weights)
    }
}

impl ReadWeights {
    /// See [`BertWeights::read`].
    pub fn read(folder: &Path, spec: &ModelSpec, extra: ExtraTensors) -> Result<Self, LoadError> {
        let mut tensors = Tensors::open(folder)?;
        // First the shapes of everything, so that nothing large is read from a checkpoint that does not fit.
        tensors.reading = false;
        tensors.bert(spec)?;
        let mut warnings = tensors.finish_names(spec, extra)?;
        tensors.reading = true;
        let weights = tensors.bert(spec)?;
        tensors.fail_on_problems()?;
        let problems = std::mem::take(&mut tensors.masked_lm_problems);
        let masked_lm_problems = (!problems.is_empty()).then(|| {
            warnings.push(format!("the masked-language-model head does not fit the model and is left out: {problems}"));
            LoadError::Tensors { path: tensors.checkpoint.path.clone(), problems: Box::new(problems) }
        });
        Ok(Self { weights, masked_lm_problems, warnings })
    }
}

/// Heads that stand on the encoder and have no part in attention, and buffers that are no weights.
const PASSED_OVER: [&str; 7] = [
    "pooler.",
    "cls.seq_relationship.",
    "classifier.",
    "qa_outputs.",
    "embeddings.position_ids",
    "embeddings.token_type_ids",
    "cls.predictions.decoder.bias",
];

/// A checkpoint's tensors by today's names, on their way into [`BertWeights`].
struct Tensors {
    checkpoint: Checkpoint,
    /// Today's name → (name in the file, tensor).
    named: BTreeMap<String, (String, Stored)>,
    used: BTreeSet<String>,
    problems: TensorProblems,
    /// Those of the masked-LM head, without which attention is the same.
    masked_lm_problems: TensorProblems,
    /// Whether values are read, or only shapes checked.
    reading: bool,
}

impl Tensors {
    fn open(folder: &Path) -> Result<Self, LoadError> {
        let checkpoint = Checkpoint::open(folder)?;
        let prefix = prefix(&checkpoint)?;
        let mut named = BTreeMap::new();
        for (name, stored) in &checkpoint.tensors {
            if let Some((other, _)) = named.insert(todays_name(name, &prefix), (name.clone(), stored.clone())) {
                let problem = format!("{other} and {name} are the same tensor under two names");
                return Err(LoadError::Damaged { path: checkpoint.path.clone(), problem });
            }
        }
        Ok(Self {
            checkpoint,
            named,
            used: BTreeSet::new(),
            problems: TensorProblems::default(),
            masked_lm_problems: TensorProblems::default(),
            reading: true,
        })
    }

    /// Numbers of the layers that there are.
    fn layers(&self) -> BTreeSet<&str> {
        self.named.keys().filter_map(|name| name.strip_prefix("encoder.layer.")?.split('.').next()).collect()
    }

    fn bert(&mut self, spec: &ModelSpec) -> Result<BertWeights, LoadError> {
        let hidden = spec.hidden;
        let embeddings = Embeddings {
            words: self.take("embeddings.word_embeddings.weight", &[spec.vocabulary, hidden])?,
            positions: self.take("embeddings.position_embeddings.weight", &[spec.max_positions, hidden])?,
            segments: self.take("embeddings.token_type_embeddings.weight", &[spec.segments, hidden])?,
            norm: self.norm("embeddings.LayerNorm", hidden)?,
        };
        // The config's number is not believed beyond the first layer that the file lacks.
        let layers = spec.grid.layers.min(self.layers().len() + 1);
        let layers = (0..layers).map(|layer| self.layer(layer, spec)).collect::<Result<_, _>>()?;
        let has_masked_lm = self.named.keys().any(|name| name.starts_with("cls.predictions."));
        let fits = has_masked_lm && self.masked_lm_problems.is_empty();
        let masked_lm = if fits { self.masked_lm_if_it_fits(spec)? } else { None };
        Ok(BertWeights { embeddings, layers, masked_lm })
    }

    fn layer(&mut self, layer: usize, spec: &ModelSpec) -> Result<LayerWeights, LoadError> {
        let (hidden, intermediate) = (spec.hidden, spec.intermediate);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        Ok(LayerWeights {
            query: self.linear(&name("attention.self.query"), hidden, hidden)?,
            key: self.linear(&name("attention.self.key"), hidden, hidden)?,
            value: self.linear(&name("attention.self.value"), hidden, hidden)?,
            attention_output: self.linear(&name("attention.output.dense"), hidden, hidden)?,
            attention_norm: self.norm(&name("attention.output.LayerNorm"), hidden)?,
            intermediate: self.linear(&name("intermediate.dense"), hidden, intermediate)?,
            output: self.linear(&name("output.dense"), intermediate, hidden)?,
            output_norm: self.norm(&name("output.LayerNorm"), hidden)?,
        })
    }

    fn masked_lm_if_it_fits(&mut self, spec: &ModelSpec) -> Result<Option<MaskedLmHead>, LoadError> {
        let of_encoder = std::mem::take(&mut self.problems);
        let head = self.masked_lm(spec)?;
        self.masked_lm_problems = std::mem::replace(&mut self.problems, of_encoder);
        Ok(self.masked_lm_problems.is_empty().then_some(head))
    }

    fn masked_lm(&mut self, spec: &ModelSpec) -> Result<MaskedLmHead, LoadError> {
        let (hidden, vocabulary) = (spec.hidden, spec.vocabulary);
        // The decoder's bias goes by either name, or both for one tensor.
        let bias = ["cls.predictions.bias", "cls.predictions.decoder.bias"];
        let bias = bias.into_iter().find(|name| self.named.contains_key(*name)).unwrap_or(bias[0]);
        let decoder = "cls.predictions.decoder.weight";
        let decoder = if spec.tied_decoder {
            self.used.insert(decoder.into());
            None
        } else {
            Some(self.take(decoder, &[vocabulary, hidden])?)
        };
        Ok(MaskedLmHead {
            transform: self.linear("cls.predictions.transform.dense", hidden, hidden)?,
            norm: self.norm("cls.predictions.transform.LayerNorm", hidden)?,
            decoder,
            bias: self.take(bias, &[vocabulary])?,
        })
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, LoadError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear { inputs, outputs, weight, bias })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<LayerNorm, LoadError> {
        let weight = self.take(&format!("{name}.weight"), &[width])?;
        let bias = self.take(&format!("{name}.bias"), &[width])?;
        Ok(LayerNorm { weight, bias })
    }

    /// The values of a tensor, or an empty array and a noted problem, or an empty array when only checking.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        self.used.insert(name.to_owned());
        let Some((name_in_file, stored)) = self.named.get(name) else {
            self.problems.missing.push(name.to_owned());
            return Ok(Vec::new());
        };
        if stored.shape != shape || !matches!(stored.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let (dtype, found) = (stored.dtype, &stored.shape);
            let misfit = format!("{name_in_file} {found:?} of {dtype:?}, expected {shape:?} of F32, F16 or BF16");
            self.problems.misfits.push(misfit);
            return Ok(Vec::new());
        }
        if !self.reading {
            return Ok(Vec::new());
        }
        let values = self.checkpoint.values(stored)?;
        if values.iter().any(|value| !value.is_finite()) {
            self.problems.not_finite.push(name_in_file.clone());
        }
        Ok(values)
    }

    /// Fails when names or shapes do not fit. Returns what is to be said about tensors that are passed over.
    fn finish_names(&mut self, spec: &ModelSpec, extra: ExtraTensors) -> Result<Vec<String>, LoadError> {
        let unused = self.named.iter().filter(|(name, _)| {
            !self.used.contains(*name) && !PASSED_OVER.iter().any(|passed| name.starts_with(passed))
        });
        let of_encoder = |name: &str| ENCODER.iter().any(|part| name.starts_with(part));
        let (within, beside): (Vec<_>, Vec<_>) = unused.partition(|(name, _)| of_encoder(name));
        let in_file = |names: Vec<(&String, &(String, Stored))>| -> Vec<String> {
            names.into_iter().map(|(_, (name_in_file, _))| name_in_file.clone()).collect()
        };
        let (within, beside) = (in_file(within), in_file(beside));
        let layers = self.layers().len();
        let expected = spec.grid.layers;
        if layers < expected || (layers > expected && extra == ExtraTensors::Refuse) {
            self.problems.summary = Some(format!("config.json says {expected} layers, the tensors have {layers}"));
        }
        let mut warnings = Vec::new();
        let mut passed_over = |names: &[String], place: &str| {
            if !names.is_empty() {
                let (count, names) = (names.len(), some(names));
                let tensors = if count == 1 { "tensor" } else { "tensors" };
                warnings.push(format!("passed over: {count} {tensors} {place} the encoder ({names})"));
            }
        };
        passed_over(&beside, "beside");
        match extra {
            ExtraTensors::Refuse => self.problems.unused = within,
            ExtraTensors::Ignore => passed_over(&within, "within"),
        }
        self.fail_on_problems()?;
        Ok(warnings)
    }

    fn fail_on_problems(&mut self) -> Result<(), LoadError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(LoadError::Tensors {
            path: self.checkpoint.path.clone(),
            problems: Box::new(std::mem::take(&mut self.problems)),
        })
    }
}

/// How the names of the parts of an encoder begin.
const ENCODER: [&str; 2] = ["embeddings.", "encoder."];

/// What stands before `embeddings.` and `encoder.` in a checkpoint's names: `bert.` mostly, or nothing, or the names of the
/// modules that the encoder is a part of.
fn prefix(checkpoint: &Checkpoint) -> Result<String, LoadError> {
    let words = |name: &String| name.strip_suffix("embeddings.word_embeddings.weight").map(ToOwned::to_owned);
    let prefixes: Vec<String> = checkpoint.tensors.keys().filter_map(words).collect();
    match prefixes.as_slice() {
        [] => Ok("bert.".to_owned()),
        [prefix] => Ok(prefix.clone()),
        several => {
            let known = several.iter().find(|prefix| ["", "bert."].contains(&prefix.as_str()));
            known.cloned().ok_or_else(|| {
                let summary = format!("it holds several encoders ({}); save the one that is wanted", some(several));
                let problems = TensorProblems { summary: Some(summary), ..TensorProblems::default() };
                LoadError::Tensors { path: checkpoint.path.clone(), problems: Box::new(problems) }
            })
        }
    }
}

/// A tensor's name without what stands before it, and with today's `weight` and `bias` for a LayerNorm's `gamma` and `beta`.
fn todays_name(name: &str, prefix: &str) -> String {
    // Heads stand beside the encoder: in the same module, or in that around it.
    let around = prefix.strip_suffix("bert.").unwrap_or(prefix);
    let stems = [prefix, around, "bert."];
    let name = stems.iter().find_map(|stem| name.strip_prefix(stem).filter(|_| !stem.is_empty())).unwrap_or(name);
    match (name.strip_suffix("LayerNorm.gamma"), name.strip_suffix("LayerNorm.beta")) {
        (Some(stem), _) => format!("{stem}LayerNorm.weight"),
        (_, Some(stem)) => format!("{stem}LayerNorm.bias"),
        _ => name.to_owned(),
    }
}
