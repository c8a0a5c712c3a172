//! How sure an accuracy is (METHOD §2):
//! - [`Bootstrap`]: percentile intervals of accuracies, their differences, ratios and any other statistic, over units and over seeds
//!   (the multi-bootstrap), with Wilson's where resamples cannot differ;
//! - [`sign_flip_test`]: the exact paired test of two predictors; [`Maxima`] and [`step_down`]: the same for the best of many heads;
//! - [`holm`] and [`benjamini_hochberg`]: corrections for many tests.
//!
//! Words of one sentence are not independent, so the sentence (or document, or pair: [`Unit`]) is the unit throughout. Everything
//! starts from one [`Counts`] per unit, in the same order for every relation and predictor; a unit without the relation has
//! `Counts::default()`. Resamples follow from a seed alone: the same on any number of threads.
//!
//! ```
//! use headlight_stats::{Bootstrap, Counts, Pair, holm, sign_flip_test};
//!
//! let head: Vec<Counts> = [(2, 2), (1, 2), (3, 3)].map(Counts::from).into();
//! let baseline: Vec<Counts> = [(1, 2), (1, 2), (1, 3)].map(Counts::from).into();
//! let pair = Pair { a: &head, b: &baseline };
//! let intervals = Bootstrap::default().paired(&[pair])?[0].expect("the relation occurs");
//! assert!(intervals.difference.low >= 0.0);
//! assert_eq!(sign_flip_test(pair)?, 0.5); // +1 and +2 of ±1±2: two of four sign patterns are as extreme
//! assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
//! # Ok::<(), headlight_stats::StatsError>(())
//! ```

#![forbid(unsafe_code)]

mod bootstrap;
mod counts;
mod false_discovery;
mod holm;
mod maximum;
mod multi_bootstrap;
mod ratios;
mod sign_flip;
mod wilson;

pub use bootstrap::{Bootstrap, Interval, PairedIntervals};
pub use counts::{Counts, Pair, StatsError, Unit};
pub use false_discovery::benjamini_hochberg;
pub use holm::{holm, holm_by_family, holm_over_differing};
pub use maximum::{Contest, Maxima, SignFlips, step_down};
pub use ratios::{UnitSums, by_unit, ratio};
pub use sign_flip::{sign_flip_ahead, sign_flip_test};

#[cfg(test)]
mod tests;
