//! The sections of experiment kinds: each from the rows of its tables, and none where there are no rows.

mod beyond;
mod coreference;
mod differences;
mod ensembles;
mod importance;
mod probes;
mod pruning;
mod structural;
mod surface;
mod trees;

pub(super) use beyond::{beyond, null_models};
pub(super) use coreference::coreference;
pub(super) use differences::differences;
pub(super) use ensembles::ensembles;
pub(super) use importance::importance;
pub(super) use probes::probes;
pub(super) use pruning::pruning;
pub(super) use structural::structural;
pub(super) use surface::surface;
pub(super) use trees::trees;

use crate::format::count;
use crate::run::ModelSummary;
use crate::sheet::{escape_html, isolated};

/// What every head of a model has, layer by layer.
fn of_heads<T>(model: &ModelSummary, of: impl Fn(u32, u32) -> T) -> Vec<T> {
    let of = &of;
    (0..model.layers).flat_map(|layer| (0..model.heads).map(move |head| of(layer, head))).collect()
}

/// The different values among `texts`, in their order.
fn distinct<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct
}

fn share(correct: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { correct as f64 / total as f64 }
}

/// A name from data for people, as a part of a sentence.
fn spaced(name: &str) -> String {
    isolated(&name.replace('_', " ")).into_owned()
}

/// What numbers come from: the text and how much of it, from the rows' own.
fn source<'a>(what: &str, unit: &str, rows: impl Iterator<Item = (&'a str, u64)> + Clone) -> String {
    let texts = distinct(rows.clone().map(|(text, _)| text)).into_iter().map(|text| {
        let most = rows.clone().filter(|(of, _)| *of == text).map(|(_, number)| number).max().unwrap_or(0);
        format!("<strong>{}</strong>, {} {unit}", escape_html(text), count(most))
    });
    format!("<p class=\"note\">{what}: {}.</p>\n", texts.collect::<Vec<_>>().join("; "))
}
