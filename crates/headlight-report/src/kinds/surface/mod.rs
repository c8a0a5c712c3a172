//! Surface statistics as figures and page show them.

mod page;

pub(crate) use page::surface;

use std::collections::BTreeMap;

use crate::sheet::Sheet;
use crate::tables::Surface;

/// Names for people of the surface measures, in the order in which they are shown.
const MEASURES: [(&str, &str); 10] = [
    ("prev", "to the previous piece"),
    ("next", "to the next piece"),
    ("self", "to itself"),
    ("cls", "to [CLS]"),
    ("sep", "to [SEP]"),
    ("punct", "to . and ,"),
    ("sep_sep", "[SEP] to [SEP]"),
    ("rest_sep", "other pieces to [SEP]"),
    ("entropy", "entropy of all rows"),
    ("entropy_cls", "entropy of the [CLS] row"),
];

/// The name for people of a surface measure.
pub(crate) fn measure_title(measure: &str) -> String {
    let known = MEASURES.iter().find(|(name, _)| *name == measure);
    known.map_or_else(|| measure.replace('_', " "), |(_, title)| (*title).to_owned())
}

/// Where a surface measure stands among the others.
pub(crate) fn measure_order(measure: &str) -> usize {
    MEASURES.iter().position(|(name, _)| *name == measure).unwrap_or(MEASURES.len())
}

/// For each layer the mean over the rows of a measure.
pub(crate) fn layer_means(rows: &[Surface], measure: &str) -> Vec<(u32, f64)> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.measure == measure) {
        let (sum, n) = sums.entry(row.layer_index).or_default();
        *sum += row.value;
        *n += 1.0;
    }
    sums.into_iter().map(|(layer, (sum, n))| (layer, sum / n)).collect()
}

/// Layers × measures, the mean over a layer's heads.
pub(crate) fn surface_sheet(rows: &[Surface]) -> Sheet {
    let mut values: BTreeMap<u32, BTreeMap<&str, Vec<f64>>> = BTreeMap::new();
    for row in rows {
        values.entry(row.layer_index).or_default().entry(&row.measure).or_default().push(row.value);
    }
    let mut measures: Vec<&str> = rows.iter().map(|row| row.measure.as_str()).collect();
    measures.sort_unstable();
    measures.dedup();
    let titles: Vec<String> = measures.iter().map(|measure| format!(">{}", measure.replace('_', " "))).collect();
    let columns: Vec<&str> = [">layer"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new("Surface patterns", &columns);
    let rows = values.into_iter().map(|(layer, values)| {
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let cell = |measure: &&str| values.get(measure).map_or_else(String::new, |v| format!("{:.3}", mean(v))).into();
        [(layer + 1).to_string().into()].into_iter().chain(measures.iter().map(cell)).collect()
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Mean over the layer's heads; entropies in nats, the rest as shares of attention.".to_owned());
    sheet
}
