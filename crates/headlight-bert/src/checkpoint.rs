//! Tensors by name out of one file of weights or several shards, read one at a time so that nothing is held twice.

mod pickle;
mod pytorch;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use half::{bf16, f16};
use safetensors::{Dtype, tensor::Metadata};
use serde::Deserialize;

use crate::{LoadError, files};

/// Where a tensor lies and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Per axis, in values, where they are not laid out row by row.
    strides: Option<Vec<usize>>,
    file: usize,
    start: u64,
}

impl Stored {
    /// From its first value to its last, in values.
    fn span(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        match &self.strides {
            None => self.shape.iter().product(),
            Some(strides) => {
                1 + self.shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride).sum::<usize>()
            }
        }
    }

    /// Values row by row, of all in its span.
    fn row_major(&self, span: Vec<f32>) -> Vec<f32> {
        let Some(strides) = &self.strides else { return span };
        let mut expected = 1;
        let mut in_order = true;
        for (size, stride) in self.shape.iter().zip(strides).rev() {
            in_order &= *size == 1 || *stride == expected;
            expected *= size;
        }
        if in_order || span.is_empty() {
            return span;
        }
        let mut values = Vec::with_capacity(expected);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..expected {
            values.push(span[index.iter().zip(strides).map(|(at, stride)| at * stride).sum::<usize>()]);
            for (at, size) in index.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < *size {
                    break;
                }
                *at = 0;
            }
        }
        values
    }
}

/// The tensors of a checkpoint folder by their names in the file. Every file is complete: its length was checked.
pub(crate) struct Checkpoint {
    /// What to name in an error about the tensors as a whole.
    pub path: PathBuf,
    files: Vec<PathBuf>,
    pub tensors: BTreeMap<String, Stored>,
}

/// The files that hold a checkpoint's weights, the first of them that there is: whole, or the index of its shards.
const WHOLE_OR_INDEX: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// The longest header that is read, as of the safetensors crate.
const LONGEST_HEADER: u64 = 100_000_000;

/// The index of shards.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` names; else the same of
    /// `pytorch_model.bin`, without executing anything of it.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let found = WHOLE_OR_INDEX.iter().map(|name| folder.join(name)).find(|path| path.exists());
        match found {
            Some(index) if index.extension().is_some_and(|extension| extension == "json") => {
                Self::open_shards(folder, index)
            }
            Some(whole) => {
                let tensors = read_header(&whole, 0)?;
                Ok(Self { path: whole.clone(), files: vec![whole], tensors })
            }
            None => {
                let hint = hint(folder);
                Err(LoadError::MissingFile {
                    folder: folder.to_owned(),
                    wanted: "model.safetensors or pytorch_model.bin",
                    hint,
                })
            }
        }
    }

    fn open_shards(folder: &Path, index: PathBuf) -> Result<Self, LoadError> {
        let Index { weight_map } = files::read_json(&index)?;
        let damaged = |problem| LoadError::Shards { path: index.clone(), problem };
        let names: BTreeSet<&String> = weight_map.values().collect();
        let (mut files, mut tensors) = (Vec::new(), BTreeMap::new());
        for name in names {
            // A shard lies beside its index: no path leads out of the folder.
            if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) {
                return Err(damaged(format!("the shard `{name}` is not a plain file name")));
            }
            let path = folder.join(name);
            for (tensor, stored) in read_header(&path, files.len())? {
                match weight_map.get(&tensor) {
                    Some(shard) if shard == name => drop(tensors.insert(tensor, stored)),
                    Some(shard) => {
                        return Err(damaged(format!("it places {tensor} in {shard}, but it is in {name}")));
                    }
                    None => return Err(damaged(format!("it does not list {tensor} of {name}"))),
                }
            }
            files.push(path);
        }
        if let Some((tensor, shard)) = weight_map.iter().find(|(tensor, _)| !tensors.contains_key(*tensor)) {
            return Err(damaged(format!("it places {tensor} in {shard}, which lacks it")));
        }
        Ok(Self { path: index, files, tensors })
    }

    /// The values of a tensor as f32. `stored` is of type F32, F16 or BF16.
    pub fn values(&self, stored: &Stored) -> Result<Vec<f32>, LoadError> {
        let path = &self.files[stored.file];
        let read = |bytes: &mut [u8]| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(stored.start))?;
            file.read_exact(bytes)
        };
        let failed = |source| LoadError::Read { path: path.clone(), source };
        let span = stored.span();
        if stored.dtype == Dtype::F32 {
            let mut values = vec![0f32; span];
            read(bytemuck::cast_slice_mut(&mut values)).map_err(failed)?;
            if cfg!(target_endian = "big") {
                values.iter_mut().for_each(|value| *value = f32::from_bits(value.to_bits().swap_bytes()));
            }
            return Ok(stored.row_major(values));
        }
        let mut bytes = vec![0u8; 2 * span];
        read(&mut bytes).map_err(failed)?;
        let halves = bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
        let values = match stored.dtype {
            Dtype::F16 => halves.map(|pair| f16::from_le_bytes(pair).to_f32()).collect(),
            Dtype::BF16 => halves.map(|pair| bf16::from_le_bytes(pair).to_f32()).collect(),
            other => {
                let problem = format!("a tensor of type {other:?} holds no weights");
                return Err(LoadError::Damaged { path: path.clone(), problem });
            }
        };
        Ok(stored.row_major(values))
    }
}

/// What to do about weights in another form than safetensors, by the files of the folder that hold them.
fn hint(folder: &Path) -> &'static str {
    let names = folder.read_dir().into_iter().flatten().flatten();
    let names: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let has = |part: &str| names.iter().any(|name| name.contains(part));
    if has("adapter_model") {
        "the weights there are those of an adapter; merge them into their model with peft's `merge_and_unload` and save it"
    } else if has("pytorch_model") || has(".bin") || has(".pt") {
        "a file of PyTorch under another name is there; call it pytorch_model.bin, or save the model with transformers' \
         `save_pretrained`"
    } else if has("tf_model") || has(".h5") || has(".ckpt") {
        "only weights of TensorFlow are there; load the model with `from_pretrained(…, from_tf=True)` of transformers 4 and \
         save it with `save_pretrained`"
    } else if has("flax_model") || has(".msgpack") {
        "only weights of Flax are there; load the model with `from_pretrained(…, from_flax=True)` of transformers 4 and save \
         it with `save_pretrained`"
    } else if has(".onnx") || has(".gguf") {
        "only weights made for inference (ONNX, GGUF) are there; take the checkpoint that they were made from"
    } else if has(".safetensors") {
        "a safetensors file of another name is there; call it model.safetensors"
    } else {
        "a model is a folder with config.json, model.safetensors (or pytorch_model.bin) and tokenizer.json or vocab.txt"
    }
}

/// Where the tensors of a file lie. The file is as long as it says.
fn read_header(path: &Path, file_number: usize) -> Result<BTreeMap<String, Stored>, LoadError> {
    if path.extension().is_some_and(|extension| extension == "bin") {
        pytorch::read_header(path, file_number)
    } else {
        read_safetensors_header(path, file_number)
    }
}

/// Whether a safetensors file is whole: its header can be read, and it is as long as that says.
///
/// # Errors
/// [`LoadError::Read`] where it cannot be read, else [`LoadError::Damaged`].
pub fn check_safetensors(path: &Path) -> Result<(), LoadError> {
    read_safetensors_header(path, 0).map(drop)
}

/// Reads the header of a safetensors file and checks that the file is as long as it says.
fn read_safetensors_header(path: &Path, file_number: usize) -> Result<BTreeMap<String, Stored>, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let damaged = |problem: String| LoadError::Damaged { path: path.to_owned(), problem };
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut beginning = Vec::new();
    (&mut file).take(64).read_to_end(&mut beginning).map_err(failed)?;
    files::refuse_pointer(path, &beginning)?;
    let Some(prefix) = beginning.first_chunk::<8>() else {
        return Err(damaged(format!("it has {length} bytes")));
    };
    let header_length = u64::from_le_bytes(*prefix);
    if header_length > LONGEST_HEADER {
        return Err(damaged(format!("its header should take {header_length} bytes, and no header takes so many")));
    }
    let data_start = header_length.saturating_add(8);
    if data_start > length {
        return Err(damaged(format!("its header should take {header_length} bytes, but the file has {length}")));
    }
    file.seek(SeekFrom::Start(8)).map_err(failed)?;
    let mut header = Vec::new();
    file.take(header_length).read_to_end(&mut header).map_err(failed)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|error| damaged(format!("its header is broken: {error}")))?;
    let promised = data_start + metadata.data_len() as u64;
    if promised != length {
        let kind = if length < promised { "truncated" } else { "too long" };
        return Err(damaged(format!("{kind}: its header promises {promised} bytes, the file has {length}")));
    }
    Ok(metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let (dtype, shape, start) = (info.dtype, info.shape.clone(), data_start + info.data_offsets.0 as u64);
            (name, Stored { dtype, shape, strides: None, file: file_number, start })
        })
        .collect())
}
