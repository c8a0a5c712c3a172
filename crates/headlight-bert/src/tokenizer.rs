//! Words and text into pieces, with the alignment of both (METHOD §1).

mod around;
mod classes;
mod folder;
mod growth;
mod merges;
mod sentence;
mod sentencepiece;
mod settings;

use std::{collections::HashMap, ops::Range, path::Path, sync::Mutex};

use headlight_attention::{Alignment, Frame};

use crate::{Architecture, LoadError, Pieces, Skip};
use around::Around;
use classes::Surroundings;
use folder::{Found, Opened};

/// Words beyond this many different ones are tokenized anew each time, which bounds the memory of the cache.
const CACHED_WORDS: usize = 1 << 16;

/// A text that may become longer than this while it is normalized is refused, which bounds the memory of one input.
const MOST_CHARACTERS: usize = 1 << 26;

/// Embeddings beyond the pieces of the vocabulary, in shares of these, that are room for round numbers and not a sign of
/// another model's tokenizer.
const SPARE_EMBEDDINGS: usize = 128;

/// The ids of the pieces with a role of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpecialPieces {
    /// `[CLS]`, the first piece of every input, where one stands before the words.
    pub cls: Option<u32>,
    /// `[SEP]`, the last, where one stands behind them.
    pub sep: Option<u32>,
    /// `[UNK]`, for what has no piece. Tokenizers of bytes can do without.
    pub unk: Option<u32>,
    /// `[MASK]`, where the vocabulary has it.
    pub mask: Option<u32>,
    /// A piece of nothing but the space before a word (`Ġ`, `▁`), where the vocabulary has one.
    pub space: Option<u32>,
}

/// A tokenizer that fits its model: each piece has an embedding, and the special pieces exist.
///
/// It is put together as transformers does it from `tokenizer.json` or `vocab.txt` and the settings beside them, with one
/// difference: text is only ever text. A word spelled `[SEP]` becomes the pieces of its five characters, never the special
/// piece. Other tokens that were added to the vocabulary are found in text.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: SpecialPieces,
    around: Around,
    /// Whether the space before a word is a part of its pieces, which a word alone does not show.
    spaced: bool,
    /// The largest segment that the model knows.
    last_segment: u32,
    /// How many characters the normalizer may make of one.
    growth: usize,
    warnings: Vec<String>,
    max_positions: usize,
    cache: Mutex<HashMap<Box<str>, Box<[u32]>>>,
}

impl Tokenizer {
    /// Reads the tokenizer of a checkpoint folder: `tokenizer.json`, or else `vocab.txt`, or `vocab.json` and `merges.txt`,
    /// with `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.
    ///
    /// # Errors
    /// Neither vocabulary, a broken file, a tokenizer that splits text by code of its own, a vocabulary larger than the
    /// model's, or one without the pieces that stand around a text.
    pub fn read(folder: &Path, spec: &Architecture) -> Result<Self, LoadError> {
        let Opened { path, mut inner, names, around, growth, mut warnings } = folder::open(folder)?;
        let wrong = |problem: String| LoadError::Tokenizer { path: path.clone(), problem };
        inner.with_truncation(None).map_err(|error| wrong(error.to_string()))?;
        inner.with_padding(None);
        inner.set_encode_special_tokens(true);

        let vocabulary = inner.get_vocab(true);
        if let Some((piece, id)) = vocabulary.iter().max_by_key(|(_, id)| **id)
            && *id as usize >= spec.vocabulary
        {
            let embeddings = spec.vocabulary;
            return Err(wrong(format!("piece `{piece}` has id {id}, but the model embeds only {embeddings} pieces")));
        }
        if vocabulary.len() + SPARE_EMBEDDINGS.max(spec.vocabulary / SPARE_EMBEDDINGS) < spec.vocabulary {
            let (pieces, embeddings) = (vocabulary.len(), spec.vocabulary);
            warnings.push(format!(
                "the tokenizer has {pieces} pieces and the model {embeddings} embeddings: is it this model's tokenizer?"
            ));
        }
        warnings.extend(capitals_out_of_reach(&inner, &vocabulary));
        let special = |role: &str, piece: Option<String>| {
            let piece = piece.ok_or_else(|| wrong(format!("no {role} is named in tokenizer_config.json")))?;
            vocabulary.get(&piece).copied().ok_or_else(|| wrong(folder::lacking(role, &piece)))
        };
        let around = match around {
            Found::Said(around) => around,
            Found::OfClass(surroundings) => {
                let named = |role: &str, piece: Option<String>| {
                    let id = special(role, piece.clone())?;
                    Ok::<_, LoadError>((piece.unwrap_or_default(), id))
                };
                let (cls, sep) = (named("cls_token", names.cls.clone())?, named("sep_token", names.sep.clone())?);
                special("unk_token", names.unk.clone())?;
                let (cls, sep) = ((cls.0.as_str(), cls.1), (sep.0.as_str(), sep.1));
                if surroundings == Surroundings::Roberta {
                    Around::of_roberta(cls, sep)
                } else {
                    Around::of_bert(cls, sep)
                }
            }
        };
        let in_vocabulary = |name: &str| vocabulary.get(name).copied();
        let special = SpecialPieces {
            cls: around.before.first().copied(),
            sep: around.after.last().copied(),
            unk: names.unk.as_deref().and_then(in_vocabulary),
            // Where no file names it, by what it is called nearly everywhere.
            mask: match names.mask.as_deref() {
                Some(name) => in_vocabulary(name),
                None => ["[MASK]", "<mask>"].into_iter().find_map(in_vocabulary),
            },
            space: ["Ġ", "▁"].into_iter().find_map(in_vocabulary),
        };
        Ok(Self {
            spaced: is_spaced(&inner),
            inner,
            special,
            around,
            last_segment: u32::try_from(spec.embedding.segments.saturating_sub(1)).unwrap_or(u32::MAX),
            growth,
            warnings,
            max_positions: spec.max_pieces(),
            cache: Mutex::default(),
        })
    }

    /// What a reader of results should know about how this tokenizer was put together.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The ids of the special pieces.
    pub fn special(&self) -> SpecialPieces {
        self.special
    }

    /// The special pieces around the words of every input.
    pub fn frame(&self) -> &Frame {
        &self.around.frame
    }

    /// The id of a piece, `##` included where it continues a word.
    pub fn id(&self, piece: &str) -> Option<u32> {
        self.inner.token_to_id(piece)
    }

    /// The pieces that are this text, alone or with the space before it, as tokenizers of bytes (`Ġ`) and SentencePiece (`▁`)
    /// write that.
    pub fn spellings(&self, text: &str) -> Vec<u32> {
        ["", "Ġ", "▁"].iter().filter_map(|space| self.id(&format!("{space}{text}"))).collect()
    }

    /// The piece with an id.
    pub fn piece(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Pre-tokenized input: `[CLS] w1 … wn [SEP]`, each word tokenized on its own, and with the space before it where that is
    /// a part of pieces: the pieces are those of the words joined by single spaces (METHOD §1). A word that yields no piece
    /// becomes one `[UNK]`, counted in [`Pieces::unpieced_words`]. `limit` is the most pieces allowed, `[CLS]` and `[SEP]`
    /// included; the model's own limit holds beside it.
    ///
    /// # Errors
    /// Why the sentence has to be skipped.
    pub fn words(&self, words: &[&str], limit: usize) -> Result<Pieces, Skip> {
        if words.is_empty() {
            return Err(Skip::NoWords);
        }
        let mut ids = self.around.before.clone();
        let mut ranges = Vec::with_capacity(words.len());
        let mut unpieced_words = 0;
        for (number, word) in words.iter().enumerate() {
            let start = ids.len();
            if self.spaced && number > 0 {
                self.append_word(&format!(" {word}"), &mut ids)?;
            } else {
                self.append_word(word, &mut ids)?;
            }
            if ids.len() == start {
                ids.push(self.special.unk.ok_or(Skip::Untokenizable)?);
                unpieced_words += 1;
            }
            ranges.push(start..ids.len());
        }
        ids.extend(&self.around.after);
        self.finish(ids, ranges, limit, unpieced_words)
    }

    /// Surface text: the text is tokenized as a whole, and a word owns the pieces that overlap its range of characters
    /// (Unicode scalar values). Words of a multiword token have the same range and share its pieces. A word whose
    /// range has no piece gets an `[UNK]` in its place.
    ///
    /// # Errors
    /// Why the sentence has to be skipped.
    pub fn text(&self, text: &str, words: &[Range<usize>], limit: usize) -> Result<Pieces, Skip> {
        if words.is_empty() {
            return Err(Skip::NoWords);
        }
        let characters = text.chars().count();
        if let Some(word) = words.iter().position(|range| range.is_empty() || range.end > characters) {
            return Err(Skip::WordOutsideText { word });
        }
        self.check_growth(text)?;
        let encoding = self.inner.encode_char_offsets(text, false).map_err(|_| Skip::Untokenizable)?;
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        let mut pieces: Vec<(Range<usize>, u32)> = spans.zip(encoding.get_ids().iter().copied()).collect();
        let overlap = |span: &Range<usize>, word: &Range<usize>| span.start < word.end && word.start < span.end;

        let mut bare: Vec<&Range<usize>> = Vec::new();
        let mut unpieced_words = 0;
        for word in words.iter().filter(|word| !pieces.iter().any(|(span, _)| overlap(span, word))) {
            unpieced_words += 1;
            if !bare.contains(&word) {
                bare.push(word);
            }
        }
        if !bare.is_empty() {
            let unknown = self.special.unk.ok_or(Skip::Untokenizable)?;
            pieces.extend(bare.into_iter().map(|word| (word.clone(), unknown)));
        }
        pieces.sort_by_key(|(span, _)| span.start);

        let range_of = |word: &Range<usize>| {
            let first = pieces.iter().position(|(span, _)| overlap(span, word))?;
            let last = pieces.iter().rposition(|(span, _)| overlap(span, word))?;
            Some(self.frame().position(first)..self.frame().position(last) + 1)
        };
        let ranges = words
            .iter()
            .enumerate()
            .map(|(number, word)| range_of(word).ok_or(Skip::WordOutsideText { word: number }))
            .collect::<Result<_, _>>()?;
        let inner: Vec<u32> = pieces.iter().map(|(_, id)| *id).collect();
        let ids = [&self.around.before, &inner, &self.around.after].map(Vec::as_slice).concat();
        self.finish(ids, ranges, limit, unpieced_words)
    }

    /// The ids of a text without `[CLS]` and `[SEP]`: what segments are packed from.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, Skip> {
        self.check_growth(text)?;
        let encoding = self.inner.encode_fast(text, false).map_err(|_| Skip::Untokenizable)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// A pair of segments of pieces, `[CLS] A [SEP] B [SEP]`, the second of segment 1. Each piece between the outer two
    /// counts as a word of its own.
    ///
    /// # Errors
    /// Why the pair has to be skipped.
    pub fn pair(&self, a: &[u32], b: &[u32], limit: usize) -> Result<Pieces, Skip> {
        if a.is_empty() || b.is_empty() {
            return Err(Skip::NoWords);
        }
        let Around { frame, before, between, after, segments } = &self.around;
        let parts = [before, a, between, b, after];
        let ids = parts.concat();
        let ranges = frame.words(ids.len() - frame.specials()).map(|piece| piece..piece + 1).collect();
        let mut pieces = self.finish(ids, ranges, limit, 0)?;
        let of_parts = parts.iter().zip(segments).flat_map(|(part, segment)| part.iter().map(|_| *segment));
        pieces.segments = of_parts.map(|segment| segment.min(self.last_segment)).collect();
        Ok(pieces)
    }

    /// Fails for a text that normalization may make too long. Characters are at most as many as bytes.
    fn check_growth(&self, text: &str) -> Result<(), Skip> {
        let fits = text.len().saturating_mul(self.growth) <= MOST_CHARACTERS;
        if fits { Ok(()) } else { Err(Skip::Untokenizable) }
    }

    fn append_word(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), Skip> {
        // A poisoned cache is still a cache: entries are only ever whole.
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = cache.get(word) {
            ids.extend_from_slice(known);
            return Ok(());
        }
        let word_ids = self.ids(word)?;
        ids.extend_from_slice(&word_ids);
        if cache.len() < CACHED_WORDS {
            cache.insert(word.into(), word_ids.into());
        }
        Ok(())
    }

    fn finish(
        &self,
        ids: Vec<u32>,
        words: Vec<Range<usize>>,
        limit: usize,
        unpieced_words: usize,
    ) -> Result<Pieces, Skip> {
        let (pieces, limit) = (ids.len(), limit.min(self.max_positions));
        if pieces > limit {
            return Err(Skip::TooManyPieces { pieces, limit });
        }
        let alignment = Alignment::new(self.frame(), pieces, words)
            .expect("every range was built non-empty and between the specials");
        Ok(Pieces { segments: vec![0; pieces], ids, alignment, unpieced_words })
    }
}

/// Whether the pieces of a word depend on the space before it, and a word alone is read as one without.
fn is_spaced(inner: &tokenizers::Tokenizer) -> bool {
    let ids =
        |text: &str| inner.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).unwrap_or_default();
    let alone = ids("a");
    ids("a a") != [alone.as_slice(), &alone].concat()
}

/// A warning where text becomes lower case before it is split, but much of the vocabulary is not.
fn capitals_out_of_reach(inner: &tokenizers::Tokenizer, vocabulary: &HashMap<String, u32>) -> Option<String> {
    let lowered = inner.get_normalizer().and_then(|normalizer| {
        let mut probe = tokenizers::NormalizedString::from("A");
        tokenizers::Normalizer::normalize(normalizer, &mut probe).ok()?;
        Some(probe.get() == "a")
    });
    // The space before a word is no letter of it.
    let first = |piece: &String| piece.trim_start_matches(['Ġ', '▁']).chars().next();
    let words = vocabulary.keys().filter(|piece| first(piece).is_some_and(char::is_alphabetic)).count();
    let capitals = vocabulary.keys().filter(|piece| first(piece).is_some_and(char::is_uppercase)).count();
    (lowered == Some(true) && 10 * capitals > words).then(|| {
        format!(
            "the tokenizer makes text lower case, but {capitals} of its {words} pieces that begin words are capitalised and \
             never found: is do_lower_case = false missing in tokenizer_config.json?"
        )
    })
}
