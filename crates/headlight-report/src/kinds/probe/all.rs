//! All measures of all probes and decodings.

use std::collections::BTreeMap;

use super::numbers::{Mean, of_attention};
use crate::format::percent;
use crate::sheet::Sheet;
use crate::tables::{Decoding, ProbeScore};

/// Measures of attachment, in the order of their columns; a probe's other measures have a table of their own.
const ATTACHMENT: [&str; 5] = ["uas", "uas_with_punct", "uuas", "root_accuracy", "uas_floored"];

/// Whether a probe's measure is a share of words, shown in per cent.
pub(crate) fn is_share(measure: &str) -> bool {
    ATTACHMENT.contains(&measure) || matches!(measure, "selectivity" | "control_accuracy" | "las" | "relation_accuracy")
}

/// The measures of attachment, and all others; each as title and table.
pub(super) fn probe_sheets(scores: &[ProbeScore]) -> [(&'static str, Sheet); 2] {
    [("Probes", probe_sheet(scores, true)), ("What probes cost and memorise", probe_sheet(scores, false))]
}

/// Measure to its rows, one per seed and draw.
type RowsByMeasure<'a> = BTreeMap<&'a str, Vec<&'a ProbeScore>>;

/// Probes and their decodings × measures of attachment; or, not `attachment`, all other measures. Mean over seeds and its
/// standard deviation; only what is over everything, not by relation or length.
fn probe_sheet(scores: &[ProbeScore], attachment: bool) -> Sheet {
    let place = |measure: &str| ATTACHMENT.iter().position(|known| *known == measure);
    let whole = of_attention(scores);
    let whole = whole.filter(|score| score.group.is_none() && place(&score.measure).is_some() == attachment);
    let mut measures: Vec<&str> = whole.clone().map(|score| score.measure.as_str()).collect();
    measures.sort_by_key(|measure| (place(measure), *measure));
    measures.dedup();
    // Rows in the order of the table, which is that of the config.
    let mut rows: Vec<((&str, &str), RowsByMeasure<'_>)> = Vec::new();
    for score in whole {
        let name = (score.probe.as_str(), score.decoding.map_or("", Decoding::name));
        let row = rows.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            rows.push((name, BTreeMap::new()));
            rows.len() - 1
        });
        rows[row].1.entry(&score.measure).or_default().push(score);
    }
    let titles: Vec<String> = measures.iter().map(|measure| format!(">{}", measure.replace('_', " "))).collect();
    let total = |values: &RowsByMeasure<'_>| {
        measures.iter().find_map(|measure| values.get(measure)?.iter().find_map(|row| row.total))
    };
    let has_words = rows.iter().any(|(_, values)| total(values).is_some());
    let words = has_words.then_some(">words");
    let columns: Vec<&str> =
        ["<probe", "<decoding"].into_iter().chain(words).chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new("Probes", &columns);
    let rows = rows.into_iter().map(|((probe, decoding), values)| {
        let cell = |measure: &&str| {
            let mean = values.get(measure).and_then(|rows| Mean::of(rows.iter().copied()));
            mean.map(|mean| mean_and_spread(&mean, is_share(measure))).unwrap_or_default().into()
        };
        let words = has_words.then(|| total(&values).map_or_else(String::new, crate::format::count).into());
        let names = [probe.into(), decoding.into()];
        names.into_iter().chain(words).chain(measures.iter().map(cell)).collect()
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Shares of words in %. With several seeds: mean ± standard deviation; over draws of random weights or control tasks where said.".to_owned());
    sheet
}

fn mean_and_spread(mean: &Mean, share: bool) -> String {
    let show = |value: f64| if share { percent(value).replace('-', "−") } else { format!("{value:.3}") };
    mean.show(show)
}
