//! From arc scores to trees: the maximum spanning arborescence with a single root, and the undirected spanning tree.

use headlight_treebank::{Governor, WordIdx};

use crate::{ArcScores, arcs::governor_of};

/// The tree with the highest sum of scores among all trees in which exactly one word hangs from ROOT: Chu-Liu/Edmonds
/// in Tarjan's dense form, O(n²) in time and memory.
///
/// "Exactly one" is part of the search and not a repair: an arc's weight is the pair (ROOT arcs, score), compared in
/// that order, so that no gain in score ever pays for a second ROOT arc. Edmonds' algorithm only adds, subtracts and
/// compares weights, which pairs do as well as numbers. Equal trees: the one whose words have lower governors.
pub fn maximum_arborescence(scores: &ArcScores) -> Vec<Governor> {
    arborescence(scores, None)
}

/// As [`maximum_arborescence`], with the word that hangs from ROOT given: how single attention heads, which know
/// nothing of ROOT, are decoded (Raganato & Tiedemann 2018, §4).
pub fn maximum_arborescence_from(scores: &ArcScores, root: WordIdx) -> Vec<Governor> {
    arborescence(scores, Some(root))
}

/// The edges of the undirected tree over `words` positions whose weights sum highest: Prim, O(n²). Each edge is
/// `(lower, higher)`; there are `words` − 1. `weight(a, b)` is asked with `a < b` only. For distances, negate.
pub fn maximum_spanning_tree(words: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<(usize, usize)> {
    let mut edges = Vec::with_capacity(words.saturating_sub(1));
    // For each position outside the tree: its best edge into it.
    let mut best: Vec<(f32, usize)> = (0..words).map(|at| (if at == 0 { 0.0 } else { weight(0, at) }, 0)).collect();
    let mut outside: Vec<usize> = (1..words).collect();
    while !outside.is_empty() {
        let mut chosen = 0;
        for slot in 1..outside.len() {
            if best[outside[slot]].0 > best[outside[chosen]].0 {
                chosen = slot;
            }
        }
        let joined = outside.remove(chosen);
        let from = best[joined].1;
        edges.push((from.min(joined), from.max(joined)));
        for &at in &outside {
            let candidate = weight(at.min(joined), at.max(joined));
            if candidate > best[at].0 {
                best[at] = (candidate, joined);
            }
        }
    }
    edges
}

/// The weight of a set of arcs, or a difference of such: fewer ROOT arcs win, then the higher score.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Weight {
    /// Minus the number of ROOT arcs.
    roots: i32,
    score: f64,
}

impl Weight {
    fn minus(self, other: Weight) -> Weight {
        Weight { roots: self.roots - other.roots, score: self.score - other.score }
    }
}

/// An arc between two nodes of the contracted graph, and the arc between words that it stands for.
#[derive(Clone, Copy)]
struct Arc {
    weight: Weight,
    /// Candidate governor, 0..=n.
    governor: usize,
    /// Dependent, 0..n.
    dependent: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Attached,
}

/// The graph while its cycles are being contracted. Nodes are slots 0..=n: words, then ROOT in slot n. A contracted
/// cycle lives on in the slot of one of its members; the others are dead. What each node was made of is kept in
/// `nodes`, where indices 0..n are the words themselves.
struct Contraction {
    slots: usize,
    /// The best arc from each slot into each slot, row-major `[into, from]`.
    arcs: Vec<Option<Arc>>,
    /// The node that each slot holds now; `None` for dead slots.
    held: Vec<Option<usize>>,
    /// The slot in which each word or ROOT lives now.
    slot_of: Vec<usize>,
    nodes: Vec<Node>,
}

struct Node {
    /// The words in it.
    words: Vec<usize>,
    /// The nodes of the cycle it was made of; none for a word.
    cycle: Vec<usize>,
    /// The arc chosen to enter it.
    entered_by: Option<Arc>,
}

fn arborescence(scores: &ArcScores, root: Option<WordIdx>) -> Vec<Governor> {
    let words = scores.words();
    let mut graph = Contraction::new(scores, root);
    let mut states = vec![State::Unseen; words + 1];
    states[words] = State::Attached;
    let mut path = Vec::new();
    for start in 0..words {
        let mut at = start;
        if graph.held[at].is_none() || states[at] != State::Unseen {
            continue;
        }
        loop {
            states[at] = State::OnPath;
            path.push(at);
            let governor_slot = graph.enter(at);
            match states[governor_slot] {
                State::Unseen => at = governor_slot,
                State::Attached => break,
                State::OnPath => {
                    let cycle_start =
                        path.iter().rposition(|&slot| slot == governor_slot).expect("the slot is on the path");
                    let cycle = path.split_off(cycle_start);
                    at = graph.contract(&cycle);
                }
            }
        }
        for slot in path.drain(..) {
            states[slot] = State::Attached;
        }
    }
    graph.expand(words)
}

impl Contraction {
    fn new(scores: &ArcScores, root: Option<WordIdx>) -> Self {
        let words = scores.words();
        let slots = words + 1;
        let mut arcs = vec![None; slots * slots];
        for dependent in 0..words {
            for (governor, score) in scores.row(WordIdx::new(dependent)).iter().enumerate() {
                if governor == dependent {
                    continue;
                }
                // A ROOT arc to another word than the given root weighs as two: one is always possible.
                let roots = match root {
                    _ if governor != words => 0,
                    Some(root) if root.index() != dependent => -2,
                    _ => -1,
                };
                let weight = Weight { roots, score: f64::from(*score) };
                arcs[dependent * slots + governor] = Some(Arc { weight, governor, dependent });
            }
        }
        let nodes = (0..words).map(|word| Node { words: vec![word], cycle: Vec::new(), entered_by: None }).collect();
        let held = (0..slots).map(|slot| (slot < words).then_some(slot)).collect();
        Self { slots, arcs, held, slot_of: (0..slots).collect(), nodes }
    }

    /// Chooses the best arc into a slot and returns the slot from which it comes.
    fn enter(&mut self, slot: usize) -> usize {
        let row = &self.arcs[slot * self.slots..][..self.slots];
        let mut best: Option<Arc> = None;
        for arc in row.iter().flatten() {
            if best.is_none_or(|best| arc.weight > best.weight) {
                best = Some(*arc);
            }
        }
        let best = best.expect("every node can be entered from ROOT");
        let node = self.held[slot].expect("only live slots are entered");
        self.nodes[node].entered_by = Some(best);
        self.slot_of[best.governor]
    }

    /// Makes one node of a cycle of slots and returns the slot in which it lives.
    fn contract(&mut self, cycle: &[usize]) -> usize {
        let kept = cycle[0];
        let members: Vec<usize> = cycle.iter().map(|&slot| self.held[slot].expect("a cycle is alive")).collect();
        let entered: Vec<Weight> = members
            .iter()
            .map(|&node| self.nodes[node].entered_by.expect("a cycle is entered everywhere").weight)
            .collect();
        for other in 0..self.slots {
            let outside = !cycle.contains(&other);
            let mut into: Option<Arc> = None;
            let mut out: Option<Arc> = None;
            if outside {
                for (&slot, &entered) in cycle.iter().zip(&entered) {
                    // To enter the cycle here costs the arc that enters here now.
                    let arc = self.arcs[slot * self.slots + other]
                        .map(|arc| Arc { weight: arc.weight.minus(entered), ..arc });
                    into = better(into, arc);
                    out = better(out, self.arcs[other * self.slots + slot]);
                }
            }
            for &slot in cycle {
                self.arcs[slot * self.slots + other] = None;
                self.arcs[other * self.slots + slot] = None;
            }
            self.arcs[kept * self.slots + other] = into;
            self.arcs[other * self.slots + kept] = out;
        }
        let words: Vec<usize> = members.iter().flat_map(|&node| self.nodes[node].words.iter().copied()).collect();
        for &word in &words {
            self.slot_of[word] = kept;
        }
        for &slot in cycle {
            self.held[slot] = None;
        }
        self.held[kept] = Some(self.nodes.len());
        self.nodes.push(Node { words, cycle: members, entered_by: None });
        kept
    }

    /// Opens the cycles again, latest first: where a cycle is entered, its own arc to that member gives way.
    fn expand(mut self, words: usize) -> Vec<Governor> {
        for node in (words..self.nodes.len()).rev() {
            let entered_by = self.nodes[node].entered_by;
            let dependent = entered_by.expect("every node was entered").dependent;
            let members = std::mem::take(&mut self.nodes[node].cycle);
            let entered = members.into_iter().find(|&member| self.nodes[member].words.contains(&dependent));
            self.nodes[entered.expect("the arc enters the cycle")].entered_by = entered_by;
        }
        let chosen = self.nodes[..words].iter().map(|node| node.entered_by.expect("every word was entered"));
        chosen.map(|arc| governor_of(arc.governor, words)).collect()
    }
}

fn better(a: Option<Arc>, b: Option<Arc>) -> Option<Arc> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.weight > a.weight { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arcs::candidate_of;

    /// All single-rooted trees over `words` words, as candidates per word.
    fn all_trees(words: usize) -> Vec<Vec<usize>> {
        let mut trees = Vec::new();
        for number in 0..(words + 1).pow(words as u32) {
            let tree: Vec<usize> = (0..words).map(|word| number / (words + 1).pow(word as u32) % (words + 1)).collect();
            if is_tree(&tree) {
                trees.push(tree);
            }
        }
        trees
    }

    fn is_tree(candidates: &[usize]) -> bool {
        let words = candidates.len();
        let reaches_root = |start: usize| {
            let mut at = start;
            for _ in 0..=words {
                if at == words {
                    return true;
                }
                at = candidates[at];
            }
            false
        };
        candidates.iter().filter(|&&candidate| candidate == words).count() == 1 && (0..words).all(reaches_root)
    }

    fn total(scores: &ArcScores, candidates: &[usize]) -> f64 {
        (0..candidates.len()).map(|word| f64::from(scores.row(WordIdx::new(word))[candidates[word]])).sum()
    }

    fn candidates(governors: &[Governor]) -> Vec<usize> {
        governors.iter().map(|&governor| candidate_of(governor, governors.len())).collect()
    }

    fn arc_scores(words: impl Strategy<Value = usize>) -> impl Strategy<Value = ArcScores> {
        words.prop_flat_map(|words| {
            let coarse = prop::collection::vec((-4i8..5).prop_map(f32::from), words * (words + 1));
            let fine = prop::collection::vec(-9.0f32..9.0, words * (words + 1));
            prop_oneof![coarse, fine].prop_map(move |scores| ArcScores::new(words, scores).unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn as_good_as_the_best_of_all_trees(scores in arc_scores(1usize..=5)) {
            let found = candidates(&maximum_arborescence(&scores));
            prop_assert!(is_tree(&found), "{found:?}");
            let trees = all_trees(scores.words());
            let best = trees.iter().map(|tree| total(&scores, tree)).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!((total(&scores, &found) - best).abs() < 1e-4);

            for root in 0..scores.words() {
                let found = candidates(&maximum_arborescence_from(&scores, WordIdx::new(root)));
                prop_assert!(is_tree(&found) && found[root] == scores.words());
                let rooted = trees.iter().filter(|tree| tree[root] == tree.len());
                let best = rooted.map(|tree| total(&scores, tree)).fold(f64::NEG_INFINITY, f64::max);
                prop_assert!((total(&scores, &found) - best).abs() < 1e-4);
            }
        }

        #[test]
        fn always_a_tree_with_one_root(scores in arc_scores(1usize..=60)) {
            prop_assert!(is_tree(&candidates(&maximum_arborescence(&scores))));
        }

        #[test]
        fn no_undirected_tree_is_heavier(scores in arc_scores(1usize..=5)) {
            let words = scores.words();
            let weight = |a: usize, b: usize| scores.row(WordIdx::new(a))[b];
            let edges = maximum_spanning_tree(words, weight);
            prop_assert_eq!(edges.len(), words - 1);
            // Every undirected tree is a single-rooted tree without its ROOT arc, and the other way round.
            let undirected = |tree: &[usize]| -> f64 {
                (0..words).filter(|&at| tree[at] < words).map(|at| f64::from(weight(at.min(tree[at]), at.max(tree[at])))).sum()
            };
            let best = all_trees(words).iter().map(|tree| undirected(tree)).fold(f64::NEG_INFINITY, f64::max);
            let found: f64 = edges.iter().map(|&(a, b)| f64::from(weight(a, b))).sum();
            prop_assert!((found - best).abs() < 1e-4, "{found} {best} {edges:?}");
        }
    }

    #[test]
    fn a_second_root_never_pays() {
        // Both words would rather hang from ROOT; the tree takes one of them there and the other below it.
        let scores = ArcScores::new(2, vec![0.0, -1e9, 1e9, -1e9, 0.0, 2e9]).unwrap();
        assert_eq!(maximum_arborescence(&scores), [Governor::Word(WordIdx::new(1)), Governor::Root]);
    }

    #[test]
    fn a_long_chain_of_nested_cycles_is_opened_again() {
        // Each word prefers its neighbour to the left, the first its neighbour to the right; only word 0 may be root.
        let words = 200;
        let scores = ArcScores::from_fn(words, |dependent, governor| match governor {
            Governor::Root => -1000.0 - dependent.index() as f32,
            Governor::Word(governor) => -(dependent.index() as f32 - governor.index() as f32 - 1.0).abs(),
        })
        .unwrap();
        let chain: Vec<usize> = (0..words).map(|word| if word == 0 { words } else { word - 1 }).collect();
        assert_eq!(candidates(&maximum_arborescence(&scores)), chain);
    }
}
