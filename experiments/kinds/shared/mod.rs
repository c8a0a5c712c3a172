//! What several kinds need, and what no kind takes from another.

pub mod masked_lm;
pub mod named_heads;
pub mod paired;
pub mod predictions;
pub mod probing;
pub mod rooted;
pub mod selection;
pub mod stored;

use anyhow::{Result, ensure};
use headlight_stats::Bootstrap;

use crate::config::{Split, choice, mirrored};
use crate::run::Run;

/// A bootstrap with a kind's keys and the run's seed.
pub fn bootstrap(resamples: u32, confidence: f64, run: &Run) -> Bootstrap {
    Bootstrap { resamples, confidence, seed: run.settings().seed }
}

/// Checks the keys of a bootstrap.
///
/// # Errors
/// The first key that is wrong.
pub fn check_bootstrap(resamples: u32, confidence: f64) -> Result<()> {
    ensure!(resamples >= 1000, "`resamples` is {resamples}; intervals need at least 1000");
    ensure!(
        confidence > 0.5 && confidence < 1.0,
        "`confidence` is {confidence}; it lies between 0.5 and 1, for example 0.95"
    );
    Ok(())
}

/// The first value of a list that stands in it before.
pub fn repeated<T: PartialEq>(values: &[T]) -> Option<&T> {
    values.iter().enumerate().find(|(at, value)| values[..*at].contains(value)).map(|(_, value)| value)
}

choice! {
    /// What a masked head does.
    Masking => headlight_bert::Masking { Zero = "zero", Uniform = "uniform" }
}
mirrored! { Masking => headlight_report::tables::Masking { Zero, Uniform } }

mirrored! {
    /// A behaviour as tables have it.
    pub fn behaviour(headlight_heads::Behaviour) -> headlight_report::tables::Behaviour {
        Next, Previous, Broad, Cls, Sep, Punctuation
    }
}
mirrored! {
    /// A split as tables have it.
    pub fn split(Split) -> headlight_report::tables::Split { Train, Select, Evaluate }
}
mirrored! {
    /// A direction as tables have it.
    pub fn direction(headlight_heads::Direction) -> headlight_report::tables::Direction {
        DependentToGovernor, GovernorToDependent, LaterToEarlier
    }
}
