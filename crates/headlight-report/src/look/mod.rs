//! A page to look at sentences of one's own: the map of every head, over words and over pieces, and beside it those of
//! other sentences or of another model.
//!
//! A weight is one byte, as in [`explorer`](crate::explorer), packed by zlib: most of what heads attend to is next to
//! nothing. What follows a tree is counted before weights become bytes.
//!
//! ```
//! use headlight_attention::{Alignment, AttentionMaps, Frame, HeadGrid, WordAttention};
//! use headlight_report::look::{Look, LookSentence, Over, Pair, Side};
//! use headlight_treebank::{Format, Reader};
//!
//! let sentence = Reader::new("She left.\n".as_bytes(), "text", Format::PlainText)?.with_optional_trees().next().unwrap()?;
//! let (grid, frame) = (HeadGrid { layers: 1, heads: 1 }, Frame::none());
//! let weights = vec![1.0, 0.0, 0.0, 0.5, 0.5, 0.0, 0.2, 0.2, 0.6];
//! let over_words = WordAttention::new(grid, &frame, 3, weights.clone()).unwrap();
//! let over_pieces = AttentionMaps::new(grid, 3, weights).unwrap();
//! let alignment = Alignment::new(&frame, 3, vec![0..1, 1..2, 2..3]).unwrap();
//! let pieces = ["She", "left", "."].map(str::to_owned).into();
//! let seen = LookSentence::new(&sentence, false, Over { pieces, alignment: &alignment, over_words: &over_words, over_pieces: &over_pieces });
//! let side = Side { name: "tiny".into(), grid, frame, shares: true, sentences: vec![seen] };
//! let page = Look { version: "0.1.0".into(), title: "She left.".into(), notes: vec![], first: side, second: None }.to_html();
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod beside;
mod sentence;

use headlight_attention::{Frame, HeadGrid};
use serde::Serialize;

pub use beside::{Pair, positions_beside};
pub use sentence::{LookSentence, Over};

use crate::html::json;
use crate::sheet::escape_html;

/// Most bytes of maps in a page, as they are packed.
pub const MOST_BYTES: usize = 6_000_000;

/// What a page shows.
#[derive(Clone, Debug)]
pub struct Look {
    /// Of headlight.
    pub version: String,
    /// The heading.
    pub title: String,
    /// What the page rests on, a sentence or two each.
    pub notes: Vec<String>,
    /// What is looked at.
    pub first: Side,
    /// What stands beside it, and which of its sentences' positions belong together with those of the first.
    pub second: Option<(Side, Vec<Pair>)>,
}

/// A model and what it made of sentences.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// Its maps: layers, and maps in each.
    #[serde(flatten)]
    pub grid: HeadGrid,
    /// The special pieces around the words.
    pub frame: Frame,
    /// Whether what is attended is a share of 1, and no length.
    pub shares: bool,
    /// The sentences.
    pub sentences: Vec<LookSentence>,
}

/// What the script reads.
#[derive(Serialize)]
struct PageData<'a> {
    sides: Vec<&'a Side>,
    pairs: &'a [Pair],
}

impl Look {
    /// Bytes of all maps, as they are packed.
    pub fn packed_bytes(&self) -> usize {
        let sides = std::iter::once(&self.first).chain(self.second.as_ref().map(|(side, _)| side));
        sides.flat_map(|side| &side.sentences).map(LookSentence::packed_bytes).sum()
    }

    /// The page: one file that opens from disk and loads nothing.
    pub fn to_html(&self) -> String {
        let second = self.second.as_ref();
        let sides: Vec<&Side> = std::iter::once(&self.first).chain(second.map(|(side, _)| side)).collect();
        let pairs = second.map_or(&[][..], |(_, pairs)| pairs);
        let notes: String = self.notes.iter().map(|note| format!("<p>{}</p>\n", with_code(note))).collect();
        format!(
            concat!(include_str!("../../assets/head.html"), include_str!("../../assets/look.html")),
            images = "data: blob:",
            version = escape_html(&self.version),
            title = escape_html(&self.title),
            css = concat!(include_str!("../../assets/page.css"), include_str!("../../assets/look.css")),
            notes = notes,
            data = json(&PageData { sides, pairs }),
            script = SCRIPT,
        )
    }
}

/// A text for people as HTML; what stands in backquotes is code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let marked = parts.map(|(number, part)| match number % 2 {
        1 => format!("<code>{}</code>", escape_html(part)),
        _ => escape_html(part),
    });
    marked.collect()
}

/// The page's own script, in one scope.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../../assets/dom.js"),
    include_str!("../../assets/look.js"),
    include_str!("../../assets/look-head.js"),
    "})();"
);

#[cfg(test)]
mod tests;
