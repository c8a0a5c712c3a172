//! What rounded products changed.

use serde::{Deserialize, Serialize};

use crate::format::count;

/// How many predictions of all heads changed where products are rounded, beside exact f32.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounding {
    /// The device that rounds.
    pub device: String,
    /// The precision of factors.
    pub precision: String,
    /// The first sentences, which were compared.
    pub sentences: u64,
    /// Their predictions.
    pub predictions: u64,
    /// Those that are others than in exact f32.
    pub different: u64,
}

impl Rounding {
    /// For people; `None` where no prediction changed.
    pub(super) fn warning(&self) -> Option<String> {
        let Self { device, precision, sentences, predictions, different } = self;
        (*different > 0).then(|| {
            format!(
                "Products were rounded ({precision} on {device}): of the {} predictions of all heads for the first {} \
                 sentences, {} ({:.2} %) are not those of exact f32.",
                count(*predictions),
                count(*sentences),
                count(*different),
                100.0 * *different as f64 / *predictions as f64,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_changed_is_told() {
        let rounding =
            Rounding { device: "cuda".into(), precision: "f16".into(), sentences: 2, predictions: 162, different: 1 };
        assert_eq!(
            rounding.warning().unwrap(),
            "Products were rounded (f16 on cuda): of the 162 predictions of all heads for the first 2 sentences, 1 \
             (0.62 %) are not those of exact f32."
        );
        assert_eq!(Rounding { different: 0, ..rounding }.warning(), None);
    }
}
