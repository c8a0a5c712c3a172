//! Minimal pairs: sentences that are acceptable, each with one that is not, from files of three forms.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use headlight_report::format::count;
use headlight_report::run::Input;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::corpus::plain;
use super::{fetch, input};
use crate::config::{self, choice};

/// The pairs inside the binary, by the name that configs give them.
const SAMPLE: (&str, &str) = ("sample:pairs", include_str!("../../data/sample/pairs.tsv"));

/// Most bytes of a line.
const LONGEST_LINE: usize = 1 << 20;

/// Columns of a TSV file, the optional ones last.
const COLUMNS: [&str; 5] = ["good", "bad", "paradigm", "phenomenon", "field"];
const REQUIRED: usize = 3;

/// One pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Number of its paradigm in [`Pairs::paradigms`].
    pub paradigm: usize,
    /// The acceptable sentence.
    pub good: String,
    /// The other one.
    pub bad: String,
    /// Number of its file in [`Pairs::inputs`].
    pub file: usize,
    /// Its line there, counted from 1.
    pub line: usize,
}

/// Pairs that are made in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paradigm {
    /// Its name.
    pub name: String,
    /// What it is about; its own name where the file does not say.
    pub phenomenon: String,
    /// The field of that: morphology, syntax, …; empty where the file does not say.
    pub field: String,
}

/// The pairs of some files.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// What tables call them.
    pub name: String,
    /// The files, hashed.
    pub inputs: Vec<Input>,
    /// In the order in which they are met.
    pub paradigms: Vec<Paradigm>,
    /// In the order of the files.
    pub pairs: Vec<Pair>,
    /// Pairs that are none, by reason.
    pub skipped: Skipped,
}

/// Pairs that were left out: by reason how many, and where the first stands.
pub type Skipped = BTreeMap<String, (u64, String)>;

/// Counts a pair that is left out.
pub fn skip(skipped: &mut Skipped, reason: &str, place: impl FnOnce() -> String) {
    skipped.entry(reason.to_owned()).or_insert_with(|| (0, place())).0 += 1;
}

/// Why pairs were left out, for people.
pub fn reasons(skipped: &Skipped) -> String {
    let reason = |(reason, (pairs, first)): (&String, &(u64, String))| {
        format!("{reason} ({} of them, the first at {first})", count(*pairs))
    };
    skipped.iter().map(reason).collect::<Vec<_>>().join(", ")
}

choice! {
    /// What happens at a pair whose sentences are empty or the same.
    Invalid { Stop = "stop", Skip = "skip" }
}

/// A line of BLiMP's own files.
#[derive(Deserialize)]
struct BlimpLine {
    sentence_good: String,
    sentence_bad: String,
    #[serde(rename = "UID")]
    uid: String,
    #[serde(default)]
    linguistics_term: String,
    #[serde(default)]
    field: String,
}

/// What a line says: in the order of [`COLUMNS`].
type Fields = [String; 5];

impl Pairs {
    /// Reads the files that a config names, each as TSV with a line of column names or as JSONL, plain or compressed.
    ///
    /// # Errors
    /// A file that is not there, is given twice, or is of another form; a line that is none; where the config says so, a pair
    /// whose sentences are empty or the same. Names file and line.
    pub fn read(files: &[String], invalid: Invalid) -> Result<Self> {
        let mut read = Self {
            name: name(files),
            inputs: Vec::new(),
            paradigms: Vec::new(),
            pairs: Vec::new(),
            skipped: Skipped::new(),
        };
        let mut known = BTreeMap::new();
        for file in files {
            read.inputs.push(of_file(file)?);
            let (last, before) = read.inputs.split_last().context("a file was just added")?;
            if let Some(first) = before.iter().find(|first| first.sha256 == last.sha256) {
                bail!(
                    "`pairs.files` names {} and {}, which hold the same bytes: their pairs would count twice",
                    first.path,
                    last.path
                );
            }
            read.add(file, invalid, &mut known)?;
        }
        Ok(read)
    }

    /// Numbers of the pairs of each paradigm, `limit` of each drawn by `seed`, all where `limit` is 0; ascending. What is
    /// drawn of a paradigm with a smaller limit is a part of what is drawn with a larger one, and depends on no other paradigm.
    pub fn draw(&self, limit: usize, seed: u64) -> Vec<usize> {
        let mut of_paradigms: Vec<Vec<usize>> = vec![Vec::new(); self.paradigms.len()];
        for (number, pair) in self.pairs.iter().enumerate() {
            of_paradigms[pair.paradigm].push(number);
        }
        let mut drawn = Vec::new();
        for mut numbers in of_paradigms {
            if limit > 0 {
                numbers.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
                numbers.truncate(limit);
            }
            drawn.extend(numbers);
        }
        drawn.sort_unstable();
        drawn
    }

    fn add(&mut self, file: &str, invalid: Invalid, known: &mut BTreeMap<String, usize>) -> Result<()> {
        let path = PathBuf::from(file);
        let lines: Box<dyn BufRead> = match file {
            name if name == SAMPLE.0 => Box::new(Cursor::new(SAMPLE.1)),
            _ => {
                let cannot_read = || format!("cannot read {file}");
                plain(File::open(&path).with_context(cannot_read)?).with_context(cannot_read)?
            }
        };
        let before = self.pairs.len();
        let mut form = None;
        let mut reader = Lines { path: &path, lines, number: 0 };
        while let Some(line) = reader.next()? {
            let place = format!("{file}:{}", reader.number);
            let first = form.is_none();
            let form = match &mut form {
                Some(form) => form,
                none => none.insert(Form::of(&line).with_context(|| place.clone())?),
            };
            if line.trim().is_empty() || first && matches!(form, Form::Columns(_)) {
                continue;
            }
            let fields = form.fields(&line).with_context(|| place.clone())?;
            if let Some(reason) = no_pair(&fields) {
                ensure!(
                    invalid == Invalid::Skip,
                    "{place}: {reason}: {:?}; --set pairs.invalid=skip leaves such pairs out and counts them",
                    fields[0]
                );
                skip(&mut self.skipped, reason, || place);
                continue;
            }
            self.push(fields, known, reader.number).with_context(|| place.clone())?;
        }
        ensure!(
            self.pairs.len() > before,
            "{file} holds no pair that can be scored{}",
            if self.skipped.is_empty() { String::new() } else { format!(": {}", reasons(&self.skipped)) }
        );
        Ok(())
    }

    fn push(&mut self, fields: Fields, known: &mut BTreeMap<String, usize>, line: usize) -> Result<()> {
        let [good, bad, name, phenomenon, field] = fields;
        ensure!(!name.is_empty(), "the pair has no paradigm");
        let phenomenon = if phenomenon.is_empty() { name.clone() } else { phenomenon };
        let found = Paradigm { name, phenomenon, field };
        let paradigm = *known.entry(found.name.clone()).or_insert_with(|| {
            self.paradigms.push(found.clone());
            self.paradigms.len() - 1
        });
        let before = &self.paradigms[paradigm];
        ensure!(
            *before == found,
            "the paradigm {} is of {} ({}) here and of {} ({}) before",
            found.name,
            found.phenomenon,
            found.field,
            before.phenomenon,
            before.field
        );
        self.pairs.push(Pair { paradigm, good, bad, file: self.inputs.len() - 1, line });
        Ok(())
    }
}

/// Why the sentences of a line are no pair.
fn no_pair([good, bad, ..]: &Fields) -> Option<&'static str> {
    if good.trim().is_empty() || bad.trim().is_empty() {
        return Some("a sentence is empty");
    }
    (good == bad).then_some("both sentences are the same")
}

/// The form of a file, as its first line shows.
enum Form {
    /// Tab-separated, with the places of [`COLUMNS`].
    Columns(Vec<Option<usize>>),
    /// A JSON object a line, as BLiMP's own files are.
    Json,
}

impl Form {
    fn of(line: &str) -> Result<Self> {
        if line.trim_start().starts_with('{') {
            return Ok(Self::Json);
        }
        let names: Vec<&str> = line.split('\t').map(str::trim).collect();
        let places: Vec<Option<usize>> =
            COLUMNS.iter().map(|column| names.iter().position(|name| name == column)).collect();
        let missing: Vec<&str> = COLUMNS[..REQUIRED]
            .iter()
            .zip(&places)
            .filter(|(_, place)| place.is_none())
            .map(|(name, _)| *name)
            .collect();
        ensure!(
            missing.is_empty(),
            "the first line names no column {}; a file of pairs has the columns paradigm, good and bad (and may have \
             phenomenon and field), separated by tabs, or is BLiMP's JSONL",
            missing.join(" and ")
        );
        Ok(Self::Columns(places))
    }

    fn fields(&self, line: &str) -> Result<Fields> {
        match self {
            Self::Json => {
                let line: BlimpLine =
                    serde_json::from_str(line).map_err(|error| anyhow!("no line of BLiMP's JSONL: {error}"))?;
                Ok([line.sentence_good, line.sentence_bad, line.uid, line.linguistics_term, line.field])
            }
            Self::Columns(places) => {
                let cells: Vec<&str> = line.split('\t').collect();
                let of = |(column, place): (&str, &Option<usize>)| match place {
                    None => Ok(String::new()),
                    Some(place) => {
                        let cell = cells.get(*place).with_context(|| {
                            format!(
                                "the line has {} columns and no {column}, which is column {}",
                                cells.len(),
                                place + 1
                            )
                        })?;
                        Ok(cell.trim().to_owned())
                    }
                };
                let fields: Vec<String> = COLUMNS.into_iter().zip(places).map(of).collect::<Result<_>>()?;
                Ok(fields.try_into().expect("a field for each column"))
            }
        }
    }
}

/// Lines with their numbers.
struct Lines<'a> {
    path: &'a Path,
    lines: Box<dyn BufRead>,
    number: usize,
}

impl Lines<'_> {
    /// The next line without its end.
    fn next(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let read = self.lines.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut bytes);
        if read.with_context(|| format!("cannot read {}", self.path.display()))? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let place = || format!("{}:{}", self.path.display(), self.number);
        ensure!(bytes.len() <= LONGEST_LINE, "{}: the line has more than {LONGEST_LINE} bytes", place());
        let text =
            String::from_utf8(bytes).map_err(|_| anyhow!("{}: not UTF-8 text; convert the file first", place()))?;
        Ok(Some(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned()))
    }
}

/// A file with its checksum; a name must be known.
fn of_file(file: &str) -> Result<Input> {
    if file == SAMPLE.0 {
        let bytes = SAMPLE.1.as_bytes();
        let sha256 = fetch::sha256_of(bytes);
        return Ok(Input { role: "pairs".to_owned(), path: file.to_owned(), bytes: bytes.len() as u64, sha256 });
    }
    ensure!(config::is_path(file), "`pairs.files` names {file:?}, which is no pairs: write {} or a path", SAMPLE.0);
    input("pairs", Path::new(file))
}

/// What tables call files.
pub fn name(files: &[String]) -> String {
    config::joined(files.iter().map(|file| name_of(file)))
}

/// What tables call a file: its name without endings.
fn name_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name);
    if config::is_path(file) { stem.to_owned() } else { stem.split(':').next().unwrap_or(stem).to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HEAD: &str = "paradigm\tphenomenon\tfield\tgood\tbad\n";

    fn read(text: &str) -> Result<Pairs> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.tsv");
        fs::write(&path, text).unwrap();
        let read = Pairs::read(&[path.to_str().unwrap().to_owned()], Invalid::Stop);
        read.map_err(|error| anyhow!("{}", format!("{error:#}").replace(path.to_str().unwrap(), "own.tsv")))
    }

    #[test]
    fn the_same_pairs_are_read_from_tsv_and_jsonl() {
        let tsv = read(&format!("{HEAD}a\tb\tc\tIt is.\tIt are.\n\na\tb\tc\tI am.\tI is.\n")).unwrap();
        let json = read(concat!(
            r#"{"sentence_good": "It is.", "sentence_bad": "It are.", "UID": "a", "linguistics_term": "b", "field": "c"}"#,
            "\n\n",
            r#"{"sentence_good": "I am.", "sentence_bad": "I is.", "UID": "a", "linguistics_term": "b", "field": "c", "x": 1}"#,
        ))
        .unwrap();
        assert_eq!(tsv.paradigms, [Paradigm { name: "a".into(), phenomenon: "b".into(), field: "c".into() }]);
        assert_eq!(tsv.paradigms, json.paradigms);
        let texts = |pairs: &Pairs| pairs.pairs.iter().map(|it| (it.good.clone(), it.bad.clone())).collect::<Vec<_>>();
        assert_eq!(texts(&tsv), texts(&json));
        assert_eq!(tsv.pairs.iter().map(|pair| pair.line).collect::<Vec<_>>(), [2, 4]);
        // Columns may stand in any order, and those that only sort pairs may be missing.
        let bare = read("bad\tgood\tparadigm\nIt are.\tIt is.\ta\n").unwrap();
        assert_eq!((bare.pairs[0].good.as_str(), bare.paradigms[0].phenomenon.as_str()), ("It is.", "a"));
        assert_eq!(
            (tsv.name.as_str(), Pairs::read(&["sample:pairs".into()], Invalid::Stop).unwrap().name.as_str()),
            ("own", "sample")
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        let check = |text: &str, expected: &str| {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}\nnot {expected}");
        };
        check("good\tbad\na\tb\n", "own.tsv:1: the first line names no column paradigm; a file of pairs has");
        check("", "own.tsv holds no pair that can be scored");
        check(HEAD, "own.tsv holds no pair that can be scored");
        check(&format!("{HEAD}a\tb\tc\tIt is.\n"), "own.tsv:2: the line has 4 columns and no bad, which is column 5");
        check(&format!("{HEAD}a\tb\tc\tIt is.\tIt is.\n"), "own.tsv:2: both sentences are the same: \"It is.\"");
        check(&format!("{HEAD}a\tb\tc\t\tIt is.\n"), "own.tsv:2: a sentence is empty: \"\"; --set pairs.invalid=skip");
        check(&format!("{HEAD}a\tb\tc\tIt is.\t \n"), "own.tsv:2: a sentence is empty");
        check(
            &format!("{HEAD}a\tb\tc\tx\ty\na\td\tc\tx\tz\n"),
            "own.tsv:3: the paradigm a is of d (c) here and of b (c)",
        );
        check("{\"UID\": \"a\"}\n", "own.tsv:1: no line of BLiMP's JSONL: missing field `sentence_good`");
        let good = r#"{"sentence_good": "x", "sentence_bad": "y", "UID": "a"}"#;
        check(&format!("{good}\n{{\"sentence"), "own.tsv:2: no line of BLiMP's JSONL: EOF while parsing");
    }

    #[test]
    fn what_is_no_pair_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.tsv");
        fs::write(&path, format!("{HEAD}a\tb\tc\tx\tx\na\tb\tc\tx\ty\na\tb\tc\ty\ty\na\tb\tc\t\ty\n")).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let read = Pairs::read(std::slice::from_ref(&path), Invalid::Skip).unwrap();
        let of = |reason: &str, pairs: u64, line: usize| (reason.to_owned(), (pairs, format!("{path}:{line}")));
        let expected = [of("a sentence is empty", 1, 5), of("both sentences are the same", 2, 2)];
        assert_eq!((read.pairs.len(), read.skipped.into_iter().collect::<Vec<_>>()), (1, expected.to_vec()));
    }

    #[test]
    fn a_sample_is_drawn_of_each_paradigm() {
        let pairs = Pairs::read(&["sample:pairs".to_owned()], Invalid::Stop).unwrap();
        assert_eq!((pairs.pairs.len(), pairs.paradigms.len()), (40, 5));
        assert_eq!(pairs.draw(0, 1), (0..40).collect::<Vec<_>>());
        let [three, five] = [3, 5].map(|limit| pairs.draw(limit, 1));
        assert_eq!((three.len(), five.len()), (15, 25));
        assert!(three.iter().all(|number| five.contains(number)));
        assert!(three.windows(2).all(|two| two[0] < two[1]));
        assert_ne!(three, pairs.draw(3, 2));
        assert_eq!(pairs.draw(100, 1).len(), 40);
    }

    #[test]
    fn the_same_file_twice_is_refused() {
        let error = Pairs::read(&["sample:pairs".to_owned(), "sample:pairs".to_owned()], Invalid::Stop).unwrap_err();
        assert!(error.to_string().contains("hold the same bytes"), "{error}");
        let error = Pairs::read(&["sample:corpus".to_owned()], Invalid::Stop).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`pairs.files` names \"sample:corpus\", which is no pairs: write sample:pairs or a path"
        );
    }
}
