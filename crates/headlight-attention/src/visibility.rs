//! Which words a word can attend to.

use serde::{Deserialize, Serialize};

/// Which pieces a model lets a piece attend to, and so which words a word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// All of them, as in an encoder.
    #[default]
    Full,
    /// Itself and those before it, as in a decoder.
    Causal,
}

impl Visibility {
    /// Whether the word at `from` can attend to the word at `to`.
    pub fn sees(self, from: usize, to: usize) -> bool {
        match self {
            Visibility::Full => true,
            Visibility::Causal => to <= from,
        }
    }
}
