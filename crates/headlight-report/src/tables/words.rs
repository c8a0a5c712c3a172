//! The words that columns hold: an enum for each column with a fixed set of values, written as the same text as ever.

/// Declares the words that a column, or a key of `report.json`, may hold: an enum, each variant with its text in files.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $text:literal, )+ }
    )+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$variant_doc])* #[doc = concat!("`", $text, "` in files.")] #[serde(rename = $text)] $variant, )+
        }

        impl $name {
            /// All of them, in the order of tables.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// As files write it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        /// As files write it.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::tables::Cell for $name {
            const KIND: $crate::tables::Kind = $crate::tables::Kind::Text;

            fn value(&self) -> $crate::tables::Value<'_> {
                $crate::tables::Value::Text(self.name())
            }

            fn from_value(value: $crate::tables::Value<'_>) -> Option<Self> {
                let $crate::tables::Value::Text(text) = value else { return None };
                Self::ALL.into_iter().find(|word| word.name() == text)
            }
        }
    )+ };
}
pub(crate) use words;

words! {
    /// Which end of a dependency attends to the other (METHOD §2).
    Direction {
        /// The dependent's row: the word that it attends to most.
        DependentToGovernor = "dep_to_gov",
        /// The dependent's column: the word that attends to it most, which is not whom the governor attends to.
        GovernorToDependent = "gov_to_dep",
        /// The row of whichever of the two stands later: it attends to the other most of all words before it (METHOD §10).
        LaterToEarlier = "later_to_earlier",
    }

    /// Where the head of a relation was chosen.
    SelectedOn {
        /// On `treebank.select`.
        Select = "select",
        /// On the half of `treebank.evaluate` that it is not scored on.
        OtherFold = "evaluate (other fold)",
        /// Where it is scored.
        Evaluate = "evaluate",
    }

    /// Where the head of a relation is scored.
    EvaluatedOn {
        /// On `treebank.evaluate`.
        Evaluate = "evaluate",
        /// On both halves of it, each with the head that the other chose.
        BothFolds = "evaluate (both folds)",
    }

    /// What predicts the trees of `head_trees`.
    TreePredictor {
        /// The chosen head.
        Head = "head",
        /// Neighbours joined.
        Chain = "chain",
        /// Each head, chosen or not.
        EachHead = "each_head",
    }

    /// How attention becomes a tree.
    TreeShape {
        /// The maximum spanning tree over the words that are no punctuation.
        Undirected = "undirected",
        /// The maximum arborescence from the root, dependents attending.
        DependentToGovernor = "dep_to_gov",
        /// The same, governors attending.
        GovernorToDependent = "gov_to_dep",
    }

    /// What is counted of a tree, without punctuation and root.
    TreeMeasure {
        /// Arcs without direction.
        Uuas = "uuas",
        /// Governors of a tree that was told the root.
        UasGivenRoot = "uas_given_root",
    }

    /// What predicts labelled trees.
    LabelledPredictor {
        /// The highest map of all ensembles.
        Ensembles = "ensembles",
        /// The same, weights being replaced by how often arcs of that weight are of the relation.
        Calibrated = "calibrated",
        /// The best single head.
        Head = "head",
        /// Neighbours joined.
        Chain = "chain",
    }

    /// What is counted of a labelled tree, without punctuation and root.
    LabelledMeasure {
        /// The governor.
        UasGivenRoot = "uas_given_root",
        /// Governor and relation.
        LasGivenRoot = "las_given_root",
        /// The name that an arc of the treebank would have.
        RelationOfArc = "relation_of_arc",
    }
}

impl Direction {
    /// As tables for people write it.
    pub fn arrow(self) -> &'static str {
        match self {
            Direction::DependentToGovernor => "dep→gov",
            Direction::GovernorToDependent => "gov→dep",
            Direction::LaterToEarlier => "late→early",
        }
    }
}
