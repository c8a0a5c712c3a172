//! What each word of a sentence attends to most, in a head of a checkpoint.
//!
//! `cargo run --release --package headlight-bert --example attention -- FOLDER LAYER-HEAD WORD…`; without arguments head 3-9 of the
//! sample model on a sentence of its own. Heads count from 1, as in tables.

#![allow(clippy::print_stdout)]

use std::path::Path;

use headlight_attention::{AttentionHead, MergeRule};
use headlight_bert::{Level, LoadOptions, Model, Request};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/model");
    let (folder, head, words) = match arguments.as_slice() {
        [folder, head, words @ ..] if !words.is_empty() => {
            (folder.as_str(), head.as_str(), words.iter().map(String::as_str).collect())
        }
        _ => (sample, "3-9", vec!["The", "old", "dog", "chased", "a", "ball", "."]),
    };
    let number = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
    let head = head.split_once('-').and_then(|(layer, head)| Some((number(layer)?, number(head)?)));
    let (layer, index) = head.ok_or("a head is written layer-head, as in 3-9")?;

    let model = Model::load(Path::new(folder), &LoadOptions::default())?;
    let grid = model.spec().grid;
    if layer >= grid.layers || index >= grid.heads {
        return Err(format!("the model has {} layers of {} heads", grid.layers, grid.heads).into());
    }
    let pieces = model.tokenizer().words(&words, 512).map_err(|skip| skip.to_string())?;
    let request = Request { attention: Some(Level::Words(MergeRule::Mean)), ..Request::default() };
    let attention = model.encode(&pieces, &request)?.words.ok_or("attention was asked for")?;
    let names: Vec<&str> = [
        attention.frame().before().iter().map(String::as_str).collect::<Vec<_>>(),
        words.clone(),
        attention.frame().after().iter().map(String::as_str).collect(),
    ]
    .concat();
    for (at, word) in words.iter().enumerate() {
        let row = attention.row(AttentionHead { layer, index }, attention.frame().position(at));
        let (to, weight) = row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).ok_or("a row is never empty")?;
        println!("{word:<12} → {:<12} {:.0} %", names[to], 100.0 * weight);
    }
    Ok(())
}
