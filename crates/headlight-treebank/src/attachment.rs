//! How well predicted governors agree with a treebank.

use std::collections::BTreeMap;
use std::ops::{Add, AddAssign};

use crate::sentence::{Governor, Granularity, Sentence, WordIdx};

/// How many of the eligible words, arcs or sentences are right.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Count {
    /// Right ones.
    pub correct: u64,
    /// All of them.
    pub total: u64,
}

impl Count {
    /// Counts one more.
    pub fn observe(&mut self, correct: bool) {
        self.correct += u64::from(correct);
        self.total += 1;
    }

    /// Correct over total, between 0 and 1; `None` where nothing was counted.
    pub fn ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.correct as f64 / self.total as f64)
    }
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { correct: self.correct + other.correct, total: self.total + other.total }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// The scores of one sentence or of many. A word is punctuation if its universal relation is `punct`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct AttachmentCounts {
    /// UAS without punctuation, as in the paper: words with the right governor, where the root's governor is
    /// [`Governor::Root`].
    pub uas: Count,
    /// UAS of all words, as the UD scorer counts.
    pub uas_with_punctuation: Count,
    /// UUAS: arcs of the treebank, without those of punctuation and of the root, that are predicted in either
    /// direction.
    pub uuas: Count,
    /// Sentences whose root is predicted as a root. Predictions word by word may name further roots; each of those is
    /// a mistake of its own word.
    pub root: Count,
}

impl AddAssign for AttachmentCounts {
    fn add_assign(&mut self, other: Self) {
        self.uas += other.uas;
        self.uas_with_punctuation += other.uas_with_punctuation;
        self.uuas += other.uuas;
        self.root += other.root;
    }
}

/// How dependency lengths are told apart: the length is the governor's place minus the dependent's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Lengths {
    /// By direction too: `-2` is a governor two words to the left.
    Signed,
    /// `1`, `2`, `3`, …
    Absolute,
    /// `1`, `2`, `3-6` and `7+`, the groups of MaltEval (Nilsson & Nivre 2008).
    #[default]
    Grouped,
}

/// Predictions that do not pair with the words of their sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sentence {sent_id}: {governors} predicted governors for {words} words")]
pub struct UnpairedPrediction {
    /// The sentence's name.
    pub sent_id: String,
    /// How many governors were given.
    pub governors: usize,
    /// How many words there are.
    pub words: usize,
}

/// Accumulates attachment scores over sentences; all counts are integers, so shards add up in any order.
///
/// Where relations or lengths are wanted sentence by sentence too, observe each sentence in an accumulator of its own
/// and [`merge`](Attachment::merge) it.
///
/// ```
/// use headlight_treebank::{Attachment, Format, Governor, Reader, WordIdx};
///
/// let file = "1\tFish\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tswim\t_\t_\t_\t_\t0\troot\t_\t_\n";
/// let sentence = Reader::new(file.as_bytes(), "fish", Format::Conllu)?.next().expect("one sentence")?;
/// let mut scores = Attachment::default();
/// scores.observe(&sentence, &[Governor::Root, Governor::Word(WordIdx::new(0))])?;
/// assert_eq!(scores.counts().uas.ratio(), Some(0.0));
/// assert_eq!(scores.counts().uuas.ratio(), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attachment {
    counts: AttachmentCounts,
    by_relation: BTreeMap<Box<str>, Count>,
    by_length: BTreeMap<i64, Count>,
}

impl Attachment {
    /// Counts one sentence and returns its own counts, the unit of the bootstrap. `governors[i]` is the prediction for
    /// word i; they need not form a tree.
    ///
    /// # Errors
    /// [`UnpairedPrediction`] unless there is one governor for each word; nothing is counted then.
    pub fn observe(
        &mut self,
        sentence: &Sentence,
        governors: &[Governor],
    ) -> Result<AttachmentCounts, UnpairedPrediction> {
        if governors.len() != sentence.len() {
            return Err(UnpairedPrediction {
                sent_id: sentence.sent_id().to_owned(),
                governors: governors.len(),
                words: sentence.len(),
            });
        }
        let governed_by = |dependent: WordIdx, governor| governors[dependent.index()] == Governor::Word(governor);
        let mut counts = AttachmentCounts {
            uuas: uuas(sentence, |a, b| governed_by(a, b) || governed_by(b, a)),
            ..AttachmentCounts::default()
        };
        for (index, (word, &predicted)) in sentence.words().iter().zip(governors).enumerate() {
            let correct = predicted == word.governor;
            counts.uas_with_punctuation.observe(correct);
            entry(&mut self.by_relation, word.relation.full()).observe(correct);
            if !word.is_punctuation() {
                counts.uas.observe(correct);
            }
            match word.governor {
                Governor::Root => counts.root.observe(correct),
                Governor::Word(governor) if !word.is_punctuation() => {
                    let length = governor.index() as i64 - index as i64;
                    self.by_length.entry(length).or_default().observe(correct);
                }
                Governor::Word(_) => {}
            }
        }
        self.counts += counts;
        Ok(counts)
    }

    /// Counts one sentence by undirected arcs alone, as a spanning tree over distances gives them: only UUAS grows.
    /// Returns its count.
    pub fn observe_undirected(&mut self, sentence: &Sentence, arcs: &[(WordIdx, WordIdx)]) -> Count {
        let count = uuas(sentence, |a, b| arcs.contains(&(a, b)) || arcs.contains(&(b, a)));
        self.counts.uuas += count;
        count
    }

    /// Adds what another accumulator has counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts += other.counts;
        for (relation, &count) in &other.by_relation {
            *entry(&mut self.by_relation, relation) += count;
        }
        for (&length, &count) in &other.by_length {
            *self.by_length.entry(length).or_default() += count;
        }
    }

    /// UAS, UUAS and root accuracy of all sentences.
    pub fn counts(&self) -> AttachmentCounts {
        self.counts
    }

    /// Words with the right governor by their relation in the treebank, `punct` and `root` among them.
    pub fn by_relation(&self, granularity: Granularity) -> BTreeMap<&str, Count> {
        let mut relations = BTreeMap::new();
        for (relation, &count) in &self.by_relation {
            let name = match granularity {
                Granularity::Full => relation,
                Granularity::Universal => relation.split(':').next().unwrap_or(relation),
            };
            *relations.entry(name).or_default() += count;
        }
        relations
    }

    /// Words with the right governor by the length of their dependency in the treebank, without punctuation and root,
    /// shortest (leftmost governor) first.
    pub fn by_length(&self, lengths: Lengths) -> Vec<(String, Count)> {
        let key = |length: i64| match (lengths, length.abs()) {
            (Lengths::Signed, _) => length,
            (Lengths::Grouped, 3..=6) => 3,
            (Lengths::Grouped, 7..) => 7,
            (Lengths::Absolute | Lengths::Grouped, absolute) => absolute,
        };
        let mut buckets: BTreeMap<i64, Count> = BTreeMap::new();
        for (&length, &count) in &self.by_length {
            *buckets.entry(key(length)).or_default() += count;
        }
        let label = |key: i64| match (lengths, key) {
            (Lengths::Grouped, 3) => "3-6".to_owned(),
            (Lengths::Grouped, 7) => "7+".to_owned(),
            _ => key.to_string(),
        };
        buckets.into_iter().map(|(key, count)| (label(key), count)).collect()
    }
}

/// The treebank's arcs, without those of punctuation and of the root, that `linked` knows.
fn uuas(sentence: &Sentence, linked: impl Fn(WordIdx, WordIdx) -> bool) -> Count {
    let mut count = Count::default();
    for (index, word) in sentence.words().iter().enumerate() {
        if let (Governor::Word(governor), false) = (word.governor, word.is_punctuation()) {
            count.observe(linked(WordIdx::new(index), governor));
        }
    }
    count
}

/// The count of a relation; its name is copied only the first time.
fn entry<'a>(counts: &'a mut BTreeMap<Box<str>, Count>, relation: &str) -> &'a mut Count {
    if !counts.contains_key(relation) {
        counts.insert(relation.into(), Count::default());
    }
    counts.get_mut(relation).expect("just inserted")
}
