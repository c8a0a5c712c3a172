//! What makes some words a tree, and everything that can keep them from being one.

use crate::columns::brief;
use crate::sentence::{Governor, Word};

/// Why some words are not a tree. Word numbers are CoNLL-U ids, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// No words at all.
    #[error("the sentence has no words")]
    Empty,
    /// No word hangs from the root.
    #[error("no word has HEAD 0; exactly one word must be the root")]
    NoRoot,
    /// Several words hang from the root.
    #[error(
        "words {first} [{first_form}] and {second} [{second_form}] both have HEAD 0; exactly one word must be the root"
    )]
    SeveralRoots {
        /// Id of the first root.
        first: usize,
        /// Its form.
        first_form: String,
        /// Id of the second root.
        second: usize,
        /// Its form.
        second_form: String,
    },
    /// A governor beyond the last word.
    #[error("word {word} [{form}] has HEAD {governor}, but the sentence has {words} words")]
    GovernorOutOfRange {
        /// Id of the dependent.
        word: usize,
        /// Its form.
        form: String,
        /// The HEAD it names.
        governor: usize,
        /// How many words there are.
        words: usize,
    },
    /// A word that reaches itself over its governors.
    #[error("word {word} [{form}] is part of a cycle: following HEAD from it never reaches the root")]
    Cycle {
        /// Id of the first word on the cycle.
        word: usize,
        /// Its form.
        form: String,
    },
}

impl TreeError {
    /// Id of the word to look at, counted from 1; `None` where the whole sentence is at fault.
    pub fn word(&self) -> Option<usize> {
        match self {
            TreeError::Empty | TreeError::NoRoot => None,
            TreeError::SeveralRoots { second, .. } => Some(*second),
            TreeError::GovernorOutOfRange { word, .. } | TreeError::Cycle { word, .. } => Some(*word),
        }
    }
}

/// Everything that keeps the words from being one tree; empty for a tree. Roots and ranges come first, in word order,
/// then each cycle once, named by its first word.
pub(crate) fn tree_errors(words: &[Word]) -> Vec<TreeError> {
    let mut errors = Vec::new();
    let mut root: Option<usize> = None;
    for (index, word) in words.iter().enumerate() {
        match (word.governor, root) {
            (Governor::Root, None) => root = Some(index),
            (Governor::Root, Some(first)) => errors.push(TreeError::SeveralRoots {
                first: first + 1,
                first_form: brief(&words[first].form),
                second: index + 1,
                second_form: brief(&word.form),
            }),
            (Governor::Word(governor), _) if governor.index() >= words.len() => {
                errors.push(TreeError::GovernorOutOfRange {
                    word: index + 1,
                    form: brief(&word.form),
                    governor: governor.id(),
                    words: words.len(),
                });
            }
            (Governor::Word(_), _) => {}
        }
    }
    if words.is_empty() {
        errors.push(TreeError::Empty);
    } else if root.is_none() {
        errors.push(TreeError::NoRoot);
    }
    errors.extend(cycles(words));
    errors
}

fn cycles(words: &[Word]) -> Vec<TreeError> {
    const UNSEEN: usize = usize::MAX;
    let governor = |word: usize| match words[word].governor {
        Governor::Word(governor) if governor.index() < words.len() => Some(governor.index()),
        Governor::Word(_) | Governor::Root => None,
    };
    // Each word is walked once: `walk` holds the walk that reached it first, and meeting the own walk is a cycle.
    let mut walk = vec![UNSEEN; words.len()];
    let mut errors = Vec::new();
    for start in 0..words.len() {
        let mut at = Some(start);
        while let Some(word) = at {
            if walk[word] == UNSEEN {
                walk[word] = start;
                at = governor(word);
                continue;
            }
            if walk[word] == start {
                let ring =
                    std::iter::successors(governor(word), |&next| if next == word { None } else { governor(next) });
                let first = ring.fold(word, usize::min);
                errors.push(TreeError::Cycle { word: first + 1, form: brief(&words[first].form) });
            }
            break;
        }
    }
    errors
}
