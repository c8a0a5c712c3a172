//! Choose here, report there: on which sentences heads are chosen, for all kinds that choose.

use anyhow::Result;
use headlight_heads::{Fold, Selected};
pub use headlight_report::Selection;

use crate::config::{Settings, Split};
use crate::run::Run;

/// The files that a kind with the key `selection` needs: those it reports on, and those it chooses on where they differ.
///
/// # Errors
/// When one of them is missing.
pub fn check_splits(kind: &str, selection: Selection, config: &Settings) -> Result<()> {
    config.treebank.required_files(Split::Evaluate, &format!("kind = \"{kind}\""))?;
    if selection == Selection::Separate {
        config.treebank.required_files(Split::Select, "selection = \"separate\"")?;
    }
    Ok(())
}

/// Whether what was chosen is reported on words that had no part in the choice; with folds each half is.
pub fn is_elsewhere(selection: Selection, run: &Run) -> bool {
    match selection {
        Selection::Separate => !run.shares_much(Split::Evaluate, Split::Select),
        Selection::Folds => true,
        Selection::Same => false,
    }
}

/// What was made of the split that is reported on, and of `select` where heads are chosen there.
pub struct Splits<S> {
    selection: Selection,
    pub evaluate: S,
    pub select: Option<S>,
}

impl<S> Splits<S> {
    /// Makes what is needed of each split, that which is reported on first.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn make(selection: Selection, mut make: impl FnMut(Split) -> Result<S>) -> Result<Self> {
        let evaluate = make(Split::Evaluate)?;
        let select = match selection {
            Selection::Separate => Some(make(Split::Select)?),
            Selection::Folds | Selection::Same => None,
        };
        Ok(Self { selection, evaluate, select })
    }

    /// What was made of each split.
    pub fn into_each(self) -> impl Iterator<Item = S> {
        [self.evaluate].into_iter().chain(self.select)
    }

    /// Each split and what was made of it.
    pub fn iter(&self) -> impl Iterator<Item = (Split, &S)> {
        [(Split::Evaluate, &self.evaluate)].into_iter().chain(self.select.iter().map(|select| (Split::Select, select)))
    }

    /// Chooses: `best` is asked for the best of a split, or of a half of it.
    ///
    /// # Errors
    /// Those of `best`.
    pub fn choose<T>(&self, mut best: impl FnMut(&S, Option<Fold>) -> Result<T>) -> Result<Selected<T>> {
        Ok(match (self.selection, &self.select) {
            (Selection::Folds, _) => Selected::TwoFold {
                first: best(&self.evaluate, Some(Fold::First))?,
                second: best(&self.evaluate, Some(Fold::Second))?,
            },
            (_, Some(select)) => Selected::Elsewhere(best(select, None)?),
            (_, None) => Selected::Same(best(&self.evaluate, None)?),
        })
    }
}
