//! Plain text and Markdown.

use super::visible::{visible_lines, visible_sheet};
use super::{Align, Sheet, SheetCell};

const GAP: &str = "  ";

pub(super) fn render(sheet: &Sheet, width: usize) -> String {
    let sheet = &visible_sheet(sheet);
    let widths = column_widths(sheet, width);
    let rule: String = widths.iter().map(|&width| "─".repeat(width)).collect::<Vec<_>>().join(GAP);
    let line = |texts: Vec<&str>| {
        let cells = texts.iter().zip(&sheet.columns).zip(&widths).map(|((text, column), &width)| {
            let text = shorten(text, width);
            match column.align {
                Align::Left => format!("{text:<width$}"),
                Align::Right => format!("{text:>width$}"),
            }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let mut lines = Vec::new();
    if !sheet.title.is_empty() {
        lines.extend([sheet.title.clone(), String::new()]);
    }
    lines.push(line(sheet.columns.iter().map(|column| column.title.as_str()).collect()));
    for group in sheet.groups.iter().filter(|group| !group.is_empty()) {
        lines.push(rule.clone());
        lines.extend(group.iter().map(|row| line(row.iter().map(|cell| cell.text.as_str()).collect())));
    }
    if !sheet.notes.is_empty() {
        lines.push(String::new());
        lines.extend(sheet.notes.iter().flat_map(|note| wrap(note, width)));
    }
    lines.join("\n") + "\n"
}

/// As wide as the widest cell or title. What does not fit in `width` is taken from titles that are wider than their
/// cells, then from the first column, down to 8 characters.
fn column_widths(sheet: &Sheet, width: usize) -> Vec<usize> {
    let (cells, mut widths) = natural_widths(sheet);
    let mut excess = with_gaps(&widths).saturating_sub(width);
    let mut cut = |at: &mut usize, least: usize| {
        let taken = excess.min(at.saturating_sub(least));
        *at -= taken;
        excess -= taken;
    };
    for (at, cell) in widths.iter_mut().zip(cells) {
        cut(at, cell.max(8));
    }
    if let Some(first) = widths.first_mut() {
        cut(first, 8);
    }
    widths
}

/// The widest cell of each column, and the same with the titles.
fn natural_widths(sheet: &Sheet) -> (Vec<usize>, Vec<usize>) {
    let widest_cell = |column: usize| sheet.rows().map(|row| row[column].text.chars().count()).max().unwrap_or(0);
    let cells: Vec<usize> = (0..sheet.columns.len()).map(widest_cell).collect();
    let titles = sheet.columns.iter().map(|column| column.title.chars().count());
    let widths = cells.iter().zip(titles).map(|(&cell, title)| cell.max(title)).collect();
    (cells, widths)
}

fn with_gaps(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

/// How wide lines are that nobody cuts.
pub(super) fn width(sheet: &Sheet) -> usize {
    with_gaps(&natural_widths(&visible_sheet(sheet)).1)
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn wrap(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

pub(super) fn render_markdown(sheet: &Sheet) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = row(sheet.columns.iter().map(|column| escape_markdown(&column.title)).collect());
    let rules = sheet.columns.iter().map(|column| match column.align {
        Align::Left => "---".to_owned(),
        Align::Right => "---:".to_owned(),
    });
    text.push_str(&row(rules.collect()));
    for cells in sheet.rows() {
        text.push_str(&row(cells.iter().map(markdown_cell).collect()));
    }
    for note in &sheet.notes {
        text.push_str(&format!("\n{}\n", escape_markdown(note)));
    }
    text
}

fn markdown_cell(cell: &SheetCell) -> String {
    let text = escape_markdown(&cell.text);
    if cell.strong { format!("**{text}**") } else { text }
}

/// Treebank text in Markdown must show as text: characters that would end a cell, start HTML or emphasis get a backslash,
/// those that act on a terminal are written out.
pub(crate) fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible_lines(&text.replace('\r', " ")).chars() {
        match character {
            '\n' | '\t' => escaped.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '<' | '[' | ']' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}
