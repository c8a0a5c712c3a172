//! What a tokenizer puts around a text, found by letting it.

use headlight_attention::Frame;
use tokenizers::{Encoding, Token};

/// The special pieces around one text and around two.
#[derive(Debug)]
pub(super) struct Around {
    pub frame: Frame,
    pub before: Vec<u32>,
    pub after: Vec<u32>,
    /// Between the two texts of a pair.
    pub between: Vec<u32>,
    /// The segments of a pair: those of the pieces before, the first text, between, the second text, after.
    pub segments: [u32; 5],
}

impl Around {
    /// These pieces before and after, those after also between two texts: `[CLS] A [SEP] B [SEP]`.
    pub fn of_bert(cls: (&str, u32), sep: (&str, u32)) -> Self {
        let frame = Frame::new([cls.0], [sep.0]);
        Self { frame, before: vec![cls.1], after: vec![sep.1], between: vec![sep.1], segments: [0, 0, 0, 1, 1] }
    }

    /// The same of RoBERTa: `<s> A </s></s> B </s>`, all of the first segment.
    pub fn of_roberta(cls: (&str, u32), sep: (&str, u32)) -> Self {
        Self { between: vec![sep.1; 2], segments: [0; 5], ..Self::of_bert(cls, sep) }
    }

    /// What the post-processor of a tokenizer puts around. `Err` says what does not fit.
    pub fn of(tokenizer: &tokenizers::Tokenizer) -> Result<Self, String> {
        let text = || Encoding::from_tokens(vec![Token::new(0, "a".to_owned(), (0, 1))], 0);
        let process = |pair: Option<Encoding>| {
            let processed = tokenizer.post_process(text(), pair, true);
            processed.map_err(|error| format!("its post-processor fails: {error}"))
        };
        let (single, pair) = (process(None)?, process(Some(text()))?);
        for (name, id) in
            single.get_tokens().iter().zip(single.get_ids()).chain(pair.get_tokens().iter().zip(pair.get_ids()))
        {
            let known = tokenizer.id_to_token(*id);
            if name != "a" && known.as_ref() != Some(name) {
                let found = known.map_or_else(|| "no piece".to_owned(), |known| format!("`{known}`"));
                return Err(format!(
                    "it puts `{name}` with id {id} around a text, but its vocabulary has {found} there"
                ));
            }
        }
        let place =
            |encoding: &Encoding, text: usize| encoding.get_sequence_ids().iter().position(|id| *id == Some(text));
        let (Some(at), Some(first), Some(second)) = (place(&single, 0), place(&pair, 0), place(&pair, 1)) else {
            return Err("its post-processor drops the text".to_owned());
        };
        if second <= first {
            return Err("its post-processor puts the second text before the first".to_owned());
        }
        let names = single.get_tokens();
        let (before, after) = (single.get_ids()[..at].to_vec(), single.get_ids()[at + 1..].to_vec());
        let types = pair.get_type_ids();
        let segment = |piece: usize| types.get(piece).copied().unwrap_or(types[second]);
        Ok(Self {
            frame: Frame::new(names[..at].to_vec(), names[at + 1..].to_vec()),
            between: pair.get_ids()[first + 1..second].to_vec(),
            segments: [types[0], types[first], types[first + 1], types[second], segment(second + 1)],
            before,
            after,
        })
    }
}
