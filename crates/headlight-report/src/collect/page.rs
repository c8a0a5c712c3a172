//! The page of a collection: all runs with all main numbers, in one file that opens from disk without a network. Made of the
//! tables `runs` and `results` alone, so that runs may be elsewhere by now.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use super::list::{Listed, file_name};
use super::settings::{CONFIG, Owned, PREFIX};
use super::{CollectError, Collection, RESULTS, RUNS, hive};
use crate::format::count;
use crate::html::json;
use crate::run::write_whole;
use crate::sheet::{Sheet, escape_html};
use crate::sweep::{BEST_HEAD, is_percentage};
use crate::tables::{AnyReader, TableError};

/// The page's file.
const PAGE: &str = "report.html";

/// A row, each cell by its column.
type Row = HashMap<String, Owned>;

/// What is measured, and of what.
type Measured = (String, String);

/// Rows with the number of their run.
type OfRuns = Vec<(usize, Row)>;

/// What the script draws.
#[derive(Serialize)]
struct Data<'a> {
    /// Of runs, as everything that follows.
    names: Vec<&'a str>,
    /// Where the page of each run lies, from here.
    links: Vec<Option<String>>,
    selection: Vec<String>,
    /// Heads that each run chose among, both directions counted once.
    candidates: Vec<i64>,
    /// What runs differ in.
    settings: Vec<Varying>,
    results: Vec<ResultColumn>,
    /// Heads by number, as `results` name them.
    heads: Vec<String>,
}

/// A setting that runs differ in: numbers, or the places of texts in a list of them.
#[derive(Serialize)]
struct Varying {
    name: String,
    values: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<Vec<String>>,
}

/// One measure of one thing in every run that has it.
#[derive(Serialize)]
struct ResultColumn {
    measure: String,
    of: String,
    share: bool,
    value: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    low: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    high: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    baseline: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    correct: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    total: Vec<Option<f64>>,
    #[serde(skip_serializing_if = "is_empty")]
    head: Vec<Option<f64>>,
}

fn is_empty(cells: &[Option<f64>]) -> bool {
    cells.iter().all(Option::is_none)
}

impl Collection {
    /// Writes the page.
    pub(super) fn write_page(&self) -> Result<(), CollectError> {
        let runs = &self.list.runs;
        let mut of_runs = Vec::new();
        let mut results: BTreeMap<Measured, OfRuns> = BTreeMap::new();
        for (at, run) in runs.iter().enumerate() {
            of_runs.push(self.rows(RUNS, run)?.into_iter().next().unwrap_or_default());
            for row in self.rows(RESULTS, run)? {
                let key = (text(row.get("measure")), text(row.get("of")));
                results.entry(key).or_default().push((at, row));
            }
        }
        let mut heads = Vec::new();
        let results = in_order(results);
        let results =
            results.into_iter().map(|(key, rows)| ResultColumn::new(key, runs.len(), &rows, &mut heads)).collect();
        let candidates = |run: &Row| match (run.get("run_layers"), run.get("run_heads")) {
            (Some(Owned::Integer(layers)), Some(Owned::Integer(heads))) => layers * heads,
            _ => 0,
        };
        let data = Data {
            names: runs.iter().map(|run| run.name.as_str()).collect(),
            links: runs.iter().map(|run| link(&self.folder, Path::new(&run.path))).collect(),
            selection: of_runs.iter().map(|run| text(run.get("run_selection"))).collect(),
            candidates: of_runs.iter().map(candidates).collect(),
            settings: varying(&self.list.tables[RUNS], runs, &of_runs),
            results,
            heads,
        };
        let page = self.page(&data, &of_runs);
        Ok(write_whole(&self.folder.join(PAGE), &page)?)
    }

    /// The rows of a run in one of the two tables made here.
    fn rows(&self, table: &str, run: &Listed) -> Result<Vec<Row>, TableError> {
        let partition = hive::partition(&run.model, &run.treebank);
        let path = self.folder.join(table).join(partition).join(file_name(&run.id));
        let mut rows = Vec::new();
        // A run without any of the main numbers has no such file.
        if path.is_file() {
            let mut reader = AnyReader::open(&path)?;
            let columns: Vec<String> = reader.columns().iter().map(|column| column.name.clone()).collect();
            while let Some(group) = reader.next_rows()? {
                let cell = |row: usize, at: usize| Owned::from(group.cells[at].value(row));
                let row = |row| columns.iter().enumerate().map(|(at, name)| (name.clone(), cell(row, at))).collect();
                rows.extend((0..group.rows).map(row));
            }
        }
        Ok(rows)
    }

    fn page(&self, data: &Data<'_>, of_runs: &[Row]) -> String {
        let runs = &self.list.runs;
        let distinct = |of: fn(&Listed) -> &str| {
            let mut all: Vec<&str> = runs.iter().map(of).collect();
            all.sort_unstable();
            all.dedup();
            all.len() as u64
        };
        let (models, treebanks) = (distinct(|run| &run.model), distinct(|run| &run.treebank));
        let name = self.folder.file_name().map_or_else(|| "collection".into(), |name| name.to_string_lossy());
        let lede = format!(
            "<p class=\"lede\">{} of {} on {}, each run with its own choices; {} results side by side.</p>",
            counted(runs.len() as u64, "run"),
            counted(models, "model"),
            counted(treebanks, "treebank"),
            count(data.results.len() as u64)
        );
        let warnings = warnings(of_runs);
        let warnings = match warnings.is_empty() {
            true => String::new(),
            false => {
                let items: String = warnings.iter().map(|it| format!("<li>{}</li>", escape_html(it))).collect();
                format!("<aside class=\"warnings\"><h3>Before comparing</h3><ul>{items}</ul></aside>")
            }
        };
        format!(
            concat!(include_str!("../../assets/head.html"), include_str!("../../assets/collection.html")),
            images = "data:",
            version = env!("CARGO_PKG_VERSION"),
            title = escape_html(&name),
            css = concat!(include_str!("../../assets/page.css"), include_str!("../../assets/collection.css")),
            lede = lede,
            warnings = warnings,
            tables = self.tables_section(),
            colophon = format_args!(
                "<p>Made by headlight {}. All numbers lie beside this page as Parquet, in a folder for each table.</p>",
                env!("CARGO_PKG_VERSION")
            ),
            data = json(data),
            script = concat!(include_str!("../../assets/dom.js"), include_str!("../../assets/collection.js")),
        )
    }

    /// Which tables there are, and how they are read.
    fn tables_section(&self) -> String {
        let mut sheet = Sheet::new("Tables", &["<table", ">files", ">columns", ">bytes"]);
        let rows = self.list.tables.iter().map(|(table, columns)| {
            let files = self.list.files_of(table);
            let bytes: u64 = self.list.files.iter().filter(|it| files.contains(&it.path)).map(|it| it.bytes).sum();
            vec![
                table.as_str().into(),
                count(files.len() as u64).into(),
                count(columns.len() as u64).into(),
                count(bytes).into(),
            ]
        });
        sheet.groups.push(rows.collect());
        format!(
            "<p>Each table is a folder of Parquet files, partitioned by model and treebank, with what the runs were done with \
             in the columns <code>{PREFIX}…</code>; the table <code>{RUNS}</code> has every key of their configs \
             (<code>{CONFIG}…</code>).</p>\n<pre>duckdb -c \"SELECT model, treebank, relation, accuracy\n  FROM \
             read_parquet('best_heads/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)\"</pre>\n\
             <div class=\"scroll\">{}</div>\n",
            sheet.to_html()
        )
    }
}

/// Best heads first; of a measure what most runs have, then what is of most words or pairs.
fn in_order(results: BTreeMap<Measured, OfRuns>) -> Vec<(Measured, OfRuns)> {
    let mut results: Vec<_> = results.into_iter().collect();
    results.sort_by_cached_key(|((measure, _), rows)| {
        let words: f64 = rows.iter().filter_map(|(_, row)| number(row.get("total"))).sum();
        (measure != BEST_HEAD, measure.clone(), Reverse(rows.len()), Reverse(words as u64))
    });
    results
}

impl ResultColumn {
    fn new((measure, of): Measured, runs: usize, rows: &[(usize, Row)], heads: &mut Vec<String>) -> Self {
        let cells = |column: &str, round: fn(f64) -> f64| {
            let mut cells = vec![None; runs];
            for (at, row) in rows {
                cells[*at] = number(row.get(column)).map(round);
            }
            cells
        };
        let mut head = vec![None; runs];
        for (at, row) in rows {
            let (Some(layer), Some(index)) = (number(row.get("layer")), number(row.get("head"))) else { continue };
            let name = format!("{layer}-{index} {}", text(row.get("direction"))).trim_end().to_owned();
            let known = heads.iter().position(|known| *known == name).unwrap_or_else(|| {
                heads.push(name);
                heads.len() - 1
            });
            head[*at] = Some(known as f64);
        }
        Self {
            share: is_percentage(&measure),
            value: cells("value", rounded),
            low: cells("ci_low", rounded),
            high: cells("ci_high", rounded),
            baseline: cells("baseline_accuracy", rounded),
            correct: cells("correct", |it| it),
            total: cells("total", |it| it),
            head,
            measure,
            of,
        }
    }
}

/// To five digits behind the point: more than the page shows.
fn rounded(number: f64) -> f64 {
    (number * 1e5).round() / 1e5
}

fn number(cell: Option<&Owned>) -> Option<f64> {
    match cell {
        Some(Owned::Integer(number)) => Some(*number as f64),
        Some(Owned::Real(number)) => Some(*number).filter(|it| it.is_finite()),
        _ => None,
    }
}

fn text(cell: Option<&Owned>) -> String {
    cell.map_or_else(String::new, |cell| cell.value().to_string())
}

/// Settings that say when or where a run was done, or how long it took, and not how.
const NOT_CHOSEN: &[&str] = &[
    "run",
    "run_id",
    "run_path",
    "run_finished",
    "run_seconds",
    "run_peak_memory_bytes",
    "run_warnings",
    "config_name",
    "run_swept",
    "config_threads",
    "run_threads",
];

/// What runs differ in: the model, the treebank, and every setting that has several values, once where two say the same.
fn varying(columns: &[crate::tables::AnyColumn], runs: &[Listed], of_runs: &[Row]) -> Vec<Varying> {
    let mut all = vec![
        texts("model", runs.iter().map(|run| run.model.clone())),
        texts("treebank", runs.iter().map(|run| run.treebank.clone())),
    ];
    for column in columns.iter().filter(|column| !NOT_CHOSEN.contains(&column.name.as_str())) {
        let name = column.name.strip_prefix(PREFIX).or_else(|| column.name.strip_prefix(CONFIG));
        let name = name.unwrap_or(&column.name);
        let cells = of_runs.iter().map(|run| run.get(&column.name).cloned().unwrap_or(Owned::Null));
        let varying = match column.kind {
            crate::tables::Kind::Integer | crate::tables::Kind::Real => {
                Varying { name: name.to_owned(), values: cells.map(|cell| number(Some(&cell))).collect(), texts: None }
            }
            _ => texts(name, cells.map(|cell| text(Some(&cell)))),
        };
        let pattern = pattern(&varying.values);
        let says_the_same = |known: &Varying| {
            known.texts.is_some() == varying.texts.is_some() && self::pattern(&known.values) == pattern
        };
        if pattern.iter().any(|at| *at > 0) && !all.iter().any(says_the_same) && !all.iter().any(|it| it.name == name) {
            all.push(varying);
        }
    }
    all
}

/// Which values are the same, whatever they are.
fn pattern(values: &[Option<f64>]) -> Vec<usize> {
    let mut known: HashMap<Option<u64>, usize> = HashMap::new();
    values
        .iter()
        .map(|value| {
            let next = known.len();
            *known.entry(value.map(f64::to_bits)).or_insert(next)
        })
        .collect()
}

fn texts(name: &str, cells: impl Iterator<Item = String>) -> Varying {
    let (mut texts, mut places): (Vec<String>, HashMap<String, usize>) = Default::default();
    let values = cells
        .map(|cell| {
            let place = *places.entry(cell.clone()).or_insert(texts.len());
            if place == texts.len() {
                texts.push(cell);
            }
            Some(place as f64)
        })
        .collect();
    Varying { name: name.to_owned(), values, texts: Some(texts) }
}

/// What a reader must know before putting runs side by side.
fn warnings(of_runs: &[Row]) -> Vec<String> {
    const CONVENTIONS: &[&str] = &[
        "granularity",
        "punctuation",
        "merge_rule",
        "selection",
        "unit",
        "input",
        "attention",
        "rows_of_maps",
        "precision",
        "piece_limit",
        "packing",
    ];
    let mut warnings = Vec::new();
    let same = of_runs.iter().filter(|run| text(run.get("run_selection")) == "same").count() as u64;
    if same > 0 {
        warnings.push(format!(
            "{} of {} chose heads on the sentences that they are scored on (selection same): optimistic.",
            count(same),
            counted(of_runs.len() as u64, "run")
        ));
    }
    let differing = CONVENTIONS.iter().filter_map(|name| {
        let mut values: Vec<String> = of_runs.iter().map(|run| text(run.get(&format!("{PREFIX}{name}")))).collect();
        values.sort();
        values.dedup();
        (values.len() > 1).then(|| format!("{} ({})", name.replace('_', " "), values.join(", ")))
    });
    let differing: Vec<String> = differing.collect();
    if !differing.is_empty() {
        warnings.push(format!(
            "Runs differ in conventions that numbers depend on: {}. Compare those that agree: the columns and the search of \
             the table tell them apart.",
            differing.join("; ")
        ));
    }
    warnings
}

fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", count(number), if number == 1 { "" } else { "s" })
}

/// The way from the page to that of a run.
fn link(folder: &Path, run: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let shared = folder.components().zip(run.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(run.components().skip(shared)).collect();
    let way = way.join("report.html");
    let parts = way.components().map(|part| encoded(&part.as_os_str().to_string_lossy()));
    run.join("report.html").is_file().then(|| parts.collect::<Vec<_>>().join("/"))
}

/// A name as addresses have it.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes().map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_say_the_same_stand_there_once() {
        assert_eq!(pattern(&[Some(3.0), Some(1.0), Some(3.0), None]), [0, 1, 0, 2]);
        let column = texts("model", ["a", "b", "a"].map(str::to_owned).into_iter());
        assert_eq!(
            (column.values, column.texts),
            (vec![Some(0.0), Some(1.0), Some(0.0)], Some(vec!["a".into(), "b".into()]))
        );
    }

    #[test]
    fn a_link_leads_from_the_page_to_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (tables, run) = (root.join("tables"), root.join("runs/50 % of it"));
        std::fs::create_dir_all(&tables).unwrap();
        std::fs::create_dir_all(&run).unwrap();
        assert_eq!(link(&tables, &run), None);
        std::fs::write(run.join("report.html"), "").unwrap();
        assert_eq!(link(&tables, &run).unwrap(), "../runs/50%20%25%20of%20it/report.html");
    }
}
