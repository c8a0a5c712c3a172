//! The weights of an encoder as plain arrays, validated against its [`Architecture`] and found by the names of its family.
//! Every encoder of this crate is built from [`BertWeights`].

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use safetensors::Dtype;

use crate::{
    Architecture, LoadError, TensorProblems,
    architecture::{HeadNames, Names},
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

/// Scale and shift of a layer normalisation over the last axis; its ε is that of [`Architecture::norm`].
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
    /// `[row][hidden]`, that of the first piece at [`crate::Positions::offset`].
    pub positions: Vec<f32>,
    /// `[segments][hidden]`, empty where there are none.
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

/// All weights of a checkpoint. Shapes are those of [`Architecture`], all values are finite.
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

/// A checkpoint's tensors by today's names, on their way into [`BertWeights`].
struct Tensors {
    checkpoint: Checkpoint,
    /// What the family calls them.
    names: &'static Names,
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
    fn open(folder: &Path, names: &'static Names) -> Result<Self, LoadError> {
        let checkpoint = Checkpoint::open(folder)?;
        let prefix = prefix(&checkpoint, names)?;
        let mut named = BTreeMap::new();
        for (name, stored) in &checkpoint.tensors {
            if let Some((other, _)) = named.insert(todays_name(name, &prefix, names), (name.clone(), stored.clone())) {
                let problem = format!("{other} and {name} are the same tensor under two names");
                return Err(LoadError::Damaged { path: checkpoint.path.clone(), problem });
            }
        }
        Ok(Self {
            checkpoint,
            names,
            named,
            used: BTreeSet::new(),
            problems: TensorProblems::default(),
            masked_lm_problems: TensorProblems::default(),
            reading: true,
        })
    }

    /// Numbers of the layers that there are.
    fn layers(&self) -> BTreeSet<&str> {
        self.named.keys().filter_map(|name| name.strip_prefix(self.names.layer)?.split('.').next()).collect()
    }

    fn encoder(&mut self, spec: &Architecture) -> Result<BertWeights, LoadError> {
        let (hidden, names) = (spec.hidden, self.names);
        let embeddings = Embeddings {
            words: self.take(&weight(names.words), &[spec.vocabulary, hidden])?,
            positions: self.take(&weight(names.positions), &[spec.positions.rows, hidden])?,
            segments: match spec.segments {
                0 => Vec::new(),
                segments => self.take(&weight(names.segments), &[segments, hidden])?,
            },
            norm: self.norm(names.embedding_norm, hidden)?,
        };
        // The config's number is not believed beyond the first layer that the file lacks.
        let layers = spec.grid.layers.min(self.layers().len() + 1);
        let layers = (0..layers).map(|layer| self.layer(layer, spec)).collect::<Result<_, _>>()?;
        let has_masked_lm = self.named.keys().any(|name| begins(name, names.head.begins));
        let fits = has_masked_lm && self.masked_lm_problems.is_empty();
        let masked_lm = if fits { self.masked_lm_if_it_fits(spec)? } else { None };
        Ok(BertWeights { embeddings, layers, masked_lm })
    }

    fn layer(&mut self, layer: usize, spec: &Architecture) -> Result<LayerWeights, LoadError> {
        let (hidden, inner, names) = (spec.hidden, spec.feed_forward.width, self.names);
        let name = |part: &str| format!("{}{layer}.{part}", names.layer);
        Ok(LayerWeights {
            query: self.linear(&name(names.query), hidden, hidden)?,
            key: self.linear(&name(names.key), hidden, hidden)?,
            value: self.linear(&name(names.value), hidden, hidden)?,
            attention_output: self.linear(&name(names.attention_output), hidden, hidden)?,
            attention_norm: self.norm(&name(names.attention_norm), hidden)?,
            intermediate: self.linear(&name(names.intermediate), hidden, inner)?,
            output: self.linear(&name(names.output), inner, hidden)?,
            output_norm: self.norm(&name(names.output_norm), hidden)?,
        })
    }

    fn masked_lm_if_it_fits(&mut self, spec: &Architecture) -> Result<Option<MaskedLmHead>, LoadError> {
        let of_encoder = std::mem::take(&mut self.problems);
        let head = self.masked_lm(spec)?;
        self.masked_lm_problems = std::mem::replace(&mut self.problems, of_encoder);
        Ok(self.masked_lm_problems.is_empty().then_some(head))
    }

    fn masked_lm(&mut self, spec: &Architecture) -> Result<MaskedLmHead, LoadError> {
        let (hidden, vocabulary) = (spec.hidden, spec.vocabulary);
        let HeadNames { transform, norm, decoder, bias, .. } = &self.names.head;
        let first = bias.iter().find(|name| self.named.contains_key(**name)).unwrap_or(&bias[0]);
        self.used.extend(bias.iter().map(|name| (*name).to_owned()));
        let decoder = if spec.head.tied {
            self.used.insert((*decoder).to_owned());
            None
        } else {
            Some(self.take(decoder, &[vocabulary, hidden])?)
        };
        Ok(MaskedLmHead {
            transform: self.linear(transform, hidden, hidden)?,
            norm: self.norm(norm, hidden)?,
            decoder,
            bias: self.take(first, &[vocabulary])?,
        })
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear, LoadError> {
        let weight = self.take(&weight(name), &[outputs, inputs])?;
        let bias = self.take(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear { inputs, outputs, weight, bias })
    }

    fn norm(&mut self, name: &str, width: usize) -> Result<LayerNorm, LoadError> {
        let weight = self.take(&weight(name), &[width])?;
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
    fn finish_names(&mut self, spec: &Architecture, extra: ExtraTensors) -> Result<Vec<String>, LoadError> {
        let unused =
            self.named.iter().filter(|(name, _)| !self.used.contains(*name) && !begins(name, self.names.passed_over));
        let (within, beside): (Vec<_>, Vec<_>) = unused.partition(|(name, _)| begins(name, self.names.encoder));
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

/// The weight of a part.
fn weight(name: &str) -> String {
    format!("{name}.weight")
}

/// Whether a name begins in one of these ways.
fn begins(name: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| name.starts_with(beginning))
}

/// What stands before the names of the encoder's parts in a checkpoint: the family's own prefix mostly, or nothing, or the
/// names of the modules that the encoder is a part of.
fn prefix(checkpoint: &Checkpoint, names: &Names) -> Result<String, LoadError> {
    let words = weight(names.words);
    let prefixes = checkpoint.tensors.keys().filter_map(|name| name.strip_suffix(&words).map(ToOwned::to_owned));
    let prefixes: Vec<String> = prefixes.collect();
    match prefixes.as_slice() {
        [] => Ok(names.prefix.to_owned()),
        [prefix] => Ok(prefix.clone()),
        several => {
            let known = several.iter().find(|prefix| ["", names.prefix].contains(&prefix.as_str()));
            known.cloned().ok_or_else(|| {
                let summary = format!("it holds several encoders ({}); save the one that is wanted", some(several));
                let problems = TensorProblems { summary: Some(summary), ..TensorProblems::default() };
                LoadError::Tensors { path: checkpoint.path.clone(), problems: Box::new(problems) }
            })
        }
    }
}

/// A tensor's name without what stands before it, and with today's `weight` and `bias` for a LayerNorm's `gamma` and `beta`.
fn todays_name(name: &str, prefix: &str, names: &Names) -> String {
    // Heads stand beside the encoder: in the same module, or in that around it.
    let around = prefix.strip_suffix(names.prefix).unwrap_or(prefix);
    let stems = [prefix, around, names.prefix];
    let name = stems.iter().find_map(|stem| name.strip_prefix(stem).filter(|_| !stem.is_empty())).unwrap_or(name);
    match (name.strip_suffix("LayerNorm.gamma"), name.strip_suffix("LayerNorm.beta")) {
        (Some(stem), _) => format!("{stem}LayerNorm.weight"),
        (_, Some(stem)) => format!("{stem}LayerNorm.bias"),
        _ => name.to_owned(),
    }
}
