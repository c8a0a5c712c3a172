//! The one number that stands for all probes of a run.

use crate::sheet::isolated;
use crate::tables::ProbeScore;

/// UAS of the first trained probe of the run, in the order of its config: as trees, the mean over seeds. Neither probe, nor
/// decoding, nor seed is chosen by the score.
pub(super) fn probe_headline(rows: &[ProbeScore]) -> Option<(f64, String)> {
    let uas = || rows.iter().filter(|row| row.measure == "uas" && row.group.is_none());
    let is_trained = |row: &&ProbeScore| row.seed.is_some();
    let first = uas().find(is_trained).or_else(|| uas().next())?;
    let of_probe = || uas().filter(|row| row.probe == first.probe);
    let decoding = if of_probe().any(|row| row.decoding.as_deref() == Some("tree")) {
        Some("tree")
    } else {
        first.decoding.as_deref()
    };
    let values: Vec<f64> = of_probe().filter(|row| row.decoding.as_deref() == decoding).map(|row| row.value).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let decoding = decoding.map(|decoding| format!(", {decoding}")).unwrap_or_default();
    let seeds = if values.len() > 1 { format!(", mean of {} seeds", values.len()) } else { String::new() };
    Some((mean, format!("UAS of the probe {}{decoding}{seeds}", isolated(&first.probe.replace('_', " ")))))
}
