//! The words that columns hold: an enum for each column with a fixed set of values, written as the same text as ever.

use headlight_stats::Unit;

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

        $crate::tables::words::cell! { $name }
    )+ };
}

/// Lets a column hold the words of an enum.
macro_rules! cell {
    ($name:ident) => {
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
    };
}
pub(crate) use {cell, words};

cell! { Unit }

words! {
    /// The part of the treebank that a row is of.
    Split {
        /// `treebank.select`, on which heads are chosen.
        Select = "select",
        /// `treebank.evaluate`, on which all are scored.
        Evaluate = "evaluate",
        /// The first half of it, where heads are chosen on halves.
        FirstFold = "evaluate-fold-1",
        /// The second half.
        SecondFold = "evaluate-fold-2",
        /// `treebank.train`, from which probes learn.
        Train = "train",
    }

    /// Which end of a dependency attends to the other (METHOD §2).
    Direction {
        /// The dependent's row: the word that it attends to most.
        DependentToGovernor = "dep_to_gov",
        /// The dependent's column: the word that attends to it most, which is not whom the governor attends to.
        GovernorToDependent = "gov_to_dep",
        /// The row of whichever of the two stands later: it attends to the other most of all words before it (METHOD §10).
        LaterToEarlier = "later_to_earlier",
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
