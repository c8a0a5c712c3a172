//! A checkpoint's tensors on their way into [`BertWeights`].

use std::{
    collections::{BTreeMap, BTreeSet},
    iter::once,
    path::Path,
    sync::Arc,
};

use rayon::prelude::*;
use safetensors::Dtype;

use super::{BertWeights, Embeddings, ExtraTensors, HeadTransform, LayerNorm, LayerWeights, Linear, MaskedLmHead};
use crate::{
    Architecture, LoadError, Norm, NormKind, Order, Positions, Relative, TensorProblems,
    architecture::{Expand, HeadNames, Inputs, Names},
    checkpoint::{Checkpoint, Stored},
    error::some,
};

/// A checkpoint's tensors by today's names, on their way into [`BertWeights`].
pub(super) struct Tensors {
    pub checkpoint: Arc<Checkpoint>,
    /// What the family calls them.
    names: &'static Names,
    /// Today's name → (name in the file, tensor).
    named: Arc<BTreeMap<String, (String, Stored)>>,
    used: BTreeSet<String>,
    problems: TensorProblems,
    /// Those of the masked-LM head, without which attention is the same.
    pub masked_lm_problems: TensorProblems,
    /// Whether values are read, or only shapes checked.
    pub reading: bool,
}

impl Tensors {
    pub fn open(folder: &Path, names: &'static Names) -> Result<Self, LoadError> {
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
            checkpoint: Arc::new(checkpoint),
            names,
            named: Arc::new(named),
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

    pub fn encoder(&mut self, spec: &Architecture) -> Result<BertWeights, LoadError> {
        let embeddings = self.embeddings(spec)?;
        // The config's number is not believed beyond the first layer that the file lacks.
        let layers = spec.stored_layers.min(self.layers().len() + 1);
        let layers = self.all_layers(layers, spec)?;
        let final_norm = match spec.order {
            Order::Post => None,
            Order::Pre | Order::Parallel => Some(self.norm(self.names.final_norm, spec.breadth, spec.norm)?),
        };
        // A head that is nothing but the embeddings again needs no tensor.
        let needs_none = spec.head.tied && spec.head.transform.is_none() && !spec.head.bias;
        let has_head = needs_none || self.named.keys().any(|name| begins(name, self.names.head.begins));
        let fits = has_head && self.masked_lm_problems.is_empty();
        let masked_lm = if fits { self.masked_lm_if_it_fits(spec)? } else { None };
        Ok(BertWeights { embeddings, layers, final_norm, masked_lm })
    }

    fn embeddings(&mut self, spec: &Architecture) -> Result<Embeddings, LoadError> {
        let (names, width) = (self.names, spec.embedding.width);
        let words = self.take(&weight(names.words), &[spec.vocabulary, width])?;
        let positions = match spec.embedding.positions {
            Positions::Learned { rows, .. } => self.take(&weight(names.positions), &[rows, width])?,
            Positions::InAttention { .. } => Vec::new(),
        };
        let segments = match spec.embedding.segments {
            0 => Vec::new(),
            segments => self.take(&weight(names.segments), &[segments, width])?,
        };
        let norm = spec.embedding.norm.then(|| self.norm(names.embedding_norm, width, spec.norm)).transpose()?;
        let project = |tensors: &mut Self| tensors.linear(names.projection, width, spec.breadth, true);
        let projection = spec.embedding.projected.then(|| project(self)).transpose()?;
        let relative = match &spec.attention.relative {
            None => Vec::new(),
            Some(Relative::Bias(buckets)) => self.take(&weight(names.relative), &[buckets.rows(), spec.grid.heads])?,
            Some(Relative::Disentangled { buckets, norm, .. }) => {
                let mut rows = self.take(&weight(names.relative), &[buckets.rows(), spec.breadth])?;
                if *norm {
                    let norm = self.norm(names.relative_norm, spec.breadth, spec.norm)?;
                    normalise(&mut rows, &norm, spec.norm);
                }
                rows
            }
        };
        Ok(Embeddings { words, positions, segments, norm, projection, relative })
    }

    /// Each layer on the next free thread of the current rayon pool.
    fn all_layers(&mut self, layers: usize, spec: &Architecture) -> Result<Vec<LayerWeights>, LoadError> {
        let read = |layer| {
            let mut own = self.beginning();
            own.layer(layer, spec).map(|weights| (weights, own))
        };
        let read = (0..layers).into_par_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let note = |(weights, own): (LayerWeights, Self)| {
            self.used.extend(own.used);
            self.problems.extend(own.problems);
            weights
        };
        Ok(read.into_iter().map(note).collect())
    }

    /// The same tensors, of which none is used yet.
    fn beginning(&self) -> Self {
        Self {
            checkpoint: Arc::clone(&self.checkpoint),
            names: self.names,
            named: Arc::clone(&self.named),
            used: BTreeSet::new(),
            problems: TensorProblems::default(),
            masked_lm_problems: TensorProblems::default(),
            reading: self.reading,
        }
    }

    fn layer(&mut self, layer: usize, spec: &Architecture) -> Result<LayerWeights, LoadError> {
        let (breadth, inner, names) = (spec.breadth, spec.feed_forward.width, self.names);
        let (heads, biases) = (spec.heads_width(), spec.biases);
        let name = |part: &str| format!("{}{layer}.{part}", names.layer);
        let [query, key, value] = self.inputs(name, spec)?;
        let mut of_head = |part: &str| self.norm(&name(part), spec.head_width(), spec.norm);
        let query_norm = spec.attention.query_key_norm.then(|| of_head(names.query_norm)).transpose()?;
        let key_norm = spec.attention.query_key_norm.then(|| of_head(names.key_norm)).transpose()?;
        let [with_queries, with_keys] = match spec.attention.relative {
            Some(Relative::Disentangled { shared: false, content_to_position, position_to_content, .. }) => {
                [position_to_content, content_to_position]
            }
            _ => [false; 2],
        };
        let mut of_distances = |part: &str| self.linear(&name(part), breadth, heads, biases.query_key_value);
        let relative_query = with_queries.then(|| of_distances(names.relative_query)).transpose()?;
        let relative_key = with_keys.then(|| of_distances(names.relative_key)).transpose()?;
        let attention_output = self.linear(&name(names.attention_output), heads, breadth, biases.attention_output)?;
        let normalised = spec.order == Order::Post || spec.normalises_input(layer);
        let attention_norm =
            normalised.then(|| self.norm(&name(names.attention_norm), breadth, spec.norm)).transpose()?;
        let bias = biases.feed_forward;
        let (gate, intermediate) = match names.expand {
            Expand::Apart { plain, gate } => {
                let gated = spec.feed_forward.gated;
                let gate = gated.then(|| self.linear(&name(gate), breadth, inner, bias)).transpose()?;
                (gate, self.linear(&name(plain), breadth, inner, bias)?)
            }
            Expand::Fused(part) => {
                let both = self.linear(&name(part), breadth, 2 * inner, bias)?;
                (Some(rows(&both, once(0..inner))), rows(&both, once(inner..2 * inner)))
            }
        };
        Ok(LayerWeights {
            query,
            key,
            value,
            query_norm,
            key_norm,
            relative_query,
            relative_key,
            attention_output,
            attention_norm,
            gate,
            intermediate,
            output: self.linear(&name(names.output), inner, breadth, bias)?,
            output_norm: self.norm(&name(names.output_norm), breadth, spec.norm)?,
        })
    }

    /// Queries, keys and values, however they are stored.
    fn inputs(&mut self, name: impl Fn(&str) -> String, spec: &Architecture) -> Result<[Linear; 3], LoadError> {
        let (breadth, bias, width) = (spec.breadth, spec.biases.query_key_value, spec.head_width());
        let widths = [spec.heads_width(), spec.keys_width(), spec.keys_width()];
        let all = widths.iter().sum();
        Ok(match &self.names.inputs {
            Inputs::Apart([query, key, value]) => [
                self.linear(&name(query), breadth, widths[0], bias)?,
                self.linear(&name(key), breadth, widths[1], bias)?,
                self.linear(&name(value), breadth, widths[2], bias)?,
            ],
            Inputs::Blocks(part) => {
                let fused = self.linear(&name(part), breadth, all, bias)?;
                let starts = [0, widths[0], widths[0] + widths[1]];
                [0, 1, 2].map(|part| rows(&fused, once(starts[part]..starts[part] + widths[part])))
            }
            Inputs::ByHead(part) => {
                let fused = self.linear(&name(part), breadth, all, bias)?;
                let of_head = |head: usize, part: usize| (3 * head + part) * width..(3 * head + part + 1) * width;
                [0, 1, 2].map(|part| rows(&fused, (0..spec.grid.heads).map(|head| of_head(head, part))))
            }
        })
    }

    fn masked_lm_if_it_fits(&mut self, spec: &Architecture) -> Result<Option<MaskedLmHead>, LoadError> {
        let of_encoder = std::mem::take(&mut self.problems);
        let head = self.masked_lm(spec)?;
        self.masked_lm_problems = std::mem::replace(&mut self.problems, of_encoder);
        Ok(self.masked_lm_problems.is_empty().then_some(head))
    }

    fn masked_lm(&mut self, spec: &Architecture) -> Result<MaskedLmHead, LoadError> {
        let vocabulary = spec.vocabulary;
        let HeadNames { transform, norm, decoder, bias, .. } = &self.names.head;
        self.used.extend(bias.iter().map(|name| (*name).to_owned()));
        let width = spec.head.transform.map_or(spec.breadth, |transform| transform.width);
        let decoder = if spec.head.tied {
            self.used.insert((*decoder).to_owned());
            None
        } else {
            Some(self.take(decoder, &[vocabulary, width])?)
        };
        let transform = match spec.head.transform {
            None => None,
            Some(shape) => Some(HeadTransform {
                linear: self.plain_linear(transform, spec.breadth, width, shape.bias)?,
                norm: self.norm(norm, width, spec.norm)?,
            }),
        };
        let bias = match spec.head.bias {
            true => {
                let exists = |name: &&&str| self.named.contains_key(**name);
                let mut names = bias.iter();
                let found = if spec.head.tied { names.find(exists) } else { names.rfind(exists) };
                self.take(found.unwrap_or(&bias[0]), &[vocabulary])?
            }
            false => self.zeros(vocabulary),
        };
        Ok(MaskedLmHead { transform, decoder, bias })
    }

    /// A linear layer as the family stores those of its layers.
    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, LoadError> {
        if !self.names.transposed {
            return self.plain_linear(name, inputs, outputs, bias);
        }
        let stored = self.take(&weight(name), &[inputs, outputs])?;
        let mut turned = vec![0.0; stored.len()];
        for (input, row) in stored.chunks_exact(outputs).enumerate() {
            row.iter().enumerate().for_each(|(output, value)| turned[output * inputs + input] = *value);
        }
        Ok(Linear { inputs, outputs, weight: turned, bias: self.bias(name, outputs, bias)? })
    }

    fn plain_linear(&mut self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, LoadError> {
        let weight = self.take(&weight(name), &[outputs, inputs])?;
        Ok(Linear { inputs, outputs, weight, bias: self.bias(name, outputs, bias)? })
    }

    fn norm(&mut self, name: &str, width: usize, shape: Norm) -> Result<LayerNorm, LoadError> {
        let weight = self.take(&weight(name), &[width])?;
        Ok(LayerNorm { weight, bias: self.bias(name, width, shape.bias)? })
    }

    fn bias(&mut self, name: &str, width: usize, exists: bool) -> Result<Vec<f32>, LoadError> {
        if exists { self.take(&format!("{name}.bias"), &[width]) } else { Ok(self.zeros(width)) }
    }

    /// What stands for a tensor that the model does not have; nothing large when only checking.
    fn zeros(&self, width: usize) -> Vec<f32> {
        if self.reading { vec![0.0; width] } else { Vec::new() }
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
    pub fn finish_names(&mut self, spec: &Architecture, extra: ExtraTensors) -> Result<Vec<String>, LoadError> {
        let of_none = |name: &str| begins(name, self.names.passed_over) || self.is_buffer(name);
        let unused = self.named.iter().filter(|(name, _)| !self.used.contains(*name) && !of_none(name));
        let (within, beside): (Vec<_>, Vec<_>) = unused.partition(|(name, _)| begins(name, self.names.encoder));
        let in_file = |names: Vec<(&String, &(String, Stored))>| -> Vec<String> {
            names.into_iter().map(|(_, (name_in_file, _))| name_in_file.clone()).collect()
        };
        let (within, beside) = (in_file(within), in_file(beside));
        let layers = self.layers().len();
        let expected = spec.stored_layers;
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

    /// Whether a name in a layer is that of no weight.
    fn is_buffer(&self, name: &str) -> bool {
        let in_layer = name.strip_prefix(self.names.layer).and_then(|rest| rest.split_once('.'));
        in_layer.is_some_and(|(_, part)| self.names.buffers.contains(&part))
    }

    pub fn fail_on_problems(&mut self) -> Result<(), LoadError> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(LoadError::Tensors {
            path: self.checkpoint.path.clone(),
            problems: Box::new(std::mem::take(&mut self.problems)),
        })
    }
}

/// Some rows of a linear layer, in order; those of one of which only the shape was checked are not there.
fn rows(linear: &Linear, ranges: impl IntoIterator<Item = std::ops::Range<usize>>) -> Linear {
    let inputs = linear.inputs;
    let (mut weight, mut bias, mut outputs) = (Vec::new(), Vec::new(), 0);
    for range in ranges {
        outputs += range.len();
        weight.extend(linear.weight.get(range.start * inputs..range.end * inputs).into_iter().flatten());
        bias.extend(linear.bias.get(range).into_iter().flatten());
    }
    Linear { inputs, outputs, weight, bias }
}

/// Normalises rows as wide as the norm, where there are any.
fn normalise(values: &mut [f32], norm: &LayerNorm, shape: Norm) {
    for row in values.chunks_exact_mut(norm.weight.len().max(1)) {
        let count = row.len() as f64;
        let mean = match shape.kind {
            NormKind::Layer => row.iter().map(|x| f64::from(*x)).sum::<f64>() / count,
            NormKind::Rms => 0.0,
        };
        let variance = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count;
        let scale = 1.0 / (variance + f64::from(shape.epsilon)).sqrt();
        for ((x, weight), bias) in row.iter_mut().zip(&norm.weight).zip(&norm.bias) {
            *x = ((f64::from(*x) - mean) * scale) as f32 * weight + bias;
        }
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
