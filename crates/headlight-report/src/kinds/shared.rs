//! What the sheets and sections of several kinds need.

use crate::format::{count, percent};
use crate::run::ModelSummary;
use crate::sheet::{escape_html, isolated};

/// What every head of a model has, layer by layer.
pub(super) fn of_heads<T>(model: &ModelSummary, of: impl Fn(u32, u32) -> T) -> Vec<T> {
    let of = &of;
    (0..model.layers).flat_map(|layer| (0..model.heads).map(move |head| of(layer, head))).collect()
}

/// The different values among `texts`, in their order.
pub(super) fn distinct<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

/// A share of words, 0 of none.
pub(super) fn share(correct: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { correct as f64 / total as f64 }
}

/// A name from data for people, as a part of a sentence.
pub(super) fn spaced(name: &str) -> String {
    isolated(&name.replace('_', " ")).into_owned()
}

/// What numbers come from: the text and how much of it, from the rows' own.
pub(super) fn source<'a>(what: &str, unit: &str, rows: impl Iterator<Item = (&'a str, u64)> + Clone) -> String {
    let texts = distinct(rows.clone().map(|(text, _)| text)).into_iter().map(|text| {
        let most = rows.clone().filter(|(of, _)| *of == text).map(|(_, number)| number).max().unwrap_or(0);
        format!("<strong>{}</strong>, {} {unit}", escape_html(text), count(most))
    });
    format!("<p class=\"note\">{what}: {}.</p>\n", texts.collect::<Vec<_>>().join("; "))
}

/// An interval of a share, in per cent; empty without one.
pub(super) fn ends(ends: Option<(f64, f64)>) -> String {
    ends.map_or_else(String::new, |(low, high)| format!("[{}, {}]", percent(low), percent(high)))
}

/// The head that was chosen, where it was one for all sentences.
pub(super) fn head_name(layer_index: Option<u32>, head_index: Option<u32>) -> String {
    let head = layer_index.zip(head_index);
    head.map_or_else(|| "by fold".to_owned(), |(layer, head)| format!("{}-{}", layer + 1, head + 1))
}
