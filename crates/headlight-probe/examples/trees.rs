//! Scores of arcs become trees: word by word, as a spanning tree with one root, and without directions.
//!
//! `cargo run --package headlight-probe --example trees`

#![allow(clippy::print_stdout)]

use headlight_probe::{ArcScores, trees};
use headlight_treebank::Governor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The rows are words, the columns their candidates: the words, then ROOT. Each for itself, `she` and `saw` hang from each other.
    let words = ["she", "saw", "stars"];
    #[rustfmt::skip]
    let logits = vec![
        0.0, 3.0, 0.0, 2.0,
        2.6, 0.0, 1.0, 2.5,
        0.0, 2.0, 0.0, 1.0,
    ];
    let scores = ArcScores::new(words.len(), logits).ok_or("a score for each word and candidate")?;
    let shown = |governors: &[Governor]| {
        let name = |governor: &Governor| governor.word().map_or("ROOT", |word| words[word.index()]);
        words.iter().zip(governors).map(|(word, of)| format!("{word}←{}", name(of))).collect::<Vec<_>>().join("  ")
    };
    println!("each word for itself: {}", shown(&scores.best_governors()));
    println!("the best tree:        {}", shown(&trees::maximum_arborescence(&scores)));
    Ok(())
}
