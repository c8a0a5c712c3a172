//! A table for people, before it is known where it will be read: a [`Sheet`] holds finished cell texts and renders as
//! plain text, Markdown, LaTeX or HTML.

mod html;
mod latex;
mod text;
mod visible;

pub(crate) use html::isolated;
pub(crate) use text::escape_markdown;

use crate::run::ModelSummary;
pub use html::escape as escape_html;
pub use latex::escape as escape_latex;
pub use visible::{visible, visible_lines};

/// A table of finished texts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sheet {
    /// What the table shows: its caption.
    pub title: String,
    /// Titles and alignments of the columns.
    pub columns: Vec<SheetColumn>,
    /// The rows, in groups that a line separates; every row has as many cells as there are columns.
    pub groups: Vec<Vec<Vec<SheetCell>>>,
    /// What a reader must know, a paragraph each, below the table.
    pub notes: Vec<String>,
}

/// A column of a [`Sheet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetColumn {
    /// Its title.
    pub title: String,
    /// Where its cells stand.
    pub align: Align,
}

/// Where the cells of a column stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// At the left.
    Left,
    /// At the right, for numbers.
    Right,
}

/// A cell of a [`Sheet`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SheetCell {
    /// What it says.
    pub text: String,
    /// Whether it stands out, as the best of its row; plain text shows no difference.
    pub strong: bool,
}

impl<T: Into<String>> From<T> for SheetCell {
    fn from(text: T) -> Self {
        Self { text: text.into(), strong: false }
    }
}

impl SheetCell {
    /// A cell that stands out.
    pub fn strong(text: impl Into<String>) -> Self {
        Self { text: text.into(), strong: true }
    }
}

impl Sheet {
    /// The sheet with its title, columns and notes in the terms of a model; see [`ModelSummary::named`].
    #[must_use]
    pub fn in_terms_of(mut self, model: &ModelSummary) -> Self {
        let columns = self.columns.iter_mut().map(|column| &mut column.title);
        for text in columns.chain(&mut self.notes).chain([&mut self.title]) {
            *text = model.named(text);
        }
        self
    }

    /// An empty table with left-aligned (`<`) and right-aligned (`>`) columns, as in `["<relation", ">accuracy"]`.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let column = |spec: &&str| match spec.strip_prefix('>') {
            Some(title) => SheetColumn { title: title.into(), align: Align::Right },
            None => SheetColumn { title: spec.trim_start_matches('<').into(), align: Align::Left },
        };
        Self { title: title.into(), columns: columns.iter().map(column).collect(), ..Self::default() }
    }

    /// Plain text, lines cut to `width` characters by shortening the first column; title above, notes below.
    pub fn to_text(&self, width: usize) -> String {
        text::render(self, width)
    }

    /// A Markdown table (GitHub's flavour); notes below, no title.
    pub fn to_markdown(&self) -> String {
        text::render_markdown(self)
    }

    /// A LaTeX `table` of package booktabs, with the title as caption, `label` as label and the notes as small print.
    pub fn to_latex(&self, label: &str) -> String {
        latex::render(self, label)
    }

    /// A `<table>` with the title as caption, and the notes as paragraphs. Every text is escaped.
    pub fn to_html(&self) -> String {
        html::render(self)
    }

    /// The width of the table as plain text, uncut.
    pub(crate) fn text_width(&self) -> usize {
        text::width(self)
    }

    /// Whether it has no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.iter().all(Vec::is_empty)
    }

    fn rows(&self) -> impl Iterator<Item = &Vec<SheetCell>> {
        self.groups.iter().flatten()
    }
}

#[cfg(test)]
mod tests;
