//! What can go wrong with a table on disk.

use std::io;
use std::path::PathBuf;

use super::Kind;

/// A table that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The file could not be created, opened, written or flushed.
    #[error("cannot access table {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The CSV file could not be written.
    #[error("cannot write table {}", .path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Why.
        source: csv::Error,
    },
    /// The Parquet file could not be written.
    #[error("cannot write table {}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// The Parquet file is not what was written.
    #[error("table {} is damaged; repeat the run to write it anew", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Another program wrote the file, in a way that is not read.
    #[error(
        "table {} is written with {found}, which headlight does not read; write it with Snappy or without compression, as Parquet version 1 (polars: compression=\"snappy\"; DuckDB: parquet_version v1)",
        .path.display()
    )]
    Encoding {
        /// The file.
        path: PathBuf,
        /// How its values are compressed or encoded.
        found: String,
    },
    /// The file was written by a newer headlight whose columns mean something else.
    #[error(
        "table {} has format version {found}, but this headlight reads versions up to {supported}; update headlight or repeat the run",
        .path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version it was written with.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// A column that the table promises is absent.
    #[error("table {} has no column `{column}`; repeat the run to write it anew", .path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The absent column.
        column: &'static str,
    },
    /// A column holds another type than promised.
    #[error("column `{column}` of table {} should be {expected}, but is {found}", .path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// The promised type.
        expected: Kind,
        /// The physical type found.
        found: String,
    },
    /// A value is outside of what its column allows.
    #[error("row {row}, column `{column}` of table {} holds {found}, which the column does not allow", .path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The row, counted from 1 without the header.
        row: usize,
        /// The column.
        column: &'static str,
        /// The value found.
        found: String,
    },
}
