//! Where a table is read from.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::{Buf as _, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// The largest file that is read at once, in bytes.
const SMALL: u64 = 16 << 20;

/// A file of a table: a small one is read at once, because the reader of Parquet asks for every page of every column by several
/// calls of the system (2,600 for a report of a run of heads), which a shared file system answers slowly.
pub(super) enum Source {
    Small(Bytes),
    Large(File),
}

impl Source {
    /// Opens a file: what it is read from, and its length.
    pub fn open(path: &Path) -> io::Result<(Self, u64)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > SMALL {
            return Ok((Self::Large(file), length));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.read_to_end(&mut bytes)?;
        Ok((Self::Small(bytes.into()), length))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::Small(bytes) => bytes.len() as u64,
            Self::Large(file) => Length::len(file),
        }
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Self::Small(bytes) => {
                let from = usize::try_from(start).map_or(bytes.len(), |start| start.min(bytes.len()));
                Box::new(bytes.slice(from..).reader())
            }
            Self::Large(file) => Box::new(file.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Self::Small(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let end = start.checked_add(length).filter(|end| *end <= bytes.len());
                let beyond = || ParquetError::EOF(format!("there are no {length} bytes from byte {start} on"));
                end.map(|end| bytes.slice(start..end)).ok_or_else(beyond)
            }
            Self::Large(file) => file.get_bytes(start, length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_alike_however_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        std::fs::write(&path, b"0123456789").unwrap();
        let (small, length) = Source::open(&path).unwrap();
        let large = Source::Large(File::open(&path).unwrap());
        assert!(matches!(small, Source::Small(_)) && length == 10);
        for source in [small, large] {
            assert_eq!(Length::len(&source), 10);
            assert_eq!(source.get_bytes(2, 8).unwrap(), "23456789");
            assert!(source.get_bytes(3, 8).is_err() && source.get_bytes(u64::MAX, 1).is_err());
            let mut rest = String::new();
            source.get_read(7).unwrap().read_to_string(&mut rest).unwrap();
            assert_eq!(rest, "789");
            assert_eq!(source.get_read(11).unwrap().read(&mut [0]).unwrap(), 0);
        }
    }
}
