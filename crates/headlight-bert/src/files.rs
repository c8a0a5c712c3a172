//! The small files of a checkpoint folder.

use std::{fs, io, path::Path};

use serde::de::DeserializeOwned;

use crate::LoadError;

/// How a file begins that git-lfs left in the place of the real one.
const POINTER: &[u8] = b"version https://git-lfs";

/// The text of a file.
pub(crate) fn read_text(path: &Path) -> Result<String, LoadError> {
    let bytes = fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    refuse_pointer(path, &bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let source = io::Error::new(io::ErrorKind::InvalidData, error.utf8_error());
        LoadError::Read { path: path.to_owned(), source }
    })
}

/// What a JSON file says.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, LoadError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|source| LoadError::Json { path: path.to_owned(), source })
}

/// What a JSON file says, where it exists.
pub(crate) fn read_json_if_any<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LoadError> {
    if path.exists() { read_json(path).map(Some) } else { Ok(None) }
}

/// Fails where a file that begins with these bytes is a pointer of git-lfs.
pub(crate) fn refuse_pointer(path: &Path, beginning: &[u8]) -> Result<(), LoadError> {
    if beginning.starts_with(POINTER) {
        return Err(LoadError::Pointer { path: path.to_owned() });
    }
    Ok(())
}
