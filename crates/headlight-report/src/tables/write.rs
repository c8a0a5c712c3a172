//! Writing a table as CSV and Parquet at once.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Column, Kind, TABLES_VERSION, Table, TableError, Value, cell_text};

/// Rows held in memory before they become a row group.
const ROW_GROUP: usize = 1 << 16;

/// Parquet metadata keys of the table's name and of [`TABLES_VERSION`].
pub(super) const NAME_KEY: &str = "headlight.table";
pub(super) const VERSION_KEY: &str = "headlight.tables_version";

/// What every file that headlight wrote says of its writer, before the version.
pub(super) const WRITER: &str = "headlight ";

/// Writes `<folder>/<name>.csv` and `<folder>/<name>.parquet` row by row. The files are complete only after
/// [`TableWriter::finish`].
pub struct TableWriter<T> {
    csv_path: PathBuf,
    csv: csv::Writer<File>,
    parquet_path: PathBuf,
    parquet: SerializedFileWriter<BufWriter<File>>,
    columns: Vec<ColumnBuffer>,
    rows: usize,
    field: String,
    row_type: PhantomData<fn(&T)>,
}

/// Writes a whole table.
///
/// # Errors
/// As [`TableWriter`]'s methods.
pub fn write_table<'a, T: Table + 'a>(folder: &Path, rows: impl IntoIterator<Item = &'a T>) -> Result<(), TableError> {
    let mut writer = TableWriter::create(folder)?;
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

impl<T: Table> TableWriter<T> {
    /// Creates both files; what was there under their names is replaced.
    ///
    /// # Errors
    /// [`TableError::Io`], [`TableError::Csv`] or [`TableError::Parquet`] where a file cannot be created.
    pub fn create(folder: &Path) -> Result<Self, TableError> {
        let csv_path = folder.join(format!("{}.csv", T::NAME));
        let parquet_path = folder.join(format!("{}.parquet", T::NAME));
        let mut csv = csv::Writer::from_writer(create_file(&csv_path)?);
        csv.write_record(T::COLUMNS.iter().map(|column| column.name)).map_err(csv_error(&csv_path))?;
        let sink = BufWriter::new(create_file(&parquet_path)?);
        let parquet = SerializedFileWriter::new(sink, parquet_schema::<T>(), Arc::new(writer_properties(T::NAME)))
            .map_err(parquet_error(&parquet_path))?;
        let columns = T::COLUMNS.iter().map(ColumnBuffer::new).collect();
        Ok(Self { csv_path, csv, parquet_path, parquet, columns, rows: 0, field: String::new(), row_type: PhantomData })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`TableError::Csv`] or [`TableError::Parquet`] where the disk does not take it.
    pub fn push(&mut self, row: &T) -> Result<(), TableError> {
        let Self { csv, columns, field, .. } = self;
        let mut at = 0;
        let mut written = Ok(());
        row.for_each_value(|value| {
            columns[at].push(value);
            at += 1;
            if written.is_ok() {
                written = write_field(csv, field, value);
            }
        });
        written.and_then(|()| csv.write_record(None::<&[u8]>)).map_err(csv_error(&self.csv_path))?;
        self.rows += 1;
        if self.rows == ROW_GROUP { self.flush_row_group() } else { Ok(()) }
    }

    /// Writes what is left and closes both files.
    ///
    /// # Errors
    /// [`TableError::Io`] or [`TableError::Parquet`] where the disk does not take it.
    pub fn finish(mut self) -> Result<(), TableError> {
        self.flush_row_group()?;
        let io_error = |path: PathBuf| move |source| TableError::Io { path, source };
        self.csv.flush().map_err(io_error(self.csv_path))?;
        let mut sink = self.parquet.into_inner().map_err(parquet_error(&self.parquet_path))?;
        sink.flush().map_err(io_error(self.parquet_path))
    }

    fn flush_row_group(&mut self) -> Result<(), TableError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        write_row_group(&mut self.parquet, &mut self.columns).map_err(parquet_error(&self.parquet_path))
    }
}

fn write_field(csv: &mut csv::Writer<File>, field: &mut String, value: Value<'_>) -> csv::Result<()> {
    use std::fmt::Write as _;

    match value {
        Value::Text(text) => csv.write_field(&*cell_text(text)),
        Value::Integer(number) => csv.write_field(itoa::Buffer::new().format(number)),
        Value::Null | Value::Real(_) | Value::Flag(_) => {
            field.clear();
            write!(field, "{value}").expect("a string takes everything");
            csv.write_field(&field)
        }
    }
}

pub(super) fn create_file(path: &Path) -> Result<File, TableError> {
    File::create(path).map_err(|source| TableError::Io { path: path.to_owned(), source })
}

fn csv_error(path: &Path) -> impl FnOnce(csv::Error) -> TableError {
    move |source| TableError::Csv { path: path.to_owned(), source }
}

pub(super) fn parquet_error(path: &Path) -> impl FnOnce(ParquetError) -> TableError {
    move |source| TableError::Parquet { path: path.to_owned(), source }
}

pub(super) fn writer_properties(table: &str) -> WriterProperties {
    let entry = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(format!("{WRITER}{}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![
            entry(NAME_KEY, table.to_owned()),
            entry(VERSION_KEY, TABLES_VERSION.to_string()),
        ]))
        .build()
}

fn parquet_schema<T: Table>() -> TypePtr {
    let fields = T::COLUMNS.iter().map(|column| Arc::new(parquet_column(column))).collect();
    let schema = Type::group_type_builder(T::NAME).with_fields(fields).build();
    Arc::new(schema.expect("a flat schema is valid"))
}

fn parquet_column(column: &Column) -> Type {
    parquet_type(column.name, column.kind, column.optional)
}

pub(super) fn parquet_type(name: &str, kind: Kind, optional: bool) -> Type {
    let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let logical = (kind == Kind::Text).then_some(LogicalType::String);
    Type::primitive_type_builder(name, physical_type(kind))
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
        .expect("a primitive column is valid")
}

pub(super) fn physical_type(kind: Kind) -> PhysicalType {
    match kind {
        Kind::Text => PhysicalType::BYTE_ARRAY,
        Kind::Integer => PhysicalType::INT64,
        Kind::Real => PhysicalType::DOUBLE,
        Kind::Flag => PhysicalType::BOOLEAN,
    }
}

/// The cells of one column of a row group: the values without nulls, and per row whether there is one.
pub(super) struct ColumnBuffer {
    cells: Cells,
    /// 1 where the row has a value, 0 where it is null; `None` for a column that allows no null.
    levels: Option<Vec<i16>>,
}

enum Cells {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Flag(Vec<bool>),
}

impl ColumnBuffer {
    fn new(column: &Column) -> Self {
        Self::of(column.kind, column.optional)
    }

    /// No cell yet.
    pub(super) fn of(kind: Kind, optional: bool) -> Self {
        let cells = match kind {
            Kind::Text => Cells::Text(Vec::new()),
            Kind::Integer => Cells::Integer(Vec::new()),
            Kind::Real => Cells::Real(Vec::new()),
            Kind::Flag => Cells::Flag(Vec::new()),
        };
        Self { cells, levels: optional.then(Vec::new) }
    }

    pub(super) fn push(&mut self, value: Value<'_>) {
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(value != Value::Null));
        }
        match (&mut self.cells, value) {
            (_, Value::Null) => {}
            (Cells::Text(cells), Value::Text(text)) => {
                // Neighbouring rows often say the same: then the bytes are shared.
                let cell = match cells.last() {
                    Some(last) if last.data() == text.as_bytes() => last.clone(),
                    _ => ByteArray::from(text),
                };
                cells.push(cell);
            }
            (Cells::Integer(cells), Value::Integer(number)) => cells.push(number),
            (Cells::Real(cells), Value::Real(number)) => cells.push(number),
            (Cells::Flag(cells), Value::Flag(flag)) => cells.push(flag),
            _ => unreachable!("a cell's value is of its column's kind"),
        }
    }
}

pub(super) fn write_row_group(
    parquet: &mut SerializedFileWriter<BufWriter<File>>,
    columns: &mut [ColumnBuffer],
) -> Result<(), ParquetError> {
    let mut group = parquet.next_row_group()?;
    for ColumnBuffer { cells, levels } in columns {
        match cells {
            Cells::Text(cells) => write_column::<ByteArrayType>(&mut group, cells, levels)?,
            Cells::Integer(cells) => write_column::<Int64Type>(&mut group, cells, levels)?,
            Cells::Real(cells) => write_column::<DoubleType>(&mut group, cells, levels)?,
            Cells::Flag(cells) => write_column::<BoolType>(&mut group, cells, levels)?,
        }
    }
    group.close().map(drop)
}

/// Writes the column and empties its buffers for the next row group.
fn write_column<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>,
    cells: &mut Vec<D::T>,
    levels: &mut Option<Vec<i16>>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("the schema has a column for every buffer");
    column.typed::<D>().write_batch(cells, levels.as_deref(), None)?;
    cells.clear();
    levels.iter_mut().for_each(Vec::clear);
    column.close()
}
