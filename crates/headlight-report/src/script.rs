//! Right-to-left scripts: which text is written so, and how a renderer that knows nothing of them can draw it.

/// The four forms of a letter of Arabic: alone, at the end of what joins, at its beginning, within; 0 where it has none.
type Forms = [u32; 4];

/// Whether a character belongs to a script that runs from right to left. Its digits run from left to right.
fn is_right_to_left(character: char) -> bool {
    !character.is_numeric()
        && matches!(u32::from(character),
        0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

/// Whether most letters of these words are of right-to-left scripts, so that the first word stands at the right.
pub(crate) fn runs_right_to_left<'a>(words: impl IntoIterator<Item = &'a str>) -> bool {
    let letters = words.into_iter().flat_map(str::chars).filter(|character| character.is_alphabetic());
    let (mut from_right, mut all) = (0, 0);
    for letter in letters {
        all += 1;
        from_right += usize::from(is_right_to_left(letter));
    }
    2 * from_right > all
}

/// A short text in the order and the forms in which its glyphs stand from left to right, for a renderer that puts one glyph
/// beside the other. Runs of Latin letters and digits keep their order; brackets turn round.
pub(crate) fn visual(text: &str) -> String {
    if !text.chars().any(is_right_to_left) {
        return text.to_owned();
    }
    let shaped = joined(&text.chars().collect::<Vec<_>>());
    let mut runs: Vec<Vec<char>> = Vec::new();
    let from_left = |character: char| !is_right_to_left(character) && character.is_alphanumeric();
    for (at, character) in shaped.iter().enumerate() {
        // What stands between two digits or Latin letters belongs to them.
        let within = at > 0
            && !is_right_to_left(*character)
            && !character.is_whitespace()
            && from_left(shaped[at - 1])
            && shaped.get(at + 1).is_some_and(|next| from_left(*next));
        let goes_on = runs.last().is_some_and(|run| from_left(run[0])) && (from_left(*character) || within);
        // A mark above or below stays with its letter.
        if goes_on || (at > 0 && is_mark(*character)) {
            runs.last_mut().expect("it has a first").push(*character);
        } else {
            runs.push(vec![mirrored(*character)]);
        }
    }
    runs.into_iter().rev().flatten().collect()
}

fn is_mark(character: char) -> bool {
    matches!(u32::from(character),
        0x300..=0x36F | 0x591..=0x5BD | 0x5BF | 0x5C1 | 0x5C2 | 0x5C4 | 0x5C5 | 0x5C7 | 0x610..=0x61A | 0x64B..=0x65F | 0x670
        | 0x6D6..=0x6DC)
}

fn mirrored(character: char) -> char {
    match character {
        '(' => ')',
        ')' => '(',
        '[' => ']',
        ']' => '[',
        '«' => '»',
        '»' => '«',
        '<' => '>',
        '>' => '<',
        other => other,
    }
}

/// Letters of Arabic in the forms that their neighbours give them (Unicode's presentation forms).
fn joined(text: &[char]) -> Vec<char> {
    let is_letter = |character: &&char| !is_mark(**character);
    let mut shaped = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let before = text[..at].iter().rev().find(is_letter).copied();
        let joins_before = before.and_then(forms).is_some_and(|forms| forms[2] != 0);
        let after = text[at + 1..].iter().find(is_letter).copied();
        // Lam and alef are written as one.
        if let (0x644, Some(ligature)) = (u32::from(text[at]), text.get(at + 1).and_then(|alef| ligature(*alef))) {
            shaped.extend(char::from_u32(ligature + u32::from(joins_before)));
            at += 2;
            continue;
        }
        let shape = forms(text[at]).map(|forms| {
            let joins_after = forms[2] != 0 && after.and_then(self::forms).is_some_and(|forms| forms[1] != 0);
            match (joins_before && forms[1] != 0, joins_after) {
                (false, false) => forms[0],
                (true, false) => forms[1],
                (false, true) => forms[2],
                (true, true) => forms[3],
            }
        });
        shaped.push(shape.and_then(char::from_u32).unwrap_or(text[at]));
        at += 1;
    }
    shaped
}

/// The form that stands alone of lam with this alef; its form at the end follows.
fn ligature(alef: char) -> Option<u32> {
    Some(match u32::from(alef) {
        0x622 => 0xFEF5,
        0x623 => 0xFEF7,
        0x625 => 0xFEF9,
        0x627 => 0xFEFB,
        _ => return None,
    })
}

fn forms(letter: char) -> Option<Forms> {
    let two = |alone: u32| [alone, alone + 1, 0, 0];
    let four = |alone: u32| [alone, alone + 1, alone + 2, alone + 3];
    Some(match u32::from(letter) {
        0x621 => [0xFE80, 0, 0, 0],
        0x622 => two(0xFE81),
        0x623 => two(0xFE83),
        0x624 => two(0xFE85),
        0x625 => two(0xFE87),
        0x626 => four(0xFE89),
        0x627 => two(0xFE8D),
        0x628 => four(0xFE8F),
        0x629 => two(0xFE93),
        // Teh to khah, then dal to zain, then seen to ghain, then feh to heh.
        letter @ 0x62A..=0x62E => four(0xFE95 + 4 * (letter - 0x62A)),
        letter @ 0x62F..=0x632 => two(0xFEA9 + 2 * (letter - 0x62F)),
        letter @ 0x633..=0x63A => four(0xFEB1 + 4 * (letter - 0x633)),
        0x640 => [0x640; 4],
        letter @ 0x641..=0x647 => four(0xFED1 + 4 * (letter - 0x641)),
        0x648 => two(0xFEED),
        0x649 => two(0xFEEF),
        0x64A => four(0xFEF1),
        // Letters of Persian and Urdu.
        0x67E => four(0xFB56),
        0x686 => four(0xFB7A),
        0x698 => two(0xFB8A),
        0x6A9 => four(0xFB8E),
        0x6AF => four(0xFB92),
        0x6CC => four(0xFBFC),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_decide_where_a_sentence_begins() {
        for (words, right_to_left) in [
            (&["שלום", "עולם", "!"][..], true),
            (&["قال", "Bill", "في", "2016"], true),
            (&["Bill", "said", "שלום"], false),
            (&["12", "%", "."], false),
            (&["川", "नदी", "แม่น้ำ"], false),
        ] {
            assert_eq!(runs_right_to_left(words.iter().copied()), right_to_left, "{words:?}");
        }
    }

    /// The forms are those of Unicode's table; `unicodedata.normalize("NFKC", …)` of Python gives the letters back.
    #[test]
    fn glyphs_stand_from_left_to_right() {
        for (text, expected) in [
            ("bank", "bank"),
            ("שלום", "םולש"),
            ("(שלום)", "(םולש)"),
            ("ב-2016", "2016-ב"),
            ("1.234,5 שקל", "לקש 1.234,5"),
            // Beh, alef, beh: initial, final, alone.
            ("باب", "\u{FE8F}\u{FE8E}\u{FE91}"),
            // Meem, hah, meem, dal: initial, medial, medial, final.
            ("محمد", "\u{FEAA}\u{FEE4}\u{FEA4}\u{FEE3}"),
            // Seen, lam with alef, meem.
            ("سلام", "\u{FEE1}\u{FEFC}\u{FEB3}"),
            // A vowel sign stays with its letter.
            ("بَا", "\u{FE8E}\u{FE91}\u{64E}"),
            ("گفت", "\u{FE96}\u{FED4}\u{FB94}"),
        ] {
            assert_eq!(visual(text), expected, "{text}");
        }
    }
}
