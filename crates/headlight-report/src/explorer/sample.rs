//! Which sentences of a split the explorer shows.

use std::collections::BTreeSet;

use headlight_attention::{Frame, HeadGrid};
use headlight_treebank::Sentence;

use super::{MOST_BYTES, MOST_SENTENCES, WORDS, bytes_of};

/// A sample of a stream of sentences, chosen before any of them is encoded: from all that can be drawn, those of the lowest
/// ranks, as many as fit.
///
/// A rank is a hash of the `sent_id`. So the sample is spread over the whole split, it does not depend on what was encoded
/// when, and every model of the same size shows the same sentences.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplorerSample {
    heads: usize,
    frame: Frame,
    /// Sentences from this rank on do not fit.
    bar: u64,
    /// Rank, number and bytes, in the order of the stream.
    chosen: Vec<(u64, usize, usize)>,
    eligible: u64,
}

impl ExplorerSample {
    /// Of no sentence yet, for a model with `grid` heads and these special pieces.
    pub fn new(grid: HeadGrid, frame: &Frame) -> Self {
        Self { heads: grid.len(), frame: frame.clone(), bar: u64::MAX, chosen: Vec::new(), eligible: 0 }
    }

    /// The rank of a sentence: FNV-1a, stirred once more since the last characters of a name hardly move its high bits.
    pub fn rank(sent_id: &str) -> u64 {
        let hash = sent_id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let stirred = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        stirred ^ (stirred >> 32)
    }

    /// Takes the next sentence of the stream, by its number, or leaves it out. Whether it is `encodable` is asked of few.
    pub fn offer(&mut self, number: usize, sentence: &Sentence, encodable: impl FnOnce() -> bool) {
        if !WORDS.contains(&sentence.len()) {
            return;
        }
        self.eligible += 1;
        let rank = Self::rank(sentence.sent_id());
        if rank < self.bar && encodable() {
            self.take(rank, number, bytes_of(self.heads, &self.frame, sentence.len()));
        }
    }

    fn take(&mut self, rank: u64, number: usize, bytes: usize) {
        self.chosen.push((rank, number, bytes));
        let mut sum: usize = self.chosen.iter().map(|(.., bytes)| bytes).sum();
        while self.chosen.len() > MOST_SENTENCES || sum > MOST_BYTES {
            // Of equal ranks the last one goes, so that of a treebank without names the first sentences stay.
            let Some((at, &(rank, _, bytes))) = self.chosen.iter().enumerate().max_by_key(|(_, (rank, ..))| *rank)
            else {
                return;
            };
            sum -= bytes;
            self.chosen.remove(at);
            self.bar = rank;
        }
    }

    /// How many of the sentences had a length that can be drawn.
    pub fn eligible(&self) -> u64 {
        self.eligible
    }

    /// The numbers of the sentences that are shown.
    pub fn numbers(&self) -> BTreeSet<usize> {
        self.chosen.iter().map(|&(_, number, _)| number).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{GRID, sentence};
    use super::*;

    /// The sentence with this number of a treebank.
    fn named(number: usize) -> Sentence {
        let words = [("The", 2, "det"), ("cat", 3, "nsubj"), ("sleeps", 0, "root")];
        sentence(&format!("weblog-blogspot.com_{number:04}"), &words)
    }

    fn sample(numbers: impl IntoIterator<Item = usize>) -> ExplorerSample {
        let mut sample = ExplorerSample::new(GRID, &Frame::bert());
        numbers.into_iter().for_each(|number| sample.offer(number, &named(number), || true));
        sample
    }

    #[test]
    fn few_sentences_are_all_shown() {
        let sample = sample(0..100);
        assert_eq!((sample.numbers(), sample.eligible()), ((0..100).collect(), 100));
    }

    #[test]
    fn many_sentences_are_sampled_from_all_over() {
        let sample = sample(0..2000);
        let numbers = sample.numbers();
        assert_eq!((numbers.len(), sample.eligible()), (MOST_SENTENCES, 2000));
        let of_tenth = |tenth: usize| numbers.range(200 * tenth..200 * tenth + 200).count();
        // 20 expected; fewer than 8 or more than 36 of each tenth has a chance below 1 in 1000.
        assert!((0..10).map(of_tenth).all(|count| (8..=36).contains(&count)), "{:?}", [0, 4, 9].map(of_tenth));
    }

    #[test]
    fn what_cannot_be_drawn_or_encoded_is_left_out() {
        let mut sample = ExplorerSample::new(GRID, &Frame::bert());
        sample.offer(0, &sentence("yes", &[("Yes", 0, "root")]), || true);
        sample.offer(1, &named(1), || false);
        sample.offer(2, &named(2), || true);
        assert_eq!((sample.numbers(), sample.eligible()), (BTreeSet::from([2]), 2));
    }

    #[test]
    fn sentences_without_names_of_their_own_are_the_first_ones() {
        let mut sample = ExplorerSample::new(GRID, &Frame::bert());
        (0..=250).for_each(|number| sample.offer(number, &named(0), || true));
        assert_eq!(sample.numbers(), (0..200).collect());
    }

    proptest! {
        /// The sample is the longest run of the lowest ranks that fits, in whatever order sentences come.
        #[test]
        fn the_lowest_ranks_that_fit_are_kept(sizes in prop::collection::vec(1_usize..MOST_BYTES / 3, 1..20)) {
            let all: Vec<(u64, usize, usize)> = sizes
                .into_iter()
                .enumerate()
                .map(|(number, size)| (ExplorerSample::rank(named(number).sent_id()), number, size))
                .collect();
            let mut by_rank = all.clone();
            by_rank.sort_unstable();
            let mut bytes = 0;
            let fits = |(.., size): &&(u64, usize, usize)| { bytes += size; bytes <= MOST_BYTES };
            let expected: BTreeSet<usize> = by_rank.iter().take_while(fits).map(|&(_, number, _)| number).collect();
            let taken = |order: Vec<(u64, usize, usize)>| {
                let mut sample = ExplorerSample::new(GRID, &Frame::bert());
                for (rank, number, size) in order {
                    if rank < sample.bar {
                        sample.take(rank, number, size);
                    }
                }
                sample.numbers()
            };
            prop_assert_eq!(&taken(all.clone()), &expected);
            prop_assert_eq!(&taken(all.into_iter().rev().collect()), &expected);
        }
    }
}
