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

/// An arc between two nodes of the contracted graph stands for one between words: its governor and its dependent.
#[derive(Clone, Copy)]
struct Ends {
    governor: u32,
    dependent: u32,
}

/// The arc from ROOT into a node.
#[derive(Clone, Copy)]
struct FromRoot {
    /// Minus the number of ROOT arcs that it weighs as, and its score: compared in this order.
    weight: (i32, f64),
    /// The word that would hang from ROOT.
    dependent: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unseen,
    OnPath,
    Attached,
}

/// No arc, which any arc is better than.
const NONE: f64 = f64::NEG_INFINITY;

/// The graph while its cycles are being contracted. Nodes are slots: at first slot i is word i. A contracted cycle lives on in the
/// slot of one of its members; the others are dead. ROOT is never on a cycle, so that only arcs from ROOT weigh as ROOT arcs:
/// the others are compared by their scores, and one of them always wins over ROOT's.
struct Contraction {
    words: usize,
    /// The best arc from each slot into each slot, row-major `[into, from]`, and what it stands for.
    scores: Vec<f64>,
    ends: Vec<Ends>,
    from_root: Vec<FromRoot>,
    /// Slots that hold a node, ascending.
    live: Vec<usize>,
    /// The node that each live slot holds.
    held: Vec<usize>,
    /// The slot in which each word lives now.
    slot_of: Vec<usize>,
    /// Words, then contracted cycles.
    nodes: Vec<Node>,
}

/// A word, or a cycle of nodes.
#[derive(Clone, Copy)]
struct Node {
    /// The cycle that it is part of; itself where it is part of none.
    part_of: usize,
    /// The arc chosen to enter it, and its score.
    entered_by: Ends,
    score: f64,
}

fn arborescence(scores: &ArcScores, root: Option<WordIdx>) -> Vec<Governor> {
    let words = scores.words();
    let mut graph = Contraction::new(scores, root);
    let mut states = vec![State::Unseen; words];
    let mut path = Vec::new();
    for start in 0..words {
        let mut at = start;
        if graph.slot_of[at] != at || states[at] != State::Unseen {
            continue;
        }
        loop {
            states[at] = State::OnPath;
            path.push(at);
            let governor_slot = graph.enter(at);
            match governor_slot.map(|slot| (slot, states[slot])) {
                Some((slot, State::Unseen)) => at = slot,
                None | Some((_, State::Attached)) => break,
                Some((slot, State::OnPath)) => {
                    let cycle_start = path.iter().rposition(|&on_path| on_path == slot);
                    let cycle = path.split_off(cycle_start.expect("the slot is on the path"));
                    at = graph.contract(&cycle);
                }
            }
        }
        for slot in path.drain(..) {
            states[slot] = State::Attached;
        }
    }
    graph.expand()
}

impl Contraction {
    fn new(scores: &ArcScores, root: Option<WordIdx>) -> Self {
        let words = scores.words();
        let mut graph = Self {
            words,
            scores: Vec::with_capacity(words * words),
            ends: Vec::with_capacity(words * words),
            from_root: Vec::with_capacity(words),
            live: (0..words).collect(),
            held: (0..words).collect(),
            slot_of: (0..words).collect(),
            nodes: Vec::with_capacity(2 * words),
        };
        for dependent in 0..words {
            let row = scores.row(WordIdx::new(dependent));
            // A word's own score is −∞, which is no arc.
            graph.scores.extend(row[..words].iter().map(|score| f64::from(*score)));
            graph.ends.extend((0..words).map(|governor| Ends::new(governor, dependent)));
            // A ROOT arc to another word than the given root weighs as two: one is always possible.
            let roots = if root.is_some_and(|root| root.index() != dependent) { -2 } else { -1 };
            let weight = (roots, f64::from(row[words]));
            graph.from_root.push(FromRoot { weight, dependent: dependent as u32 });
            graph.nodes.push(Node::new(dependent));
        }
        graph
    }

    /// Chooses the best arc into a slot and returns the slot from which it comes; none is ROOT.
    fn enter(&mut self, slot: usize) -> Option<usize> {
        let row = &self.scores[slot * self.words..][..self.words];
        let (mut from, mut score) = (None, NONE);
        for &other in &self.live {
            if row[other] > score {
                (from, score) = (Some(other), row[other]);
            }
        }
        let FromRoot { weight, dependent } = self.from_root[slot];
        let node = &mut self.nodes[self.held[slot]];
        (node.entered_by, node.score) = match from {
            Some(from) => (self.ends[slot * self.words + from], score),
            None => (Ends { governor: self.words as u32, dependent }, weight.1),
        };
        from
    }

    /// Makes one node of a cycle of slots and returns the slot in which it lives, the first of the cycle.
    fn contract(&mut self, cycle: &[usize]) -> usize {
        let (kept, others, words) = (cycle[0], &cycle[1..], self.words);
        self.live.retain(|slot| !cycle.contains(slot));
        // To enter the cycle at a slot costs the arc that enters there now.
        let entered = self.nodes[self.held[kept]].score;
        for &from in &self.live {
            self.scores[kept * words + from] -= entered;
        }
        self.from_root[kept].weight.1 -= entered;
        for &slot in others {
            let entered = self.nodes[self.held[slot]].score;
            for &from in &self.live {
                let score = self.scores[slot * words + from] - entered;
                if score > self.scores[kept * words + from] {
                    self.scores[kept * words + from] = score;
                    self.ends[kept * words + from] = self.ends[slot * words + from];
                }
            }
            let FromRoot { weight: (roots, score), dependent } = self.from_root[slot];
            let weight = (roots, score - entered);
            if weight > self.from_root[kept].weight {
                self.from_root[kept] = FromRoot { weight, dependent };
            }
        }
        for &into in &self.live {
            let row = into * words;
            for &slot in others {
                if self.scores[row + slot] > self.scores[row + kept] {
                    self.scores[row + kept] = self.scores[row + slot];
                    self.ends[row + kept] = self.ends[row + slot];
                }
            }
        }
        let node = self.nodes.len();
        self.nodes.push(Node::new(node));
        for &slot in cycle {
            self.nodes[self.held[slot]].part_of = node;
        }
        for slot in &mut self.slot_of {
            if others.contains(slot) {
                *slot = kept;
            }
        }
        self.held[kept] = node;
        let place = self.live.partition_point(|slot| *slot < kept);
        self.live.insert(place, kept);
        kept
    }

    /// Opens the cycles again, latest first: where a cycle is entered, its own arc to that member gives way.
    fn expand(mut self) -> Vec<Governor> {
        for node in (self.words..self.nodes.len()).rev() {
            let entered_by = self.nodes[node].entered_by;
            let mut member = entered_by.dependent as usize;
            while self.nodes[member].part_of != node {
                member = self.nodes[member].part_of;
            }
            self.nodes[member].entered_by = entered_by;
        }
        let chosen = self.nodes[..self.words].iter().map(|node| node.entered_by.governor as usize);
        chosen.map(|governor| governor_of(governor, self.words)).collect()
    }
}

impl Ends {
    fn new(governor: usize, dependent: usize) -> Self {
        Self { governor: governor as u32, dependent: dependent as u32 }
    }
}

impl Node {
    fn new(number: usize) -> Self {
        Self { part_of: number, entered_by: Ends::new(0, 0), score: NONE }
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
