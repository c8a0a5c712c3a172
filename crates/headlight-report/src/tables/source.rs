//! Where a table is read from.

use std::fs::File;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

use bytes::{Buf as _, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// The largest file that is read at once, in bytes.
const SMALL: u64 = 16 << 20;

/// The most bytes that a page of a column may claim to be unpacked; writers make pages of about 1 MiB.
const LARGEST_PAGE: u64 = 64 << 20;

/// The length of what ends every file: where in it its description begins.
const FOOTER: u64 = 8;

/// A file of a table: a small one is read at once, because the reader of Parquet asks for every page of every column by several
/// calls of the system, which a shared file system answers slowly.
pub(super) enum Source {
    Small(Bytes),
    Large(File),
}

impl Source {
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        if length > SMALL {
            return Ok(Self::Large(file));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.read_to_end(&mut bytes)?;
        Ok(Self::Small(bytes.into()))
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
    type T = Box<dyn BufRead>;

    /// What is read so, and not as bytes, is the end of the file and the header of each page.
    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let mut read: Box<dyn BufRead> = match self {
            Self::Small(bytes) => {
                let from = usize::try_from(start).map_or(bytes.len(), |start| start.min(bytes.len()));
                Box::new(bytes.slice(from..).reader())
            }
            Self::Large(file) => Box::new(file.get_read(start)?),
        };
        if start != Length::len(self).saturating_sub(FOOTER) {
            check_page(read.fill_buf()?)?;
        }
        Ok(read)
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

/// Refuses a page that claims more than a page holds, before memory is taken for it: its header begins with its type and its size
/// unpacked (`PageHeader` in parquet.thrift), each an integer after a byte 0x15, in Thrift's compact protocol.
fn check_page(header: &[u8]) -> Result<(), ParquetError> {
    let mut bytes = header.iter().copied();
    let mut integer = || {
        if bytes.next()? != 0x15 {
            return None;
        }
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // Negative numbers are the odd ones.
                return Some(number / 2);
            }
        }
        None
    };
    match integer().and_then(|_| integer()) {
        Some(claim) if claim > LARGEST_PAGE => {
            Err(ParquetError::General(format!("a page claims {claim} bytes; the most are {LARGEST_PAGE}")))
        }
        Some(_) => Ok(()),
        None => Err(ParquetError::General("a page begins as none does".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_alike_however_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        std::fs::write(&path, b"\x15\x00\x15\x10456789").unwrap();
        let small = Source::open(&path).unwrap();
        let large = Source::Large(File::open(&path).unwrap());
        assert!(matches!(small, Source::Small(_)));
        for source in [small, large] {
            assert_eq!(Length::len(&source), 10);
            assert_eq!(source.get_bytes(4, 6).unwrap(), "456789");
            assert!(source.get_bytes(3, 8).is_err() && source.get_bytes(u64::MAX, 1).is_err());
            for from in [0, 2] {
                let mut rest = Vec::new();
                source.get_read(from).unwrap().read_to_end(&mut rest).unwrap();
                assert_eq!(rest, source.get_bytes(from, 10 - from as usize).unwrap());
            }
            assert!(source.get_read(7).is_err() && source.get_read(11).is_err());
        }
    }

    #[test]
    fn pages_that_claim_too_much_are_refused() {
        assert!(check_page(b"\x15\x00\x15\x80\x80\x80\x40").is_ok());
        for header in [&b"\x15\x00\x15\x82\x80\x80\x40"[..], b"\x15\x00\x15\xfe\xff\xff\xff\x0f"] {
            assert!(check_page(header).unwrap_err().to_string().contains("claims"));
        }
        for header in [&b""[..], b"\x15\x00\x15\x80", b"\x15\x00\x25\x10", b"\x15\xff\xff\xff\xff\xff\x00\x15\x10"] {
            assert!(check_page(header).unwrap_err().to_string().contains("as none does"));
        }
    }
}
