//! Checking: every problem is listed with its line.

use super::data::RICH;
use super::shared::shared;
use crate::{Checked, Format, check};

fn check_text(text: &str) -> (Checked, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.conllu");
    std::fs::write(&path, text).unwrap();
    let checked = check(&path, None).unwrap();
    let lines = checked.problems.iter().map(ToString::to_string).collect();
    (checked, lines)
}

#[test]
fn every_problem_is_listed() {
    let text = "\u{feff}\
# sent_id = a
# text = one two
1\tone\t_\t_\t_\t_\t0\troot\t_\t_
1\ttwo\t_\t_\t_\t_\tx\tdep\t_\t_
three\r

# sent_id = a
# text = one too
1\tone\t_\t_\t_\t_\t0\troot\t_\t_
2\ttwo\t_\t\tN N\t_\t1\tdep\t_\t_


# text = one-two three four
1-2\tone-two\tl\t_\t_\t_\t_\t_\t_\t_
1\tone\t_\t_\t_\t_\t2\tdep\t_\t_
2\ttwo\t_\t_\t_\t_\t1\tdep\t_\t_
3\tthree\t_\t_\t_\t_\t0\troot\t_\t_
4\tfour\t_\t_\t_\t_\t0\troot\t_\t_
";
    let (checked, problems) = check_text(text);
    assert_eq!(
        problems,
        [
            "1: the file starts with a byte order mark; it is skipped",
            "4: sentence a: ID 1 where 2 is due; ids count up by one",
            "4: sentence a: word 2 [two] has HEAD `x`, which is not the id of a word or 0",
            "5: lines end with CR LF (said once); the CR is dropped",
            "5: sentence a: 1 column(s) where 10, separated by single tabs, are expected",
            "7: sentence a: sent_id `a` is already used on line 1",
            "8: sentence a: `# text` and the words part at character 6: text has `oo`, the words spell `wo`",
            "10: sentence a: column UPOS is empty; write `_`",
            "10: sentence a: column XPOS has white space in `N N`",
            "12: a blank line too many",
            "13: sentence test:13: the sentence has no `# sent_id`",
            "14: sentence test:13: multiword token 1-2 has LEMMA `l`; only FORM, FEATS and MISC may be given",
            "15: sentence test:13: word 1 [one] is part of a cycle: following HEAD from it never reaches the root",
            "18: the last sentence is not followed by a blank line",
            "18: sentence test:13: words 3 [three] and 4 [four] both have HEAD 0; exactly one word must be the root",
        ]
    );
    assert_eq!((checked.sentences, checked.words), (3, 8));
    assert_eq!(checked.problems.iter().filter(|problem| problem.fault.is_error()).count(), 5);
}

#[test]
fn a_check_and_the_reader_refuse_the_same() {
    let (checked, problems) = check_text(RICH);
    assert_eq!(
        problems,
        ["14: sentence test:14: the sentence has no `# sent_id`", "18: sentence b-1: the sentence has no `# text`"]
    );
    assert_eq!((checked.sentences, checked.words), (3, 8));
    assert!(checked.problems.iter().all(|problem| !problem.fault.is_error()));
}

#[test]
fn real_treebanks_have_no_problem() {
    for path in ["data/ud-english-ewt/en_ewt-ud-dev.conllu", "data/ud-english-gum/en_gum-ud-dev.conllu"] {
        let Some(path) = shared(path) else { return };
        assert_eq!(check(&path, Format::Conllu).unwrap().problems, [], "{}", path.display());
    }
}

#[test]
fn an_empty_file_is_said_to_be_empty() {
    for empty in ["", "\n\n", "\u{feff}"] {
        let (checked, problems) = check_text(empty);
        assert_eq!(
            (checked.sentences, problems.last().map(String::as_str)),
            (0, Some("1: the file holds no sentence"))
        );
    }
}
