//! What pieces are called on the page.

use headlight_bert::{Pieces, Tokenizer};

/// The name of each piece as the vocabulary has it; what tokenizers of bytes write in stand-ins is written out, and the
/// space before a word as `▁`.
pub fn labels(pieces: &Pieces, tokenizer: &Tokenizer) -> Vec<String> {
    let of_bytes = tokenizer.id("Ġ").is_some();
    let label = |id: &u32| {
        let name = tokenizer.piece(*id).unwrap_or_default();
        if of_bytes { spelled(&name).unwrap_or(name) } else { name }
    };
    pieces.ids.iter().map(label).collect()
}

/// The text whose bytes a piece stands for; of a part of a character its bytes. `None` for what is no such piece.
fn spelled(piece: &str) -> Option<String> {
    let bytes = piece.chars().map(byte_of).collect::<Option<Vec<u8>>>()?;
    Some(match String::from_utf8(bytes) {
        Ok(text) => text.replace(' ', "▁"),
        Err(error) => error.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" "),
    })
}

/// The byte that a character of GPT-2's vocabulary stands for: printable ones for themselves, the others from U+0100 on.
fn byte_of(character: char) -> Option<u8> {
    let is_itself = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let code = u32::from(character);
    match u8::try_from(code) {
        Ok(byte) => is_itself(byte).then_some(byte),
        Err(_) => (0..=u8::MAX).filter(|byte| !is_itself(*byte)).nth(code.checked_sub(0x100)? as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::spelled;

    /// The pieces are those of GPT-2's vocabulary, the texts what transformers' `convert_tokens_to_string` makes of them.
    #[test]
    fn pieces_of_bytes_are_written_out() {
        for (piece, text) in [
            ("Ġdog", Some("▁dog")),
            ("dog", Some("dog")),
            ("Ã©", Some("é")),
            ("ĠÐ¿ÑĢÐ¸", Some("▁при")),
            ("Ċ", Some("\n")),
            ("æĹ", Some("E6 97")),
            ("<|endoftext|>", Some("<|endoftext|>")),
            ("語", None),
        ] {
            assert_eq!(spelled(piece).as_deref(), text, "{piece}");
        }
    }
}
