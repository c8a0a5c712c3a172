//! `[corpus]`: text that needs no trees.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// `[corpus]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CorpusConfig {
    /// What tables call it.
    pub name: String,
    /// Text files and folders of documents. Empty: the sentences of the treebank are used.
    pub files: Vec<String>,
    /// Sequences drawn from all that can be packed; 0 is all.
    pub sequences: usize,
    /// Share of pairs whose second segment comes from another document.
    pub random_next: f64,
    /// Share of documents whose sequences have a random shorter length.
    pub short: f64,
    /// Most bytes of a line.
    pub max_line: usize,
    /// Bytes after which a document ends.
    pub max_document: usize,
}

impl CorpusConfig {
    /// What is wrong with the keys.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        for (key, share, example) in [("random_next", self.random_next, 0.5), ("short", self.short, 0.1)] {
            anyhow::ensure!(
                (0.0..=1.0).contains(&share),
                "`corpus.{key}` is {share}; it is a share between 0 and 1, for example {example}"
            );
        }
        // With nothing to pack these would say nothing; the values are the defaults of base.toml.
        let idle = [
            ("random_next", self.random_next != 0.0),
            ("short", self.short != 0.0),
            ("sequences", self.sequences != 1000),
            ("name", !self.name.is_empty()),
            ("max_line", self.max_line != 1 << 24),
            ("max_document", self.max_document != 1 << 26),
        ];
        if let (true, Some((key, _))) = (self.files.is_empty(), idle.iter().find(|(_, given)| *given)) {
            anyhow::bail!(
                "`corpus.{key}` is given, but `corpus.files` is empty: name texts, or leave the key out; sentences of \
                 `treebank.evaluate` are limited by `treebank.max_sentences`"
            );
        }
        Ok(())
    }

    /// `corpus.name`, or the names of the files without folder and ending.
    pub fn display_name(&self) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        super::joined(self.files.iter().map(|file| {
            let name = Path::new(file).file_name().unwrap_or_default().to_string_lossy();
            name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(&name).replace(':', "-")
        }))
    }
}
