//! How much longer a normalizer may make a text: what bounds the memory that a hostile `tokenizer.json` can take.

use serde_json::Value;

/// The most characters that a normalizer of `tokenizer.json` makes of one, estimated from above.
pub(super) fn growth(normalizer: &Value) -> usize {
    let length = |value: &Value| value.as_str().unwrap_or_default().chars().count();
    match normalizer["type"].as_str() {
        Some("Sequence") => {
            let all = normalizer["normalizers"].as_array().into_iter().flatten();
            all.map(growth).fold(1, usize::saturating_mul)
        }
        Some("Replace") => match normalizer["pattern"]["String"].as_str() {
            Some(pattern) => length(&normalizer["content"]).div_ceil(pattern.chars().count().max(1)).max(1),
            // An expression may match the nothing between two characters.
            None => 1 + length(&normalizer["content"]),
        },
        Some("Prepend") => 1 + length(&normalizer["prepend"]),
        // Compatibility forms: one Arabic ligature stands for 18 letters. The maps of SentencePiece are of that kind.
        Some("NFKC" | "NFKD" | "Precompiled") => 18,
        // Bytes of a character, each a character of its own.
        Some("ByteLevel" | "NFD" | "NFC") => 4,
        Some("Lowercase") => 3,
        Some("BertNormalizer") => super::folder::GROWTH_OF_BERT,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_growth_of_a_sequence_is_the_product() {
        let twice = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        assert_eq!(growth(&twice), 2);
        assert_eq!(growth(&json!({"type": "Replace", "pattern": {"String": "abc"}, "content": "aaaa"})), 2);
        assert_eq!(growth(&json!({"type": "Replace", "pattern": {"Regex": "x*"}, "content": "aa"})), 3);
        assert_eq!(growth(&json!({"type": "Sequence", "normalizers": vec![twice.clone(); 10]})), 1024);
        let nested =
            json!({"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": vec![twice; 200]}]});
        assert_eq!(growth(&nested), usize::MAX);
        // ALBERT's.
        let published = json!({"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
            {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Precompiled"},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]});
        assert_eq!(growth(&published), 18 * 3 * 18 * 2);
        assert_eq!(growth(&Value::Null), 1);
    }
}
