//! Scores the heads of an encoder that knows one thing: one head attends to the next word, the other to the word before.
//!
//! `cargo run --package headlight-heads --example score -- FILE.conllu`; without a file, the sample treebank. With a real encoder in the
//! place of `neighbours`, this is what `kind = "heads"` does.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use headlight_attention::{Frame, HeadGrid, WordAttention};
use headlight_heads::{Direction, Group, HeadScores, predict};
use headlight_treebank::{Granularity, Reader};

const GRID: HeadGrid = HeadGrid { layers: 1, heads: 2 };

fn neighbours(words: usize) -> WordAttention {
    let positions = Frame::bert().positions(words);
    let mut weights = vec![0.0; GRID.len() * positions * positions];
    for from in 0..positions {
        let [next, before] = [(from + 1).min(positions - 1), from.saturating_sub(1)];
        weights[from * positions + next] = 1.0;
        weights[positions * positions + from * positions + before] = 1.0;
    }
    WordAttention::new(GRID, &Frame::bert(), words, weights).expect("two square maps")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample/en_sample-evaluate.conllu");
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(sample), PathBuf::from);
    let mut scores = HeadScores::new(GRID, Granularity::Universal);
    for sentence in Reader::open(&path, None)? {
        let sentence = sentence?;
        scores.observe(&sentence, &predict(&neighbours(sentence.len())))?;
    }
    for relation in ["det", "case", "nsubj", "obj", "amod"] {
        let group = Group::relation(relation);
        let total = scores.total(&group);
        let found = |head| scores.correct(&group, Direction::DependentToGovernor, GRID.head(head));
        println!("{relation:<6} next word {:>4} of {total}, word before {:>4}", found(0), found(1));
    }
    Ok(())
}
