//! Sentences and predictions for tests.

use std::path::PathBuf;

use headlight_attention::{AttentionHead, HeadGrid, NO_PEAK};
use headlight_treebank::{Governor, Relation, Sentence, SentenceParts, Word, WordIdx};
use proptest::prelude::*;

use crate::{Direction, HeadPredictions};

/// The grid of all predictions here.
pub(crate) const GRID: HeadGrid = HeadGrid { layers: 2, heads: 2 };

/// A sentence of words that are given by HEAD and DEPREL.
pub(crate) fn sentence(sent_id: &str, words: &[(usize, &str)]) -> Sentence {
    let word = |(governor, relation): &(usize, &str)| Word {
        form: "x".into(),
        lemma: None,
        upos: None,
        xpos: None,
        features: None,
        governor: governor.checked_sub(1).map_or(Governor::Root, |index| Governor::Word(WordIdx::new(index))),
        relation: Relation::new(relation),
        deps: None,
        misc: None,
    };
    let words = words.iter().map(word).collect();
    Sentence::new(SentenceParts { sent_id: sent_id.into(), words, ..Default::default() }).expect("a tree")
}

/// Predictions for a sentence of `words` words: the governors' ids by direction and head, 0 for no candidate.
pub(crate) fn predictions<const N: usize>(
    words: usize,
    governors: impl Fn(Direction, AttentionHead) -> [u16; N],
) -> HeadPredictions {
    let governors = &governors;
    let ids =
        Direction::BOTH.into_iter().flat_map(|direction| GRID.iter().flat_map(move |head| governors(direction, head)));
    let raw = ids.map(|id| id.checked_sub(1).unwrap_or(NO_PEAK)).collect();
    HeadPredictions::from_raw(GRID, 2, words, raw).expect("governors within the sentence")
}

/// A random tree of up to eight words over four relations.
fn any_sentence() -> impl Strategy<Value = Sentence> {
    let order = (1_usize..9).prop_flat_map(|words| Just((0..words).collect::<Vec<_>>()).prop_shuffle());
    let draws = prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4), 8);
    (order, draws, any::<u32>()).prop_map(|(order, draws, id)| {
        let mut words = vec![(0, "root"); order.len()];
        for (place, index) in order.iter().enumerate().skip(1) {
            let (above, relation) = &draws[place - 1];
            words[*index] = (order[above.index(place)] + 1, ["nsubj", "nmod:poss", "nmod", "punct"][*relation]);
        }
        sentence(&format!("s{id}"), &words)
    })
}

/// Up to `most` random trees.
pub(crate) fn sentences(most: usize) -> impl Strategy<Value = Vec<Sentence>> {
    prop::collection::vec(any_sentence(), 0..=most)
}

/// Up to `most` random trees with random predictions, about half of which are right.
pub(crate) fn pairs(most: usize) -> impl Strategy<Value = Vec<(Sentence, HeadPredictions)>> {
    let pair = any_sentence().prop_flat_map(|sentence| {
        let words = sentence.len();
        let draws = prop::collection::vec((any::<bool>(), 0..=words as u16), 2 * GRID.len() * words);
        (Just(sentence), draws).prop_map(move |(sentence, draws)| {
            let governors = draws.iter().enumerate().map(|(place, (right, other))| {
                match (right, sentence.words()[place % words].governor) {
                    (true, Governor::Word(governor)) => governor.index() as u16,
                    _ => other.checked_sub(1).unwrap_or(NO_PEAK),
                }
            });
            let predictions = HeadPredictions::from_raw(GRID, 2, words, governors.collect()).expect("within");
            (sentence, predictions)
        })
    });
    prop::collection::vec(pair, 0..=most)
}

/// The golden counts of MiniLM on EWT dev, and the treebank; `None`, with a note, where they are not at hand.
pub(crate) fn golden_heads() -> Option<(serde_json::Value, PathBuf)> {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared"));
    let treebank = shared.join("data/ud-english-ewt/en_ewt-ud-dev.conllu");
    let Ok(golden) = std::fs::read_to_string(shared.join("golden/ewt-dev-minilm-heads.json")) else {
        note_not_run("../shared/golden is absent");
        return None;
    };
    Some((serde_json::from_str(&golden).expect("the golden is JSON"), treebank))
}

#[allow(clippy::print_stderr)]
fn note_not_run(why: &str) {
    eprintln!("not run: {why}");
}
