//! LaTeX, with package booktabs.

use super::{Align, Sheet, SheetCell};

/// Text as text in LaTeX. The signs that our own tables use (arrows, minus, ranges) become their macros.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
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
    let mut latex = String::from("% needs \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n");
    latex.push_str(&format!("  \\caption{{{}}}\n  \\label{{{label}}}\n", escape(&sheet.title)));
    latex.push_str(&format!("  \\begin{{tabular}}{{{alignment}}}\n    \\toprule\n"));
    latex.push_str(&row(sheet.columns.iter().map(|column| escape(&column.title)).collect()));
    for group in sheet.groups.iter().filter(|group| !group.is_empty()) {
        latex.push_str("    \\midrule\n");
        latex.extend(group.iter().map(|cells| row(cells.iter().map(latex_cell).collect())));
    }
    latex.push_str("    \\bottomrule\n  \\end{tabular}\n");
    for note in &sheet.notes {
        latex.push_str(&format!("\n  \\smallskip\n  {{\\footnotesize {}\\par}}\n", escape(note)));
    }
    latex.push_str("\\end{table}\n");
    latex
}

fn latex_cell(cell: &SheetCell) -> String {
    let text = escape(&cell.text);
    if cell.strong { format!("\\textbf{{{text}}}") } else { text }
}
