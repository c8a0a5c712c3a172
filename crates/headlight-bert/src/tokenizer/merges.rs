//! Byte-level tokenizers from `vocab.json` and `merges.txt`, as the `tokenizer.json` that they stand for.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};

use super::classes::Splits;
use crate::{LoadError, files};

/// Where Qwen splits text (transformers' `PRETOKENIZE_REGEX`).
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// The tokenizer of a vocabulary and a list of merges.
pub(super) fn describe(
    vocabulary: &Path,
    merges: &Path,
    splits: Splits,
    add_prefix_space: bool,
) -> Result<Value, LoadError> {
    let pieces: BTreeMap<String, u32> = files::read_json(vocabulary)?;
    let text = files::read_text(merges)?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || (number == 0 && line.starts_with("#version")) {
            continue;
        }
        let [left, right] = line.trim_end().split(' ').collect::<Vec<_>>()[..] else {
            let problem = format!("line {}: `{line}` are not two pieces to merge", number + 1);
            return Err(LoadError::Tokenizer { path: merges.to_owned(), problem });
        };
        pairs.push([left, right]);
    }
    let bytes = |use_regex: bool| json!({"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": use_regex});
    let (normalizer, splitter) = match splits {
        Splits::Gpt2 => (Value::Null, bytes(true)),
        Splits::Qwen2 => {
            let split = json!({"type": "Split", "pattern": {"Regex": QWEN2}, "behavior": "Isolated", "invert": false});
            (json!({"type": "NFC"}), json!({"type": "Sequence", "pretokenizers": [split, bytes(false)]}))
        }
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": splitter, "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
                  "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "vocab": pieces, "merges": pairs},
    }))
}
