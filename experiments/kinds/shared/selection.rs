//! On which sentences heads are chosen, and how that is said.

use anyhow::Result;

use crate::config::{Settings, Split, choice};

choice! {
    /// On which sentences heads are chosen.
    Selection { Separate = "separate", Folds = "folds", Same = "same" }
}

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

/// What reports call a choice of heads, as configs do.
pub fn chosen_on(selection: Selection) -> String {
    selection.to_string()
}

/// Where heads were chosen, as a part of a sentence.
pub fn chosen_where(selection: Selection) -> &'static str {
    match selection {
        Selection::Separate => "chosen on `select`",
        Selection::Folds => "chosen on the other half",
        Selection::Same => "chosen on the same words",
    }
}
