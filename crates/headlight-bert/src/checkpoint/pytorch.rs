//! Weights as `torch.save` writes them (`pytorch_model.bin`): a zip archive since PyTorch 1.6, a row of pickles before.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use safetensors::Dtype;
use zip::{CompressionMethod, ZipArchive};

use super::{
    Stored,
    pickle::{self, Pickle, Storage, Value},
};
use crate::{LoadError, files};

/// How a file of PyTorch before 1.6 begins: a number in a pickle of its own.
const LEGACY: &[u8] = &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];

/// Where the tensors of a file lie. Nothing in it is executed.
pub(super) fn read_header(path: &Path, file_number: usize) -> Result<BTreeMap<String, Stored>, LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut beginning = Vec::new();
    (&mut file).take(64).read_to_end(&mut beginning).map_err(failed)?;
    files::refuse_pointer(path, &beginning)?;
    let length = file.metadata().map_err(failed)?.len();
    let found = if beginning.starts_with(b"PK") {
        of_archive(file)
    } else if beginning.starts_with(LEGACY) {
        of_pickles(file, length)
    } else {
        Err(format!("it has {length} bytes, which begin as no file of `torch.save` does"))
    };
    found
        .and_then(|(pickle, starts)| place(&pickle, &starts, file_number))
        .map_err(|problem| LoadError::PyTorch { path: path.to_owned(), problem })
}

/// The first byte of each storage by its key.
type Starts = HashMap<String, u64>;

/// Tensors by name with their places in the file.
fn place(pickle: &Pickle, starts: &Starts, file: usize) -> Result<BTreeMap<String, Stored>, String> {
    let mut placed = BTreeMap::new();
    for (name, tensor) in pickle.tensors()? {
        let Storage { dtype, key, .. } = &tensor.storage;
        let start = starts.get(key).ok_or_else(|| format!("the storage {key} of `{name}` is not in it"))?;
        let (shape, strides) = (tensor.shape.clone(), Some(tensor.strides.clone()));
        let start = start + tensor.offset * value_bytes(*dtype);
        placed.insert(name.to_owned(), Stored { dtype: *dtype, shape, strides, file, start });
    }
    Ok(placed)
}

fn value_bytes(dtype: Dtype) -> u64 {
    dtype.bitsize() as u64 / 8
}

/// The storages that the tensors of a pickle are views of.
fn storages(pickle: &Pickle) -> Result<BTreeMap<&str, &Storage>, String> {
    let mut storages: BTreeMap<&str, &Storage> = BTreeMap::new();
    for (_, tensor) in pickle.tensors()? {
        let storage = &tensor.storage;
        if storages.insert(&storage.key, storage).is_some_and(|other| other != storage) {
            return Err(format!("the storage {} is described in two ways", storage.key));
        }
    }
    Ok(storages)
}

fn of_archive(file: File) -> Result<(Pickle, Starts), String> {
    let broken = |error: zip::result::ZipError| format!("it is no complete zip archive ({error})");
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let names: Vec<String> =
        archive.file_names().map(|name| Ok(name.map_err(broken)?.to_string())).collect::<Result<_, String>>()?;
    let roots: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix("/data.pkl")).collect();
    let [root] = roots.as_slice() else {
        return Err(format!("it is a zip archive with {} files data.pkl, where weights have one", roots.len()));
    };
    if names.contains(&format!("{root}/byteorder")) {
        let mut order = String::new();
        let entry = archive.by_name(&format!("{root}/byteorder")).map_err(broken)?;
        entry.take(64).read_to_string(&mut order).map_err(|error| error.to_string())?;
        little_endian(order.trim() == "little")?;
    }
    let pickle = pickle::read(&mut archive.by_name(&format!("{root}/data.pkl")).map_err(broken)?)?;
    let mut starts = Starts::new();
    for (key, storage) in storages(&pickle)? {
        let entry = archive.by_name(&format!("{root}/data/{key}"));
        let entry = entry.map_err(|error| format!("its storage {key} cannot be found ({error})"))?;
        let promised = storage.values.checked_mul(value_bytes(storage.dtype));
        let start = entry.data_start().unwrap_or(u64::MAX);
        if entry.compression() != CompressionMethod::Stored {
            return Err(format!("its storage {key} is compressed, which `torch.save` does not do"));
        }
        if promised != Some(entry.size()) || entry.compressed_size() != entry.size() {
            let (values, found) = (storage.values, entry.size());
            return Err(format!(
                "its storage {key} should hold {values} values of {:?}, but has {found} bytes",
                storage.dtype
            ));
        }
        if start.checked_add(entry.size()).is_none_or(|end| end > length) {
            return Err(format!("its storage {key} reaches beyond its end"));
        }
        starts.insert(key.to_owned(), start);
    }
    Ok((pickle, starts))
}

fn of_pickles(mut file: File, length: u64) -> Result<(Pickle, Starts), String> {
    file.seek(SeekFrom::Start(LEGACY.len() as u64)).map_err(|error| error.to_string())?;
    let mut reader = BufReader::new(file);
    let version = pickle::read(&mut reader)?;
    if !matches!(version.value(version.root), Value::Int(1001)) {
        return Err("its protocol is not that of PyTorch (1001)".to_owned());
    }
    let system = pickle::read(&mut reader)?;
    little_endian(matches!(system.key("little_endian"), Some(Value::Bool(true))))?;
    let pickle = pickle::read(&mut reader)?;
    let keys = pickle::read(&mut reader)?;
    let Value::List(order) = keys.value(keys.root) else { return Err("it does not list its storages".to_owned()) };
    let storages = storages(&pickle)?;
    let mut starts = Starts::new();
    for id in order {
        let Value::Text(key) = keys.value(*id) else { return Err("a storage has no name".to_owned()) };
        let storage =
            storages.get(key.as_str()).ok_or_else(|| format!("no tensor tells the type of its storage {key}"))?;
        let mut count = [0; 8];
        reader.read_exact(&mut count).map_err(|_| format!("truncated: its storage {key} is not there"))?;
        let (found, promised) = (u64::from_le_bytes(count), storage.values);
        if found != promised {
            return Err(format!("its storage {key} should hold {promised} values, but says that it has {found}"));
        }
        let start = reader.stream_position().map_err(|error| error.to_string())?;
        let end = promised.checked_mul(value_bytes(storage.dtype)).and_then(|bytes| start.checked_add(bytes));
        let end =
            end.filter(|end| *end <= length).ok_or_else(|| format!("truncated: its storage {key} ends beyond it"))?;
        reader.seek(SeekFrom::Start(end)).map_err(|error| error.to_string())?;
        starts.insert(key.clone(), start);
    }
    Ok((pickle, starts))
}

fn little_endian(little: bool) -> Result<(), String> {
    if little { Ok(()) } else { Err("its values are not in the byte order of this machine (little-endian)".to_owned()) }
}
