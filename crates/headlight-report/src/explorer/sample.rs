//! Which sentences of a split the explorer shows.

use headlight_attention::HeadGrid;
use serde::{Deserialize, Serialize};

use super::{EXPLORER_VERSION, Explorer, ExplorerSentence, MOST_BYTES, MOST_SENTENCES};

/// A sample of a stream of sentences: from all that came, those of the lowest ranks, as many as fit.
///
/// A rank is a hash of the `sent_id`. So the sample is spread over the whole split, it does not depend on what the stream
/// is cut into, and every model of the same size shows the same sentences. It can be written down at any point and taken
/// up again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplorerSample {
    /// Sentences from this rank on do not fit.
    bar: u64,
    explorer: Explorer,
}

impl ExplorerSample {
    /// Of no sentence yet, of a model with `grid` heads.
    pub fn new(split: &str, grid: HeadGrid) -> Self {
        let explorer = Explorer {
            format_version: EXPLORER_VERSION,
            split: split.to_owned(),
            layers: grid.layers,
            heads: grid.heads,
            sentences: Vec::new(),
        };
        Self { bar: u64::MAX, explorer }
    }

    /// A sentence with another rank below this one may still be taken; it only ever falls.
    pub fn bar(&self) -> u64 {
        self.bar
    }

    /// The rank of a sentence: FNV-1a, stirred once more since the last characters of a name hardly move its high bits.
    pub fn rank(sent_id: &str) -> u64 {
        let hash = sent_id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let stirred = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        stirred ^ (stirred >> 32)
    }

    /// Adds the next sentence of the stream, or leaves it out.
    pub fn push(&mut self, sentence: ExplorerSentence) {
        if Self::rank(&sentence.sent_id) >= self.bar {
            return;
        }
        let sentences = &mut self.explorer.sentences;
        sentences.push(sentence);
        let mut bytes: usize = sentences.iter().map(ExplorerSentence::bytes).sum();
        while sentences.len() > MOST_SENTENCES || bytes > MOST_BYTES {
            // Of equal ranks the last one goes, so that of a treebank without names the first sentences stay.
            let ranks = sentences.iter().map(|sentence| Self::rank(&sentence.sent_id));
            let Some((at, rank)) = ranks.enumerate().max_by_key(|&(_, rank)| rank) else { return };
            bytes -= sentences.remove(at).bytes();
            self.bar = rank;
        }
    }

    /// The sentences, in the order in which they came.
    pub fn finish(self) -> Explorer {
        self.explorer
    }
}

#[cfg(test)]
mod tests {
    use headlight_treebank::Granularity;
    use proptest::prelude::*;

    use super::super::tests::{GRID, attention, sentence};
    use super::*;

    /// The sentence with this number of a treebank.
    fn explored(number: usize) -> ExplorerSentence {
        let words = [("The", 2, "det"), ("cat", 3, "nsubj"), ("sleeps", 0, "root")];
        let name = format!("weblog-blogspot.com_{number:04}");
        ExplorerSentence::new(&sentence(&name, &words), &attention(3, 0.5), Granularity::Full).unwrap()
    }

    fn sample(sentences: impl IntoIterator<Item = ExplorerSentence>) -> ExplorerSample {
        let mut sample = ExplorerSample::new("evaluate", GRID);
        sentences.into_iter().for_each(|sentence| sample.push(sentence));
        sample
    }

    fn names(sample: ExplorerSample) -> Vec<String> {
        sample.finish().sentences.into_iter().map(|sentence| sentence.sent_id).collect()
    }

    #[test]
    fn few_sentences_are_all_shown() {
        assert_eq!(names(sample((0..100).map(explored))), (0..100).map(|n| explored(n).sent_id).collect::<Vec<_>>());
    }

    #[test]
    fn many_sentences_are_sampled_from_all_over_and_stay_in_order() {
        let names = names(sample((0..2000).map(explored)));
        assert_eq!(names.len(), MOST_SENTENCES);
        assert!(names.is_sorted(), "these names are in the order of the treebank");
        let of_tenth = |tenth: usize| {
            let range = explored(200 * tenth).sent_id..explored(200 * tenth + 200).sent_id;
            names.iter().filter(|name| range.contains(*name)).count()
        };
        // 20 expected; fewer than 8 or more than 36 of each tenth has a chance below 1 in 1000.
        assert!((0..10).map(of_tenth).all(|count| (8..=36).contains(&count)), "{:?}", [0, 4, 9].map(of_tenth));
    }

    #[test]
    fn an_interrupted_sample_goes_on_as_if_nothing_had_happened() {
        let whole = sample((0..900).map(explored));
        for stop in [0, 1, 199, 200, 201, 640] {
            let kept = serde_json::to_vec(&sample((0..stop).map(explored))).unwrap();
            let mut resumed: ExplorerSample = serde_json::from_slice(&kept).unwrap();
            (stop..900).for_each(|number| resumed.push(explored(number)));
            assert_eq!(resumed, whole, "stopped at {stop}");
        }
    }

    #[test]
    fn what_the_bar_refuses_changes_nothing() {
        let whole = sample((0..900).map(explored));
        let mut spared = ExplorerSample::new("evaluate", GRID);
        for sentence in (0..900).map(explored) {
            if ExplorerSample::rank(&sentence.sent_id) < spared.bar() {
                spared.push(sentence);
            }
        }
        assert_eq!(spared, whole);
    }

    #[test]
    fn sentences_without_names_of_their_own_are_the_first_ones() {
        let same = |number: u8| ExplorerSentence { scale: f32::from(number), ..explored(0) };
        let kept = sample((0..=250_u8).map(same)).finish().sentences;
        assert!(kept.iter().map(|sentence| sentence.scale).eq((0..200_u8).map(f32::from)));
    }

    proptest! {
        /// The sample is the longest run of the lowest ranks that fits, in whatever order sentences come.
        #[test]
        fn the_lowest_ranks_that_fit_are_kept(sizes in prop::collection::vec(1_usize..MOST_BYTES / 3, 1..20)) {
            let heavy = |(number, size): (usize, usize)| ExplorerSentence { weights: vec![0; size], ..explored(number) };
            let all: Vec<ExplorerSentence> = sizes.into_iter().enumerate().map(heavy).collect();
            let mut by_rank: Vec<&ExplorerSentence> = all.iter().collect();
            by_rank.sort_by_key(|sentence| ExplorerSample::rank(&sentence.sent_id));
            let mut bytes = 0;
            let fits = |sentence: &&&ExplorerSentence| { bytes += sentence.bytes(); bytes <= MOST_BYTES };
            let mut expected: Vec<String> = by_rank.iter().take_while(fits).map(|it| it.sent_id.clone()).collect();
            expected.sort();
            prop_assert_eq!(&names(sample(all.iter().cloned())), &expected);
            let mut backwards = names(sample(all.iter().rev().cloned()));
            backwards.reverse();
            prop_assert_eq!(&backwards, &expected);
        }
    }
}
