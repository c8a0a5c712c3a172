//! MiniLM on UD English EWT dev, against an independent implementation in PyTorch (METHOD §9).

use headlight_attention::Frame;
use std::fs;

use headlight_bert::{Level, LoadOptions, Model, Pieces, Request};
use headlight_heads::{Denominator, HeadDistances, Landmarks, Statistic, SurfaceMeans, map_distances, surface};
use headlight_treebank::{Reader, Sentence};
use serde_json::Value;

use crate::support::shared;

/// The largest relative difference to the golden numbers that is allowed.
const TOLERANCE: f64 = 1e-4;

/// Sentences that the golden distances were summed over.
const DISTANCE_SENTENCES: usize = 200;

#[test]
fn surface_statistics_and_head_distances_equal_pytorch() {
    let (Some(folder), Some(golden), Some(treebank)) = (
        shared("data/minilm-l6"),
        shared("golden/ewt-dev-minilm-heads.json"),
        shared("data/ud-english-ewt/en_ewt-ud-dev.conllu"),
    ) else {
        return;
    };
    let golden: Value = serde_json::from_str(&fs::read_to_string(golden).unwrap()).unwrap();
    let model = Model::load(&folder, &LoadOptions::default()).unwrap();
    let tokenizer = model.tokenizer();
    let marks = [".", ","].map(|mark| tokenizer.id(mark).unwrap());

    let pieces = |(number, sentence): (usize, Sentence)| (number, tokenizer.words(&sentence.forms(), 512).unwrap());
    let sentences = Reader::open(&treebank, None).unwrap().map(Result::unwrap).enumerate().map(pieces).map(Ok::<_, ()>);
    let request = Request { attention: Some(Level::Pieces), ..Request::default() };
    let grid = model.spec().grid;
    let (mut means, mut distances) = (SurfaceMeans::new(grid), HeadDistances::new(grid));
    let measure = |number, pieces: &Pieces, encoded: headlight_bert::Encoded| {
        let maps = encoded.maps.unwrap();
        let punctuation = (0..pieces.len()).filter(|&piece| marks.contains(&pieces.ids[piece])).collect();
        let landmarks = Landmarks { frame: Frame::bert(), sep: vec![pieces.len() - 1], punctuation };
        let values = surface(&maps, &landmarks, Denominator::Rows);
        (values, (number < DISTANCE_SENTENCES).then(|| map_distances(&maps)))
    };
    let fold = |(values, between): (_, Option<_>)| {
        means.add(&values);
        between.iter().for_each(|between| distances.add(between));
        Ok(())
    };
    model.stream(sentences, &request, measure, fold).unwrap();

    assert_eq!(means.sequences(), golden["used"]);
    let mut worst: f64 = 0.0;
    let mut compare = |what: String, found: f64, expected: &Value| {
        let expected = expected.as_f64().unwrap();
        // Sums of f32 weights that are all but zero have few digits.
        let difference = (found - expected).abs() / expected.abs().max(1e-3);
        worst = worst.max(difference);
        assert!(difference < TOLERANCE, "{what}: {found} is not {expected}");
    };
    assert_eq!(means.measured(Statistic::First), 0, "[CLS] stands before the words");
    for statistic in Statistic::ALL.into_iter().filter(|statistic| *statistic != Statistic::First) {
        for (number, head) in grid.iter().enumerate() {
            let found = means.mean(head, statistic).unwrap();
            compare(format!("{} of {head}", statistic.name()), found, &golden["surface"][statistic.name()][number]);
        }
    }
    assert_eq!(distances.rows(), golden["js_rows"]);
    for (i, a) in grid.iter().enumerate() {
        for (j, b) in grid.iter().enumerate() {
            compare(format!("distance of {a} and {b}"), distances.mean(a, b), &golden["js_mean_per_row"][i][j]);
        }
    }
    println!("largest relative difference to PyTorch: {worst:.1e}");
}
