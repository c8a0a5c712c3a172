//! In which order an epoch goes over its sentences, and which are held out.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::TrainOptions;
use crate::Examples;

/// Batches that are sorted by length together: enough for like lengths, too few to put all long sentences at once.
const BATCHES_SORTED_TOGETHER: usize = 50;

/// Sentences to learn from and sentences held out.
pub(super) struct Split {
    pub(super) train: Vec<usize>,
    pub(super) held_out: Vec<usize>,
}

/// Holds out a share of the sentences, at least one where the share is not 0 and two are there.
pub(super) fn split(sentences: &[usize], options: &TrainOptions) -> Split {
    let share = (options.held_out.clamp(0.0, 1.0) * sentences.len() as f64).round() as usize;
    let wanted = if options.held_out > 0.0 { share.max(1).min(sentences.len().saturating_sub(1)) } else { 0 };
    let mut chosen: Vec<usize> = (0..sentences.len()).collect();
    chosen.shuffle(&mut random(options.seed, 0));
    let mut held_out = vec![false; sentences.len()];
    chosen[..wanted].iter().for_each(|place| held_out[*place] = true);
    let of = |kept: bool| {
        let with_mark = sentences.iter().zip(&held_out).filter(|(_, held_out)| **held_out == kept);
        with_mark.map(|(sentence, _)| *sentence).collect()
    };
    Split { train: of(false), held_out: of(true) }
}

/// The sentences of one epoch, batch after batch: all of `options.batch` sentences but the last.
pub(super) fn epoch_order<E: Examples>(
    examples: &E,
    train: &[usize],
    options: &TrainOptions,
    epoch: usize,
) -> Vec<usize> {
    let mut order = train.to_vec();
    if !options.shuffle {
        return order;
    }
    // Epoch 0 of the generator chose the sentences held out.
    let mut random = random(options.seed, epoch as u64 + 1);
    order.shuffle(&mut random);
    if options.batch == 1 {
        return order;
    }
    for pool in order.chunks_mut(options.batch * BATCHES_SORTED_TOGETHER) {
        pool.sort_by_key(|sentence| examples.words(*sentence).words());
    }
    // The short batch, if there is one, stays last.
    let whole = order.len() / options.batch;
    let mut batches: Vec<usize> = (0..whole).collect();
    batches.shuffle(&mut random);
    let mut shuffled = Vec::with_capacity(order.len());
    for batch in batches {
        shuffled.extend_from_slice(&order[batch * options.batch..][..options.batch]);
    }
    shuffled.extend_from_slice(&order[whole * options.batch..]);
    shuffled
}

/// Independent streams of random numbers under one seed.
fn random(seed: u64, stream: u64) -> impl Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}
