//! Models of SentencePiece (`spm.model`), as the `tokenizer.json` that they stand for: of DeBERTa-v3, whose folders have nothing
//! else. The file is one message of protobuf, of which the pieces and their scores are read.

use std::path::Path;

use serde_json::{Value, json};

use super::settings::Names;
use crate::{LoadError, files};

/// A piece: its text, its score, and what it is for.
struct Piece {
    text: String,
    score: f32,
    kind: u64,
}

/// Kinds of pieces that are never found in text: those that steer (`[CLS]`), and those that users defined.
const ADDED: [u64; 2] = [3, 4];

/// The kind of model that finds the likeliest pieces.
const UNIGRAM: u64 = 1;

/// What a model says.
struct Model {
    pieces: Vec<Piece>,
    kind: u64,
    unknown: u64,
}

/// The tokenizer of a DeBERTa of these settings from its model.
pub(super) fn describe(
    path: &Path,
    names: &Names,
    lower_case: bool,
    split_by_punct: bool,
    add_prefix_space: bool,
) -> Result<Value, LoadError> {
    let wrong = |problem: &str| LoadError::Tokenizer {
        path: path.to_owned(),
        problem: format!("it is no model of SentencePiece that is read here: {problem}"),
    };
    let bytes = std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    files::refuse_pointer(path, &bytes)?;
    let model = parse(&bytes).ok_or_else(|| wrong("its bytes are not those of one"))?;
    if model.kind != UNIGRAM {
        return Err(wrong("it is not of the kind Unigram"));
    }
    let added = |(id, piece): (usize, &Piece)| {
        json!({"id": id, "content": piece.text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
               "special": true})
    };
    let is_added = |(_, piece): &(usize, &Piece)| ADDED.contains(&piece.kind);
    let mut tokens: Vec<Value> = model.pieces.iter().enumerate().filter(is_added).map(added).collect();
    // Models are trained without the piece that stands for a hidden one.
    let mask = names.mask.as_deref().filter(|mask| model.pieces.iter().all(|piece| piece.text != *mask));
    if let Some(mask) = mask {
        tokens.push(added((model.pieces.len(), &Piece { text: mask.to_owned(), score: 0.0, kind: ADDED[0] })));
    }
    let spaces = json!({"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "});
    let strip = json!({"type": "Strip", "strip_left": false, "strip_right": true});
    let lower = lower_case.then(|| json!({"type": "Lowercase"}));
    let normalizers: Vec<Value> = lower.into_iter().chain([spaces, json!({"type": "NFC"}), strip]).collect();
    let scheme = if add_prefix_space { "always" } else { "first" };
    let metaspace = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": true});
    let punctuation = split_by_punct.then(|| json!({"type": "Punctuation", "behavior": "Isolated"}));
    let splitters: Vec<Value> = punctuation.into_iter().chain([metaspace]).collect();
    let vocabulary: Vec<Value> = model.pieces.iter().map(|piece| json!([piece.text, f64::from(piece.score)])).collect();
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": tokens,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splitters},
        "post_processor": null, "decoder": null,
        "model": {"type": "Unigram", "unk_id": model.unknown, "byte_fallback": false, "vocab": vocabulary},
    }))
}

/// `None` where the bytes are not such a message.
fn parse(bytes: &[u8]) -> Option<Model> {
    let mut model = Model { pieces: Vec::new(), kind: UNIGRAM, unknown: 0 };
    for field in fields(bytes) {
        match field? {
            (1, Content::Bytes(bytes)) => model.pieces.push(piece(bytes)?),
            (2, Content::Bytes(bytes)) => {
                for field in fields(bytes) {
                    match field? {
                        (3, Content::Number(kind)) => model.kind = kind,
                        (40, Content::Number(unknown)) => model.unknown = unknown,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    (!model.pieces.is_empty()).then_some(model)
}

fn piece(bytes: &[u8]) -> Option<Piece> {
    // A piece without a kind is an ordinary one.
    let mut piece = Piece { text: String::new(), score: 0.0, kind: 1 };
    for field in fields(bytes) {
        match field? {
            (1, Content::Bytes(text)) => piece.text = String::from_utf8(text.to_vec()).ok()?,
            (2, Content::Four(score)) => piece.score = f32::from_le_bytes(score),
            (3, Content::Number(kind)) => piece.kind = kind,
            _ => {}
        }
    }
    piece.score.is_finite().then_some(piece)
}

/// What a field holds, by how it is written.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Four([u8; 4]),
    Eight,
}

/// The fields of a message in their order with their numbers; `None`, and nothing after it, where it is broken.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Content<'_>)>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = field(&mut bytes);
        if field.is_none() {
            bytes = &[];
        }
        Some(field)
    })
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Content<'a>)> {
    let key = number(bytes)?;
    let content = match key & 7 {
        0 => Content::Number(number(bytes)?),
        1 => {
            bytes.split_off(..8)?;
            Content::Eight
        }
        2 => {
            let length = usize::try_from(number(bytes)?).ok()?;
            Content::Bytes(bytes.split_off(..length)?)
        }
        5 => Content::Four(bytes.split_off(..4)?.try_into().ok()?),
        _ => return None,
    };
    Some((key >> 3, content))
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_messages_are_none() {
        // A piece "a" of score 1, kind 3; the kind of model 1, the unknown piece 0.
        let message = b"\x0a\x0a\x0a\x01a\x15\0\0\x80\x3f\x18\x03\x12\x05\x18\x01\xc0\x02\x00";
        let model = parse(message).unwrap();
        assert_eq!((model.pieces[0].text.as_str(), model.pieces[0].score, model.pieces[0].kind), ("a", 1.0, 3));
        assert_eq!((model.kind, model.unknown), (1, 0));
        for cut in (1..12).chain(13..message.len()) {
            assert!(parse(&message[..cut]).is_none(), "{cut}");
        }
        assert!(parse(b"").is_none() && parse(&[0xff; 40]).is_none());
        assert!(parse(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f").is_none());
    }
}
