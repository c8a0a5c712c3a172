//! What describes a Parquet file and each of its pages, looked through before its reader reads it.
//!
//! Both are structures in Thrift's compact protocol. The reader takes memory and time for what they claim: a list of two thousand
//! million elements, a group of columns that has as many. Here nothing is taken for anything: a claim that no bytes stand behind is
//! an error.

use parquet::errors::ParquetError;

use Is::{Byte, Column, Flag, Integer, List, Members, Real, Size, Text, Unknown};

/// The most bytes that a page of a column may claim to be unpacked; writers make pages of about 1 MiB.
const LARGEST_PAGE: i32 = 64 << 20;

/// How many structures, lists and groups of columns may lie in each other.
const DEEPEST: usize = 32;

/// Why it is not read.
#[derive(Debug)]
pub(super) enum Refused {
    /// The bytes end before it does.
    Short,
    /// It is not what it must be.
    Wrong(String),
}

impl From<Refused> for ParquetError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Short => Self::EOF("a description of it does not end".to_owned()),
            Refused::Wrong(why) => Self::General(why),
        }
    }
}

/// What stands in a field that is known. The reader trusts that it is this, whatever the file says that it is.
enum Is {
    Flag,
    Byte,
    Integer,
    /// How many bytes a page is unpacked.
    Size,
    /// How many columns or groups are in a group of columns.
    Members,
    Real,
    Text,
    List(&'static Is),
    Fields(Fields),
    /// A column or a group of columns.
    Column,
    /// No field has this number.
    Unknown,
}

/// What the fields of a structure are, from number 1 on.
type Fields = &'static [Is];

// The structures of parquet.thrift (Parquet 2.12), under their names there.
const EMPTY: Is = Is::Fields(&[]);
const STATISTICS: Is = Is::Fields(&[Text, Text, Integer, Integer, Text, Text, Flag, Flag, Integer]);
const DATA_PAGE_HEADER: Is = Is::Fields(&[Integer, Integer, Integer, Integer, STATISTICS]);
const DICTIONARY_PAGE_HEADER: Is = Is::Fields(&[Integer, Integer, Flag]);
const DATA_PAGE_HEADER_V2: Is = Is::Fields(&[Integer, Integer, Integer, Integer, Integer, Integer, Flag, STATISTICS]);
const PAGE_HEADER: Fields = &[
    Integer,
    Size,
    Integer,
    Integer,
    DATA_PAGE_HEADER,
    EMPTY, // IndexPageHeader
    DICTIONARY_PAGE_HEADER,
    DATA_PAGE_HEADER_V2,
];
const DECIMAL_TYPE: Is = Is::Fields(&[Integer, Integer]);
const TIME_TYPE: Is = Is::Fields(&[Flag, Is::Fields(&[EMPTY, EMPTY, EMPTY])]);
const INT_TYPE: Is = Is::Fields(&[Byte, Flag]);
const VARIANT_TYPE: Is = Is::Fields(&[Byte]);
const GEOMETRY_TYPE: Is = Is::Fields(&[Text]);
const GEOGRAPHY_TYPE: Is = Is::Fields(&[Text, Integer]);
const LOGICAL_TYPE: Is = Is::Fields(&[
    EMPTY, // StringType
    EMPTY, // MapType
    EMPTY, // ListType
    EMPTY, // EnumType
    DECIMAL_TYPE,
    EMPTY, // DateType
    TIME_TYPE,
    TIME_TYPE, // TimestampType
    Unknown,
    INT_TYPE,
    EMPTY, // NullType
    EMPTY, // JsonType
    EMPTY, // BsonType
    EMPTY, // UUIDType
    EMPTY, // Float16Type
    VARIANT_TYPE,
    GEOMETRY_TYPE,
    GEOGRAPHY_TYPE,
]);
const SCHEMA_ELEMENT: Fields =
    &[Integer, Integer, Integer, Text, Members, Integer, Integer, Integer, Integer, LOGICAL_TYPE];
const KEY_VALUE: Is = Is::Fields(&[Text, Text]);
const PAGE_ENCODING_STATS: Is = Is::Fields(&[Integer, Integer, Integer]);
const SIZE_STATISTICS: Is = Is::Fields(&[Integer, List(&Integer), List(&Integer)]);
const BOUNDING_BOX: Is = Is::Fields(&[Real, Real, Real, Real, Real, Real, Real, Real]);
const GEOSPATIAL_STATISTICS: Is = Is::Fields(&[BOUNDING_BOX, List(&Integer)]);
const COLUMN_METADATA: Is = Is::Fields(&[
    Integer,
    List(&Integer),
    List(&Text),
    Integer,
    Integer,
    Integer,
    Integer,
    List(&KEY_VALUE),
    Integer,
    Integer,
    Integer,
    STATISTICS,
    List(&PAGE_ENCODING_STATS),
    Integer,
    Integer,
    SIZE_STATISTICS,
    GEOSPATIAL_STATISTICS,
]);
const COLUMN_CHUNK: Is = Is::Fields(&[Text, Integer, COLUMN_METADATA, Integer, Integer, Integer, Integer]);
const SORTING_COLUMN: Is = Is::Fields(&[Integer, Flag, Flag]);
const ROW_GROUP: Is =
    Is::Fields(&[List(&COLUMN_CHUNK), Integer, Integer, List(&SORTING_COLUMN), Integer, Integer, Integer]);
const COLUMN_ORDER: Is = Is::Fields(&[EMPTY, EMPTY]);
const FILE_METADATA: Fields =
    &[Integer, List(&Column), Integer, List(&ROW_GROUP), List(&KEY_VALUE), Text, List(&COLUMN_ORDER)];

/// Looks through the header of a page that begins these bytes.
///
/// # Errors
/// [`Refused`] where it claims more than there is, or more than a page holds.
pub(super) fn check_page(bytes: &[u8]) -> Result<(), Refused> {
    Thrift { rest: bytes, members: Vec::new() }.fields(PAGE_HEADER, DEEPEST)
}

/// Looks through the description of a whole file.
///
/// # Errors
/// [`Refused`] where it claims more than there is.
pub(super) fn check_file(bytes: &[u8]) -> Result<(), Refused> {
    let mut thrift = Thrift { rest: bytes, members: Vec::new() };
    thrift.fields(FILE_METADATA, DEEPEST)?;
    // Of each group around: how many are still to come.
    let mut around: Vec<i32> = Vec::new();
    for members in &thrift.members {
        if let Some(left) = around.last_mut() {
            *left -= 1;
        }
        if *members < 0 || *members as usize > thrift.members.len() || around.len() == DEEPEST {
            return wrong(format!("a group claims {members} of {} columns", thrift.members.len()));
        }
        around.push(*members);
        while around.last() == Some(&0) {
            around.pop();
        }
    }
    Ok(())
}

fn wrong<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Wrong(why.into()))
}

/// Kinds of values, as they are written.
mod kind {
    pub const STOP: u8 = 0;
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const SET: u8 = 10;
    pub const MAP: u8 = 11;
    pub const STRUCT: u8 = 12;
    pub const UUID: u8 = 13;
}

/// The compact protocol, <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.
struct Thrift<'a> {
    rest: &'a [u8],
    /// Of each element of the schema.
    members: Vec<i32>,
}

impl Thrift<'_> {
    fn skip(&mut self, length: u64) -> Result<(), Refused> {
        let length = usize::try_from(length).map_err(|_| Refused::Short)?;
        self.rest = self.rest.get(length..).ok_or(Refused::Short)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Refused> {
        let (first, rest) = self.rest.split_first().ok_or(Refused::Short)?;
        self.rest = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u64, Refused> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        wrong("a number of it does not end")
    }

    /// Cut to 32 bits, as the reader does.
    fn integer(&mut self) -> Result<i32, Refused> {
        let number = self.varint()?;
        Ok(((number >> 1) as i64 ^ -((number & 1) as i64)) as i32)
    }

    /// The kind and the number of a field after that of the last one; `None` at the end of a structure.
    fn field(&mut self, last: i16) -> Result<Option<(u8, i16)>, Refused> {
        let byte = self.byte()?;
        let (kind, further) = (byte & 15, i16::from(byte >> 4));
        if kind == kind::STOP {
            return Ok(None);
        }
        let number = match further {
            0 => self.integer()? as i16,
            _ => last.checked_add(further).ok_or_else(|| Refused::Wrong("its fields have no numbers".to_owned()))?,
        };
        Ok(Some((kind, number)))
    }

    /// The elements of a list, of which each has a byte at least.
    fn elements(&mut self, is: &Is, deep: usize) -> Result<(), Refused> {
        let byte = self.byte()?;
        let (kind, count) = (byte & 15, u64::from(byte >> 4));
        let count = if count == 15 { self.varint()? } else { count };
        self.check_elements(count, &[kind])?;
        (0..count).try_for_each(|_| self.value(is, kind, deep))
    }

    fn check_elements(&self, count: u64, kinds: &[u8]) -> Result<(), Refused> {
        if count > self.rest.len() as u64 {
            return Err(Refused::Short);
        }
        // The reader passes over them without reading a byte. No description has any.
        if count > 0 && kinds.iter().any(|kind| matches!(*kind, kind::TRUE | kind::FALSE)) {
            return wrong("it has a list of truth values, which no description has");
        }
        Ok(())
    }

    /// A structure with known fields; what is unknown is passed over.
    fn fields(&mut self, known: Fields, deep: usize) -> Result<(), Refused> {
        let mut last = 0;
        while let Some((kind, number)) = self.field(last)? {
            last = number;
            let known = usize::try_from(number).ok().and_then(|number| known.get(number.checked_sub(1)?));
            self.value(known.unwrap_or(&Unknown), kind, deep)?;
        }
        Ok(())
    }

    /// A value of a kind; what is unknown is passed over.
    fn value(&mut self, is: &Is, kind: u8, deep: usize) -> Result<(), Refused> {
        let Some(deeper) = deep.checked_sub(1) else { return wrong("too much lies in each other") };
        match (is, kind) {
            (Size, kind::I32) => match self.integer()? {
                size if size > LARGEST_PAGE => {
                    wrong(format!("a page claims {size} bytes; the most are {LARGEST_PAGE}"))
                }
                _ => Ok(()),
            },
            (Members, kind::I32) => {
                let members = self.integer()?;
                if let Some(last) = self.members.last_mut() {
                    *last = members;
                }
                Ok(())
            }
            (Column, kind::STRUCT) => {
                self.members.push(0);
                self.fields(SCHEMA_ELEMENT, deeper)
            }
            (Is::Fields(known), kind::STRUCT) => self.fields(known, deeper),
            (Unknown, kind::STRUCT) => self.fields(&[], deeper),
            (List(element), kind::LIST) => self.elements(element, deeper),
            (Unknown, kind::LIST | kind::SET) => self.elements(&Unknown, deeper),
            (Flag | Unknown, kind::TRUE | kind::FALSE) => Ok(()),
            (Byte | Unknown, kind::BYTE) => self.skip(1),
            (Integer | Unknown, kind::I16 | kind::I32 | kind::I64) => self.varint().map(drop),
            (Real | Unknown, kind::DOUBLE) => self.skip(8),
            (Text | Unknown, kind::BINARY) => {
                let length = self.varint()?;
                self.skip(length)
            }
            (Unknown, kind::UUID) => self.skip(16),
            (Unknown, kind::MAP) => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                let (key, value) = (kinds >> 4, kinds & 15);
                self.check_elements(count, &[key, value])?;
                (0..count).try_for_each(|_| {
                    self.value(&Unknown, key, deeper)?;
                    self.value(&Unknown, value, deeper)
                })
            }
            (Unknown, _) => wrong("it has a value of a kind that there is not"),
            _ => wrong("what describes it has fields of other kinds than Parquet's"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{BestHead, write_table};

    fn said(checked: Result<(), Refused>) -> String {
        ParquetError::from(checked.unwrap_err()).to_string()
    }

    #[test]
    fn pages_that_claim_too_much_are_refused() {
        assert!(check_page(b"\x15\x00\x15\x80\x80\x80\x40\x00 and its values").is_ok());
        assert!(said(check_page(b"\x15\x00\x15\x82\x80\x80\x40\x00")).contains("claims 67108865 bytes"));
        assert!(said(check_page(b"\x15\x00\x15\xfe\xff\xff\xff\x0f\x00")).contains("claims 2147483647 bytes"));
        for header in [&b""[..], b"\x15\x00\x15\x80", b"\x15\x00", b"\xf8\xff\xff\xff\xff\x0fabc"] {
            assert!(said(check_page(header)).contains("does not end"), "{header:?}");
        }
        // 2^31 - 1 UUIDs, and as many truth values, in a field that there is not.
        assert!(said(check_page(b"\xc9\xfd\xff\xff\xff\xff\x07\x00")).contains("does not end"));
        assert!(said(check_page(b"\xc9\xf2\x04\x01\x01\x01\x01\x00")).contains("truth values"));
        assert!(said(check_page(b"\xcb\x03\x12\x01\x01\x01\x01\x00\x00\x00")).contains("truth values"));
        // A text where the number of bytes belongs.
        assert!(said(check_page(b"\x15\x00\x18\x04abcd\x00")).contains("other kinds"));
        assert!(said(check_page(b"\x15\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00")).contains("does not end"));
        assert!(said(check_page(&[0x1c; 100])).contains("other kinds"));
        assert!(said(check_page(&[0xcc; 100])).contains("in each other"));
    }

    /// A file of columns, of which each has as many members as is said.
    fn schema(members: &[i8]) -> Vec<u8> {
        let mut file = vec![0x29, 0xfc, members.len() as u8];
        for members in members {
            file.extend([0x55, (members << 1 ^ members >> 7) as u8, 0]);
        }
        file.push(0);
        file
    }

    #[test]
    fn groups_that_claim_more_columns_than_there_are_are_refused() {
        for good in [&[2, 0, 0][..], &[1, 2, 0, 0], &[2, 0, 1, 0], &[1; DEEPEST - 1], &[0, 0]] {
            check_file(&schema(good)).unwrap();
        }
        assert!(said(check_file(&schema(&[4, 0, 0]))).contains("claims 4 of 3 columns"));
        assert!(said(check_file(&schema(&[1, -1, 0]))).contains("claims -1 of 3 columns"));
        assert!(said(check_file(&schema(&[1; DEEPEST + 2]))).contains("claims 1 of 34 columns"));
    }

    #[test]
    fn what_is_cut_does_not_end() {
        let folder = tempfile::tempdir().unwrap();
        write_table::<BestHead>(folder.path(), &[BestHead::default(), BestHead::default()]).unwrap();
        let bytes = std::fs::read(folder.path().join("best_heads.parquet")).unwrap();
        let length = u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
        let footer = &bytes[bytes.len() - 8 - length..][..length];
        check_file(footer).unwrap();
        for end in 0..length {
            assert!(matches!(check_file(&footer[..end]), Err(Refused::Short)), "{end} of {length}");
        }
    }
}
