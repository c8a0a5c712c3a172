//! Which positions of two sentences belong together, so that their maps can be subtracted.

use serde::Serialize;

/// The positions of one sentence and of the other that belong together, in order, over words and over pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Over words and the special pieces around them.
    pub words: Vec<(usize, usize)>,
    /// Over pieces.
    pub pieces: Vec<(usize, usize)>,
}

/// Positions that belong together: one by one where `by_place` holds and there are as many on both sides, else those of the
/// longest common subsequence of the labels.
///
/// ```
/// use headlight_report::look::positions_beside;
/// let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
/// let (short, long) = (words("the keys are"), words("the old keys are"));
/// assert_eq!(positions_beside(&short, &long, true), [(0, 0), (1, 2), (2, 3)]);
/// assert_eq!(positions_beside(&short, &words("the key is"), true), [(0, 0), (1, 1), (2, 2)]);
/// assert_eq!(positions_beside(&short, &words("the key is"), false), [(0, 0)]);
/// ```
pub fn positions_beside(first: &[String], second: &[String], by_place: bool) -> Vec<(usize, usize)> {
    if by_place && first.len() == second.len() {
        return (0..first.len()).map(|at| (at, at)).collect();
    }
    let width = second.len() + 1;
    // The longest common subsequence of what begins at each pair of places.
    let mut longest = vec![0_usize; (first.len() + 1) * width];
    for at in (0..first.len()).rev() {
        for other in (0..second.len()).rev() {
            longest[at * width + other] = if first[at] == second[other] {
                1 + longest[(at + 1) * width + other + 1]
            } else {
                longest[(at + 1) * width + other].max(longest[at * width + other + 1])
            };
        }
    }
    let (mut at, mut other, mut pairs) = (0, 0, Vec::new());
    while at < first.len() && other < second.len() {
        if first[at] == second[other] {
            pairs.push((at, other));
            (at, other) = (at + 1, other + 1);
        } else if longest[(at + 1) * width + other] >= longest[at * width + other + 1] {
            at += 1;
        } else {
            other += 1;
        }
    }
    pairs
}
