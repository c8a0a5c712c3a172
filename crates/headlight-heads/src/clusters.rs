//! Which heads are alike: layers against each other, and agglomerative clustering.

use headlight_attention::HeadGrid;

/// How far apart the heads of a layer are from each other, and from those of other layers.
#[derive(Clone, PartialEq, Debug)]
pub struct LayerDistances {
    /// For each layer the mean distance over pairs of its heads; `None` for a layer of one head.
    pub within: Vec<Option<f64>>,
    /// For each layer the mean distance between its heads and those of all other layers; `None` in a model of one layer.
    pub between: Vec<Option<f64>>,
}

/// Means of distances within and between layers. `distances` is row-major `[head, head]` by head number.
pub fn layer_distances(grid: HeadGrid, distances: &[f64]) -> LayerDistances {
    let mean = |layer: usize, same: bool| {
        let (mut sum, mut pairs) = (0.0, 0u32);
        for a in grid.iter().filter(|head| head.layer == layer) {
            for b in grid.iter().filter(|head| (head.layer == layer) == same && *head != a) {
                sum += distances[grid.number(a) * grid.len() + grid.number(b)];
                pairs += 1;
            }
        }
        (pairs > 0).then(|| sum / f64::from(pairs))
    };
    let layers = 0..grid.layers;
    LayerDistances {
        within: layers.clone().map(|layer| mean(layer, true)).collect(),
        between: layers.map(|layer| mean(layer, false)).collect(),
    }
}

/// One step of agglomerative clustering: two clusters become one.
///
/// Clusters 0..n are single heads; the k-th merger makes cluster n + k.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Merger {
    /// The clusters that merge, the lower number first.
    pub clusters: (usize, usize),
    /// The mean distance between their heads.
    pub distance: f64,
    /// Heads in the new cluster.
    pub size: usize,
}

/// The hierarchy of `n` heads under average linkage (UPGMA), closest first: n − 1 mergers.
pub fn hierarchy(n: usize, distances: &[f64]) -> Vec<Merger> {
    assert_eq!(distances.len(), n * n, "a distance for each pair");
    let mut condensed: Vec<f64> = (0..n).flat_map(|a| (a + 1..n).map(move |b| distances[a * n + b])).collect();
    kodama::linkage(&mut condensed, n, kodama::Method::Average)
        .steps()
        .iter()
        .map(|step| Merger {
            clusters: (step.cluster1.min(step.cluster2), step.cluster1.max(step.cluster2)),
            distance: step.dissimilarity,
            size: step.size,
        })
        .collect()
}

/// The cluster of each head when the hierarchy is cut so that `count` clusters remain. Clusters are numbered from 0 in
/// the order of their first head.
pub fn clusters(hierarchy: &[Merger], count: usize) -> Vec<usize> {
    let n = hierarchy.len() + 1;
    let mut cluster_of: Vec<usize> = (0..n).collect();
    for (step, merger) in hierarchy.iter().take(n.saturating_sub(count.max(1))).enumerate() {
        for cluster in &mut cluster_of {
            if *cluster == merger.clusters.0 || *cluster == merger.clusters.1 {
                *cluster = n + step;
            }
        }
    }
    let mut order = Vec::new();
    for cluster in &mut cluster_of {
        let place = order.iter().position(|seen| seen == cluster).unwrap_or_else(|| {
            order.push(*cluster);
            order.len() - 1
        });
        *cluster = place;
    }
    cluster_of
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four heads on a line at 0, 1, 10 and 12.
    const LINE: [f64; 16] = [
        0.0, 1.0, 10.0, 12.0, //
        1.0, 0.0, 9.0, 11.0, //
        10.0, 9.0, 0.0, 2.0, //
        12.0, 11.0, 2.0, 0.0,
    ];

    #[test]
    fn neighbours_merge_first() {
        let mergers = hierarchy(4, &LINE);
        let expected = [((0, 1), 1.0, 2), ((2, 3), 2.0, 2), ((4, 5), 10.5, 4)];
        assert_eq!(
            mergers.iter().map(|merger| (merger.clusters, merger.distance, merger.size)).collect::<Vec<_>>(),
            expected
        );
        assert_eq!(clusters(&mergers, 1), [0, 0, 0, 0]);
        assert_eq!(clusters(&mergers, 2), [0, 0, 1, 1]);
        assert_eq!(clusters(&mergers, 3), [0, 0, 1, 2]);
        assert_eq!(clusters(&mergers, 9), [0, 1, 2, 3]);
    }

    #[test]
    fn layers_are_compared_within_and_between() {
        let found = layer_distances(HeadGrid { layers: 2, heads: 2 }, &LINE);
        assert_eq!(found, LayerDistances { within: vec![Some(1.0), Some(2.0)], between: vec![Some(10.5), Some(10.5)] });
        let single = layer_distances(HeadGrid { layers: 1, heads: 1 }, &[0.0]);
        assert_eq!(single, LayerDistances { within: vec![None], between: vec![None] });
    }
}
