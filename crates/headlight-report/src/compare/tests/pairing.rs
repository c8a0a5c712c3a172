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
    assert_eq!(comparison.flags, ["a and b share 20 words, of 24 and 20: differences are over those"]);
    let all = &comparison.relations[0];
    let correct: Vec<_> = all.scores.iter().map(|score| score.as_ref().unwrap().correct).collect();
    assert_eq!(correct, [Some(24), Some(18)]);
    let paired = all.differences[1].unwrap().paired.unwrap();
    assert_eq!((paired.words, paired.reference, paired.accuracy, paired.complete), (20, 1.0, 0.9, false));
}

#[test]
fn other_sentences_of_the_same_names_are_not_paired() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_edited(&folder, told);
    let b = edited(b, |at, row| row.form = Some(format!("other{}", at + row.word_id as usize)));
    let check = |runs: &[PathBuf]| {
        let comparison = compared(runs);
        assert_eq!(comparison.contestants.iter().map(|it| it.paired).collect::<Vec<_>>(), [false, false]);
        let det = comparison.relations[1].differences[1].unwrap();
        assert_eq!((det.value, det.paired, det.ci_low, det.p_value), (-1.0, None, None, None));
        assert_eq!(comparison.flags, ["a and b share no words: differences between them have no interval and no test"]);
        let text = comparison.render(Format::Terminal, 80);
        assert!(text.contains("−100.0 °\n") && text.contains("° not paired word by word"), "{text}");
    };
    check(&[a.clone(), b.clone()]);
    check(&[a, b].map(|path| edited(path, |_, row| row.sent_id = "same".into())));
}

/// One sentence was corrected between two releases: its words are left out, and it is counted.
#[test]
fn one_other_sentence_is_counted_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = two_edited(&folder, told);
    let b = edited(b, |at, row| {
        if at == 3 {
            row.form = Some("corrected".into());
        }
    });
    let comparison = compared(&[a, b]);
    assert_eq!(
        comparison.flags,
        [
            "a and b share 22 words, of 24 and 24: differences are over those",
            "of b's sentences, 1 say something else than a's of the same name: not paired",
        ]
    );
    let det = comparison.relations[1].differences[1].unwrap();
    // Eleven sentences lost.
    assert_eq!((det.paired.unwrap().words, det.p_value), (11, Some(2.0 / 2048.0)));
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
    assert!(lost_below(&comparison, 100.0).iter().all(|lost| lost.relation != "root"));
}
