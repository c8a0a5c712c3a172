use headlight_attention::Frame;
use headlight_treebank::Granularity;

use super::*;
use crate::testing::{GRID, pairs, predictions, sentence};
use proptest::prelude::*;

type Pair = (Sentence, HeadPredictions);

const HEADS: [AttentionHead; 2] = [AttentionHead { layer: 0, index: 0 }, AttentionHead { layer: 0, index: 1 }];

fn selection<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> Choices {
    let mut scores = HeadScores::new(GRID, Granularity::Full);
    pairs.into_iter().for_each(|(sentence, predictions)| scores.observe(sentence, predictions).expect("a pair"));
    Choices::new(&scores)
}

fn evaluation(selected: Selected<Choices>, pairs: &[Pair]) -> Evaluation {
    let mut evaluation = Evaluation::new(selected);
    for (sentence, predictions) in pairs {
        evaluation.observe(sentence, Fold::of(sentence), predictions).expect("a pair");
    }
    evaluation
}

fn two_folds(pairs: &[Pair]) -> Selected<Choices> {
    let of = |fold| selection(pairs.iter().filter(move |(sentence, _)| Fold::of(sentence) == fold));
    Selected::TwoFold { first: of(Fold::First), second: of(Fold::Second) }
}

/// Two words, the first hanging from the second by `relation`; only `right` predicts so, and only from dependent to
/// governor.
fn pair(sent_id: &str, relation: &str, right: AttentionHead) -> Pair {
    let governors = |direction, head| {
        let right = direction == Direction::DependentToGovernor && head == right;
        if right { [2, 1] } else { [0, 0] }
    };
    (sentence(sent_id, &[(2, relation), (0, "root")]), predictions(2, governors))
}

/// The first sentence after `name` that belongs to `fold`.
fn sent_id(name: &str, fold: Fold) -> String {
    let mut ids = (0..).map(|number| format!("{name}-{number}"));
    ids.find(|id| Fold::of(&sentence(id, &[(0, "root")])) == fold).expect("half of the ids are in each fold")
}

fn result<'a>(best: &'a BestHeads, group: &str) -> &'a GroupResult {
    best.results.iter().find(|result| result.group.name() == group).expect("a result")
}

#[test]
fn what_is_best_on_one_split_is_scored_on_the_other() {
    let select = [pair("a", "obj", HEADS[0])];
    let evaluate = [pair("b", "obj", HEADS[0]), pair("c", "obj", HEADS[1])];
    let best = evaluation(Selected::Elsewhere(selection(&select)), &evaluate).finish();
    let obj = result(&best, "obj");
    assert_eq!(obj.choices[0].choice.head, HEADS[0]);
    assert_eq!((obj.choices[0].choice.head_correct, obj.choices[0].choice.total), (1, 1));
    assert_eq!((obj.head_correct(), obj.baseline_correct(), obj.total()), (1, 2, 2));
    let counts = |unit, head_correct| EvaluatedUnit { unit, total: 1, head_correct, baseline_correct: 1 };
    assert_eq!(obj.units, [counts(0, 1), counts(1, 0)]);
    assert!(!best.optimistic);
}

#[test]
fn choosing_on_the_same_sentences_is_marked() {
    let pairs = [pair("b", "obj", HEADS[1])];
    let best = evaluation(Selected::Same(selection(&pairs)), &pairs).finish();
    assert_eq!(result(&best, "obj").head_correct(), 1);
    assert!(best.optimistic);
}

#[test]
fn with_two_folds_each_is_chosen_for_by_the_other() {
    let (first, second) = (sent_id("s", Fold::First), sent_id("s", Fold::Second));
    let pairs = [pair(&first, "obj", HEADS[0]), pair(&second, "obj", HEADS[1])];
    let best = evaluation(two_folds(&pairs), &pairs).finish();
    let choices = &result(&best, "obj").choices;
    let made: Vec<_> = choices.iter().map(|scored| (scored.selected_on, scored.choice.head)).collect();
    assert_eq!(made, [(Some(Fold::First), HEADS[0]), (Some(Fold::Second), HEADS[1])]);
    assert_eq!((result(&best, "obj").head_correct(), result(&best, "obj").total()), (0, 2));
    let selected = two_folds(&pairs);
    let head = |pair: &Pair| selected.of(Fold::of(&pair.0)).choice(&Group::relation("obj")).map(|choice| choice.head);
    assert_eq!((head(&pairs[0]), head(&pairs[1])), (Some(HEADS[1]), Some(HEADS[0])));
}

#[test]
fn a_relation_that_one_side_lacks_is_reported() {
    let select = [pair("a", "obj", HEADS[0])];
    let evaluate = [pair("b", "iobj", HEADS[0])];
    let best = evaluation(Selected::Elsewhere(selection(&select)), &evaluate).finish();
    assert_eq!(best.never_selected, [(Group::relation("iobj"), 1)]);
    let names: Vec<_> = best.never_evaluated.iter().map(|(group, choice)| (group.name(), choice.total)).collect();
    assert_eq!(names, [("obj", 1)]);
    let names: Vec<_> = best.results.iter().map(|result| result.group.name()).collect();
    assert_eq!(names, ["all", "all-nopunct", "all-nopunct-noroot", "root"]);
}

#[test]
fn predictions_of_another_model_are_refused() {
    let (sentence, _) = pair("a", "obj", HEADS[0]);
    let attention =
        headlight_attention::WordAttention::new(HeadGrid { layers: 1, heads: 1 }, &Frame::bert(), 2, vec![0.0; 16]);
    let mut evaluation = Evaluation::new(Selected::Same(selection(&[])));
    let error =
        evaluation.observe(&sentence, Fold::First, &crate::predict(&attention.expect("a map"))).expect_err("1×1 heads");
    assert!(matches!(error, MismatchError::Grid { found_heads: 1, .. }), "{error}");
}

#[test]
fn sentences_fall_into_both_folds() {
    let first = (0..1000).filter(|number| Fold::of(&sentence(&format!("s-{number}"), &[(0, "root")])) == Fold::First);
    assert!((450..550).contains(&first.count()));
}

#[test]
fn more_units_than_are_kept_apart_are_joined_with_their_neighbours() {
    let pairs = [pair("a", "obj", HEADS[0]), pair("b", "obj", HEADS[0]), pair("c", "obj", HEADS[0])];
    let mut evaluation = Evaluation::new(Selected::Same(selection(&pairs)));
    for ((sentence, predictions), unit) in pairs.iter().zip([1, 0, 3 * MOST_EVALUATED]) {
        evaluation.observe_unit(unit, sentence, Fold::First, predictions).expect("a pair");
    }
    let best = evaluation.finish();
    assert_eq!((best.joined, best.sentences), (4, 3));
    let obj = best.results.iter().find(|result| result.group == Group::Relation("obj".into())).expect("evaluated");
    let units: Vec<_> = obj.units.iter().map(|counts| (counts.unit, counts.total)).collect();
    assert_eq!(units, [(0, 2), (3 * MOST_EVALUATED / 4, 1)]);
}

proptest! {
    #[test]
    fn on_the_same_sentences_the_choice_scores_what_it_was_chosen_for(pairs in pairs(6)) {
        let best = evaluation(Selected::Same(selection(&pairs)), &pairs).finish();
        for result in &best.results {
            let choice = result.choices[0].choice;
            prop_assert_eq!(result.total(), choice.total);
            prop_assert_eq!(result.head_correct(), choice.head_correct);
            prop_assert_eq!(result.baseline_correct(), choice.baseline_correct);
        }
        prop_assert!(best.never_selected.is_empty() && best.never_evaluated.is_empty());
    }

    #[test]
    fn no_word_is_lost_and_sentences_add_up(pairs in pairs(8)) {
        let best = evaluation(two_folds(&pairs), &pairs).finish();
        for result in &best.results {
            let sum = |count: fn(&EvaluatedUnit) -> u32| result.units.iter().map(|one| u64::from(count(one))).sum::<u64>();
            prop_assert_eq!(sum(|one| one.total), result.total());
            prop_assert_eq!(sum(|one| one.head_correct), result.head_correct());
            prop_assert_eq!(sum(|one| one.baseline_correct), result.baseline_correct());
        }
        let all = best.results.iter().filter(|result| result.group == Group::All).map(GroupResult::total).sum::<u64>();
        let lost = best.never_selected.iter().filter(|(group, _)| *group == Group::All).map(|(_, words)| words).sum::<u64>();
        prop_assert_eq!(all + lost, pairs.iter().map(|(sentence, _)| sentence.len() as u64).sum::<u64>());
    }

    #[test]
    fn parts_add_up(pairs in pairs(8), cut in 0_usize..8) {
        let (left, right) = pairs.split_at(cut.min(pairs.len()));
        let mut sum = evaluation(two_folds(&pairs), left);
        sum.merge(&evaluation(two_folds(&pairs), right));
        prop_assert_eq!(sum, evaluation(two_folds(&pairs), &pairs));
    }
}
