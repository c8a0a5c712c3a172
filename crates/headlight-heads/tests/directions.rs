//! Heads in three directions, of a causal and of a full model, against counts in numpy (`fixtures/directions.py`).

use headlight_attention::{Frame, HeadGrid, Visibility, WordAttention};
use headlight_heads::{
    Baseline, Choices, DISTANCES, Direction, Directions, Evaluation, Fold, Group, HeadPredictions, HeadScores,
    Selected, predict,
};
use headlight_treebank::{Governor, Granularity, Relation, Sentence, SentenceParts, Word, WordIdx};
use serde_json::Value;

const GOLDEN: &str = include_str!("fixtures/directions.json");

fn sentence(golden: &Value, number: usize) -> Sentence {
    let governors = golden["governors"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as usize);
    let relations = golden["relations"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let word = |(governor, relation): (usize, &str)| Word {
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
    let words = governors.zip(relations).map(word).collect();
    Sentence::new(SentenceParts { sent_id: format!("s{number}"), words, ..Default::default() }).unwrap()
}

/// The sentences with what is predicted for them.
fn predicted(golden: &Value, heads: usize, visibility: Visibility) -> Vec<(Sentence, HeadPredictions)> {
    let of = |(number, golden): (usize, &Value)| {
        let sentence = sentence(golden, number);
        let weights = golden["maps"].as_array().unwrap().iter().map(|weight| weight.as_f64().unwrap() as f32);
        let grid = HeadGrid { layers: 1, heads };
        let attention = WordAttention::new(grid, &Frame::none(), sentence.len(), weights.collect()).unwrap();
        let maps = (visibility == Visibility::Full).then_some(&attention);
        let predictions = predict(&attention).with_later_to_earlier(maps);
        // A causal model's rows peak among the words before: maps say the same.
        if visibility == Visibility::Causal {
            let by_maps = predict(&attention).with_later_to_earlier(Some(&attention));
            assert_eq!(predictions, by_maps);
        }
        (sentence, predictions)
    };
    golden["sentences"].as_array().unwrap().iter().enumerate().map(of).collect()
}

fn check(model: &str, visibility: Visibility) {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let heads = golden["heads"].as_u64().unwrap() as usize;
    let golden = &golden[model];
    let grid = HeadGrid { layers: 1, heads };
    let mut scores = HeadScores::new(grid, Granularity::Full).in_directions(Directions::ALL);
    let pairs = predicted(golden, heads, visibility);
    for (sentence, predictions) in &pairs {
        scores.observe(sentence, predictions).unwrap();
    }
    let mut cells = 0;
    for (relation, total) in golden["total"].as_object().unwrap() {
        let group = Group::relation(relation);
        assert_eq!(scores.total(&group), *total, "{relation}");
        for direction in Direction::ALL {
            let reachable = scores.baselines().reachable(&group, direction, visibility);
            assert_eq!(reachable, golden["reachable"][direction.name()][relation], "{relation} {direction}");
            for head in grid.iter() {
                let correct = scores.correct(&group, direction, head);
                let expected = &golden["correct"][direction.name()][relation][head.index];
                assert_eq!(correct, *expected, "{model}: {relation}, {direction}, {head}");
                assert!(correct <= reachable, "{relation} {direction}");
                cells += 1;
            }
        }
        for (at, distance) in DISTANCES.into_iter().enumerate() {
            let correct = scores.baselines().correct(&group, Baseline::Distance(distance));
            assert_eq!(correct, golden["distances"][relation][at], "{relation} at {distance}");
        }
    }
    assert_eq!(cells, golden["total"].as_object().unwrap().len() * 3 * heads);

    // What is chosen is scored on the same words, and counts what it can reach.
    let choices = Choices::new(&scores);
    let mut evaluation = Evaluation::new(Selected::Same(choices.clone())).seen_by(visibility);
    pairs.iter().for_each(|(sentence, it)| evaluation.observe(sentence, Fold::First, it).unwrap());
    for result in evaluation.finish().results {
        let choice = choices.choice(&result.group).unwrap();
        assert_eq!(result.head_correct(), scores.correct(&result.group, choice.direction, choice.head));
        assert_eq!(result.baseline_correct(), scores.baselines().correct(&result.group, choice.baseline));
        assert_eq!(result.reachable(), scores.baselines().reachable(&result.group, choice.direction, visibility));
    }
}

#[test]
fn a_causal_models_counts_equal_numpys() {
    check("causal", Visibility::Causal);
}

#[test]
fn a_full_models_counts_equal_numpys() {
    check("full", Visibility::Full);
}
