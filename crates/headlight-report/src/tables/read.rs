//! Reading a table back from its Parquet file.

use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::basic::Compression::{SNAPPY, UNCOMPRESSED};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{FileReader as _, Length, RowGroupReader, SerializedFileReader};

use super::source::Source;
use super::write::{VERSION_KEY, WRITER, physical_type};
use super::{Column, TABLES_VERSION, Table, TableError, Value};

/// Reads `<folder>/<name>.parquet` row by row, one row group in memory at a time. Columns are found by name: unknown
/// ones are ignored, absent optional ones read as empty.
pub struct TableReader<T> {
    path: PathBuf,
    file: SerializedFileReader<Source>,
    text_left: TextLeft,
    /// For each of the row type's columns its place in the file.
    places: Vec<Option<usize>>,
    next_group: usize,
    columns: Vec<ColumnCells>,
    group_rows: usize,
    next_row: usize,
    rows_before: usize,
    row_type: PhantomData<fn() -> T>,
}

/// Reads a whole table.
///
/// # Errors
/// As [`TableReader`].
pub fn read_table<T: Table>(folder: &Path) -> Result<Vec<T>, TableError> {
    TableReader::open(folder)?.collect()
}

/// Rows that a file may have for each of its bytes, before memory is taken for them. Tables have one at the most.
const MOST_ROWS_A_BYTE: u64 = 64;

/// Bytes of text that the rows of a file may hold in all: some, and so many for each of its bytes. Tables have some thirty.
const SOME_TEXT: u64 = 16 << 20;
const MOST_TEXT_A_BYTE: u64 = 1024;

/// How much text a file may still have, so that a long one that its rows repeat is not taken over and over.
pub(super) struct TextLeft(u64);

impl TextLeft {
    fn of(bytes: u64) -> Self {
        Self(SOME_TEXT.saturating_add(bytes.saturating_mul(MOST_TEXT_A_BYTE)))
    }

    fn take(&mut self, cells: &[ByteArray]) -> Result<(), ParquetError> {
        let bytes = cells.iter().map(|cell| cell.len() as u64).sum();
        let left = self.0.checked_sub(bytes);
        self.0 =
            left.ok_or_else(|| ParquetError::General("its rows hold more text than such a file has".to_owned()))?;
        Ok(())
    }
}

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is reading a table: a panic there is caught and becomes [`TableError::Damaged`], so that a hook of
/// panics has nothing to say.
pub fn is_reading() -> bool {
    READING.get()
}

/// Reads what may be damaged. The reader of Parquet panics at some of it.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    READING.set(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    read.unwrap_or_else(|_| Err(ParquetError::General("its bytes contradict each other".to_owned())))
}

pub(super) fn open_file(path: &Path) -> Result<(SerializedFileReader<Source>, TextLeft), TableError> {
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let damaged = |source| TableError::Damaged { path: path.to_owned(), source };
    let source = Source::open(path).map_err(io)?;
    let bytes = Length::len(&source);
    let reader = guarded(|| {
        source.check()?;
        SerializedFileReader::new(source)
    });
    let reader = reader.map_err(damaged)?;
    let (mut rows, mut packed) = (0_u64, 0_u64);
    for group in reader.metadata().row_groups() {
        rows = rows.saturating_add(group.num_rows().try_into().unwrap_or(0));
        let sizes = group.columns().iter().map(|column| u64::try_from(column.compressed_size()).unwrap_or(0));
        packed = sizes.fold(packed, u64::saturating_add);
        for column in group.columns() {
            if let Some(found) = unread(column) {
                return Err(TableError::Encoding { path: path.to_owned(), found });
            }
        }
    }
    if rows > bytes.saturating_mul(MOST_ROWS_A_BYTE) || packed > bytes {
        let claim = format!("it claims {rows} rows and {packed} bytes of values in {bytes} bytes");
        return Err(damaged(ParquetError::General(claim)));
    }
    Ok((reader, TextLeft::of(bytes)))
}

/// Whether a table that is no longer what was written was changed on purpose: then another program wrote the file.
///
/// # Errors
/// [`TableError::Damaged`] where it cannot be understood, or still is the file that headlight wrote, with other bytes.
pub(crate) fn check_changed_table(path: &Path) -> Result<(), TableError> {
    let (file, _) = open_file(path)?;
    let created_by = file.metadata().file_metadata().created_by();
    if created_by.is_some_and(|by| by.starts_with(WRITER)) {
        let source = ParquetError::General("its bytes are not those that were written".to_owned());
        return Err(TableError::Damaged { path: path.to_owned(), source });
    }
    Ok(())
}

impl<T: Table> TableReader<T> {
    /// Opens the table and compares its columns with the row type's.
    ///
    /// # Errors
    /// [`TableError::Io`] without such a file, [`TableError::Damaged`] where it cannot be understood,
    /// [`TableError::Encoding`], [`TableError::NewerVersion`], [`TableError::MissingColumn`] or [`TableError::ColumnType`] where it holds
    /// something else than promised.
    pub fn open(folder: &Path) -> Result<Self, TableError> {
        let path = folder.join(format!("{}.parquet", T::NAME));
        let (file, text_left) = open_file(&path)?;
        check_version(&file, &path)?;
        let places = T::COLUMNS.iter().map(|column| find_column(&file, column, &path)).collect::<Result<_, _>>()?;
        Ok(Self {
            path,
            file,
            text_left,
            places,
            next_group: 0,
            columns: Vec::new(),
            group_rows: 0,
            next_row: 0,
            rows_before: 0,
            row_type: PhantomData,
        })
    }

    /// Loads the next row group; `false` at the end of the file.
    fn load_row_group(&mut self) -> Result<bool, ParquetError> {
        if self.next_group == self.file.num_row_groups() {
            return Ok(false);
        }
        let group = self.file.get_row_group(self.next_group)?;
        self.next_group += 1;
        self.rows_before += self.group_rows;
        self.group_rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        self.next_row = 0;
        let read = |place: &Option<usize>| match place {
            Some(place) => ColumnCells::read(group.as_ref(), *place, self.group_rows, &mut self.text_left),
            None => Ok(ColumnCells::Absent),
        };
        self.columns = self.places.iter().map(read).collect::<Result<_, _>>()?;
        Ok(true)
    }

    fn row(&self, row: usize) -> Result<T, TableError> {
        let values: Vec<Value<'_>> = self.columns.iter().map(|column| column.value(row)).collect();
        T::from_values(&values).map_err(|column| TableError::BadValue {
            path: self.path.clone(),
            row: self.rows_before + row + 1,
            column: T::COLUMNS[column].name,
            found: format!("{:?}", values[column]),
        })
    }
}

impl<T: Table> Iterator for TableReader<T> {
    type Item = Result<T, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.next_row == self.group_rows {
            match guarded(|| self.load_row_group()) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(source) => {
                    self.next_group = self.file.num_row_groups();
                    (self.group_rows, self.next_row) = (0, 0);
                    return Some(Err(TableError::Damaged { path: self.path.clone(), source }));
                }
            }
        }
        self.next_row += 1;
        Some(self.row(self.next_row - 1))
    }
}

pub(super) fn check_version(file: &SerializedFileReader<Source>, path: &Path) -> Result<(), TableError> {
    let entries = file.metadata().file_metadata().key_value_metadata();
    let entry = entries.into_iter().flatten().find(|entry| entry.key == VERSION_KEY);
    // A file without the entry was rewritten by another tool: its columns speak for themselves.
    let found = entry.and_then(|entry| entry.value.as_ref()?.parse().ok()).unwrap_or(TABLES_VERSION);
    if found > TABLES_VERSION {
        return Err(TableError::NewerVersion { path: path.to_owned(), found, supported: TABLES_VERSION });
    }
    Ok(())
}

fn find_column(file: &SerializedFileReader<Source>, column: &Column, path: &Path) -> Result<Option<usize>, TableError> {
    let schema = file.metadata().file_metadata().schema_descr();
    let Some(place) = schema.columns().iter().position(|found| found.name() == column.name) else {
        let missing = TableError::MissingColumn { path: path.to_owned(), column: column.name };
        return if column.optional { Ok(None) } else { Err(missing) };
    };
    let found = schema.column(place);
    if found.physical_type() != physical_type(column.kind) || found.max_rep_level() > 0 || found.max_def_level() > 1 {
        return Err(TableError::ColumnType {
            path: path.to_owned(),
            column: column.name,
            expected: column.kind,
            found: describe(found.physical_type(), found.max_rep_level() > 0),
        });
    }
    Ok(Some(place))
}

fn describe(physical: PhysicalType, repeated: bool) -> String {
    if repeated { format!("a list of {physical}") } else { physical.to_string() }
}

/// Whether values are encoded as headlight and the usual tools do it. Of differences (`DELTA_BYTE_ARRAY` and others) a few bytes
/// can be as many texts as they like, of any length.
#[expect(deprecated, reason = "Spark's files still name BIT_PACKED, for their levels")]
fn is_read(encoding: Encoding) -> bool {
    use Encoding::{BIT_PACKED, PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY};
    matches!(encoding, PLAIN | PLAIN_DICTIONARY | RLE | RLE_DICTIONARY | BIT_PACKED)
}

/// How a column is packed or encoded, where that is not read.
fn unread(column: &ColumnChunkMetaData) -> Option<String> {
    match column.compression() {
        // Without the level, as in "ZSTD(…)".
        codec if !matches!(codec, UNCOMPRESSED | SNAPPY) => codec.to_string().split('(').next().map(str::to_owned),
        _ => column.encodings().find(|encoding| !is_read(*encoding)).map(|encoding| encoding.to_string()),
    }
}

/// The pages of a column. A dictionary that claims more values than it has bytes is refused before memory is taken for them.
struct Pages(Box<dyn PageReader>);

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        let page = self.0.get_next_page()?;
        match &page {
            Some(Page::DictionaryPage { buf, num_values, .. }) if *num_values as usize > buf.len() => {
                let claim = format!("a dictionary claims {num_values} values in {} bytes", buf.len());
                Err(ParquetError::General(claim))
            }
            Some(page) if !is_read(page.encoding()) => {
                Err(ParquetError::General(format!("a page is encoded as {}", page.encoding())))
            }
            _ => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        self.0.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool, ParquetError> {
        self.0.at_record_boundary()
    }
}

/// One column of a row group, with nulls in their places.
pub(crate) enum ColumnCells {
    /// Nothing but nulls.
    Absent,
    /// Checked to be UTF-8.
    Text(Vec<Option<ByteArray>>),
    Integer(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Flag(Vec<Option<bool>>),
}

impl ColumnCells {
    pub(super) fn read(
        group: &dyn RowGroupReader,
        place: usize,
        rows: usize,
        text_left: &mut TextLeft,
    ) -> Result<Self, ParquetError> {
        let mut levels = Vec::new();
        macro_rules! read {
            ($reader:ident) => {{
                let mut cells = Vec::new();
                let (read, _, _) = $reader.read_records(rows, Some(&mut levels), None, &mut cells)?;
                (read, cells)
            }};
        }
        let pages = Box::new(Pages(group.get_column_page_reader(place)?));
        let (read, column) = match get_column_reader(group.metadata().column(place).column_descr_ptr(), pages) {
            ColumnReader::ByteArrayColumnReader(mut reader) => {
                let (read, cells) = read!(reader);
                text_left.take(&cells)?;
                cells.iter().try_for_each(|cell: &ByteArray| cell.as_utf8().map(drop))?;
                (read, Self::Text(with_nulls(cells, &levels)))
            }
            ColumnReader::Int64ColumnReader(mut reader) => {
                let (read, cells) = read!(reader);
                (read, Self::Integer(with_nulls(cells, &levels)))
            }
            ColumnReader::DoubleColumnReader(mut reader) => {
                let (read, cells) = read!(reader);
                (read, Self::Real(with_nulls(cells, &levels)))
            }
            ColumnReader::BoolColumnReader(mut reader) => {
                let (read, cells) = read!(reader);
                (read, Self::Flag(with_nulls(cells, &levels)))
            }
            _ => return Err(ParquetError::General("a column of an unexpected type".to_owned())),
        };
        if read != rows {
            return Err(ParquetError::General(format!("a column ends after {read} of {rows} rows")));
        }
        Ok(column)
    }

    /// A cell of it.
    pub(crate) fn value(&self, row: usize) -> Value<'_> {
        let value = match self {
            Self::Absent => None,
            Self::Text(cells) => {
                cells[row].as_ref().map(|cell| Value::Text(cell.as_utf8().expect("checked when it was read")))
            }
            Self::Integer(cells) => cells[row].map(Value::Integer),
            Self::Real(cells) => cells[row].map(Value::Real),
            Self::Flag(cells) => cells[row].map(Value::Flag),
        };
        value.unwrap_or(Value::Null)
    }
}

/// Puts the values back between the nulls. A column that allows no null has no levels.
fn with_nulls<T>(cells: Vec<T>, levels: &[i16]) -> Vec<Option<T>> {
    if levels.is_empty() {
        return cells.into_iter().map(Some).collect();
    }
    let mut cells = cells.into_iter();
    levels.iter().map(|&level| if level == 0 { None } else { cells.next() }).collect()
}
