//! The numbers of probes, from the rows of `probe_scores`: their names, and the one number that tiles, findings and sheets
//! give for each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::format::{percent, points};
use crate::kinds::structural::is_structural;
use crate::tables::{Decoding, ProbeScore};

/// The decoding of headlines: each word for itself, as in Clark et al. (2019).
pub(super) const DECODING: Decoding = Decoding::Argmax;
/// The baseline that is not trained.
pub const RIGHT_BRANCHING: &str = "right-branching";

/// Names that tables had before they took those of the configs.
const FORMER: [(&str, &str); 5] = [
    ("random_attention_words", "random-init+words"),
    ("random_attention", "random-init"),
    ("attention_words", "attention+words"),
    ("distance_words", "distance+words"),
    ("right_branching", RIGHT_BRANCHING),
];

/// A probe's name as configs write it, its label behind it; tables of former versions had other names.
pub(crate) fn probe_name(name: &str) -> Cow<'_, str> {
    let former = FORMER.iter().find_map(|(former, now)| {
        let label = name.strip_prefix(former)?;
        (label.is_empty() || label.starts_with('-')).then(|| format!("{now}{label}"))
    });
    former.map_or(Cow::Borrowed(name), Cow::Owned)
}

/// The rows about probes of attention: those of structural probes are in the same table.
pub(crate) fn of_attention(rows: &[ProbeScore]) -> impl Iterator<Item = &ProbeScore> + Clone {
    rows.iter().filter(|row| !is_structural(row))
}

/// A number over trainings, and what it varies with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Mean {
    /// The mean over seeds of training and over draws.
    pub mean: f64,
    /// Seeds of training, and the standard deviation of their means where there are several.
    pub seeds: (usize, Option<f64>),
    /// Draws of random weights or control tasks, and the standard deviation of their means where there are several.
    pub draws: (usize, Option<f64>),
}

impl Mean {
    /// Over rows of one probe, decoding and measure; `None` over none.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a ProbeScore>) -> Option<Self> {
        let (mut by_seed, mut by_draw) = (BTreeMap::<_, Vec<f64>>::new(), BTreeMap::<_, Vec<f64>>::new());
        let mut all = Vec::new();
        for row in rows {
            by_seed.entry(row.seed).or_default().push(row.value);
            by_draw.entry(row.draw).or_default().push(row.value);
            all.push(row.value);
        }
        let spread = |groups: BTreeMap<_, Vec<f64>>| {
            let means: Vec<f64> = groups.values().map(|values| mean(values)).collect();
            (means.len(), deviation(&means))
        };
        (!all.is_empty()).then(|| Self { mean: mean(&all), seeds: spread(by_seed), draws: spread(by_draw) })
    }

    /// Of a share of words, in per cent: `54.8`, `54.8 ±0.1`, `30.2 ±0.1 (seeds) ±0.4 (draws)`.
    pub fn percent(&self) -> String {
        self.show(percent)
    }

    /// Of a difference of shares: `+12.3 ±0.4 (draws)`.
    pub fn points(&self) -> String {
        let spreads = self.spreads(percent);
        format!("{}{spreads}", points(self.mean))
    }

    /// Written by `show`, the standard deviations behind it.
    pub fn show(&self, show: impl Fn(f64) -> String) -> String {
        format!("{}{}", show(self.mean), self.spreads(show))
    }

    fn spreads(&self, show: impl Fn(f64) -> String) -> String {
        match (self.seeds.1, self.draws.1) {
            (None, None) => String::new(),
            (Some(seeds), None) => format!(" ±{}", show(seeds)),
            (None, Some(draws)) => format!(" ±{} (draws)", show(draws)),
            (Some(seeds), Some(draws)) => format!(" ±{} (seeds) ±{} (draws)", show(seeds), show(draws)),
        }
    }

    /// What the mean is over: `mean of 3 seeds and 3 draws`; empty over a single training.
    pub fn over(&self) -> String {
        let several = [(self.seeds.0, "seeds"), (self.draws.0, "draws")];
        let several = several.iter().filter(|(number, _)| *number > 1).map(|(number, of)| format!("{number} {of}"));
        let several: Vec<String> = several.collect();
        if several.is_empty() { String::new() } else { format!("mean of {}", several.join(" and ")) }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> Option<f64> {
    let squares: f64 = values.iter().map(|value| (value - mean(values)).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// The one number of a probe: UAS without punctuation, each word for itself, the mean over its trainings. Never the best of
/// seeds or decodings, which would be chosen on the sentences that it is reported of.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Headline<'a> {
    /// The probe, as the table has it.
    pub probe: &'a str,
    /// Its UAS.
    pub uas: Mean,
}

/// The headlines of all probes in the order of the table, baselines among them.
pub(crate) fn headlines(rows: &[ProbeScore]) -> Vec<Headline<'_>> {
    let mut probes: Vec<&str> = Vec::new();
    for row in of_attention(rows).filter(|row| row.group.is_none() && row.measure == "uas") {
        if !probes.contains(&row.probe.as_str()) {
            probes.push(&row.probe);
        }
    }
    let headline = |probe| Some(Headline { probe, uas: Mean::of(whole(rows, probe, DECODING, "uas"))? });
    probes.into_iter().filter_map(headline).collect()
}

/// The headline of a run, as a number and what it is: of several trained probes the best, which is said.
pub(crate) fn headline(rows: &[ProbeScore]) -> Option<(String, String)> {
    let trained = headlines(rows).into_iter().filter(|headline| !is_baseline(headline.probe)).collect::<Vec<_>>();
    let best = trained.iter().max_by(|a, b| a.uas.mean.total_cmp(&b.uas.mean))?;
    let name = crate::sheet::isolated(best.probe).into_owned();
    let chosen =
        if trained.len() > 1 { format!(", the best of {} on these sentences", trained.len()) } else { String::new() };
    let over =
        Some(best.uas.over()).filter(|over| !over.is_empty()).map(|over| format!("; {over}")).unwrap_or_default();
    Some((
        format!("{} %", percent(best.uas.mean)),
        format!("UAS of the probe {name}{chosen}; each word for itself{over}"),
    ))
}

/// Whether a probe is the baseline that is not trained.
pub(super) fn is_baseline(probe: &str) -> bool {
    let name = probe_name(probe);
    name.strip_prefix(RIGHT_BRANCHING).is_some_and(|label| label.is_empty() || label.starts_with('-'))
}

/// The rows of one measure of a probe over everything. A baseline has one prediction, which needs no decoding.
pub(super) fn whole<'a>(
    rows: &'a [ProbeScore],
    probe: &str,
    decoding: Decoding,
    measure: &str,
) -> impl Iterator<Item = &'a ProbeScore> {
    let of_probe = move |row: &&ProbeScore| {
        let decoded = row.decoding.is_none_or(|of| of == decoding);
        row.group.is_none() && row.probe == probe && row.measure == measure && decoded
    };
    rows.iter().filter(of_probe)
}

impl fmt::Display for Mean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.percent())
    }
}
