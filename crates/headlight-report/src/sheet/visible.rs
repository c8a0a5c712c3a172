//! Characters that act on a terminal, instead of standing in it.

use std::borrow::Cow;

use super::{Sheet, SheetCell, SheetColumn};

/// A text in which nothing acts: control characters, such as the escape that begins a terminal's commands, and those
/// that turn the direction of writing are written out, `\u{1b}`. For names from files: a line break is written out too.
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, acts)
}

/// The same for text of several lines: line breaks and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    written_out(text, |character| acts(character) && !matches!(character, '\n' | '\t'))
}

/// C0, DEL and C1, line and paragraph separators, and what overrides or embeds directions (marks of direction belong to
/// words of Arabic and Hebrew, joiners to those of Persian and Hindi; they stay).
fn acts(character: char) -> bool {
    let turns = matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

fn written_out(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return text.into();
    }
    let mut visible = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if acts(character) {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    visible.into()
}

/// A table of visible texts; notes keep their line breaks, which are spaces there.
pub(super) fn visible_sheet(sheet: &Sheet) -> Sheet {
    let cell = |cell: &SheetCell| SheetCell { text: visible(&cell.text).into_owned(), strong: cell.strong };
    let column = |column: &SheetColumn| SheetColumn { title: visible(&column.title).into_owned(), ..column.clone() };
    let row = |row: &Vec<SheetCell>| row.iter().map(cell).collect();
    Sheet {
        title: visible(&sheet.title).into_owned(),
        columns: sheet.columns.iter().map(column).collect(),
        groups: sheet.groups.iter().map(|group| group.iter().map(row).collect()).collect(),
        notes: sheet.notes.iter().map(|note| visible_lines(note).into_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out_and_the_rest_stays() {
        assert_eq!(visible("nsubj:\u{1b}[31m"), "nsubj:\\u{1b}[31m");
        assert_eq!(
            visible("a\u{7f}\u{9b}\u{202e}\u{2066}\u{2028}\0"),
            "a\\u{7f}\\u{9b}\\u{202e}\\u{2066}\\u{2028}\\u{0}"
        );
        assert_eq!(visible("a\tb\r\n"), "a\\tb\\r\\n");
        assert_eq!(visible_lines("a\tb\r\n"), "a\tb\\r\n");
        for text in ["حُرّ\u{200e}", "می\u{200c}خواهم", "→ 80.8 – ü 漢", ""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_cell_is_no_paragraph() {
        let mut sheet = Sheet::new("T", &["<relation"]);
        sheet.groups.push(vec![vec!["a\tb\n\nc".into()]]);
        for text in [sheet.to_markdown(), sheet.to_latex("x")] {
            assert!(text.contains("a b  c"), "{text:?}");
        }
    }

    #[test]
    fn a_table_stays_a_table() {
        let mut sheet = Sheet::new("T\u{1b}]0;x\u{7}", &["<relation\u{8}", ">n"]);
        sheet.groups.push(vec![vec!["ob\u{1b}[2Jj\n".into(), "1".into()], vec!["det".into(), "20".into()]]);
        sheet.notes.push("of\u{9b}31m all".into());
        let text = sheet.to_text(80);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        let widths: Vec<usize> = text.lines().skip(3).take(3).map(|line| line.chars().count()).collect();
        assert_eq!(widths, [widths[0]; 3], "{text}");
        for text in [sheet.to_markdown(), sheet.to_latex("x"), sheet.to_html()] {
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        }
        assert!(sheet.to_markdown().contains("\\\\u{1b}"), "{}", sheet.to_markdown());
    }
}
