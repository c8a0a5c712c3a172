//! Sentences are paired by what they say, whatever they are called.

use super::*;
use crate::tables::read_table;

/// Rewrites the predictions of a run; `edit` gets the sentence's place, counted from 0, too.
fn edited(path: PathBuf, edit: impl Fn(usize, &mut Prediction)) -> PathBuf {
    let mut rows = read_table::<Prediction>(&path).unwrap();
    let mut names: Vec<String> = Vec::new();
    for row in &mut rows {
        if names.last() != Some(&row.sent_id) {
            names.push(row.sent_id.clone());
        }
        edit(names.len() - 1, row);
    }
    write_table(&path, &rows).unwrap();
    path
}

/// With what tables hold today: numbers, and forms that differ from sentence to sentence.
fn told(at: usize, row: &mut Prediction) {
    row.sentence = Some(at as u32 + 1);
    row.form = Some(format!("w{at}.{}", row.word_id));
}

/// The two runs of [`two_runs`] after an edit of both.
fn two_edited(folder: &TempDir, edit: impl Fn(usize, &mut Prediction) + Copy) -> [PathBuf; 2] {
    two_runs(folder).map(|path| edited(path, edit))
}

#[test]
fn names_that_repeat_change_no_interval() {
    let unique = tempfile::tempdir().unwrap();
    let expected = compared(&two_edited(&unique, told));
    for name in [|_: usize| "same".to_owned(), |at: usize| format!("s{}", at % 2)] {
        let folder = tempfile::tempdir().unwrap();
        let runs = two_edited(&folder, |at, row| {
            told(at, row);
            row.sent_id = name(at);
        });
        assert_eq!(compared(&runs), expected);
    }
    let difference = expected.relations[0].differences[1].unwrap();
    assert!(difference.ci_low < difference.ci_high, "{difference:?}");
}

#[test]
fn sentences_of_one_name_and_the_same_words_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let runs = two_edited(&folder, |at, row| {
        (row.sentence, row.form) = (Some(at as u32 + 1), Some("same".into()));
        row.sent_id = "same".into();
    });
    let comparison = compared(&runs);
    let difference = comparison.relations[2].differences[1].unwrap();
    assert_eq!((difference.value, difference.p_value), (0.5, Some(2.0 / 64.0)));
}

#[test]
fn a_run_that_skipped_sentences_is_paired_on_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let name = |at: usize, row: &mut Prediction| {
        told(at, row);
        row.sent_id = "same".into();
    };
    let a = edited(write_run(folder.path(), "a", &words(|_, _| true), |_| {}), name);
    // The first two sentences are not there, and nobody says so: numbers shift, words tell.
    let b = edited(write_run(folder.path(), "b", &words(|index, _| index != 5)[4..], |_| {}), |at, row| {
        name(at + 2, row);
        row.sentence = Some(at as u32 + 1);
    });
    let comparison = compared(&[a, b]);
    assert_eq!(comparison.flags, ["4 of a's 24 words are not in every run and are left out"]);
    assert_eq!(comparison.relations[0].scores[1].as_ref().unwrap().correct, Some(18));
}

#[test]
fn other_sentences_of_the_same_names_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_edited(&folder, told);
    let b = edited(b, |at, row| row.form = Some(format!("other{}", at + row.word_id as usize)));
    let expected =
        "sentence s1 is \"w0.1 w0.2\" in a, but \"other1 other2\" in b: the runs are not of the same sentences";
    assert_eq!(error(&folder, &[a.clone(), b.clone()]), expected);
    let [a, b] = [a, b].map(|path| edited(path, |_, row| row.sent_id = "same".into()));
    assert_eq!(error(&folder, &[a, b]), expected.replace("s1", "same"));
}

#[test]
fn tables_that_cannot_tell_sentences_of_one_name_apart_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runs = two_edited(&folder, |_, row| row.sent_id = "same".into());
    assert_eq!(
        error(&folder, &runs),
        "a has several sentences called same, and its predictions, of an earlier version of headlight, do not say which \
         is meant: repeat the run"
    );
}

#[test]
fn documents_are_resampled_where_a_run_did() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_edited(&folder, told);
    let by_sentence = compared(&[a.clone(), b.clone()]);
    // Three documents of four sentences each, as the second run has them.
    let b = edited(b, |at, row| row.document = Some(at as u32 / 4 + 1));
    let comparison = compared(&[a, b]);
    assert_eq!((by_sentence.unit.as_str(), comparison.unit.as_str()), ("sentence", "document"));
    // Each of the three documents loses its determiners: 2 of 2^3 sign patterns.
    assert_eq!(comparison.relations[1].differences[1].unwrap().p_value, Some(2.0 / 8.0));
    let text = comparison.render(Format::Terminal, 80).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("paired bootstrap resamples of documents;"), "{text}");
}

#[test]
fn the_root_is_in_no_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let with_root: Vec<Word> = words(|_, _| true).into_iter().chain([("s1", 3, 0, "root", false)]).collect();
    let a = write_run(folder.path(), "a", &with_root, |_| {});
    let b = write_run(folder.path(), "b", &with_root, |_| {});
    let comparison = compared(&[a, b]);
    let names: Vec<_> = comparison.relations.iter().map(|row| row.relation.as_str()).collect();
    assert_eq!(names, ["all", "det", "obj"]);
    assert!(comparison.shortfalls(100.0).iter().all(|lost| lost.relation != "root"));
}
