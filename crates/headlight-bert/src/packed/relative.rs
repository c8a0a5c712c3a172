//! What the distance of two pieces adds to their logit, as a map `[from, to]` of one head on one sentence.

use super::{
    attention::Head,
    layer::{Destination, Strided, multiply},
    scratch::Buffer,
};
use crate::{Architecture, Buckets, Embeddings, LayerWeights, Linear, Relative};

/// Queries and keys of distances in one layer, which the keys and queries of pieces are multiplied with.
pub(crate) struct Distances {
    /// `[column][row]`: a head owns the columns of its width, a row is a bucket.
    queries: Option<Vec<f32>>,
    keys: Option<Vec<f32>>,
    own: Own,
}

/// The projections that distances do not share with pieces.
#[derive(Clone, Default)]
pub(crate) struct Own {
    pub queries: Option<Linear>,
    pub keys: Option<Linear>,
}

/// Room for one head's terms.
#[derive(Default)]
pub(crate) struct RelativeScratch {
    of_queries: Buffer,
    of_keys: Buffer,
    map: Buffer,
}

impl Distances {
    /// `None` where the model has no such terms.
    pub(crate) fn new(weights: &LayerWeights, embeddings: &Embeddings, spec: &Architecture) -> Option<Self> {
        let Some(Relative::Disentangled { content_to_position, position_to_content, shared, .. }) =
            spec.attention.relative
        else {
            return None;
        };
        let own = Own { queries: weights.relative_query.clone(), keys: weights.relative_key.clone() };
        let of = |own: &Option<Linear>, of_pieces: &Linear| {
            let linear = if shared { of_pieces } else { own.as_ref().unwrap_or(of_pieces) };
            project(linear, &embeddings.relative)
        };
        Some(Self {
            queries: position_to_content.then(|| of(&own.queries, &weights.query)),
            keys: content_to_position.then(|| of(&own.keys, &weights.key)),
            own,
        })
    }

    /// The projections as a checkpoint has them.
    pub(crate) fn own(&self) -> Own {
        self.own.clone()
    }
}

/// y = W·x + b of rows `[row][inputs]`, to `[output][row]`.
fn project(linear: &Linear, rows: &[f32]) -> Vec<f32> {
    let (inputs, count) = (linear.inputs, rows.len() / linear.inputs);
    let mut columns = vec![0.0; rows.len()];
    for (row, values) in rows.chunks_exact(inputs).enumerate() {
        values.iter().enumerate().for_each(|(input, value)| columns[input * count + row] = *value);
    }
    let mut out = vec![0.0; linear.outputs * count];
    let weight = Strided { values: &linear.weight, stride: inputs };
    let shape = [linear.outputs, inputs, count];
    multiply(weight, Strided { values: &columns, stride: count }, shape, &mut out, Destination::Overwrite);
    for (row, bias) in out.chunks_exact_mut(count).zip(&linear.bias) {
        row.iter_mut().for_each(|value| *value += bias);
    }
    out
}

/// The terms of a head `[from, to]`; `None` where the model has none.
pub(crate) fn terms<'a>(
    relative: Option<&Relative>,
    table: &[f32],
    distances: Option<&Distances>,
    head: Head<'_>,
    scratch: &'a mut RelativeScratch,
) -> Option<&'a [f32]> {
    let (relative, pieces) = (relative?, head.pieces());
    let RelativeScratch { of_queries, of_keys, map } = scratch;
    let map = map.slice(pieces * pieces);
    match (relative, distances) {
        (Relative::Bias(buckets), _) => {
            let heads = table.len() / buckets.rows();
            by_distance(*buckets, pieces, map, |row| table[row * heads + head.index]);
        }
        (Relative::Disentangled { buckets, .. }, Some(Distances { queries, keys, .. })) => {
            let Met { first, columns, rows } = Met::new(*buckets, pieces);
            let shape = [pieces, head.width, columns];
            let of_head = |table: &Option<Vec<f32>>, part, out: &mut [f32]| match table {
                Some(table) => {
                    let table = of_head(table, head, *buckets, first);
                    multiply(head.part(part), table, shape, out, Destination::Overwrite);
                }
                None => out.fill(0.0),
            };
            let of_queries = of_queries.slice(pieces * columns);
            of_head(keys, 0, of_queries);
            let of_keys = of_keys.slice(pieces * columns);
            of_head(queries, 1, of_keys);
            for (from, out) in map.chunks_exact_mut(pieces).enumerate() {
                let own = &of_queries[from * columns..][..columns];
                for (to, out) in out.iter_mut().enumerate() {
                    let row = rows[pieces - 1 + to - from];
                    *out = (own[row] + of_keys[to * columns + row]) * head.scale;
                }
            }
        }
        (Relative::Disentangled { .. }, None) => return None,
    }
    Some(map)
}

/// How the terms of a head change the gradient of its queries (0) and keys (1), each `[piece][width]`: shown to `add`. Given is
/// that of its products before they are scaled, `[from, to]`.
pub(crate) fn terms_back(
    relative: Option<&Relative>,
    distances: Option<&Distances>,
    head: Head<'_>,
    products: &[f32],
    mut add: impl FnMut(usize, &[f32]),
) {
    let (Some(Relative::Disentangled { buckets, .. }), Some(distances)) = (relative, distances) else { return };
    let pieces = head.pieces();
    let Met { first, columns, rows } = Met::new(*buckets, pieces);
    for (part, table) in [(0, &distances.keys), (1, &distances.queries)] {
        let Some(table) = table else { continue };
        let mut by_bucket = vec![0.0; pieces * columns];
        for (from, products) in products.chunks_exact(pieces).enumerate() {
            for (to, product) in products.iter().enumerate() {
                let own = if part == 0 { from } else { to };
                by_bucket[own * columns + rows[pieces - 1 + to - from]] += product;
            }
        }
        let mut of_part = vec![0.0; pieces * head.width];
        let by_bucket = Strided { values: &by_bucket, stride: columns };
        let table = of_head(table, head, *buckets, first).transposed();
        multiply(by_bucket, table, [pieces, columns, head.width], &mut of_part, Destination::Overwrite);
        add(part, &of_part);
    }
}

/// The buckets of the distances that there are between so many pieces.
struct Met {
    /// The first of them.
    first: usize,
    /// How many there are from the first to the last.
    columns: usize,
    /// Which of them to − from = 1 − pieces, …, pieces − 1 falls into.
    rows: Vec<usize>,
}

impl Met {
    fn new(buckets: Buckets, pieces: usize) -> Self {
        let first = buckets.row(0, pieces - 1);
        let columns = buckets.row(pieces - 1, 0) + 1 - first;
        Self { first, columns, rows: rows(buckets, pieces).map(|row| row - first).collect() }
    }
}

/// A head's queries or keys of distances, `[width][bucket]`, from the first bucket that is met on.
fn of_head<'a>(table: &'a [f32], head: Head<'_>, buckets: Buckets, first: usize) -> Strided<'a> {
    Strided { values: &table[head.index * head.width * buckets.rows() + first..], stride: buckets.rows() }
}

/// The buckets of to − from = 1 − pieces, …, pieces − 1.
fn rows(buckets: Buckets, pieces: usize) -> impl Iterator<Item = usize> {
    let before = (1..pieces).rev().map(move |distance| buckets.row(distance, 0));
    before.chain((0..pieces).map(move |distance| buckets.row(0, distance)))
}

fn by_distance(buckets: Buckets, pieces: usize, map: &mut [f32], value: impl Fn(usize) -> f32) {
    let values: Vec<f32> = rows(buckets, pieces).map(value).collect();
    for (from, out) in map.chunks_exact_mut(pieces).enumerate() {
        out.copy_from_slice(&values[pieces - 1 - from..][..pieces]);
    }
}
