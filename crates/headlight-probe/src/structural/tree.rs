//! What a tree says about every pair of its words, and about every word.

use headlight_treebank::{Governor, WordIdx};

/// The number of arcs between each two words, `[word, word]` row-major. `None` when the governors are no tree with a
/// single root.
pub(super) fn tree_distances(governors: &[Governor]) -> Option<Vec<f32>> {
    let n = governors.len();
    let mut distances = vec![0.0; n * n];
    let order = root_first(governors)?;
    for (placed, &word) in order.iter().enumerate() {
        let Some(governor) = governors[word].word().map(WordIdx::index) else { continue };
        for &other in &order[..placed] {
            let distance = distances[other * n + governor] + 1.0;
            distances[other * n + word] = distance;
            distances[word * n + other] = distance;
        }
    }
    Some(distances)
}

/// The number of arcs between each word and the root word, which is 0 for the root itself. `None` as for
/// [`tree_distances`].
pub(super) fn tree_depths(governors: &[Governor]) -> Option<Vec<f32>> {
    let mut depths = vec![0.0; governors.len()];
    for word in root_first(governors)? {
        if let Some(governor) = governors[word].word() {
            depths[word] = depths[governor.index()] + 1.0;
        }
    }
    Some(depths)
}

/// The words in an order in which each comes after its governor.
fn root_first(governors: &[Governor]) -> Option<Vec<usize>> {
    let n = governors.len();
    let mut dependents = vec![Vec::new(); n];
    let mut order = Vec::with_capacity(n);
    for (word, governor) in governors.iter().enumerate() {
        match governor.word() {
            None => order.push(word),
            Some(governor) => dependents.get_mut(governor.index())?.push(word),
        }
    }
    if order.len() != 1 {
        return None;
    }
    let mut next = 0;
    while let Some(&word) = order.get(next) {
        order.append(&mut dependents[word]);
        next += 1;
    }
    (order.len() == n).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn governors(heads: &[usize]) -> Vec<Governor> {
        let governor = |head: &usize| head.checked_sub(1).map_or(Governor::Root, |at| Governor::Word(WordIdx::new(at)));
        heads.iter().map(governor).collect()
    }

    #[test]
    fn distances_and_depths_count_arcs() {
        // 2 is the root; 1 and 4 hang from it, 3 from 4.
        let governors = governors(&[2, 0, 4, 2]);
        let expected = [0.0, 1.0, 3.0, 2.0, 1.0, 0.0, 2.0, 1.0, 3.0, 2.0, 0.0, 1.0, 2.0, 1.0, 1.0, 0.0];
        assert_eq!(tree_distances(&governors).unwrap(), expected);
        assert_eq!(tree_depths(&governors).unwrap(), [1.0, 0.0, 2.0, 1.0]);
    }

    #[test]
    fn what_is_no_tree_has_neither() {
        for heads in [&[0, 0][..], &[2, 1], &[0, 3, 2]] {
            assert_eq!(tree_distances(&governors(heads)), None, "{heads:?}");
            assert_eq!(tree_depths(&governors(heads)), None, "{heads:?}");
        }
    }
}
