//! LaTeX, with package booktabs.

use super::visible::visible_lines;
use super::{Align, Sheet, SheetCell};

/// Text as text in LaTeX. The signs that our own tables use (arrows, minus, ranges) become their macros; control
/// characters, which LaTeX refuses, are written out.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible_lines(text).chars() {
        match character {
            // Two line breaks would end a paragraph, which a cell may not.
            '\n' | '\t' => escaped.push(' '),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => escaped.extend(['\\', character]),
            '\\' => escaped.push_str(r"\textbackslash{}"),
            '|' => escaped.push_str(r"\textbar{}"),
            '~' => escaped.push_str(r"\textasciitilde{}"),
            '^' => escaped.push_str(r"\textasciicircum{}"),
            '<' => escaped.push_str(r"\textless{}"),
            '>' => escaped.push_str(r"\textgreater{}"),
            '"' => escaped.push_str("''"),
            '→' => escaped.push_str(r"$\to$"),
            '←' => escaped.push_str(r"$\leftarrow$"),
            '↔' => escaped.push_str(r"$\leftrightarrow$"),
            '−' => escaped.push_str("$-$"),
            '×' => escaped.push_str(r"$\times$"),
            '–' => escaped.push_str("--"),
            '…' => escaped.push_str(r"\dots{}"),
            _ => escaped.push(character),
        }
    }
    escaped
}

pub(super) fn render(sheet: &Sheet, label: &str) -> String {
    let alignment: String = sheet.columns.iter().map(|c| if c.align == Align::Right { 'r' } else { 'l' }).collect();
    let row = |cells: Vec<String>| format!("    {} \\\\\n", cells.join(" & "));
    let [table_size, note_size] = sizes(sheet.rows().count());
    let mut latex = String::from("% needs \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n");
    latex.push_str(&format!("  \\caption{{{}}}\n  \\label{{{label}}}\n", escape(&sheet.title)));
    latex.push_str(table_size);
    latex.push_str(&format!("  \\begin{{tabular}}{{{alignment}}}\n    \\toprule\n"));
    latex.push_str(&row(sheet.columns.iter().map(|column| escape(&column.title)).collect()));
    for group in sheet.groups.iter().filter(|group| !group.is_empty()) {
        latex.push_str("    \\midrule\n");
        latex.extend(group.iter().map(|cells| row(cells.iter().map(latex_cell).collect())));
    }
    latex.push_str("    \\bottomrule\n  \\end{tabular}\n");
    for note in &sheet.notes {
        latex.push_str(&format!("\n  \\smallskip\n  {{\\{note_size} {}\\par}}\n", escape(note)));
    }
    latex.push_str("\\end{table}\n");
    latex
}

/// Type sizes of the table and of its notes: a float must fit on a page, so many rows are set small.
fn sizes(rows: usize) -> [&'static str; 2] {
    match rows {
        0..=25 => ["", "footnotesize"],
        26..=40 => ["  \\footnotesize\n", "footnotesize"],
        _ => ["  \\scriptsize\n", "scriptsize"],
    }
}

fn latex_cell(cell: &SheetCell) -> String {
    let text = aligned(&cell.text);
    if cell.strong { format!("\\textbf{{{text}}}") } else { text }
}

/// Spaces align texts of plain tables; LaTeX drops them. Those before a number become as many digits without ink, and
/// where there are several within, what follows goes to the right end of the column.
fn aligned(text: &str) -> String {
    let rest = text.trim_start_matches(' ');
    let mut latex = r"\phantom{0}".repeat(text.len() - rest.len());
    for (at, part) in rest.split("  ").map(|part| part.trim_matches(' ')).filter(|part| !part.is_empty()).enumerate() {
        if at > 0 {
            latex.push_str(r" \hfill ");
        }
        latex.push_str(&escape(part));
    }
    latex
}
