//! Where a table is read from.

use std::fs::File;
use std::io::{self, BufRead, Read as _};
use std::path::Path;

use bytes::{Buf as _, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::thrift::{Refused, check_file, check_page};

/// The largest file that is read at once, in bytes.
const SMALL: u64 = 16 << 20;

/// The longest description of a page, in bytes.
const LONGEST_HEADER: usize = 1 << 20;

/// The length of what ends every file: how long its description before it is, and four letters.
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

    /// Looks through the description of the whole file, before the reader does. A file without one is left to the reader.
    pub fn check(&self) -> Result<(), ParquetError> {
        let Some(before) = Length::len(self).checked_sub(FOOTER) else { return Ok(()) };
        let end = self.get_bytes(before, FOOTER as usize)?;
        let length = u32::from_le_bytes([end[0], end[1], end[2], end[3]]);
        match before.checked_sub(u64::from(length)) {
            Some(start) if end.ends_with(b"PAR1") => Ok(check_file(&self.get_bytes(start, length as usize)?)?),
            _ => Ok(()),
        }
    }

    /// Looks through the header of a page that begins here, of which these bytes are read already.
    fn check_page(&self, start: u64, read: &[u8]) -> Result<(), ParquetError> {
        match check_page(read) {
            Err(Refused::Short) if matches!(self, Self::Large(_)) && read.len() < LONGEST_HEADER => {
                let rest = Length::len(self).saturating_sub(start);
                let length = usize::try_from(rest).map_or(LONGEST_HEADER, |rest| rest.min(LONGEST_HEADER));
                Ok(check_page(&self.get_bytes(start, length)?)?)
            }
            checked => Ok(checked?),
        }
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
            self.check_page(start, read.fill_buf()?)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_alike_however_large() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        std::fs::write(&path, b"\x15\x00\x15\x00\x15\x00\x00789").unwrap();
        let small = Source::open(&path).unwrap();
        let large = Source::Large(File::open(&path).unwrap());
        assert!(matches!(small, Source::Small(_)));
        for source in [small, large] {
            assert_eq!(Length::len(&source), 10);
            assert_eq!(source.get_bytes(7, 3).unwrap(), "789");
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
    fn headers_longer_than_what_is_read_at_once_are_looked_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it");
        // A field that there is not, of 20,000 bytes.
        let mut page = b"\x15\x00\x15\x00\x15\x00\xc8\xa0\x9c\x01".to_vec();
        page.resize(page.len() + 20_000, b'a');
        page.push(0);
        for (bytes, is_good) in [(&page[..], true), (&page[..page.len() - 1], false)] {
            std::fs::write(&path, bytes).unwrap();
            for source in [Source::open(&path).unwrap(), Source::Large(File::open(&path).unwrap())] {
                assert_eq!(source.get_read(0).is_ok(), is_good);
            }
        }
    }
}
