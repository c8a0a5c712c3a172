//! Which words are counted together.

use std::fmt;

use headlight_treebank::{Governor, Granularity, Word};
use serde::{Deserialize, Serialize};

/// The words that one count is over: those of one relation or path, or an aggregate. Ordered as in tables: aggregates,
/// relations, paths.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Group {
    /// Every word, punctuation and the root included (what the released code of Clark et al. 2019 calls "all").
    All,
    /// Every word but punctuation.
    AllNoPunct,
    /// Every word but punctuation and the word that hangs from the root, which no head can predict.
    AllNoPunctNoRoot,
    /// The dependents of a relation, named by the granularity of the count.
    Relation(Box<str>),
    /// The words at the lower end of a path of several arcs, named by the relations on its way down ([`crate::Relations`]).
    Path(Box<str>),
}

impl Group {
    /// The three aggregates.
    pub const AGGREGATES: [Group; 3] = [Group::All, Group::AllNoPunct, Group::AllNoPunctNoRoot];

    /// The relation of this name.
    pub fn relation(name: &str) -> Self {
        Group::Relation(name.into())
    }

    /// The groups that `word` belongs to.
    pub fn of(word: &Word, granularity: Granularity) -> impl Iterator<Item = Group> {
        let punctuation = word.is_punctuation();
        let root = word.governor == Governor::Root;
        let aggregates = [true, !punctuation, !punctuation && !root];
        let aggregates =
            Group::AGGREGATES.into_iter().zip(aggregates).filter_map(|(group, belongs)| belongs.then_some(group));
        aggregates.chain([Group::relation(word.relation.name(granularity))])
    }

    /// As tables write it: `all`, `all-nopunct`, `all-nopunct-noroot`, or the name of the relation or path.
    pub fn name(&self) -> &str {
        match self {
            Group::All => "all",
            Group::AllNoPunct => "all-nopunct",
            Group::AllNoPunctNoRoot => "all-nopunct-noroot",
            Group::Relation(name) | Group::Path(name) => name,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sentence;

    #[test]
    fn a_word_belongs_to_its_relation_and_to_aggregates() {
        let check = |relation: &str, governor: usize, granularity, expected: &[&str]| {
            let sentence = sentence("s", &[(governor, relation), (usize::from(governor == 0), "dep")]);
            let groups: Vec<Group> = Group::of(&sentence.words()[0], granularity).collect();
            assert_eq!(groups.iter().map(Group::name).collect::<Vec<_>>(), expected);
        };
        check("nsubj:pass", 2, Granularity::Full, &["all", "all-nopunct", "all-nopunct-noroot", "nsubj:pass"]);
        check("nsubj:pass", 2, Granularity::Universal, &["all", "all-nopunct", "all-nopunct-noroot", "nsubj"]);
        check("punct", 2, Granularity::Full, &["all", "punct"]);
        check("root", 0, Granularity::Full, &["all", "all-nopunct", "root"]);
        check("punct", 0, Granularity::Full, &["all", "punct"]);
    }

    #[test]
    fn no_relation_is_called_as_an_aggregate_is() {
        let aggregates = [Group::All, Group::AllNoPunct, Group::AllNoPunctNoRoot];
        assert_eq!(aggregates.each_ref().map(Group::name), headlight_treebank::Relation::RESERVED);
    }

    #[test]
    fn a_name_is_padded() {
        assert_eq!(format!("{:>5}|{:<5}|", Group::All, Group::relation("obj")), "  all|obj  |");
    }
}
