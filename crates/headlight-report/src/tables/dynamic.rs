//! Tables whose columns are known only when they are read: what is done with tables of any kind.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Type as PhysicalType;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

use super::read::{ColumnCells, TextLeft, check_version, guarded, open_file};
use super::source::Source;
use super::write::{ColumnBuffer, create_file, parquet_error, parquet_type, write_row_group, writer_properties};
use super::{Kind, TableError, Value};

/// A column of a table of any kind; its cells may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnyColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
}

impl AnyColumn {
    /// A column of this name.
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

/// Some rows of a table, column by column.
pub(crate) struct AnyRows {
    /// How many.
    pub rows: usize,
    /// The cells of each column.
    pub cells: Vec<ColumnCells>,
}

/// Reads a table of any kind, a row group at a time.
pub(crate) struct AnyReader {
    path: PathBuf,
    file: SerializedFileReader<Source>,
    text_left: TextLeft,
    columns: Vec<AnyColumn>,
    next_group: usize,
}

impl AnyReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`TableError::Io`], [`TableError::Damaged`] (also for a file with columns that no table has),
    /// [`TableError::Encoding`], [`TableError::NewerVersion`].
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let (file, text_left) = open_file(path)?;
        check_version(&file, path)?;
        let schema = file.metadata().file_metadata().schema_descr_ptr();
        let column = |column: &parquet::schema::types::ColumnDescPtr| {
            let kind = match column.physical_type() {
                PhysicalType::BYTE_ARRAY => Kind::Text,
                PhysicalType::INT64 => Kind::Integer,
                PhysicalType::DOUBLE => Kind::Real,
                PhysicalType::BOOLEAN => Kind::Flag,
                _ => return None,
            };
            let is_flat = column.max_rep_level() == 0 && column.max_def_level() <= 1;
            is_flat.then(|| AnyColumn::new(column.name(), kind))
        };
        let columns = schema.columns().iter().map(column).collect::<Option<_>>().ok_or_else(|| {
            let source = parquet::errors::ParquetError::General("it has columns that no table of headlight has".into());
            TableError::Damaged { path: path.to_owned(), source }
        })?;
        Ok(Self { path: path.to_owned(), file, text_left, columns, next_group: 0 })
    }

    /// Its columns, in order.
    pub(crate) fn columns(&self) -> &[AnyColumn] {
        &self.columns
    }

    /// Rows of the whole file.
    pub(crate) fn rows(&self) -> u64 {
        self.file.metadata().file_metadata().num_rows().try_into().unwrap_or(0)
    }

    /// The next rows, as many as were written at once; `None` at the end.
    ///
    /// # Errors
    /// [`TableError::Damaged`].
    pub(crate) fn next_rows(&mut self) -> Result<Option<AnyRows>, TableError> {
        if self.next_group == self.file.num_row_groups() {
            return Ok(None);
        }
        let (file, text_left) = (&self.file, &mut self.text_left);
        let (at, columns) = (self.next_group, self.columns.len());
        self.next_group += 1;
        let read = guarded(|| {
            let group = file.get_row_group(at)?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            let cells = (0..columns).map(|place| ColumnCells::read(group.as_ref(), place, rows, text_left));
            Ok(AnyRows { rows, cells: cells.collect::<Result<_, _>>()? })
        });
        read.map(Some).map_err(|source| TableError::Damaged { path: self.path.clone(), source })
    }
}

/// Writes a table of any kind as Parquet.
pub(crate) struct AnyWriter {
    path: PathBuf,
    parquet: SerializedFileWriter<BufWriter<File>>,
    kinds: Vec<Kind>,
}

impl AnyWriter {
    /// Creates the file of a table.
    ///
    /// # Errors
    /// [`TableError::Io`] or [`TableError::Parquet`].
    pub(crate) fn create(path: &Path, table: &str, columns: &[AnyColumn]) -> Result<Self, TableError> {
        let fields = columns.iter().map(|column| Arc::new(parquet_type(&column.name, column.kind, true))).collect();
        let schema = Type::group_type_builder(table).with_fields(fields).build().map_err(parquet_error(path))?;
        let sink = BufWriter::new(create_file(path)?);
        let parquet = SerializedFileWriter::new(sink, Arc::new(schema), Arc::new(writer_properties(table)));
        let kinds = columns.iter().map(|column| column.kind).collect();
        Ok(Self { path: path.to_owned(), parquet: parquet.map_err(parquet_error(path))?, kinds })
    }

    /// Appends rows; `value` gives the cell of a row and a column. Whole numbers become real ones, and anything text, where
    /// the column holds these.
    ///
    /// # Errors
    /// [`TableError::Parquet`].
    pub(crate) fn push<'a>(
        &mut self,
        rows: usize,
        value: impl Fn(usize, usize) -> Value<'a>,
    ) -> Result<(), TableError> {
        let mut columns: Vec<ColumnBuffer> = self.kinds.iter().map(|&kind| ColumnBuffer::of(kind, true)).collect();
        for (at, (column, &kind)) in columns.iter_mut().zip(&self.kinds).enumerate() {
            for row in 0..rows {
                match (kind, value(row, at)) {
                    (Kind::Real, Value::Integer(number)) => column.push(Value::Real(number as f64)),
                    (Kind::Text, value @ (Value::Integer(_) | Value::Real(_) | Value::Flag(_))) => {
                        column.push(Value::Text(&value.to_string()));
                    }
                    (_, value) => column.push(value),
                }
            }
        }
        write_row_group(&mut self.parquet, &mut columns).map_err(parquet_error(&self.path))
    }

    /// Closes the file.
    ///
    /// # Errors
    /// [`TableError::Io`] or [`TableError::Parquet`].
    pub(crate) fn finish(self) -> Result<(), TableError> {
        let Self { path, parquet, .. } = self;
        let mut sink = parquet.into_inner().map_err(parquet_error(&path))?;
        sink.flush().map_err(|source| TableError::Io { path, source })
    }
}
