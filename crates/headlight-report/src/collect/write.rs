//! Writing the files of a collection, each whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::list::file_name;
use super::settings::{Owned, Setting, of_run};
use super::{CollectError, Collection, RESULTS, RUNS, hive, unite};
use crate::run::{RunDirectory, RunError, WrittenFile};
use crate::sweep::{SweptRun, scores};
use crate::tables::{AnyColumn, AnyReader, AnyRows, AnyWriter, SweepScore, Table, Value};

/// Columns of tables that folders say.
const PARTITIONS: [&str; 2] = ["model", "treebank"];

/// Where a column of a collected table comes from.
#[derive(Clone, Copy)]
enum Origin {
    Table(usize),
    Setting(usize),
    Nowhere,
}

/// The files that a run's rows of one table go into, by treebank.
struct Files {
    folder: PathBuf,
    table: String,
    model: String,
    name: String,
    columns: Vec<AnyColumn>,
    open: BTreeMap<String, (AnyWriter, PathBuf, String)>,
}

impl Files {
    /// Appends rows to the file of a treebank.
    fn push<'v>(
        &mut self,
        treebank: &str,
        rows: usize,
        value: impl Fn(usize, usize) -> Value<'v>,
    ) -> Result<(), CollectError> {
        if !self.open.contains_key(treebank) {
            let inner = Path::new(&self.table).join(hive::partition(&self.model, treebank));
            let folder = self.folder.join(&inner);
            fs::create_dir_all(&folder).map_err(|source| RunError::Io { path: folder.clone(), source })?;
            let beside = folder.join(format!(".{}.writing", self.name));
            let writer = AnyWriter::create(&beside, &self.table, &self.columns)?;
            let inner = inner.join(&self.name).display().to_string().replace('\\', "/");
            self.open.insert(treebank.to_owned(), (writer, beside, inner));
        }
        let (writer, ..) = self.open.get_mut(treebank).expect("opened just now");
        Ok(writer.push(rows, value)?)
    }

    /// Gives all of them their names.
    fn finish(self) -> Result<Vec<WrittenFile>, CollectError> {
        let mut written = Vec::new();
        for (writer, beside, inner) in self.open.into_values() {
            writer.finish()?;
            let path = self.folder.join(&inner);
            fs::rename(&beside, &path).map_err(|source| RunError::Io { path, source })?;
            written.push(WrittenFile::of(&self.folder, &inner)?);
        }
        Ok(written)
    }
}

impl Collection {
    /// Adds a table of a run. Rows that name their treebank lie under that name.
    pub(super) fn add_table(
        &mut self,
        run: &RunDirectory,
        id: &str,
        table: &str,
        settings: &[Setting],
    ) -> Result<(), CollectError> {
        let mut reader = AnyReader::open(&run.path().join(format!("{table}.parquet")))?;
        let own = reader.columns().to_vec();
        let mut files = self.files(run, (id, table), &own, settings)?;
        let from = origins(&files.columns, &own, settings);
        let treebank = own.iter().position(|column| column.name == "treebank");
        while let Some(AnyRows { rows, cells }) = reader.next_rows()? {
            let mut by_treebank: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for row in 0..rows {
                let name = match treebank.map(|at| cells[at].value(row)) {
                    Some(Value::Text(name)) => name,
                    _ => &run.report().treebank.name,
                };
                by_treebank.entry(name).or_default().push(row);
            }
            for (name, rows) in by_treebank {
                files.push(name, rows.len(), |row, column| match from[column] {
                    Origin::Table(at) => cells[at].value(rows[row]),
                    Origin::Setting(at) => settings[at].value.value(),
                    Origin::Nowhere => Value::Null,
                })?;
            }
        }
        let written = files.finish()?;
        self.note(id, table, written)
    }

    /// Adds a run's main numbers.
    pub(super) fn add_results(
        &mut self,
        run: &RunDirectory,
        id: &str,
        settings: &[Setting],
    ) -> Result<(), CollectError> {
        // The first columns say which run of a sweep it is, as the settings do.
        const OF_SWEEP: [&str; 5] = ["run", "series", "swept", "step", "seed"];
        let swept = SweptRun { run: run.clone(), swept: String::new(), series: String::new(), step: None, seed: 0 };
        let scores = scores(&swept)?;
        let columns = SweepScore::COLUMNS.iter().filter(|column| !OF_SWEEP.contains(&column.name));
        let own: Vec<AnyColumn> = columns.map(|column| AnyColumn::new(column.name, column.kind)).collect();
        let rows: Vec<Vec<Owned>> = scores
            .iter()
            .map(|score| {
                let mut row = Vec::new();
                score.for_each_value(|value| row.push(Owned::from(value)));
                row.split_off(OF_SWEEP.len())
            })
            .collect();
        let mut files = self.files(run, (id, RESULTS), &own, settings)?;
        let from = origins(&files.columns, &own, settings);
        if !rows.is_empty() {
            files.push(&run.report().treebank.name, rows.len(), |row, column| match from[column] {
                Origin::Table(at) => rows[row][at].value(),
                Origin::Setting(at) => settings[at].value.value(),
                Origin::Nowhere => Value::Null,
            })?;
        }
        let written = files.finish()?;
        self.note(id, RESULTS, written)
    }

    /// Adds the row of a run.
    pub(super) fn add_run(
        &mut self,
        run: &RunDirectory,
        id: &str,
        mut settings: Vec<Setting>,
    ) -> Result<(), CollectError> {
        let path = run.path().join("config.toml");
        let config = fs::read_to_string(&path).map_err(|source| RunError::Io { path: path.clone(), source })?;
        let more = of_run(run, &run.path().display().to_string(), &config);
        settings.extend(more.map_err(|source| CollectError::Config { path, source })?);
        let mut files = self.files(run, (id, RUNS), &[], &settings)?;
        let from = origins(&files.columns, &[], &settings);
        files.push(&run.report().treebank.name, 1, |_, column| match from[column] {
            Origin::Setting(at) => settings[at].value.value(),
            Origin::Table(_) | Origin::Nowhere => Value::Null,
        })?;
        let written = files.finish()?;
        self.note(id, RUNS, written)
    }

    /// Where rows of a run with these columns go. Where they are more than the table has, all of its files get them.
    fn files(
        &mut self,
        run: &RunDirectory,
        (id, table): (&str, &str),
        own: &[AnyColumn],
        settings: &[Setting],
    ) -> Result<Files, CollectError> {
        let own = own.iter().filter(|column| !PARTITIONS.contains(&column.name.as_str())).cloned();
        let more: Vec<AnyColumn> = own.chain(settings.iter().map(|setting| setting.column.clone())).collect();
        let mut columns = self.list.tables.get(table).cloned().unwrap_or_default();
        unite(&mut columns, &more).map_err(|(column, found, expected)| CollectError::OtherKind {
            path: run.path().to_owned(),
            table: table.to_owned(),
            column,
            found,
            expected,
        })?;
        let known = self.list.tables.insert(table.to_owned(), columns.clone());
        if known.is_some_and(|known| known != columns) {
            self.list.unfinished.insert(table.to_owned());
            self.save()?;
            self.widen(table)?;
        }
        Ok(Files {
            folder: self.folder.clone(),
            table: table.to_owned(),
            model: run.report().model.name.clone(),
            name: file_name(id),
            columns,
            open: BTreeMap::new(),
        })
    }

    /// Puts what was written of a run and a table on the list; files that an earlier call made of both go.
    fn note(&mut self, id: &str, table: &str, written: Vec<WrittenFile>) -> Result<(), CollectError> {
        let of_table = format!("{table}/");
        let is_old = |file: &String| file.starts_with(&of_table) && !written.iter().any(|new| new.path == *file);
        let old: Vec<String> = self.list.files_of_run(id).into_iter().filter(is_old).collect();
        self.remove_files(&old)?;
        written.into_iter().for_each(|file| self.list.note(file));
        Ok(())
    }

    /// Gives all files of a table the columns that the table has by now.
    pub(super) fn widen(&mut self, table: &str) -> Result<(), CollectError> {
        let columns = self.list.tables.get(table).cloned().unwrap_or_default();
        for file in self.list.files_of(table) {
            let path = self.folder.join(&file);
            let mut reader = AnyReader::open(&path)?;
            if reader.columns() != columns {
                let from = origins(&columns, reader.columns(), &[]);
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let beside = path.with_file_name(format!(".{name}.writing"));
                let mut writer = AnyWriter::create(&beside, table, &columns)?;
                while let Some(AnyRows { rows, cells }) = reader.next_rows()? {
                    writer.push(rows, |row, column| match from[column] {
                        Origin::Table(at) => cells[at].value(row),
                        Origin::Setting(_) | Origin::Nowhere => Value::Null,
                    })?;
                }
                writer.finish()?;
                fs::rename(&beside, &path).map_err(|source| RunError::Io { path, source })?;
            }
            self.list.note(WrittenFile::of(&self.folder, &file)?);
        }
        self.list.unfinished.remove(table);
        Ok(())
    }
}

/// Where each column of a collected table comes from.
fn origins(columns: &[AnyColumn], own: &[AnyColumn], settings: &[Setting]) -> Vec<Origin> {
    let origin = |column: &AnyColumn| {
        let of_table = own.iter().position(|it| it.name == column.name).map(Origin::Table);
        let of_settings = || settings.iter().position(|it| it.column.name == column.name).map(Origin::Setting);
        of_table.or_else(of_settings).unwrap_or(Origin::Nowhere)
    };
    columns.iter().map(origin).collect()
}
