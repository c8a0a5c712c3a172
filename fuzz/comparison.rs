//! Two runs whose tables hold whatever their columns can hold: `compare` says how they differ or why it cannot, in every
//! format, and nothing that stands in them acts where it is shown.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};

use headlight_report::compare::{Format, Gate, Reported, compare};
use headlight_report::tables::{
    AntecedentPredictor, BaselineKind, BestHead, Coreference, Decoding, Direction, EvaluatedOn, HeadTree, MentionType,
    PairAccuracy, PairLevel, Prediction, ProbeScore, SelectedOn, SentenceScore, Split, Table, TreeMeasure,
    TreePredictor, TreeShape, write_table,
};
use headlight_stats::Bootstrap;

/// Names as people of bad will give them, and some of good will, so that runs share them.
const NAMES: [&str; 16] = [
    "all",
    "all-nopunct",
    "nsubj",
    "obj",
    "nmod:poss",
    "obl+case",
    "best_head",
    "attention tree",
    "root",
    "",
    "uas",
    "<script>alert(1)</script>",
    "\u{1b}[2J\u{9b}31m\u{202e}\r\n",
    "=1+1",
    "| a | [b](c) `d` \\input{e} $f$ %g &h",
    "ü漢\0",
];

thread_local!(
    /// The paper, between comparisons: reading it takes as long as one.
    static PAPER: Cell<Option<Reported>> = const { Cell::new(None) }
);

/// Bytes as a source of values; what lies behind their end is zero.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// Small mostly, for else nothing is shared.
    fn whole(&mut self) -> u64 {
        match self.byte() {
            255 => i64::MAX as u64,
            254 => u64::from(u32::MAX),
            253 => u64::from(u32::MAX) + 1,
            byte => u64::from(byte % 12),
        }
    }

    fn number(&mut self) -> u32 {
        u32::try_from(self.whole()).unwrap_or(u32::MAX)
    }

    fn real(&mut self) -> f64 {
        match self.byte() {
            255 => f64::NAN,
            254 => f64::INFINITY,
            253 => f64::from_bits(u64::from_le_bytes([(); 8].map(|()| self.byte()))),
            252 => -1.0,
            byte => f64::from(byte) / 251.0,
        }
    }

    fn text(&mut self) -> String {
        match self.byte() {
            255 => {
                let bytes: Vec<u8> = (0..self.byte() % 16).map(|_| self.byte()).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            byte => NAMES[usize::from(byte) % NAMES.len()].to_owned(),
        }
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (!self.byte().is_multiple_of(3)).then(|| value(self))
    }

    fn rows<T>(&mut self, most: u8, row: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.byte() % (most + 1)).map(|_| row(self)).collect()
    }
}

fn best_head(bytes: &mut Bytes<'_>) -> BestHead {
    BestHead {
        relation: bytes.text(),
        layer: bytes.maybe(Bytes::number),
        head: bytes.maybe(Bytes::number),
        direction: bytes.maybe(|bytes| bytes.of(&Direction::ALL)),
        selected_on: bytes.of(&SelectedOn::ALL),
        evaluated_on: bytes.of(&EvaluatedOn::ALL),
        correct: bytes.whole(),
        total: bytes.whole(),
        accuracy: bytes.real(),
        ci_low: bytes.maybe(Bytes::real),
        ci_high: bytes.maybe(Bytes::real),
        baseline: bytes.maybe(|bytes| bytes.of(&BaselineKind::ALL)),
        baseline_accuracy: bytes.real(),
        p_value: bytes.maybe(Bytes::real),
        units: bytes.maybe(Bytes::whole),
        fold_1_layer: bytes.maybe(Bytes::number),
        fold_1_head: bytes.maybe(Bytes::number),
        fold_1_direction: bytes.maybe(|bytes| bytes.of(&Direction::ALL)),
        fold_2_layer: bytes.maybe(Bytes::number),
        reachable: bytes.maybe(Bytes::whole),
        ..BestHead::default()
    }
}

fn prediction(bytes: &mut Bytes<'_>) -> Prediction {
    Prediction {
        predictor: bytes.text(),
        scope: bytes.maybe(Bytes::text),
        sent_id: bytes.text(),
        word_id: bytes.number(),
        governor: bytes.number(),
        relation: bytes.text(),
        predicted: bytes.maybe(Bytes::number),
        correct: bytes.byte().is_multiple_of(2),
        sentence: bytes.maybe(Bytes::number),
        form: bytes.maybe(Bytes::text),
        document: bytes.maybe(Bytes::number),
    }
}

fn probe_score(bytes: &mut Bytes<'_>) -> ProbeScore {
    ProbeScore {
        probe: bytes.text(),
        decoding: bytes.maybe(|bytes| bytes.of(&Decoding::ALL)),
        treebank: bytes.text(),
        split: bytes.of(&Split::ALL),
        seed: bytes.maybe(|bytes| bytes.whole() as i64),
        measure: bytes.of(&["uas", "uuas", "bits", ""]).to_owned(),
        group: None,
        group_value: None,
        correct: bytes.maybe(Bytes::whole),
        total: bytes.maybe(Bytes::whole),
        value: bytes.real(),
        ci_low: bytes.maybe(Bytes::real),
        ci_high: bytes.maybe(Bytes::real),
        draw: None,
    }
}

fn head_tree(bytes: &mut Bytes<'_>) -> HeadTree {
    HeadTree {
        treebank: bytes.text(),
        split: bytes.of(&Split::ALL),
        predictor: bytes.of(&TreePredictor::ALL),
        layer_index: bytes.maybe(Bytes::number),
        head_index: bytes.maybe(Bytes::number),
        tree: bytes.of(&TreeShape::ALL),
        measure: bytes.of(&TreeMeasure::ALL),
        correct: bytes.whole(),
        total: bytes.whole(),
        ci_low: bytes.maybe(Bytes::real),
        ci_high: bytes.maybe(Bytes::real),
    }
}

fn coreference(bytes: &mut Bytes<'_>) -> Coreference {
    Coreference {
        corpus: bytes.text(),
        split: bytes.of(&Split::ALL),
        predictor: bytes.of(&AntecedentPredictor::ALL),
        layer_index: bytes.maybe(Bytes::number),
        head_index: bytes.maybe(Bytes::number),
        direction: bytes.maybe(|bytes| bytes.of(&Direction::ALL)),
        mention_type: bytes.of(&MentionType::ALL),
        correct: bytes.whole(),
        total: bytes.whole(),
        ci_low: bytes.maybe(Bytes::real),
        ci_high: bytes.maybe(Bytes::real),
    }
}

fn pair_accuracy(bytes: &mut Bytes<'_>) -> PairAccuracy {
    PairAccuracy {
        pairs: bytes.text(),
        score: bytes.of(&SentenceScore::ALL),
        level: bytes.of(&PairLevel::ALL),
        group: bytes.maybe(Bytes::text),
        paradigms: bytes.whole(),
        correct: bytes.whole(),
        ties: bytes.whole(),
        total: bytes.whole(),
        ci_low: bytes.maybe(Bytes::real),
        ci_high: bytes.maybe(Bytes::real),
        macro_mean: bytes.maybe(Bytes::real),
        macro_ci_low: None,
        macro_ci_high: None,
    }
}

/// Writes a table into a run that has it, under the names of those that it has; `None` where its rows cannot be written.
fn table<T: Table>(run: &Path, has: bool, rows: impl FnOnce() -> Vec<T>, tables: &mut Vec<&str>) -> Option<()> {
    // One of another comparison may lie there.
    let _ = fs::remove_file(run.join(format!("{}.parquet", T::NAME)));
    if has {
        write_table(run, &rows()).ok()?;
        tables.push(T::NAME);
    }
    Some(())
}

/// A run as one of earlier versions left it, without checksums of its files, with the tables whose bits are set.
fn run(folder: &Path, name: &str, which: u8, bytes: &mut Bytes<'_>) -> Option<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(&path).expect("a folder");
    let called = bytes.text();
    let (mut tables, has) = (Vec::new(), |table: u8| which >> table & 1 == 1);
    table(&path, has(0), || bytes.rows(6, best_head), &mut tables)?;
    table(&path, has(1), || bytes.rows(24, prediction), &mut tables)?;
    table(&path, has(2), || bytes.rows(3, probe_score), &mut tables)?;
    table(&path, has(3), || bytes.rows(3, head_tree), &mut tables)?;
    table(&path, has(4), || bytes.rows(3, coreference), &mut tables)?;
    table(&path, has(5), || bytes.rows(3, pair_accuracy), &mut tables)?;
    let selection = bytes.of(&["separate", "folds", "same"]);
    let report = serde_json::json!({
        "format_version": 1, "name": called, "findings": [], "warnings": [bytes.text()],
        "model": { "name": bytes.text(), "architecture": "bert", "layers": bytes.number(), "heads": 12, "hidden_size": 384 },
        "treebank": { "name": bytes.text(), "splits": [] },
        "conventions": {
            "granularity": bytes.text(), "punctuation": "excluded", "merge_rule": "mean", "selection": selection,
            "input": "words", "attention": "weights", "piece_limit": bytes.number(),
        },
        "statistics": { "resamples": 1000, "confidence": bytes.real(), "seed": 1 },
        "experiments": [{ "kind": "heads", "tables": tables }],
    });
    let machine = serde_json::json!({ "os": "linux", "architecture": "x86_64", "cores": 1 });
    let manifest = serde_json::json!({
        "format_version": 1, "headlight_version": "0.1.0", "device": "cpu", "seed": 1, "threads": 1, "inputs": [],
        "skipped": [], "started": "", "finished": "", "seconds": 1.0, "stages": [], "machine": machine,
    });
    fs::write(path.join("report.json"), report.to_string()).expect("a file");
    fs::write(path.join("manifest.json"), manifest.to_string()).expect("a file");
    Some(path)
}

/// Whether a text has characters that a terminal obeys.
fn acts(text: &str) -> bool {
    text.contains(|it: char| {
        (it.is_control() && it != '\n') || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

/// Runs made of bytes, compared with each other and with a paper, and shown in one format: which, which tables they have (one
/// mostly, for each takes its time) and how wide it is shown say the first bytes.
pub fn comparison(bytes: &[u8], folder: &Path) {
    let mut bytes = Bytes(bytes);
    let bootstrap = Bootstrap { resamples: 10, ..Bootstrap::default() };
    let (width, format) = (usize::from(bytes.byte()), bytes.of(&Format::ALL));
    let which = match bytes.byte() {
        one @ ..192 => 1 << (one % 6),
        some => some,
    };
    // With a paper alone mostly, which writes half as much.
    let (paper, second) = match bytes.byte() % 4 {
        0 => (true, true),
        1 => (false, true),
        _ => (true, false),
    };
    let mut runs = Vec::new();
    for name in ["a", "b"].into_iter().take(1 + usize::from(second)) {
        let Some(run) = run(folder, name, which, &mut bytes) else { return };
        runs.push(run);
    }
    let mut sources = Vec::new();
    for run in &runs {
        match Reported::open(run.to_str().expect("a plain path")) {
            Ok(source) => sources.push(source),
            Err(error) => return assert!(!error.to_string().is_empty()),
        }
    }
    if paper {
        sources.push(PAPER.take().unwrap_or_else(|| Reported::open("clark2019").expect("it is compiled in")));
    }
    let compared = compare(&sources, &bootstrap);
    if paper {
        PAPER.set(sources.pop());
    }
    let comparison = match compared {
        Ok(comparison) => comparison,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for whole_interval in [false, true] {
        let gate = Gate { points: -1.0, min_count: u64::from(bytes.byte()), whole_interval, ..Gate::default() };
        if let Err(error) = comparison.hold(&gate) {
            assert!(!error.to_string().is_empty());
        }
    }
    let shown = comparison.render(format, width);
    assert!(!shown.is_empty());
    match format {
        Format::Terminal | Format::Markdown | Format::Latex => assert!(!acts(&shown), "{format}"),
        // A page turns its text itself, and takes line ends for spaces.
        Format::Html => {
            let is_forbidden = |it: char| it.is_control() && !it.is_ascii_whitespace();
            assert!(!shown.contains(is_forbidden) && !shown.contains("<script"), "{format}");
        }
        Format::Json => drop(serde_json::from_str::<serde_json::Value>(&shown).expect("JSON")),
        Format::Csv => {
            let mut cells = 0;
            for row in csv::Reader::from_reader(shown.as_bytes()).records() {
                let row = row.expect("CSV");
                for cell in &row {
                    assert!(!cell.trim_start().starts_with('=') || cell.trim() == "=", "a formula: {cell:?}");
                    assert!(!acts(&cell.replace(['\r', '\t'], "")), "{cell:?}");
                }
                cells += row.len();
            }
            assert!(cells > 0);
        }
    }
}
