//! Attachment scores: by hand on one sentence, and against another implementation on a treebank.

use std::fmt::Write;

use super::shared::shared;
use super::{conllu, sentences};
use crate::{Attachment, Count, Governor, Granularity, Lengths, Reader, Sentence, WordIdx};

fn governors(heads: &[usize]) -> Vec<Governor> {
    let governor =
        |&head: &usize| head.checked_sub(1).map_or(Governor::Root, |word| Governor::Word(WordIdx::new(word)));
    heads.iter().map(governor).collect()
}

fn count(correct: u64, total: u64) -> Count {
    Count { correct, total }
}

/// Heads: The→dog, dog→barks, of→it, it→dog, barks→root, !→barks.
fn sentence() -> Sentence {
    sentences(&conllu(&[
        ("The", "2", "det"),
        ("dog", "5", "nsubj"),
        ("of", "4", "case"),
        ("it", "2", "nmod:poss"),
        ("barks", "0", "root"),
        ("!", "5", "punct"),
    ]))
    .remove(0)
}

#[test]
fn one_sentence_by_hand() {
    let mut scores = Attachment::default();
    // Right: The, !. Right but for the direction: it–of. Wrong: dog, barks.
    let counts = scores.observe(&sentence(), &governors(&[2, 0, 2, 3, 2, 5])).unwrap();
    assert_eq!(counts.uas, count(1, 5));
    assert_eq!(counts.uas_with_punctuation, count(2, 6));
    // The–dog, barks–dog (predicted the other way round) and of–it; it–dog is missing.
    assert_eq!(counts.uuas, count(3, 4));
    assert_eq!(counts.root, count(0, 1));
    assert_eq!(scores.counts(), counts);

    scores.observe(&sentence(), &governors(&[2, 5, 4, 2, 0, 1])).unwrap();
    assert_eq!(scores.counts().uas, count(6, 10));
    assert_eq!(scores.counts().uas_with_punctuation, count(7, 12));
    assert_eq!(scores.counts().root, count(1, 2));
    let relations: Vec<_> = scores.by_relation(Granularity::Universal).into_iter().collect();
    let expected = [("case", 1, 2), ("det", 2, 2), ("nmod", 1, 2), ("nsubj", 1, 2), ("punct", 1, 2), ("root", 1, 2)];
    assert_eq!(relations, expected.map(|(name, correct, total)| (name, count(correct, total))));
    assert!(scores.by_relation(Granularity::Full).contains_key("nmod:poss"));

    let lengths = |lengths| scores.by_length(lengths);
    let named = |rows: &[(&str, u64, u64)]| -> Vec<(String, Count)> {
        rows.iter().map(|&(label, correct, total)| (label.to_owned(), count(correct, total))).collect()
    };
    assert_eq!(lengths(Lengths::Signed), named(&[("-2", 1, 2), ("1", 3, 4), ("3", 1, 2)]));
    assert_eq!(lengths(Lengths::Absolute), named(&[("1", 3, 4), ("2", 1, 2), ("3", 1, 2)]));
    assert_eq!(lengths(Lengths::Grouped), named(&[("1", 3, 4), ("2", 1, 2), ("3-6", 1, 2)]));
}

#[test]
fn undirected_arcs_count_for_uuas_alone() {
    let mut scores = Attachment::default();
    let arcs = [(0, 1), (4, 1), (2, 3), (2, 1), (5, 4)].map(|(a, b)| (WordIdx::new(a), WordIdx::new(b)));
    assert_eq!(scores.observe_undirected(&sentence(), &arcs), count(3, 4));
    assert_eq!(scores.counts().uuas, count(3, 4));
    assert_eq!(scores.counts().uas, count(0, 0));
    assert_eq!(scores.counts().uas.ratio(), None);
}

#[test]
fn predictions_must_pair_with_words() {
    let mut scores = Attachment::default();
    let error = scores.observe(&sentence(), &governors(&[0, 1])).unwrap_err();
    assert_eq!(error.to_string(), "sentence test:1: 2 predicted governors for 6 words");
    assert_eq!(scores, Attachment::default());
}

#[test]
fn a_treebank_agrees_with_another_implementation() {
    let Some(path) = shared("data/ud-english-ewt/en_ewt-ud-dev.conllu") else { return };
    type Predictor = fn(&Sentence) -> Vec<usize>;
    let predictors: [(&str, Predictor); 4] = [
        ("chain_from_left", |sentence| (0..sentence.len()).collect()),
        ("chain_from_right", |sentence| (2..=sentence.len()).chain([0]).collect()),
        ("all_from_third", |sentence| {
            let centre = sentence.len().min(3);
            (1..=sentence.len()).map(|word| if word == centre { 0 } else { centre }).collect()
        }),
        ("flipped", hang_from_first),
    ];
    let treebank: Vec<Sentence> = Reader::open(&path, None).unwrap().map(Result::unwrap).collect();
    let mut table = String::new();
    for (name, predict) in predictors {
        // Two shards, merged.
        let mut shards = [Attachment::default(), Attachment::default()];
        for (index, sentence) in treebank.iter().enumerate() {
            shards[index % 2].observe(sentence, &governors(&predict(sentence))).unwrap();
        }
        let [mut scores, other] = shards;
        scores.merge(&other);
        let counts = scores.counts();
        let (full, universal) = (scores.by_relation(Granularity::Full), scores.by_relation(Granularity::Universal));
        let length = |name: &str| {
            let lengths = scores.by_length(Lengths::Signed);
            lengths.into_iter().find(|(length, _)| length == name).map(|(_, count)| count).unwrap_or_default()
        };
        writeln!(table, "{name}").unwrap();
        for (row, count) in [
            ("uas", counts.uas),
            ("with punctuation", counts.uas_with_punctuation),
            ("uuas", counts.uuas),
            ("root", counts.root),
            ("=obl", full["obl"]),
            ("=obl:agent", full["obl:agent"]),
            ("~obl", universal["obl"]),
            ("length +1", length("1")),
            ("length -9", length("-9")),
        ] {
            writeln!(table, "    {row:<16} {:>6} {:>6}", count.correct, count.total).unwrap();
        }
    }
    assert_eq!(table, include_str!("../../tests/fixtures/attachment.txt"));
}

/// Heads of the right tree, hung from its first word.
fn hang_from_first(sentence: &Sentence) -> Vec<usize> {
    let mut neighbours = vec![Vec::new(); sentence.len()];
    for (index, word) in sentence.words().iter().enumerate() {
        if let Some(governor) = word.governor.word() {
            neighbours[index].push(governor.index());
            neighbours[governor.index()].push(index);
        }
    }
    let (mut heads, mut queue) = (vec![None; sentence.len()], vec![0]);
    heads[0] = Some(0);
    while let Some(word) = queue.pop() {
        for &other in &neighbours[word] {
            if heads[other].is_none() {
                heads[other] = Some(word + 1);
                queue.push(other);
            }
        }
    }
    heads.into_iter().map(|head| head.expect("a tree is connected")).collect()
}
