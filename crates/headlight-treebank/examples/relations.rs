//! Counts the relations of a treebank, and how far right-branching gets on it.
//!
//! `cargo run --package headlight-treebank --example relations -- FILE.conllu`; without a file, the sample treebank.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use headlight_treebank::{Attachment, Governor, Granularity, Reader, WordIdx};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/sample/en_sample-evaluate.conllu");
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(sample), PathBuf::from);
    let (mut relations, mut right) = (BTreeMap::<String, u64>::new(), Attachment::default());
    for sentence in Reader::open(&path, None)? {
        // A sentence that is no tree is an error with file and line; others follow it.
        let sentence = sentence?;
        for word in sentence.words() {
            *relations.entry(word.relation.name(Granularity::Universal).to_owned()).or_default() += 1;
        }
        let next = |at| if at < sentence.len() { Governor::Word(WordIdx::new(at)) } else { Governor::Root };
        let chain: Vec<Governor> = (1..=sentence.len()).map(next).collect();
        right.observe(&sentence, &chain)?;
    }
    let mut relations: Vec<_> = relations.into_iter().collect();
    relations.sort_by_key(|(_, words)| std::cmp::Reverse(*words));
    for (relation, words) in relations.iter().take(10) {
        println!("{relation:<12} {words:>7}");
    }
    println!("right-branching: UAS {:.1} %", 100.0 * right.counts().uas.ratio().unwrap_or(0.0));
    Ok(())
}
