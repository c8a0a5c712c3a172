//! Attention over pieces becomes attention over words, by three rules.
//!
//! `cargo run --package headlight-attention --example merge`

#![allow(clippy::print_stdout)]

use headlight_attention::{Alignment, AttentionMaps, Frame, HeadGrid, MergeRule, merge};

fn main() {
    // One head over [CLS] head ##light shines [SEP]; the second piece of the word attends to what follows.
    let grid = HeadGrid { layers: 1, heads: 1 };
    let rows = [
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.1, 0.5, 0.2, 0.1, 0.1],
        [0.0, 0.1, 0.1, 0.8, 0.0],
        [0.1, 0.3, 0.3, 0.2, 0.1],
        [0.2, 0.2, 0.2, 0.2, 0.2],
    ];
    let maps = AttentionMaps::new(grid, 5, rows.concat()).expect("five pieces");
    let words = Alignment::new(&Frame::bert(), 5, vec![1..3, 3..4]).expect("two words");
    for rule in [MergeRule::Mean, MergeRule::First, MergeRule::Max] {
        let merged = merge(&maps, &words, rule);
        println!("{:<6} [CLS]  headlight  shines  [SEP]", rule.name());
        for from in 0..merged.positions() {
            let row: Vec<String> = merged.row(grid.head(0), from).iter().map(|weight| format!("{weight:.2}")).collect();
            println!("       {}", row.join("   "));
        }
    }
}
