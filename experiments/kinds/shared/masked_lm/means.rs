//! From the gradients of one sequence to means over sequences.

use headlight_attention::{AttentionMaps, HeadGrid};
use headlight_bert::{LossGradients, Pieces};
use headlight_report::tables::ImportanceMeasure;

/// The pieces that attention is told apart by.
#[derive(Debug, Clone)]
pub struct Marks {
    /// `[SEP]`.
    pub sep: Option<u32>,
    /// Full stop and comma.
    pub punctuation: Vec<u32>,
}

impl Marks {
    /// What attention to each piece counts as. A hidden piece is `[MASK]`, whatever it was.
    fn kinds(&self, pieces: &Pieces) -> Vec<ImportanceMeasure> {
        let kind = |id: &u32| match *id {
            id if Some(id) == self.sep => ImportanceMeasure::GradientSep,
            id if self.punctuation.contains(&id) => ImportanceMeasure::GradientPunct,
            _ => ImportanceMeasure::GradientRest,
        };
        pieces.ids.iter().map(kind).collect()
    }
}

/// The measures of one sequence, `[head, measure]` in the order of [`ImportanceMeasure::ALL`]; none where the sequence has no such piece.
pub type Values = Vec<[Option<f64>; 4]>;

/// Per head the mean |∂L/∂α| over the attention to each kind of piece, and |∂L/∂ξ|.
pub fn values(pieces: &Pieces, gradients: &LossGradients, marks: &Marks) -> Values {
    let kinds = marks.kinds(pieces);
    let maps = per_head(&gradients.attention_gradients).map(|map| means_by_kind(map, &kinds));
    let gates = gradients.gate_gradients.iter().map(|gradient| f64::from(gradient.abs()));
    maps.zip(gates).map(|([sep, punctuation, rest], gate)| [sep, punctuation, rest, Some(gate)]).collect()
}

/// The maps of all heads in the order of the grid, each `[from, to]`.
fn per_head(maps: &AttentionMaps) -> impl Iterator<Item = &[f32]> {
    maps.weights().chunks_exact(maps.positions() * maps.positions())
}

fn means_by_kind(map: &[f32], kinds: &[ImportanceMeasure]) -> [Option<f64>; 3] {
    [ImportanceMeasure::GradientSep, ImportanceMeasure::GradientPunct, ImportanceMeasure::GradientRest].map(|wanted| {
        let of_kind = || kinds.iter().enumerate().filter(move |(_, kind)| **kind == wanted).map(|(to, _)| to);
        let columns = of_kind().count();
        let rows = map.chunks_exact(kinds.len());
        let sum: f64 = rows.flat_map(|row| of_kind().map(|to| f64::from(row[to].abs()))).sum();
        (columns > 0).then(|| sum / (columns * kinds.len()) as f64)
    })
}

/// A mean over sequences with what its standard error needs. Sequences come in order, so that sums do not depend on
/// threads.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Mean {
    count: u64,
    mean: f64,
    /// Sum of squared deviations from the mean.
    deviations: f64,
}

impl Mean {
    /// Adds one sequence (Welford 1962).
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let deviation = value - self.mean;
        self.mean += deviation / self.count as f64;
        self.deviations += deviation * (value - self.mean);
    }

    /// Sequences added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean; none of nothing.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard error of the mean; none with fewer than two sequences.
    pub fn standard_error(&self) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 1).then(|| (self.deviations / (count - 1.0) / count).sqrt())
    }
}

impl FromIterator<f64> for Mean {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut mean = Self::default();
        values.into_iter().for_each(|value| mean.add(value));
        mean
    }
}

/// Means over sequences for each head and each layer.
#[derive(Debug, Clone)]
pub struct Means {
    grid: HeadGrid,
    heads: Vec<[Mean; 4]>,
    layers: Vec<[Mean; 4]>,
}

impl Means {
    /// Of no sequence.
    pub fn new(grid: HeadGrid) -> Self {
        Self { grid, heads: vec![Default::default(); grid.len()], layers: vec![Default::default(); grid.layers] }
    }

    /// Which heads there are.
    pub fn grid(&self) -> HeadGrid {
        self.grid
    }

    /// Adds one sequence.
    pub fn add(&mut self, values: &Values) {
        for (mean, value) in self.heads.iter_mut().flatten().zip(values.iter().flatten()) {
            value.iter().for_each(|&value| mean.add(value));
        }
        for (layer, heads) in self.layers.iter_mut().zip(values.chunks_exact(self.grid.heads)) {
            for (measure, mean) in layer.iter_mut().enumerate() {
                let of_layer: Option<f64> = heads.iter().map(|values| values[measure]).sum();
                of_layer.iter().for_each(|sum| mean.add(sum / self.grid.heads as f64));
            }
        }
    }

    /// Of a head, by its number in the grid.
    pub fn head(&self, number: usize, measure: ImportanceMeasure) -> &Mean {
        &self.heads[number][measure as usize]
    }

    /// Of the heads of a layer together.
    pub fn layer(&self, layer: usize, measure: ImportanceMeasure) -> &Mean {
        &self.layers[layer][measure as usize]
    }
}

#[cfg(test)]
mod tests {
    use headlight_attention::Alignment;

    use super::*;

    const MARKS: Marks = Marks { sep: Some(3), punctuation: Vec::new() };

    fn sequence(ids: &[u32]) -> Pieces {
        let alignment = Alignment::new(
            &headlight_attention::Frame::bert(),
            ids.len(),
            (1..ids.len() - 1).map(|piece| piece..piece + 1).collect(),
        )
        .unwrap();
        Pieces { ids: ids.to_vec(), segments: vec![0; ids.len()], alignment, unpieced_words: 0 }
    }

    #[test]
    fn attention_is_told_apart_by_where_it_goes() {
        let grid = HeadGrid { layers: 1, heads: 2 };
        let maps = |weights: [f32; 32]| AttentionMaps::new(grid, 4, weights.to_vec()).unwrap();
        // Columns: [CLS], 7, a full stop, [SEP].
        let row = [1.0, -3.0, 5.0, -8.0];
        let weights = std::array::from_fn(|at| row[at % 4] * if at < 16 { 1.0 } else { 2.0 });
        let gradients = LossGradients {
            loss: 1.0,
            attention: maps([0.25; 32]),
            attention_gradients: maps(weights),
            gate_gradients: vec![-0.5, 0.25],
        };
        let marks = Marks { punctuation: vec![5, 6], ..MARKS };
        let found = values(&sequence(&[2, 7, 5, 3]), &gradients, &marks);
        let expected = [[Some(8.0), Some(5.0), Some(2.0), Some(0.5)], [Some(16.0), Some(10.0), Some(4.0), Some(0.25)]];
        assert_eq!(found, expected);

        let mut means = Means::new(grid);
        means.add(&found);
        means.add(&values(&sequence(&[2, 7, 8, 3]), &gradients, &MARKS));
        assert_eq!(means.layer(0, ImportanceMeasure::GradientSep).value(), Some(12.0));
        assert_eq!(means.layer(0, ImportanceMeasure::GradientPunct).count(), 1);
        assert_eq!(means.head(1, ImportanceMeasure::GradientRest).value(), Some((4.0 + 6.0) / 2.0));
    }

    #[test]
    fn means_and_their_standard_errors() {
        let mean: Mean = [2.0, 4.0, 9.0].into_iter().collect();
        assert_eq!((mean.count(), mean.value()), (3, Some(5.0)));
        // The variance is (9 + 1 + 16) / 2.
        assert!((mean.standard_error().unwrap() - (13.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Mean::default().value(), None);
        assert_eq!([1.0].into_iter().collect::<Mean>().standard_error(), None);
    }
}
