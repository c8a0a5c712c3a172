//! Text on its way into a CSV file, which people open in spreadsheets and print on terminals.

use std::borrow::Cow;

use crate::sheet::visible_lines;

/// The text as a cell that nothing obeys: what acts on a terminal is written out, `\u{1b}`, and before what a spreadsheet would
/// compute stands an apostrophe, which it takes for "this is text". Words of treebanks such as `-`, `--` or `@somebody` stay.
pub(crate) fn cell_text(text: &str) -> Cow<'_, str> {
    // Most cells by far.
    if text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        return text.into();
    }
    // Line breaks are quoted.
    let shown = visible_lines(text);
    if is_formula(text) { format!("'{shown}").into() } else { shown }
}

/// Whether a spreadsheet computes it: `=` and anything; of what else begins a formula, in the widths of East Asian scripts too,
/// what calls a function, another sheet or another program.
fn is_formula(text: &str) -> bool {
    let mut characters = text.trim_start().chars();
    match characters.next() {
        Some('=' | '＝') => characters.next().is_some(),
        Some('+' | '-' | '@' | '＋' | '－' | '＠') => characters.any(|character| "(|!（｜！".contains(character)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_words_are_themselves() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+HYPERLINK(\"x\")", "'+HYPERLINK(\"x\")"),
            ("-cmd|'x'!A1", "'-cmd|'x'!A1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" \t=1+1", "' \t=1+1"),
            ("＝1", "'＝1"),
            ("\u{1b}[2J\u{9b}31m\r\n", "\\u{1b}[2J\\u{9b}31m\\r\n"),
        ] {
            assert_eq!(cell_text(text), expected);
        }
        for text in ["", "=", "-", "--", "-LRB-", "+1", "@somebody", "a=b", "nmod:poss", "obl+case", "漢"] {
            assert!(matches!(cell_text(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
