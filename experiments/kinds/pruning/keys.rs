//! The keys of `kind = "pruning"`, and what they mean for a model at hand.

use std::fmt;

use anyhow::{Result, bail, ensure};
use headlight_report::tables::{MaskingMeasure, PruningOrder};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Pruning;
use crate::config::{Settings, Split, choice};
use crate::kinds::shared::named_heads::Names;
use crate::kinds::shared::{check_bootstrap, repeated};

choice! {
    /// What masking is measured by.
    Measure => MaskingMeasure { MaskedLm = "masked-lm", States = "states", ProbeUas = "probe" }
}
choice! {
    /// In which order all heads go.
    Order => PruningOrder { Importance = "importance", Greedy = "greedy", Random = "random" }
}
choice! {
    /// What makes a head important.
    ImportanceBy { Auto = "auto", Gradient = "gradient", Ablation = "ablation" }
}

/// What `measure` holds: `"auto"`, a name or a list of names, the first of which guides the orders.
#[derive(Debug, Clone, PartialEq)]
pub enum Measures {
    /// What the checkpoint and the config allow.
    Auto,
    /// These.
    Named(Vec<Measure>),
}

impl Serialize for Measures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Measures::Auto => serializer.serialize_str("auto"),
            Measures::Named(measures) => match &measures[..] {
                [measure] => measure.serialize(serializer),
                several => several.serialize(serializer),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Measures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrList;

        impl<'de> Visitor<'de> for NameOrList {
            type Value = Measures;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"auto\", the name of a measure or a list of names")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Measures, E> {
                if name == "auto" {
                    return Ok(Measures::Auto);
                }
                let measures = [Measure::MaskedLm, Measure::States, Measure::ProbeUas];
                let named = measures.into_iter().find(|measure| measure.to_string() == name);
                let unknown = || E::unknown_variant(name, &["auto", "masked-lm", "states", "probe"]);
                Ok(Measures::Named(vec![named.ok_or_else(unknown)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Measures, A::Error> {
                let mut measures = Vec::new();
                while let Some(measure) = names.next_element()? {
                    measures.push(measure);
                }
                Ok(Measures::Named(measures))
            }
        }

        deserializer.deserialize_any(NameOrList)
    }
}

impl Pruning {
    /// What is wrong with the keys, alone or together with the rest of the config.
    pub(super) fn check_keys(&self, config: &Settings) -> Result<()> {
        ensure!(self.sequences > 0, "`sequences` is 0; heads are put in order on so many sequences, for example 100");
        self.names().check(config)?;
        ensure!(
            !self.orders.is_empty() || !self.names().is_empty(),
            "`orders` is empty: name at least one, such as \"importance\", or heads to mask by `heads` or `relations`"
        );
        if let Some(order) = repeated(&self.orders) {
            bail!("`orders` names \"{order}\" twice");
        }
        ensure!(
            self.draws >= 1,
            "`draws` is 0; the random order is drawn at least once, and several times, such as 3, tell how much hangs on it"
        );
        ensure!(
            self.turned > 0.0 && self.turned < 2.0,
            "`turned` is {}; it is a 1 - cosine that counts as harm, between 0 and 2, such as 0.1",
            self.turned
        );
        check_bootstrap(self.resamples, self.confidence)?;
        ensure!(
            self.importance == ImportanceBy::Auto || self.orders.contains(&Order::Importance),
            "`importance` is \"{}\", but `orders` has no \"importance\" for it",
            self.importance
        );
        let Measures::Named(measures) = &self.measure else { return config.check_sequences("kind = \"pruning\"") };
        ensure!(!measures.is_empty(), "`measure` is empty: name at least one, such as \"states\"");
        if let Some(measure) = repeated(measures) {
            bail!("`measure` names \"{measure}\" twice");
        }
        ensure!(
            measures.contains(&Measure::ProbeUas) || self.store.as_os_str().is_empty(),
            "`store` is for the probe of measure = \"probe\", which `measure` does not name"
        );
        if measures.contains(&Measure::ProbeUas) {
            config.treebank.required_files(Split::Train, "measure = \"probe\"")?;
            config.treebank.required_files(Split::Evaluate, "measure = \"probe\"")?;
        }
        config.check_sequences("kind = \"pruning\"")
    }

    /// The heads that are named.
    pub(super) fn names(&self) -> Names<'_> {
        let Pruning { heads, relations, most_heads, .. } = self;
        Names { section: "pruning", heads, relations, most_heads: *most_heads }
    }

    /// What is measured, the guide of the orders first.
    pub(super) fn measures(&self, has_masked_lm_head: bool, config: &Settings) -> Vec<Measure> {
        let parses = [Split::Train, Split::Evaluate].iter().all(|split| !config.treebank.files(*split).is_empty());
        match &self.measure {
            Measures::Named(measures) => measures.clone(),
            Measures::Auto if has_masked_lm_head => vec![Measure::MaskedLm],
            Measures::Auto if parses => vec![Measure::States, Measure::ProbeUas],
            Measures::Auto => vec![Measure::States],
        }
    }
}
