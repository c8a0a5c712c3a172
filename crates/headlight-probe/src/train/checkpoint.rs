//! The state of training on disk, from which an interrupted training goes on to the same result.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytemuck::cast_slice;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::adam::Adam;
use super::{EpochReport, TrainOptions};
use crate::{Examples, Probe, ProbeSpec};

/// The key of the JSON text in the file's metadata.
const KEY: &str = "headlight_training";
/// The key of [`checksum`] in the metadata of checkpoints and saved probes.
pub(crate) const CHECKSUM: &str = "sha256";

/// The tensors of a checkpoint: parameters now and after the best epoch, Adam's moments.
const TENSORS: [&str; 4] = ["parameters", "best", "first_moment", "second_moment"];

/// Everything that changes while a probe is trained.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct State {
    pub(super) parameters: Vec<f32>,
    pub(super) best: Vec<f32>,
    pub(super) adam: Adam,
    pub(super) progress: Place,
}

/// Where training stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) epoch: usize,
    /// Sentences of this epoch that are done.
    pub(super) sentences: usize,
    /// Loss over them, in nats.
    pub(super) loss: f64,
    pub(super) learning_rate: f32,
    pub(super) best_loss: Option<f64>,
    pub(super) best_epoch: usize,
    /// Epochs since the loss last fell by enough.
    pub(super) waited: usize,
    pub(super) history: Vec<EpochReport>,
}

/// What a checkpoint must agree with to be gone on from. The order of sentences follows from seed and epoch, so no
/// state of a random generator needs keeping.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Identity {
    spec: ProbeSpec,
    options: TrainOptions,
    sentences: usize,
    /// A hash of the gold governors of all training sentences.
    governors: u64,
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    steps: u64,
    progress: Place,
}

impl Identity {
    pub(super) fn new<E: Examples>(probe: &Probe, options: &TrainOptions, examples: &E, sentences: &[usize]) -> Self {
        // FNV-1a: stable over runs and machines, unlike the standard library's hasher.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |value: usize| hash = (hash ^ value as u64).wrapping_mul(0x0100_0000_01b3);
        for &sentence in sentences {
            add(sentence);
            let words = examples.words(sentence);
            words.governors().iter().for_each(|governor| add(crate::arcs::candidate_of(*governor, words.words())));
        }
        Self { spec: probe.spec().clone(), options: options.clone(), sentences: sentences.len(), governors: hash }
    }
}

/// Why a checkpoint could not be written or gone on from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file could not be read or written.
    #[error("cannot {action} the checkpoint {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a whole checkpoint.
    #[error("{path} is not a whole training checkpoint ({reason}); delete it to train from the start")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file belongs to another training.
    #[error("{path} is the checkpoint of a training with another {what}; delete it to train from the start")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
}

/// Writes the state beside `path` and renames it there, so that `path` is whole at any moment.
pub(super) fn write(path: &Path, identity: &Identity, state: &State) -> Result<(), CheckpointError> {
    let header = Header { identity: identity.clone(), steps: state.adam.steps, progress: state.progress.clone() };
    let io = |source| CheckpointError::Io { action: "write", path: path.to_owned(), source };
    let header = serde_json::to_string(&header).map_err(|error| io(io::Error::other(error)))?;
    let values = [&state.parameters, &state.best, &state.adam.first, &state.adam.second];
    let tensors = std::array::from_fn::<_, 4, _>(|place| (TENSORS[place], values[place]));
    let sum = checksum(&header, tensors.map(|(name, values)| (name, cast_slice(values))));
    let views = tensors.map(|(name, values)| {
        let view = TensorView::new(Dtype::F32, vec![values.len()], cast_slice(values));
        (name, view.expect("the shape is the length"))
    });
    let metadata = [(KEY.to_owned(), header), (CHECKSUM.to_owned(), sum)].into();
    write_atomically(path, &serialized(views, metadata).map_err(io)?).map_err(io)
}

/// Reads the state that [`write`] wrote; `None` when there is no such file.
pub(super) fn read(path: &Path, identity: &Identity) -> Result<Option<State>, CheckpointError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(CheckpointError::Io { action: "read", path: path.to_owned(), source }),
    };
    let broken = |reason: String| CheckpointError::Broken { path: path.to_owned(), reason };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
    let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    let text = text.ok_or_else(|| broken(format!("its metadata has no `{KEY}`")))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
    let data = TENSORS.iter().filter_map(|name| Some((*name, tensors.tensor(name).ok()?.data())));
    let kept = metadata.metadata().as_ref().and_then(|metadata| metadata.get(CHECKSUM));
    if kept != Some(&checksum(text, data)) {
        return Err(broken("its checksum is of something else".to_owned()));
    }
    let header: Header = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let foreign = |what| Err(CheckpointError::Foreign { path: path.to_owned(), what });
    if header.identity.spec != identity.spec {
        return foreign("probe");
    }
    if header.identity.options != identity.options {
        return foreign("regime or seed");
    }
    if header.identity != *identity {
        return foreign("treebank");
    }
    let length = identity.spec.layout().len();
    let values = |name: &str| {
        let tensor = tensors.tensor(name).map_err(|error| broken(error.to_string()))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != [length] {
            return Err(broken(format!("`{name}` is not {length} numbers")));
        }
        let (numbers, _) = tensor.data().as_chunks();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>())
    };
    Ok(Some(State {
        parameters: values(TENSORS[0])?,
        best: values(TENSORS[1])?,
        adam: Adam { first: values(TENSORS[2])?, second: values(TENSORS[3])?, steps: header.steps },
        progress: header.progress,
    }))
}

/// SHA-256 of a file's JSON text and of its tensors, in hexadecimal digits: what a damaged file is told by.
pub(crate) fn checksum<'a>(header: &str, tensors: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(header.as_bytes());
    for (name, data) in tensors {
        add(name.as_bytes());
        add(data);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A safetensors file whose header has its keys in order: the same bytes whenever the same is written.
pub(crate) fn serialized<'a>(
    tensors: impl IntoIterator<Item = (&'a str, TensorView<'a>)>,
    metadata: HashMap<String, String>,
) -> io::Result<Vec<u8>> {
    let bytes = safetensors::serialize(tensors, Some(metadata)).map_err(io::Error::other)?;
    let (length, rest) = bytes.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header)?;
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes(), header.as_slice(), data].concat())
}

/// Writes a file so that it appears whole or not at all. What a killed process leaves of one is overwritten by the next.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let beside = path.with_file_name(name);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&beside, path));
    if renamed.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    renamed
}
