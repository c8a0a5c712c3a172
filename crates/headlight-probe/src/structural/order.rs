//! Which sentences are held out, and in which order an epoch goes over the others.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::StructuralOptions;

/// Sentences to learn from and sentences held out; at least one of each where there are two.
pub(super) fn split(sentences: &[usize], options: &StructuralOptions) -> (Vec<usize>, Vec<usize>) {
    let mut learned = sentences.to_vec();
    learned.shuffle(&mut random(options.seed, 0));
    let wanted = (options.held_out * sentences.len() as f64).round() as usize;
    let held_out = learned.split_off(learned.len() - wanted.max(1).min(learned.len().saturating_sub(1)));
    (learned, held_out)
}

/// Puts the sentences into the order of an epoch, counted from 0.
pub(super) fn shuffle(sentences: &mut [usize], options: &StructuralOptions, epoch: usize) {
    sentences.shuffle(&mut random(options.seed, epoch as u64 + 1));
}

fn random(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}
