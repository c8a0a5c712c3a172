//! The files that a run wrote, with their checksums, and which of them are other ones by now.
//!
//! Whoever owns a run may edit its files: readers go by what stands there and say that it is not what the run wrote. Bytes
//! that no hand and no tool changes are damage, and an error.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Component, Path};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::RunError;

/// A file that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Its path from the run's folder, with `/` between folders.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Every byte is as it was written.
    AsWritten,
    /// It is another one.
    Changed,
    /// It is not there.
    Missing,
}

impl WrittenFile {
    /// All files in a folder, also in its folders, in the order of their paths; but for those of these names right in it.
    ///
    /// # Errors
    /// [`RunError::Io`] names what cannot be read.
    pub fn all_in(folder: &Path, except: &[&str]) -> Result<Vec<Self>, RunError> {
        Self::each(folder, &Self::names_in(folder, except)?)
    }

    /// The paths of all files in a folder, as [`WrittenFile::all_in`] has them.
    ///
    /// # Errors
    /// [`RunError::Io`] names what cannot be read.
    pub fn names_in(folder: &Path, except: &[&str]) -> Result<Vec<String>, RunError> {
        let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(inner) = folders.pop() {
            let path = folder.join(&inner);
            let io = |source| RunError::Io { path: path.clone(), source };
            for entry in fs::read_dir(&path).map_err(io)? {
                let entry = entry.map_err(io)?;
                let name = format!("{inner}{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().map_err(io)?;
                match () {
                    () if except.contains(&name.as_str()) => {}
                    () if kind.is_dir() => folders.push(name + "/"),
                    () => names.push(name),
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// The files of these paths in a folder.
    ///
    /// # Errors
    /// [`RunError::Io`] when one cannot be read.
    pub fn each(folder: &Path, paths: &[String]) -> Result<Vec<Self>, RunError> {
        paths.par_iter().map(|path| Self::of(folder, path)).collect()
    }

    /// The file of this path in a folder.
    ///
    /// # Errors
    /// [`RunError::Io`] when it cannot be read.
    pub fn of(folder: &Path, path: &str) -> Result<Self, RunError> {
        let file = folder.join(path);
        let io = |source| RunError::Io { path: file.clone(), source };
        let (bytes, sha256) = checksum(&file).map_err(io)?;
        Ok(Self { path: path.to_owned(), bytes, sha256 })
    }

    /// What became of it.
    ///
    /// # Errors
    /// [`RunError::Io`] when it is there and cannot be read.
    pub fn state(&self, folder: &Path) -> Result<FileState, RunError> {
        let path = Path::new(&self.path);
        // A manifest is data: it cannot send its reader elsewhere.
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let file = folder.join(path);
        match fs::metadata(&file) {
            Ok(metadata) if is_inside && metadata.is_file() => {
                let is_same = metadata.len() == self.bytes && Self::of(folder, &self.path)? == *self;
                Ok(if is_same { FileState::AsWritten } else { FileState::Changed })
            }
            Err(source) if is_inside && source.kind() != io::ErrorKind::NotFound => {
                Err(RunError::Io { path: file, source })
            }
            _ => Ok(FileState::Missing),
        }
    }
}

/// The size of a file and its SHA-256, in hexadecimal.
///
/// # Errors
/// When it cannot be read.
pub fn checksum(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex(&hasher.finalize()))),
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}

/// Bytes in lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key under which a JSON file holds its own checksum.
const SEAL: &str = "sha256";

/// What the checksum is of: the file with zeros in the checksum's place.
const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The text of a JSON object with one more key, the last: its own checksum.
pub(super) fn sealed(json: &str) -> String {
    let open = json.trim_end().strip_suffix('}').unwrap_or(json).trim_end();
    let blank = format!("{open},\n  \"{SEAL}\": \"{BLANK}\"\n}}\n");
    replace_last(&blank, BLANK, &hex(&Sha256::digest(&blank)))
}

/// Whether a text that [`sealed`] made is still the same; `None` where it holds no checksum.
pub(super) fn is_as_sealed(text: &[u8]) -> Option<bool> {
    #[derive(Deserialize)]
    struct Seal {
        sha256: Option<String>,
    }

    let Seal { sha256 } = serde_json::from_slice(text).ok()?;
    let (digits, text) = (sha256?, String::from_utf8_lossy(text));
    let blank = replace_last(&text, &digits, BLANK);
    Some(hex(&Sha256::digest(&blank)) == digits)
}

fn replace_last(text: &str, from: &str, to: &str) -> String {
    match text.rsplit_once(from) {
        Some((before, after)) => format!("{before}{to}{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_all_folders_and_told_from_changed_and_missing_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("probes")).unwrap();
        for (file, content) in [("b.csv", "1"), ("a.csv", ""), ("probes/p.safetensors", "abc"), ("manifest.json", "{}")]
        {
            fs::write(path.join(file), content).unwrap();
        }
        let files = WrittenFile::all_in(path, &["manifest.json"]).unwrap();
        let names: Vec<(&str, u64)> = files.iter().map(|file| (file.path.as_str(), file.bytes)).collect();
        assert_eq!(names, [("a.csv", 0), ("b.csv", 1), ("probes/p.safetensors", 3)]);
        // From sha256sum.
        assert_eq!(files[2].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let states = || files.iter().map(|file| file.state(path).unwrap()).collect::<Vec<_>>();
        assert_eq!(states(), [FileState::AsWritten; 3]);
        fs::write(path.join("b.csv"), "2").unwrap();
        fs::remove_file(path.join("probes/p.safetensors")).unwrap();
        assert_eq!(states(), [FileState::AsWritten, FileState::Changed, FileState::Missing]);
        let outside = WrittenFile { path: "../secret".to_owned(), ..files[0].clone() };
        assert_eq!(outside.state(&path.join("probes")).unwrap(), FileState::Missing);
    }

    #[test]
    fn no_changed_byte_of_a_sealed_text_goes_unnoticed() {
        let text = sealed("{\n  \"format_version\": 1,\n  \"seconds\": 0.1\n}\n");
        assert!(text.ends_with("\"\n}\n") && is_as_sealed(text.as_bytes()) == Some(true), "{text}");
        assert_eq!(is_as_sealed(b"{\"format_version\": 1}"), None);
        let mut broken = 0;
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            match (is_as_sealed(&bytes), serde_json::from_slice::<serde_json::Value>(&bytes)) {
                (Some(holds), Ok(_)) => assert!(!holds, "byte {at}"),
                // Without its key it is the file of an earlier version, and otherwise the same.
                (None, Ok(value)) => assert_eq!(value["seconds"], 0.1, "byte {at}"),
                (_, Err(_)) => broken += 1,
            }
        }
        assert!(broken > 10);
    }
}
