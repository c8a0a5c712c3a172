//! Which pairs of words are counted, and as what: arcs of the tree, and paths of several arcs (METHOD §10).

use std::collections::BTreeSet;

use headlight_treebank::{Governor, Granularity, Sentence, WordIdx};
use serde::{Deserialize, Serialize};

use crate::Group;

/// The most arcs of a path.
pub const MOST_ARCS: usize = 3;

/// A name that no path can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no path: write the relations of two or three arcs that follow each other, the upper first, such as \"obl+case\""
)]
pub struct PathError(String);

/// What is counted: every word with its governor, and beside that words with one farther up the tree.
///
/// A path is named by the relations on the way down, the upper first: `obl+case` is a preposition and the predicate that its
/// noun hangs from (Sashida et al. 2026). It goes up alone, so that a word has one upper end at most for each number of arcs; two
/// words below the same governor have a path between them too, but none of the two is *the* word to be found.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Relations {
    granularity: Granularity,
    paths: BTreeSet<Box<str>>,
}

/// A word, the word that is to be found for it, and what the two are counted as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Related {
    /// The lower word's place in the sentence.
    pub word: usize,
    /// Its governor; of a path the word at its upper end.
    pub governor: Governor,
    /// Relation and aggregates of an arc, or one path.
    pub groups: Vec<Group>,
}

/// Arcs alone.
impl From<Granularity> for Relations {
    fn from(granularity: Granularity) -> Self {
        Self { granularity, paths: BTreeSet::new() }
    }
}

impl Relations {
    /// The same with paths, each named by relations as `granularity` has them.
    ///
    /// # Errors
    /// [`PathError`] for a name that is none of two or three relations.
    pub fn with_paths<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Self, PathError> {
        let path = |name: &'a str| {
            let arcs = name.split('+').count();
            let is_path =
                (2..=MOST_ARCS).contains(&arcs) && name.split('+').all(|relation| !relation.trim().is_empty());
            if is_path { Ok(Box::from(name)) } else { Err(PathError(name.to_owned())) }
        };
        let paths = names.into_iter().map(path).collect::<Result<_, _>>()?;
        Ok(Self { paths, ..self })
    }

    /// How finely relations are told apart.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The names of the paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(AsRef::as_ref)
    }

    /// What is counted of a sentence: arcs word by word, then paths.
    pub fn of<'a>(&'a self, sentence: &'a Sentence) -> impl Iterator<Item = Related> {
        let arcs = sentence.words().iter().enumerate().map(move |(word, it)| Related {
            word,
            governor: it.governor,
            groups: Group::of(it, self.granularity).collect(),
        });
        let most = self.paths().map(|path| path.split('+').count()).max().unwrap_or(0);
        let paths =
            paths(sentence, self.granularity, most).filter(move |(name, ..)| self.paths.contains(name.as_str()));
        arcs.chain(paths.map(|(name, word, upper)| Related {
            word,
            governor: Governor::Word(upper),
            groups: vec![Group::Path(name.into())],
        }))
    }
}

/// Every path of two to `most` arcs in a sentence: its name, the word at its lower end and the one at its upper end.
pub fn paths(
    sentence: &Sentence,
    granularity: Granularity,
    most: usize,
) -> impl Iterator<Item = (String, usize, WordIdx)> {
    let words = sentence.words();
    let name = move |word: usize| words[word].relation.name(granularity);
    let above = move |word: usize| words[word].governor.word();
    let lower_ends = if most < 2 { 0 } else { words.len() };
    (0..lower_ends).flat_map(move |word| {
        let first = above(word).map(|upper| (name(word).to_owned(), upper));
        let upwards = std::iter::successors(first, move |(path, upper)| {
            Some((format!("{}+{path}", name(upper.index())), above(upper.index())?))
        });
        upwards.take(most).skip(1).map(move |(path, upper)| (path, word, upper))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{self, sentence};

    /// `We sat in the garden of friends`.
    fn garden() -> Sentence {
        let relations = [(2, "nsubj"), (0, "root"), (5, "case"), (5, "det"), (2, "obl:in"), (7, "case"), (5, "nmod")];
        sentence("garden", &relations)
    }

    #[test]
    fn paths_go_up_and_are_named_from_above() {
        let check = |granularity, most, expected: &[(&str, usize, usize)]| {
            let garden = garden();
            let found: Vec<_> =
                paths(&garden, granularity, most).map(|(name, word, upper)| (name, word, upper.index())).collect();
            let found: Vec<_> = found.iter().map(|(name, word, upper)| (name.as_str(), *word, *upper)).collect();
            assert_eq!(found, expected);
        };
        let two = [("obl:in+case", 2, 1), ("obl:in+det", 3, 1), ("nmod+case", 5, 4), ("obl:in+nmod", 6, 1)];
        check(Granularity::Full, 2, &two);
        let three =
            [("obl+case", 2, 1), ("obl+det", 3, 1), ("nmod+case", 5, 4), ("obl+nmod+case", 5, 1), ("obl+nmod", 6, 1)];
        check(Granularity::Universal, 3, &three);
        check(Granularity::Full, 1, &[]);
    }

    #[test]
    fn named_paths_stand_behind_the_arcs() {
        let relations = Relations::from(Granularity::Universal).with_paths(["obl+nmod+case", "obl+det"]).unwrap();
        let garden = garden();
        let all: Vec<Related> = relations.of(&garden).collect();
        let arcs: Vec<Related> = Relations::from(Granularity::Universal).of(&garden).collect();
        assert_eq!(all[..7], arcs);
        let upper = |word| Governor::Word(WordIdx::new(word));
        let path = |word, name: &str| Related { word, governor: upper(1), groups: vec![Group::Path(name.into())] };
        assert_eq!(all[7..], [path(3, "obl+det"), path(5, "obl+nmod+case")]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for name in ["case", "", "+", "obl+", "+case", "a+b+c+d", "obl+ +case"] {
            let error = Relations::default().with_paths([name]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name:?} is no path")), "{error}");
        }
    }

    proptest! {
        /// By the definition, pair by pair: the governor of the governor.
        #[test]
        fn two_arcs_are_the_governors_governor(sentences in testing::sentences(3)) {
            for sentence in &sentences {
                let words = sentence.words();
                let mut expected = Vec::new();
                for (word, it) in words.iter().enumerate() {
                    let Governor::Word(middle) = it.governor else { continue };
                    let Governor::Word(upper) = words[middle.index()].governor else { continue };
                    let relation = |word: usize| words[word].relation.full();
                    expected.push((format!("{}+{}", relation(middle.index()), relation(word)), word, upper));
                }
                prop_assert_eq!(paths(sentence, Granularity::Full, 2).collect::<Vec<_>>(), expected);
            }
        }
    }
}
