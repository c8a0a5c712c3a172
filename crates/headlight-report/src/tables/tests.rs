use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::schema::tables;
use super::write::VERSION_KEY;
use super::*;

fn prediction(word_id: u32) -> Prediction {
    Prediction {
        predictor: "best_head".into(),
        scope: (!word_id.is_multiple_of(3)).then(|| "nsubj".into()),
        sent_id: format!("weblog, \"{}\"\n<script>", word_id / 20),
        word_id,
        governor: word_id / 2,
        relation: "nsubj:pass".into(),
        predicted: (word_id.is_multiple_of(2)).then_some(word_id / 2),
        correct: word_id.is_multiple_of(2),
        sentence: None,
        form: None,
        document: None,
    }
}

#[test]
fn rows_come_back_from_parquet_across_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (1..=70_000).map(prediction).collect();
    write_table(folder.path(), &rows).unwrap();
    assert!(read_table::<Prediction>(folder.path()).unwrap() == rows);
}

#[test]
fn csv_has_a_header_quotes_what_needs_it_and_leaves_nulls_empty() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path(), &[prediction(2), prediction(3)]).unwrap();
    insta::assert_snapshot!(fs::read_to_string(folder.path().join("predictions.csv")).unwrap(), @r#"
    predictor,scope,sent_id,word_id,governor,relation,predicted,correct,sentence,form,document
    best_head,nsubj,"weblog, ""0""
    <script>",2,1,nsubj:pass,1,true,,,
    best_head,,"weblog, ""0""
    <script>",3,1,nsubj:pass,,false,,,
    "#);
}

#[test]
fn an_empty_table_has_columns_and_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_table::<HeadScore>(folder.path(), []).unwrap();
    assert_eq!(read_table::<HeadScore>(folder.path()).unwrap(), []);
    let csv = fs::read_to_string(folder.path().join("head_scores.csv")).unwrap();
    assert_eq!(csv, "treebank,split,layer_index,head_index,direction,relation,correct,total,reachable\n");
}

proptest! {
    #[test]
    fn any_row_comes_back(relation in ".*", value in any::<f64>(), optional in any::<Option<f64>>(), counts in any::<(u32, u32)>()) {
        let row = BestHead {
            relation,
            layer: Some(8),
            head: None,
            direction: Some(Direction::GovernorToDependent),
            selected_on: SelectedOn::Select,
            evaluated_on: EvaluatedOn::Evaluate,
            correct: counts.0.into(),
            total: counts.1.into(),
            accuracy: value,
            ci_low: optional,
            ci_high: None,
            baseline: Some(BaselineKind::Offset),
            baseline_accuracy: 0.5,
            p_value: optional,
            p_adjusted: Some(f64::MIN_POSITIVE),
            baseline_offset: Some(-2),
            baseline_correct: 7,
            difference_ci_low: None,
            difference_ci_high: Some(value),
            fold_2_baseline: Some(BaselineKind::ModalOffset),
            fold_2_direction: Some(Direction::DependentToGovernor),
            ..BestHead::default()
        };
        let folder = tempfile::tempdir().unwrap();
        write_table(folder.path(), [&row]).unwrap();
        prop_assert_eq!(read_table::<BestHead>(folder.path()).unwrap(), [row]);
    }
}

tables! {
    /// A baseline whose offset is text, under the same name as [`Baseline`].
    "baselines" => Misfit {
        /// Text instead of a number.
        offset: String,
    }
}

fn error<T: Table + std::fmt::Debug>(folder: &Path) -> String {
    let error = read_table::<T>(folder).unwrap_err().to_string();
    error.replace(&folder.display().to_string(), "RUN")
}

#[test]
fn errors_name_the_file_the_column_and_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(error::<HeadScore>(path), "cannot access table RUN/head_scores.parquet");

    write_table(path, [&Misfit { offset: "left".into() }]).unwrap();
    assert_eq!(
        error::<Baseline>(path),
        "table RUN/baselines.parquet has no column `treebank`; repeat the run to write it anew"
    );

    let whole = fs::read(path.join("baselines.parquet")).unwrap();
    fs::write(path.join("baselines.parquet"), &whole[..whole.len() / 2]).unwrap();
    assert_eq!(error::<Misfit>(path), "table RUN/baselines.parquet is damaged; repeat the run to write it anew");

    // What follows a column's name is how it is compressed.
    let mut other = whole.clone();
    let name = whole.windows(8).rposition(|window| window == b"\x06offset\x15").unwrap();
    assert_eq!(other[name + 8], 2, "Snappy");
    other[name + 8] = 2 * 6;
    fs::write(path.join("baselines.parquet"), other).unwrap();
    let said = error::<Misfit>(path);
    assert!(
        said.starts_with("table RUN/baselines.parquet is written with ZSTD, which headlight does not read"),
        "{said}"
    );

    // What stands before a column's path is the last of its encodings.
    let mut other = whole.clone();
    let path_of_column = whole.windows(9).rposition(|window| window == b"\x19\x18\x06offset").unwrap();
    other[path_of_column - 1] = 2 * 7;
    fs::write(path.join("baselines.parquet"), other).unwrap();
    let said = error::<Misfit>(path);
    assert!(said.starts_with("table RUN/baselines.parquet is written with DELTA_BYTE_ARRAY, which"), "{said}");

    // The file's description may say otherwise than the page, whose header is the first.
    let mut other = whole.clone();
    let values = 4 + other[4..].iter().position(|&byte| byte == 0x4c).unwrap();
    assert_eq!(other[values + 1..][..3], [0x15, 2, 0x15], "a dictionary of one value, and how it is encoded");
    other[values + 4] = 2 * 7;
    fs::write(path.join("baselines.parquet"), other).unwrap();
    let damaged = read_table::<Misfit>(path).unwrap_err();
    assert!(format!("{damaged:?}").contains("DELTA_BYTE_ARRAY"), "{damaged:?}");

    // The version is one digit in the footer's metadata: make it another.
    let at = whole.windows(VERSION_KEY.len()).rposition(|window| window == VERSION_KEY.as_bytes()).unwrap();
    let mut newer = whole;
    let digit = at + newer[at..].iter().position(|&byte| byte == b'1').unwrap();
    newer[digit] = b'9';
    fs::write(path.join("baselines.parquet"), newer).unwrap();
    assert_eq!(
        error::<Misfit>(path),
        "table RUN/baselines.parquet has format version 9, but this headlight reads versions up to 1; update headlight or repeat the run"
    );
}

/// A Python with pandas and pyarrow: `HEADLIGHT_PYTHON`, else the first of the usual places that has them.
fn python_with_pandas() -> Option<String> {
    let named = std::env::var("HEADLIGHT_PYTHON").ok();
    let mut candidates = named.into_iter().chain(["python3"].map(str::to_owned));
    candidates.find(|python| {
        let ready = Command::new(python).args(["-c", "import pandas, pyarrow"]).output();
        ready.is_ok_and(|ready| ready.status.success())
    })
}

/// pandas sees every table with the types that the columns promise.
#[test]
#[allow(clippy::print_stderr)]
fn pandas_opens_every_table() {
    let Some(python) = python_with_pandas() else {
        eprintln!("not run: no Python with pandas and pyarrow; name one in HEADLIGHT_PYTHON");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path(), [&prediction(1)]).unwrap();
    let baseline = Baseline {
        treebank: "ewt".into(),
        split: Split::Select,
        baseline: BaselineKind::RightBranching,
        offset: None,
        relation: "det".into(),
        correct: 3,
        total: 4,
    };
    write_table(folder.path(), [&baseline, &Baseline { offset: Some(1), ..baseline.clone() }]).unwrap();
    let distance = HeadDistance {
        layer_a_index: 0,
        head_a_index: 1,
        layer_b_index: 2,
        head_b_index: 3,
        js_sum: 0.5,
        js_mean_per_row: 0.25,
        rows: 2,
    };
    write_table(folder.path(), [&distance]).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/describe_parquet.py");
    let output = Command::new(&python).arg(script).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap(), @r#"
    baselines.treebank: string = 'ewt'
    baselines.split: string = 'select'
    baselines.baseline: string = 'right_branching'
    baselines.offset: int64 = nan
    baselines.relation: string = 'det'
    baselines.correct: int64 = 3
    baselines.total: int64 = 4
    head_distances.layer_a_index: int64 = 0
    head_distances.head_a_index: int64 = 1
    head_distances.layer_b_index: int64 = 2
    head_distances.head_b_index: int64 = 3
    head_distances.js_sum: double = 0.5
    head_distances.js_mean_per_row: double = 0.25
    head_distances.rows: int64 = 2
    predictions.predictor: string = 'best_head'
    predictions.scope: string = 'nsubj'
    predictions.sent_id: string = 'weblog, "0"\n<script>'
    predictions.word_id: int64 = 1
    predictions.governor: int64 = 0
    predictions.relation: string = 'nsubj:pass'
    predictions.predicted: int64 = nan
    predictions.correct: bool = False
    "#);
}

/// The example that docs/tables.md gives.
#[test]
#[allow(clippy::print_stderr)]
fn the_example_in_python_runs() {
    let Some(python) = python_with_pandas() else {
        eprintln!("not run: no Python with pandas and pyarrow; name one in HEADLIGHT_PYTHON");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let score = |head_index, direction, correct| HeadScore {
        treebank: "ewt".into(),
        split: Split::Evaluate,
        layer_index: 0,
        head_index,
        direction,
        relation: "det".into(),
        correct,
        total: 8,
        reachable: Some(8),
    };
    let up = Direction::DependentToGovernor;
    write_table(folder.path(), &[score(0, up, 4), score(1, up, 2), score(1, Direction::GovernorToDependent, 8)])
        .unwrap();
    let output = Command::new(&python).args(["-c", reference::PYTHON]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    insta::assert_snapshot!(printed.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"), @r"
    head_index     0     1
    layer_index
    0            0.5  0.25
    ");
}

#[test]
fn memory_is_not_taken_for_values_that_a_dictionary_cannot_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best_heads.parquet");
    write_table(folder.path(), &[BestHead { relation: "det".into(), ..BestHead::default() }]).unwrap();
    let mut file = fs::read(&path).unwrap();
    // The header of the dictionary of the first column: field 7 of its page's, whose field 1 is the number of its values.
    let at = 2 + file.windows(2).position(|bytes| bytes == b"\x4c\x15").unwrap();
    assert!(at < 20 && file[at] == 2, "one value");
    file[at] = 2 * 50;
    fs::write(&path, file).unwrap();
    let error = read_table::<BestHead>(folder.path()).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("a dictionary claims 50 values"), "{why}");
}

/// Row groups may not lie upon each other, so that each byte is unpacked once.
#[test]
fn values_that_take_more_bytes_than_the_file_has_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("best_heads.parquet");
    // Text that hardly can be packed.
    let mixed =
        |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 59;
    let relation: String = (1..20_000).map(|n| char::from(b'A' + mixed(n) as u8)).collect();
    write_table(folder.path(), &[BestHead { relation, ..BestHead::default() }]).unwrap();
    let whole = fs::read(&path).unwrap();
    let (values, description) = whole.split_at(whole.len() - 8);
    let length = u32::from_le_bytes(description[..4].try_into().unwrap()) as usize;
    let (values, description) = values.split_at(values.len() - length);
    // The list of row groups, field 4 after field 3: one structure, which is repeated.
    let one = description.windows(3).position(|bytes| bytes == b"\x19\x1c\x19").unwrap();
    let end = description.windows(8).position(|bytes| bytes == b"\x19\x2c\x18\x0fhead").unwrap();
    assert!(one < end);
    let group = &description[one + 2..end];
    let mut many = [&description[..one], b"\x19\xfc\x28"].concat();
    (0..40).for_each(|_| many.extend_from_slice(group));
    many.extend_from_slice(&description[end..]);
    let length = (many.len() as u32).to_le_bytes();
    fs::write(&path, [values, &many[..], &length[..], b"PAR1"].concat()).unwrap();
    let error = read_table::<BestHead>(folder.path()).map(|rows| rows.len()).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("40 rows and"), "{why}");
}

#[test]
fn a_text_that_is_repeated_too_often_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = BestHead { relation: "a".repeat(1 << 18), ..BestHead::default() };
    write_table(folder.path(), std::iter::repeat_n(&long, 10)).unwrap();
    assert_eq!(read_table::<BestHead>(folder.path()).unwrap().len(), 10);
    write_table(folder.path(), std::iter::repeat_n(&long, 400)).unwrap();
    let error = read_table::<BestHead>(folder.path()).map(|rows| rows.len()).unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("more text than such a file has"), "{why}");
}
