//! Writing: what is read comes out byte for byte, and predicted trees take the place of the old ones.

use super::data::RICH;
use super::sentences;
use crate::{Governor, ReattachError, Relation, Sentence, WordIdx, reattach, write_conllu};

fn written<'a>(sentences: impl IntoIterator<Item = &'a Sentence>) -> String {
    let mut out = Vec::new();
    for sentence in sentences {
        write_conllu(sentence, &mut out).expect("memory can be written");
    }
    String::from_utf8(out).expect("CoNLL-U is UTF-8")
}

#[test]
fn a_file_comes_out_as_it_went_in() {
    assert_eq!(written(&sentences(RICH)), RICH);
}

#[test]
fn a_predicted_tree_replaces_the_old_one() {
    let sentence = &sentences(RICH)[0];
    let flat: Vec<Governor> = (0..sentence.len())
        .map(|word| if word == 0 { Governor::Root } else { Governor::Word(WordIdx::new(0)) })
        .collect();
    let parsed = reattach(sentence, &flat, None).unwrap();
    let lines = written([&parsed]);
    assert_eq!(lines.lines().nth(4), Some("1\tDo\tdo\tAUX\tVBP\tMood=Imp|VerbForm=Fin\t0\troot\t_\t_"));
    assert_eq!(lines.lines().nth(6), Some("3\tgo\tgo\tVERB\tVB\tVerbForm=Inf\t1\tdep\t_\tSpaceAfter=No"));
    assert_eq!(sentences(&lines).len(), 1);

    let relations: Vec<Relation> = sentence.words().iter().map(|word| word.relation.clone()).collect();
    let labelled = reattach(sentence, &flat, Some(&relations)).unwrap();
    assert_eq!(labelled.words()[2].relation.full(), "root");
}

#[test]
fn what_is_no_tree_is_not_written() {
    let sentence = &sentences(RICH)[0];
    let check = |governors: &[Governor], relations: Option<&[Relation]>, message: &str| {
        assert_eq!(reattach(sentence, governors, relations).unwrap_err().to_string(), message);
    };
    check(&[Governor::Root], None, "sentence a-1: 1 governors for 6 words");
    check(&[Governor::Root; 6], Some(&[]), "sentence a-1: 0 relations for 6 words");
    let error = reattach(sentence, &[Governor::Root; 6], None).unwrap_err();
    assert!(matches!(error, ReattachError::Tree { .. }), "{error}");
}
