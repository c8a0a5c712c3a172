//! Gradients of a batch, the same for any number of threads: sentence i of a batch always goes to lane i mod
//! [`LANES`], each lane adds its sentences in order, and the lanes are added in order.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::probe::Workspace;
use crate::stream::Chunk;
use crate::{Examples, Probe};

/// More lanes than cores would find work; fewer would leave some idle.
const LANES: usize = 16;

#[derive(Default)]
struct Lane {
    gradient: Vec<f32>,
    loss: f64,
    workspace: Workspace,
}

/// The running gradient and loss of the present batch.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
}

impl Lanes {
    /// Nothing accumulated, for batches of `batch` sentences.
    pub(super) fn new(parameters: usize, batch: usize) -> Self {
        let lane = || Lane { gradient: vec![0.0; parameters], ..Lane::default() };
        Self { lanes: std::iter::repeat_with(lane).take(batch.clamp(1, LANES)).collect() }
    }

    /// Adds the sentences at `places` of a chunk, the first of which is sentence `start` of its batch.
    pub(super) fn accumulate<E: Examples>(
        &mut self,
        probe: &Probe,
        chunk: &Chunk<'_, E>,
        places: std::ops::Range<usize>,
        start: usize,
    ) {
        let lanes = self.lanes.len();
        let work = |(number, lane): (usize, &mut Lane)| {
            // The first place whose sentence number is this lane's.
            let first = (number + lanes - start % lanes) % lanes;
            for place in places.clone().skip(first).step_by(lanes) {
                let input = chunk.input(place);
                lane.loss += probe.accumulate(&input, &mut lane.gradient, &mut lane.workspace);
            }
        };
        if lanes == 1 {
            self.lanes.iter_mut().enumerate().for_each(work);
        } else {
            self.lanes.par_iter_mut().with_max_len(1).enumerate().for_each(work);
        }
    }

    /// The batch's loss and gradient. The lanes start anew once the gradient, lent out here, has been set to 0.
    pub(super) fn finish(&mut self) -> (f64, &mut [f32]) {
        let (sum, others) = self.lanes.split_first_mut().expect("there is at least one lane");
        let mut loss = std::mem::take(&mut sum.loss);
        for lane in others {
            loss += std::mem::take(&mut lane.loss);
            for (sum, value) in sum.gradient.iter_mut().zip(&mut lane.gradient) {
                *sum += std::mem::take(value);
            }
        }
        (loss, &mut sum.gradient)
    }
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;

    use super::*;
    use crate::stream::stream;
    use crate::train::tests::{GRID, all, telling_treebank};
    use crate::{DataError, ProbeForm, ProbeSpec};

    /// Loss and gradient of all sentences as one batch, taken in pieces of `piece` sentences.
    fn batch(probe: &Probe, sentences: usize, piece: usize) -> (f64, Vec<f32>) {
        let examples = telling_treebank(sentences, 1);
        let mut lanes = Lanes::new(probe.parameters().len(), sentences);
        let mut done = 0;
        let passed = stream(true, &examples, &all(&examples), |chunk| {
            for start in (0..chunk.len()).step_by(piece) {
                let end = chunk.len().min(start + piece);
                lanes.accumulate(probe, chunk, start..end, done);
                done += end - start;
            }
            Ok::<(), DataError>(())
        });
        assert!(passed.is_ok() && done == sentences);
        let (loss, gradient) = lanes.finish();
        (loss, gradient.to_vec())
    }

    #[test]
    fn the_pieces_of_a_batch_do_not_matter() {
        let probe = Probe::new(ProbeSpec::new(ProbeForm::AttentionWords, GRID, &Frame::bert(), 3), 1);
        for sentences in [1, 5, 40] {
            let whole = batch(&probe, sentences, usize::MAX / 2);
            for piece in [1, 3, 16] {
                assert_eq!(batch(&probe, sentences, piece), whole);
            }
        }
    }

    #[test]
    fn a_batch_is_the_sum_of_its_sentences() {
        let probe = Probe::new(ProbeSpec::new(ProbeForm::AttentionWords, GRID, &Frame::bert(), 3), 1);
        let examples = telling_treebank(40, 1);
        let (mut loss, mut gradient, mut workspace) = (0.0, vec![0.0; probe.parameters().len()], Workspace::default());
        for sentence in all(&examples) {
            let mut attention = vec![0.0; examples.words(sentence).attention_len(GRID.len(), examples.frame())];
            examples.attention(sentence, &mut attention).unwrap();
            let (words, vectors) = (examples.words(sentence), examples.vectors());
            let input = crate::probe::Input { words, attention: &attention, vectors };
            loss += probe.accumulate(&input, &mut gradient, &mut workspace);
        }
        let (batch_loss, batch_gradient) = batch(&probe, 40, 7);
        assert!((loss - batch_loss).abs() < 1e-9 * loss);
        assert!(gradient.iter().zip(&batch_gradient).all(|(a, b)| (a - b).abs() < 1e-3));
    }
}
