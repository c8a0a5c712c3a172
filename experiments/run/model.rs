//! The model of a run: obtained, hashed and loaded.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use headlight_attention::{Frame, HeadGrid};
use headlight_bert::{Device, Level, LoadOptions, MaskedLm, Model, Precision, Request, Visibility};
use headlight_report::run::{Input, ModelSummary};

use super::Run;
use crate::config::Settings;
use crate::sources::{fetch, input};

/// A model and where it came from.
pub struct LoadedModel {
    /// Tokenizer and encoder.
    pub model: Model,
    /// Its files, hashed.
    pub inputs: Vec<Input>,
    folder: PathBuf,
    options: LoadOptions,
    name: String,
    random_seed: Option<u64>,
}

/// What reports say of a model.
#[derive(Clone, Debug)]
pub(super) struct ModelFacts {
    pub summary: ModelSummary,
    /// What a reader must know of its weights.
    pub warnings: Vec<String>,
    /// The longest input that it reads.
    pub max_pieces: usize,
    /// Threads that it encodes on.
    pub threads: u32,
}

/// What a model is, whichever weights it has.
pub struct Checkpoint {
    /// Its files, hashed.
    pub inputs: Vec<Input>,
    /// What people call it.
    pub name: String,
    /// What there is a map of: every head, or where heads are summed (`model.attention`) every layer, as its only head.
    pub grid: HeadGrid,
    /// The special pieces around words.
    pub frame: Frame,
    /// Which words a word can attend to.
    pub visibility: Visibility,
}

impl Run {
    /// The model, loaded on first use.
    ///
    /// # Errors
    /// When it cannot be obtained or loaded.
    pub fn model(&mut self) -> Result<&LoadedModel> {
        if self.model.get().is_none() {
            let clock = Instant::now();
            let loaded = LoadedModel::load_drawn(&self.config, self.random_seed())?;
            loaded.inputs.iter().for_each(|input| self.note_input(input.clone()));
            self.note_stage("load the model", clock);
            // The cell was found empty above.
            let _ = self.model.set(loaded);
        }
        self.model.get().context("the model was loaded above")
    }

    /// Says that the experiment at work encodes nothing more. Where none comes behind it, the model's weights are let go: what
    /// follows may need their memory.
    pub fn leave_model(&mut self) {
        if self.is_last
            && let Some(model) = self.model.take()
        {
            self.left = Some(model.facts());
        }
    }

    /// What reports say of the model.
    pub(super) fn model_facts(&mut self) -> Result<ModelFacts> {
        match (self.model.get(), &self.left) {
            (None, Some(left)) => Ok(left.clone()),
            _ => Ok(self.model()?.facts()),
        }
    }

    /// What the model is, whichever weights it has: known once it was loaded.
    ///
    /// # Errors
    /// As [`Run::model`].
    pub fn checkpoint(&mut self) -> Result<&Checkpoint> {
        if self.checkpoint.get().is_none() {
            let loaded = self.model()?;
            let (inputs, name) = (loaded.inputs.clone(), loaded.summary().name);
            let (heads, frame) = (loaded.model.spec().grid, loaded.model.tokenizer().frame().clone());
            let visibility = loaded.model.spec().visibility();
            let grid = self.config.model.attention_kind().grid(heads);
            // The cell was found empty above.
            let _ = self.checkpoint.set(Checkpoint { inputs, name, grid, frame, visibility });
        }
        self.checkpoint.get().context("the model was loaded above")
    }
}

impl LoadedModel {
    /// Obtains the files of `[model]` and loads them.
    ///
    /// # Errors
    /// When no source has the model, or its files are not a checkpoint that headlight can run.
    pub fn load(config: &Settings) -> Result<Self> {
        Self::load_drawn(config, config.model.random_init.then_some(config.seed))
    }

    /// The same; with a seed, everything but the embeddings is drawn anew from it.
    ///
    /// # Errors
    /// As [`LoadedModel::load`].
    pub fn load_drawn(config: &Settings, random_seed: Option<u64>) -> Result<Self> {
        let keys = &config.model;
        let folder = folder(&keys.path, &keys.name)?;
        let options = LoadOptions {
            device: keys.device.into(),
            precision: keys.precision.into(),
            threads: NonZeroUsize::new(config.threads),
            random_init: random_seed,
            extra_tensors: keys.extra_tensors.into(),
        };
        if options.device == Device::Cuda {
            headlight_bert::keep_kernels(&fetch::cache_folder()?.join("kernels"));
        }
        // Hashing and loading read the same files; together they read them once.
        let (inputs, model) = rayon::join(|| inputs(&folder), || Model::load(&folder, &options));
        let model = model.context("cannot load the model")?;
        let name = keys.display_name();
        Ok(Self { model, inputs: inputs?, folder, options, name, random_seed })
    }

    /// The same model with its language-model head. It computes on the processor.
    ///
    /// # Errors
    /// When the checkpoint has no such head, or, where pieces are hidden to be guessed, the vocabulary no `[MASK]`.
    pub fn masked_lm(&self) -> Result<MaskedLm> {
        if self.options.device == Device::Cuda {
            tracing::warn!("losses and gradients are computed on the processor, whatever `model.device` says");
        }
        let masked_lm = MaskedLm::load(&self.folder, &self.options)?;
        let hides = masked_lm.spec().visibility() == Visibility::Full;
        let has_mask = self.model.tokenizer().special().mask.is_some();
        ensure!(has_mask || !hides, "the vocabulary of the model has no [MASK]");
        Ok(masked_lm)
    }

    /// The same model in f32 on this processor, where products are exact.
    ///
    /// # Errors
    /// As [`LoadedModel::load`].
    pub fn exact(&self) -> Result<Model> {
        let options = LoadOptions { device: Device::Cpu, precision: Precision::F32, ..self.options };
        Ok(Model::load(&self.folder, &options)?)
    }

    /// The seed that its weights were drawn from; `None` where they are the checkpoint's.
    pub fn random_seed(&self) -> Option<u64> {
        self.random_seed
    }

    /// What reports say about it.
    pub(super) fn facts(&self) -> ModelFacts {
        ModelFacts {
            summary: self.summary(),
            warnings: self.model.warnings().to_vec(),
            max_pieces: self.model.spec().max_pieces(),
            threads: self.model.threads().get() as u32,
        }
    }

    /// Its name and shape.
    pub fn summary(&self) -> ModelSummary {
        let spec = self.model.spec();
        ModelSummary {
            name: self.name.clone(),
            architecture: spec.family.to_owned(),
            layers: spec.grid.layers as u32,
            heads: spec.grid.heads as u32,
            hidden_size: spec.breadth as u32,
            random_weights: self.random_seed.is_some(),
            frame: self.model.tokenizer().frame().clone(),
            visibility: spec.visibility(),
        }
    }
}

/// `model.path`, or where `model.name` was found or fetched to.
fn folder(path: &Path, name: &str) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return fetch::model(name);
    }
    let named = || format!("cannot read {}, which `model.path` is", path.display());
    // A folder that may not be looked at is not one that is not there.
    let is_folder = match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Err(error).with_context(named),
        metadata => metadata.is_ok_and(|metadata| metadata.is_dir()),
    };
    ensure!(is_folder, "`model.path` is {}, which is no folder", path.display());
    fetch::check_label(name, path).with_context(|| {
        format!("`model.name` calls {} {name}, which it is not: give another name, or none", path.display())
    })?;
    Ok(path.to_path_buf())
}

/// The files of a checkpoint that results depend on. Weights of PyTorch count where there are no others.
fn inputs(folder: &Path) -> Result<Vec<Input>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let named = |path: &Path, endings: [&str; 2]| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let of_safetensors = |path: &Path| named(path, [".safetensors", ".safetensors.index.json"]);
    let safetensors = files.iter().any(|path| of_safetensors(path));
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let role = match name.as_ref() {
            "tokenizer.json"
            | "vocab.txt"
            | "vocab.json"
            | "merges.txt"
            | "spm.model"
            | "tokenizer_config.json"
            | "special_tokens_map.json"
            | "added_tokens.json" => "tokenizer",
            "config.json" => "model",
            _ if of_safetensors(path) => "model",
            name if !safetensors && name.starts_with("pytorch_model") && named(path, [".bin", ".bin.index.json"]) => {
                "model"
            }
            _ => return None,
        };
        Some(input(role, path))
    };
    files.iter().filter_map(wanted).collect()
}

/// What the config asks of the encoder: attention over words.
pub fn request(config: &Settings) -> Request {
    Request {
        attention: Some(Level::Words(config.treebank.merge_rule())),
        kind: config.model.attention_kind(),
        ..Request::default()
    }
}
