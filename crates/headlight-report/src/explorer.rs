//! `explorer.json`: the word attention of some sentences, small enough to lie inside `report.html`.
//!
//! The sentences are a sample of the whole split ([`ExplorerSample`]), so that no genre that happens to come first stands
//! for all of them.
//!
//! A weight is one byte, and every head's picks (METHOD §2) are kept beside, so that what the reader sees as right or
//! wrong is what was counted, not what one byte can tell apart. Arrays are base64 in the file.
//!
//! ```
//! use headlight_attention::{Frame, HeadGrid, WordAttention};
//! use headlight_report::explorer::{Explorer, ExplorerSample, ExplorerSentence};
//! use headlight_treebank::{Granularity, Sentence};
//!
//! # fn example(
//! #     read: Vec<Sentence>,
//! #     encode: impl Fn(&Sentence) -> WordAttention,
//! #     folder: &std::path::Path,
//! # ) -> Result<(), headlight_report::run::RunError> {
//! let grid = HeadGrid { layers: 12, heads: 12 };
//! let frame = Frame::bert();
//! let mut sample = ExplorerSample::new(grid, &frame);
//! read.iter().enumerate().for_each(|(number, sentence)| sample.offer(number, sentence, || true));
//! let shown = sample.numbers().into_iter().map(|number| &read[number]);
//! let shown = shown.filter_map(|sentence| ExplorerSentence::new(sentence, &encode(sentence), Granularity::Full));
//! Explorer::new("evaluate", grid, &frame, sample.eligible(), shown.collect()).write(folder)
//! # }
//! ```

mod sample;

use std::path::Path;

use headlight_attention::{Frame, HeadGrid, WordAttention, peaks};
use headlight_treebank::{Governor, Granularity, Sentence};
use serde::{Deserialize, Serialize};

use crate::bytes;
use crate::run::{RunDirectory, RunError, read_json, write_json};

pub use sample::ExplorerSample;

/// The version of `explorer.json` that this crate writes, and the newest it reads.
pub const EXPLORER_VERSION: u32 = 1;

/// Most sentences of a sample.
pub const MOST_SENTENCES: usize = 200;

/// Words of the shortest sentence worth a drawing, and of the longest that fits on a screen.
pub const WORDS: std::ops::RangeInclusive<usize> = 3..=25;

/// Most bytes of attention kept, under 14 MB as base64: 200 sentences of English web text and 144 heads take 6 to 10 MB.
const MOST_BYTES: usize = 10_000_000;

/// A pick of a word that has no other word to choose.
pub const NO_PICK: u8 = u8::MAX;

/// Sentences with the word attention of all heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explorer {
    /// [`EXPLORER_VERSION`] at the time of writing.
    pub format_version: u32,
    /// The split the sentences come from.
    pub split: String,
    /// Layers of the model.
    pub layers: usize,
    /// Heads per layer.
    pub heads: usize,
    /// The special pieces around the words; BERT's in files of older versions.
    #[serde(default = "Frame::bert")]
    pub frame: Frame,
    /// So many sentences of the split have a length that can be drawn, and the shown ones were drawn from all of them; not
    /// in files of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligible: Option<u64>,
    /// The sentences, in the order of the treebank.
    pub sentences: Vec<ExplorerSentence>,
}

/// One sentence with the word attention of all heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplorerSentence {
    /// Its `sent_id`.
    pub sent_id: String,
    /// Its words in order.
    pub words: Vec<ExplorerWord>,
    /// What a byte of 255 stands for: 1, or the largest weight where weights exceed 1 (norms).
    pub scale: f32,
    /// Axes `[layer, head, from, to]`, the last two over the positions of [`WordAttention`]; 255 is `scale`.
    #[serde(with = "bytes")]
    pub weights: Vec<u8>,
    /// Axes `[layer, head, direction, word]`: the word picked, counted from 0, first by the dependent's row, then by its
    /// column; [`NO_PICK`] in a sentence of one word.
    #[serde(with = "bytes")]
    pub picks: Vec<u8>,
}

/// A word with its dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplorerWord {
    /// The word itself.
    pub form: String,
    /// Universal part of speech.
    pub upos: Option<String>,
    /// The governor, counted from 1; 0 for the root.
    pub governor: usize,
    /// The relation, as fine as the run's tables have it.
    pub relation: String,
}

impl Explorer {
    /// Sentences of a split, read by a model with `grid` heads and this frame, drawn from `eligible` ones.
    pub fn new(split: &str, grid: HeadGrid, frame: &Frame, eligible: u64, sentences: Vec<ExplorerSentence>) -> Self {
        Self {
            format_version: EXPLORER_VERSION,
            split: split.to_owned(),
            layers: grid.layers,
            heads: grid.heads,
            frame: frame.clone(),
            eligible: Some(eligible),
            sentences,
        }
    }

    /// Writes `<folder>/explorer.json`.
    ///
    /// # Errors
    /// [`RunError::Io`] where the disk does not take it.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        write_json(&folder.join(FILE), self)
    }

    /// The explorer of a run, `None` where the run wrote none.
    ///
    /// # Errors
    /// [`RunError::NewerVersion`], [`RunError::Json`] or [`RunError::Io`] where it cannot be read.
    pub fn read(run: &RunDirectory) -> Result<Option<Self>, RunError> {
        let path = run.path().join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let mut explorer: Self = read_json(&path, EXPLORER_VERSION)?.value;
        let (heads, frame) = (explorer.layers * explorer.heads, explorer.frame.clone());
        explorer.sentences.retain(|sentence| sentence.is_consistent(heads, &frame));
        Ok(Some(explorer))
    }
}

const FILE: &str = "explorer.json";

impl ExplorerSentence {
    /// Reduces the word attention of a sentence to bytes; `None` where its length is outside [`WORDS`] or is not that of
    /// `attention`.
    pub fn new(sentence: &Sentence, attention: &WordAttention, granularity: Granularity) -> Option<Self> {
        let words = sentence.words();
        if !WORDS.contains(&words.len()) || words.len() != attention.words() {
            return None;
        }
        let weights = attention.weights();
        let scale = weights.iter().copied().fold(1.0, f32::max);
        let byte = |weight: &f32| (weight / scale * 255.0).round().clamp(0.0, 255.0) as u8;
        Some(Self {
            sent_id: sentence.sent_id().to_owned(),
            scale,
            weights: weights.iter().map(byte).collect(),
            picks: picks(attention),
            words: words
                .iter()
                .map(|word| ExplorerWord {
                    form: word.form.clone(),
                    upos: word.upos.clone(),
                    governor: match word.governor {
                        Governor::Root => 0,
                        Governor::Word(governor) => governor.id(),
                    },
                    relation: word.relation.name(granularity).to_owned(),
                })
                .collect(),
        })
    }

    /// Whether the arrays have the lengths that the words, `heads` and the frame ask for.
    fn is_consistent(&self, heads: usize, frame: &Frame) -> bool {
        let words = self.words.len();
        self.weights.len() == weights_of(heads, frame, words)
            && self.picks.len() == picks_of(heads, words)
            && self.words.iter().all(|word| word.governor <= words)
    }
}

/// How many weights a sentence of so many words has.
fn weights_of(heads: usize, frame: &Frame, words: usize) -> usize {
    heads * frame.positions(words).pow(2)
}

/// How many picks.
fn picks_of(heads: usize, words: usize) -> usize {
    heads * 2 * words
}

/// How many bytes it takes.
fn bytes_of(heads: usize, frame: &Frame, words: usize) -> usize {
    weights_of(heads, frame, words) + picks_of(heads, words)
}

/// The picks of each head: those by rows, then those by columns.
fn picks(attention: &WordAttention) -> Vec<u8> {
    let peaks = peaks(attention);
    let (by_row, by_column) = peaks.places().split_at(peaks.places().len() / 2);
    let heads = by_row.chunks_exact(peaks.words()).zip(by_column.chunks_exact(peaks.words()));
    let places = heads.flat_map(|(by_row, by_column)| by_row.iter().chain(by_column));
    places.map(|place| u8::try_from(*place).unwrap_or(NO_PICK)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use headlight_treebank::{SentenceParts, Word, WordIdx};

    use super::*;

    /// A sentence of `(form, governor, relation)`.
    pub(crate) fn sentence(id: &str, words: &[(&str, usize, &str)]) -> Sentence {
        let words = words.iter().map(|&(form, governor, relation)| Word {
            form: form.into(),
            lemma: None,
            upos: Some("X".into()),
            xpos: None,
            features: None,
            governor: if governor == 0 { Governor::Root } else { Governor::Word(WordIdx::new(governor - 1)) },
            relation: headlight_treebank::Relation::new(relation),
            deps: None,
            misc: None,
        });
        Sentence::new(SentenceParts { sent_id: id.into(), words: words.collect(), ..SentenceParts::default() }).unwrap()
    }

    pub(crate) const GRID: HeadGrid = HeadGrid { layers: 1, heads: 2 };

    /// Word i attends to word i+1 (head 1) or to word i-1 (head 2) with weight `most`; the rest is even.
    pub(crate) fn attention(words: usize, most: f32) -> WordAttention {
        framed(&Frame::bert(), words, most)
    }

    /// The same with these special pieces around the words; the first word attends to no previous one, the last to no next.
    pub(crate) fn framed(frame: &Frame, words: usize, most: f32) -> WordAttention {
        let positions = frame.positions(words);
        let mut weights = vec![0.01; 2 * positions * positions];
        for from in frame.words(words) {
            if from + 1 < positions {
                weights[from * positions + from + 1] = most;
            }
            if from > 0 {
                weights[(positions + from) * positions + from - 1] = most;
            }
        }
        WordAttention::new(GRID, frame, words, weights).unwrap()
    }

    fn cat() -> Sentence {
        sentence("s1", &[("The", 2, "det"), ("cat", 3, "nsubj"), ("sleeps", 0, "root")])
    }

    #[test]
    fn weights_become_bytes_and_picks_are_those_of_the_weights() {
        let explored = ExplorerSentence::new(&cat(), &attention(3, 0.5), Granularity::Full).unwrap();
        assert_eq!(explored.scale, 1.0);
        assert_eq!(&explored.weights[5..10], [3, 3, 128, 3, 3], "[CLS] and words 1 to 3 and [SEP] as word 1 of head 1");
        // Head 1 looks at the next word: rows pick it (the last word has a tie), columns pick the previous one.
        assert_eq!(explored.picks, [1, 2, 0, 1, 0, 1, 1, 0, 1, 1, 2, 0]);
        assert_eq!(explored.words[0].governor, 2);
        assert_eq!(explored.words[2].governor, 0);
    }

    #[test]
    fn norms_are_scaled_to_their_largest() {
        let explored = ExplorerSentence::new(&cat(), &attention(3, 4.0), Granularity::Full).unwrap();
        assert_eq!((explored.scale, explored.weights[7]), (4.0, 255));
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let one = sentence("s2", &[("Yes", 0, "root")]);
        assert_eq!(ExplorerSentence::new(&one, &attention(1, 0.5), Granularity::Full), None);
        assert_eq!(ExplorerSentence::new(&cat(), &attention(4, 0.5), Granularity::Full), None);
    }

    #[test]
    fn it_comes_back_without_torn_sentences() {
        let folder = tempfile::tempdir().unwrap();
        crate::run::write_report(folder.path(), &crate::run::tests::report()).unwrap();
        crate::run::write_manifest(folder.path(), &crate::run::tests::manifest()).unwrap();
        crate::tables::write_table::<crate::tables::Baseline>(folder.path(), []).unwrap();
        let run = RunDirectory::open(folder.path()).unwrap();
        assert_eq!(Explorer::read(&run).unwrap(), None);

        let whole = ExplorerSentence::new(&cat(), &attention(3, 0.5), Granularity::Full).unwrap();
        let torn = ExplorerSentence { picks: vec![], ..whole.clone() };
        let bert = Frame::bert();
        Explorer::new("evaluate", GRID, &bert, 7, vec![whole.clone(), torn]).write(folder.path()).unwrap();
        assert_eq!(Explorer::read(&run).unwrap().unwrap().sentences, std::slice::from_ref(&whole));
        // A file from before there was a frame is BERT's; the arrays of another frame have other lengths.
        let path = folder.path().join(FILE);
        let written = std::fs::read_to_string(&path).unwrap();
        let mut before: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert!(before.as_object_mut().unwrap().remove("frame").is_some());
        std::fs::write(&path, before.to_string()).unwrap();
        let read = Explorer::read(&run).unwrap().unwrap();
        assert_eq!((read.frame, read.sentences.len()), (bert, 1));
        for frame in [Frame::new(["<bos>"], []), Frame::none()] {
            let of_frame = ExplorerSentence::new(&cat(), &framed(&frame, 3, 0.5), Granularity::Full).unwrap();
            assert_eq!(of_frame.picks[..2], whole.picks[..2], "picks are among words");
            Explorer::new("evaluate", GRID, &frame, 7, vec![whole.clone(), of_frame.clone()])
                .write(folder.path())
                .unwrap();
            let read = Explorer::read(&run).unwrap().unwrap();
            assert_eq!((read.frame, read.sentences), (frame, vec![of_frame]));
        }
    }
}
