//! HTML.

use std::borrow::Cow;

use super::{Align, Sheet, SheetCell};

/// Text as text in HTML, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Forbidden in HTML.
            character if character.is_control() && !character.is_ascii_whitespace() => {
                escaped.extend(character.escape_default());
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A text from data as a part of a sentence: what it does to the direction of writing ends with it.
pub(crate) fn isolated(text: &str) -> Cow<'_, str> {
    let turns = |c: char| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{fb1d}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    };
    if text.contains(turns) { format!("\u{2068}{text}\u{2069}").into() } else { text.into() }
}

pub(super) fn render(sheet: &Sheet) -> String {
    let class = |align: Align| if align == Align::Right { r#" class="number""# } else { "" };
    let mut html = String::from("<table>\n");
    if !sheet.title.is_empty() {
        html.push_str(&format!("<caption>{}</caption>\n", escape(&sheet.title)));
    }
    html.push_str("<thead><tr>");
    for column in &sheet.columns {
        html.push_str(&match column.title.as_str() {
            "" => "<td></td>".to_owned(),
            title => format!("<th scope=\"col\"{}>{}</th>", class(column.align), escape(title)),
        });
    }
    html.push_str("</tr></thead>\n");
    for group in sheet.groups.iter().filter(|group| !group.is_empty()) {
        html.push_str("<tbody>\n");
        for row in group {
            let cell = |(cell, column): (&SheetCell, &super::SheetColumn)| {
                let text = escape(&cell.text);
                let text = if cell.strong { format!("<strong>{text}</strong>") } else { text };
                format!("<td{}>{text}</td>", class(column.align))
            };
            html.push_str(&format!("<tr>{}</tr>\n", row.iter().zip(&sheet.columns).map(cell).collect::<String>()));
        }
        html.push_str("</tbody>\n");
    }
    html.push_str("</table>\n");
    for note in &sheet.notes {
        html.push_str(&format!("<p>{}</p>\n", escape(note)));
    }
    html
}
