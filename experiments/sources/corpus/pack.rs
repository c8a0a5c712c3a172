//! Packing: sentences become pairs of segments, `[CLS] A [SEP] B [SEP]`, without masking (METHOD §3).
//!
//! Sentences of a document are gathered up to a target length and cut at random into A and B. A pair that is too long loses
//! pieces at random ends of its longer segment. So Clark et al. (2019) did (`preprocess_unlabeled.py` of their release), but
//! that a single sentence that fills a pair alone ended its document there; here it is left out and counted.
//!
//! The pre-training of BERT (Devlin et al. 2019, appendix A.2; `create_pretraining_data.py` of its release) has two more
//! draws, which are keys: in a share of the pairs, and where there is but one sentence, B is text from another document,
//! and the sentences that it displaced are used again; and a share of the documents is packed into shorter pairs.

use std::fmt;

use anyhow::Result;
use headlight_report::format::percent;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Two segments of pieces.
pub type Pair = (Vec<u32>, Vec<u32>);

/// A document as pieces: one list a sentence, none of them empty.
pub type PieceDocument = Vec<Vec<u32>>;

/// Pieces that are read before they are packed. Other documents are drawn from among those read together, so that
/// memory does not grow with the corpus; smaller corpora are packed exactly as in the release.
const SHELF: usize = 1 << 20;

/// How a corpus is packed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packing {
    /// Most pieces of a pair, `[CLS]` and both `[SEP]` included; at least 5.
    pub limit: usize,
    /// The share of pairs whose second segment is of another document. Above 0 a single sentence gets such a segment too;
    /// at 0 there is none for it, and it is left out.
    pub random_next: f64,
    /// The share of documents whose pairs have a random shorter length.
    pub short: f64,
    /// Seed of everything drawn.
    pub seed: u64,
}

/// For people: what a pair is made of.
impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "up to {} pieces, ", self.limit)?;
        match self.random_next {
            0.0 => f.write_str("the second of the same document as the first, ")?,
            share => write!(f, "the second of another document in {} % of the cases, ", percent(share))?,
        }
        match self.short {
            0.0 => f.write_str("none shortened on purpose"),
            share => write!(f, "shorter ones from {} % of the documents", percent(share)),
        }
    }
}

/// The pairs of all documents, in order. Documents without sentences yield none. `alone` is called for each sentence that
/// is left out because nothing follows it.
pub fn pack<I, F>(documents: I, packing: Packing, alone: F) -> Pairs<I, F>
where
    I: Iterator<Item = Result<PieceDocument>>,
    F: FnMut(),
{
    let random = ChaCha8Rng::seed_from_u64(packing.seed);
    Pairs { documents, alone, packing, random, packed: Vec::new().into_iter() }
}

/// See [`pack`]. Ends after the first error.
pub struct Pairs<I, F> {
    documents: I,
    alone: F,
    packing: Packing,
    random: ChaCha8Rng,
    packed: std::vec::IntoIter<Pair>,
}

impl<I: Iterator<Item = Result<PieceDocument>>, F: FnMut()> Iterator for Pairs<I, F> {
    type Item = Result<Pair>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(pair) = self.packed.next() {
                return Some(Ok(pair));
            }
            let (mut shelf, mut pieces) = (Vec::new(), 0);
            while pieces < SHELF {
                match self.documents.next() {
                    None => break,
                    Some(Err(error)) => return Some(Err(error)),
                    Some(Ok(document)) if document.is_empty() => {}
                    Some(Ok(document)) => {
                        pieces += document.iter().map(Vec::len).sum::<usize>();
                        shelf.push(document);
                    }
                }
            }
            if shelf.is_empty() {
                return None;
            }
            let mut pairs = Vec::new();
            for document in 0..shelf.len() {
                pack_document(&shelf, document, &self.packing, &mut self.random, &mut self.alone, &mut pairs);
            }
            self.packed = pairs.into_iter();
        }
    }
}

fn pack_document(
    shelf: &[PieceDocument],
    number: usize,
    packing: &Packing,
    random: &mut impl Rng,
    alone: &mut impl FnMut(),
    pairs: &mut Vec<Pair>,
) {
    let document = &shelf[number];
    let room = packing.limit - 3;
    let target = if random.random_bool(packing.short) { random.random_range(2..=room) } else { room };
    let (mut start, mut length, mut end) = (0, 0, 0);
    while end < document.len() {
        length += document[end].len();
        end += 1;
        if end < document.len() && length < target {
            continue;
        }
        let sentences = end - start;
        if sentences == 1 && packing.random_next == 0.0 {
            alone();
            (start, length) = (end, 0);
            continue;
        }
        let cut = if sentences > 1 { start + random.random_range(1..sentences) } else { end };
        let mut a = document[start..cut].concat();
        let mut b = if sentences == 1 || random.random_bool(packing.random_next) {
            end = cut;
            text_of_another(shelf, number, target.saturating_sub(a.len()), random)
        } else {
            document[cut..end].concat()
        };
        truncate(&mut a, &mut b, room, random);
        pairs.push((a, b));
        (start, length) = (end, 0);
    }
}

/// Sentences of another document from a random one on, until there are `target` pieces; at least one. Where ten draws find
/// no other document, of the same one.
fn text_of_another(shelf: &[PieceDocument], number: usize, target: usize, random: &mut impl Rng) -> Vec<u32> {
    let mut draws = (0..10).map(|_| random.random_range(0..shelf.len()));
    let document = &shelf[draws.find(|&drawn| drawn != number).unwrap_or(number)];
    let start = random.random_range(0..document.len());
    let mut text = Vec::new();
    for sentence in &document[start..] {
        text.extend_from_slice(sentence);
        if text.len() >= target {
            break;
        }
    }
    text
}

/// Drops pieces of the longer segment, each from a random end, until both have `room`.
fn truncate(a: &mut Vec<u32>, b: &mut Vec<u32>, room: usize, random: &mut impl Rng) {
    while a.len() + b.len() > room {
        let longer = if a.len() > b.len() { &mut *a } else { &mut *b };
        if random.random_bool(0.5) {
            longer.remove(0);
        } else {
            longer.pop();
        }
    }
}

/// `count` items drawn at random without replacement, all equally likely, in their order (Vitter's algorithm R); all of
/// them where there are no more. Memory holds `count` items.
///
/// # Errors
/// The first error among the items.
pub fn sample<T>(items: impl Iterator<Item = Result<T>>, count: usize, seed: u64) -> Result<Vec<T>> {
    let mut sample = Sample::new(count, seed);
    for item in items {
        sample.push(item?);
    }
    Ok(sample.finish())
}

/// What [`sample`] draws, item by item.
pub struct Sample<T> {
    count: usize,
    seen: usize,
    kept: Vec<(usize, T)>,
    random: ChaCha8Rng,
}

impl<T> Sample<T> {
    /// Of no item yet.
    pub fn new(count: usize, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(1);
        Self { count, seen: 0, kept: Vec::new(), random }
    }

    /// The next item, which may be kept in the place of an earlier one.
    pub fn push(&mut self, item: T) {
        let number = self.seen;
        self.seen += 1;
        if self.kept.len() < self.count {
            self.kept.push((number, item));
        } else {
            let place = self.random.random_range(0..=number);
            if place < self.count {
                self.kept[place] = (number, item);
            }
        }
    }

    /// The items kept, in their order.
    pub fn finish(mut self) -> Vec<T> {
        self.kept.sort_by_key(|(number, _)| *number);
        self.kept.into_iter().map(|(_, item)| item).collect()
    }
}
