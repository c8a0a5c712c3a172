//! Two predictors on the same sentences: accuracies with intervals, their difference, and whether it may be chance.
//!
//! `cargo run --package headlight-stats --example intervals`

#![allow(clippy::print_stdout)]

use headlight_stats::{Bootstrap, Counts, Pair, StatsError, sign_flip_test};

fn main() -> Result<(), StatsError> {
    // Of 40 sentences with two objects each, the head is right about both but in every fifth, the baseline about one or none.
    let counts = |right: fn(u32) -> u32| (0..40).map(|at| Counts { correct: right(at), total: 2 }).collect::<Vec<_>>();
    let (head, baseline) = (counts(|at| if at % 5 == 0 { 1 } else { 2 }), counts(|at| at % 2));
    let pair = Pair { a: &head, b: &baseline };
    let found = Bootstrap::default().paired(&[pair])?;
    for intervals in found.iter().flatten() {
        for (name, interval) in [("head", intervals.a), ("baseline", intervals.b), ("difference", intervals.difference)]
        {
            println!("{name:<10} {:6.3} to {:.3}", interval.low, interval.high);
        }
    }
    println!("p = {:.2e}", sign_flip_test(pair)?);
    Ok(())
}
