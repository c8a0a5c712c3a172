//! The peaks of word attention, found on the device that computed it.

use burn::{
    prelude::*,
    tensor::{Bool, TensorData},
};
use headlight_attention::{Alignment, AttentionPeaks, HeadGrid, NO_PEAK};

use crate::Pieces;

/// Stands for weights that cannot be the peak. No weight is as low, and unlike −∞ it equals itself in every reduction.
const LOWEST: f32 = f32::MIN;

/// Stands for a row or column without a peak.
const NOWHERE: i32 = -1;

/// Which places of a batch's maps over words may be peaks.
pub(crate) struct Candidates<B: Backend> {
    /// True for another word's place, `[batch, 1, from, to]`.
    other_words: Tensor<B, 4, Bool>,
    /// The words' numbers along a row `[1, 1, 1, to]`; what stands before the first word has numbers below 0.
    places: Tensor<B, 4, Int>,
}

impl<B: Backend> Candidates<B> {
    /// For maps that are padded to `positions` in both axes.
    pub fn new(inputs: &[&Pieces], positions: usize, device: &B::Device) -> Self {
        // All inputs are of one tokenizer, and so of one frame.
        let before = inputs.first().map_or(0, |input| input.alignment.frame().before().len() as i64);
        let words: Vec<i32> = inputs.iter().map(|input| input.alignment.words().len() as i32).collect();
        let words = Tensor::<B, 1, Int>::from_data(TensorData::new(words, [inputs.len()]), device);
        let words = words.reshape([inputs.len(), 1, 1, 1]);
        let places =
            Tensor::<B, 1, Int>::arange(-before..positions as i64 - before, device).reshape([1, 1, 1, positions]);
        let is_word = places.clone().lower(words).bool_and(places.clone().greater_equal_elem(0));
        let itself = places.clone().equal(places.clone().swap_dims(2, 3));
        let pairs = is_word.clone().bool_and(is_word.swap_dims(2, 3));
        Self { other_words: pairs.bool_and(itself.bool_not()), places }
    }

    /// The peaks of maps `[batch, head, from, to]` over words: of rows, then of columns, `[batch, head, 2, position]`. What
    /// is said of `[CLS]`, `[SEP]` and padding means nothing.
    ///
    /// Backends differ in which of equal values their argmax finds. This asks for the highest weight, then for the lowest
    /// place that has it, which is one answer everywhere.
    pub fn peaks(&self, maps: Tensor<B, 4>) -> Tensor<B, 4, Int> {
        let positive = maps.clone().greater_elem(0.0);
        let excluded = positive.bool_and(self.other_words.clone()).bool_not();
        let maps = maps.mask_fill(excluded, LOWEST);
        let rows = lowest_highest(maps.clone(), self.places.clone(), 3).swap_dims(2, 3);
        let columns = lowest_highest(maps, self.places.clone().swap_dims(2, 3), 2);
        Tensor::cat(vec![rows, columns], 2)
    }
}

/// Along `axis`, the lowest of `places` at which the highest weight stands.
fn lowest_highest<B: Backend>(maps: Tensor<B, 4>, places: Tensor<B, 4, Int>, axis: usize) -> Tensor<B, 4, Int> {
    let dims = maps.dims();
    let highest = maps.clone().max_dim(axis);
    let lower = maps.not_equal(highest.clone());
    let places = places.expand(dims).mask_fill(lower, i32::MAX).min_dim(axis);
    places.mask_fill(highest.equal_elem(LOWEST), NOWHERE)
}

/// The peaks of one input out of those of each layer `[batch, head, 2, positions]`.
pub(crate) fn of_input(
    layers: &[&[i32]],
    number: usize,
    grid: HeadGrid,
    alignment: &Alignment,
    positions: usize,
) -> Option<AttentionPeaks> {
    let (words, first) = (alignment.words().len(), alignment.frame().position(0));
    let place = |place: &i32| u16::try_from(*place).unwrap_or(NO_PEAK);
    let mut places = Vec::with_capacity(2 * grid.len() * words);
    for direction in 0..2 {
        for layer in layers {
            for head in 0..grid.heads {
                let row = ((number * grid.heads + head) * 2 + direction) * positions;
                places.extend(layer[row + first..][..words].iter().map(place));
            }
        }
    }
    AttentionPeaks::new(grid, words, places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::backend::{Flex, NdArray};
    use headlight_attention::{Frame, WordAttention, peaks};
    use proptest::prelude::*;

    /// An input of so many words of one piece each.
    fn pieces(words: usize) -> Pieces {
        let alignment =
            Alignment::new(&Frame::bert(), words + 2, (1..=words).map(|piece| piece..piece + 1).collect()).unwrap();
        Pieces { ids: vec![0; words + 2], segments: vec![0; words + 2], alignment, unpieced_words: 0 }
    }

    /// The peaks of sentences of the same grid, as one batch with this much padding, by layer.
    fn on_device<B: Backend>(batch: &[WordAttention], padding: usize) -> Vec<AttentionPeaks> {
        let device = B::Device::default();
        let grid = batch[0].grid();
        let inputs: Vec<Pieces> = batch.iter().map(|attention| pieces(attention.words())).collect();
        let inputs: Vec<&Pieces> = inputs.iter().collect();
        let positions = batch.iter().map(WordAttention::positions).max().unwrap() + padding;
        let candidates = Candidates::<B>::new(&inputs, positions, &device);
        let layers = (0..grid.layers).map(|layer| {
            // Padding is higher than every weight, so that it would be noticed.
            let mut maps = Tensor::<B, 4>::full([batch.len(), grid.heads, positions, positions], 99.0, &device);
            for (number, attention) in batch.iter().enumerate() {
                let length = attention.positions();
                let area = grid.heads * length * length;
                let values = attention.weights()[layer * area..][..area].to_vec();
                let values = Tensor::from_data(TensorData::new(values, [1, grid.heads, length, length]), &device);
                maps = maps.slice_assign([number..number + 1, 0..grid.heads, 0..length, 0..length], values);
            }
            candidates.peaks(maps).into_data().convert::<i32>().into_vec::<i32>().unwrap()
        });
        let layers: Vec<Vec<i32>> = layers.collect();
        let layers: Vec<&[i32]> = layers.iter().map(Vec::as_slice).collect();
        let of = |number: usize| of_input(&layers, number, grid, &inputs[number].alignment, positions).unwrap();
        (0..batch.len()).map(of).collect()
    }

    /// Few different weights, so that many are equal; some are no numbers, some infinite, some 0 of either sign.
    fn sentence(layers: usize, heads: usize) -> impl Strategy<Value = WordAttention> {
        let weight = prop_oneof![
            8 => (0_u8..6).prop_map(f32::from),
            1 => prop::sample::select(vec![f32::NAN, f32::NEG_INFINITY, f32::INFINITY, -0.0, -1.0]),
        ];
        (0_usize..20).prop_flat_map(move |words| {
            let weights = prop::collection::vec(weight.clone(), layers * heads * (words + 2).pow(2));
            weights.prop_map(move |weights| {
                WordAttention::new(HeadGrid { layers, heads }, &Frame::bert(), words, weights).expect("the lengths fit")
            })
        })
    }

    fn batch() -> impl Strategy<Value = Vec<WordAttention>> {
        (1_usize..3, 1_usize..4)
            .prop_flat_map(|(layers, heads)| prop::collection::vec(sentence(layers, heads), 1_usize..5))
    }

    proptest! {
        #[test]
        fn equal_those_on_the_host_on_every_backend(batch in batch(), padding in 0_usize..4) {
            let expected: Vec<AttentionPeaks> = batch.iter().map(peaks).collect();
            prop_assert_eq!(&on_device::<NdArray>(&batch, padding), &expected);
            prop_assert_eq!(&on_device::<Flex>(&batch, padding), &expected);
        }
    }
}
