//! Values on disk with a checksum, so that a damaged one is made again instead of believed. They are kept as CBOR, in which
//! every float comes back bit for bit.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Bytes of the checksum that a file begins with.
const CHECKSUM: usize = 32;

/// What stands in a file.
#[derive(Debug, PartialEq)]
pub enum Found<T> {
    /// There is no file.
    Nothing,
    /// It is not as it was written, or not of this kind.
    Damaged,
    /// The value.
    Whole(T),
}

/// Writes a value. The file gets its name when it is complete.
///
/// # Errors
/// A disk that does not take it.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut bytes = vec![0; CHECKSUM];
    ciborium::into_writer(value, &mut bytes).map_err(|error| anyhow!("{error}")).with_context(failed)?;
    let checksum = Sha256::digest(&bytes[CHECKSUM..]);
    bytes[..CHECKSUM].copy_from_slice(&checksum);
    let partial = path.with_extension("writing");
    let write = || -> io::Result<()> {
        fs::write(&partial, &bytes)?;
        fs::rename(&partial, path)
    };
    write().with_context(failed)
}

/// Reads a value.
pub fn read<T: DeserializeOwned>(path: &Path) -> Found<T> {
    let Ok(bytes) = fs::read(path) else { return Found::Nothing };
    match checked(&bytes).and_then(|value| ciborium::from_reader(value).ok()) {
        Some(value) => Found::Whole(value),
        None => Found::Damaged,
    }
}

/// Whether a file is as it was written.
pub fn is_whole(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| checked(&bytes).is_some())
}

fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (checksum, value) = bytes.split_at_checked(CHECKSUM)?;
    (Sha256::digest(value).as_slice() == checksum).then_some(value)
}
