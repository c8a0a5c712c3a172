//! Numbers beside the relations: attachment scores of probes and accuracies of coreference, by name.

use std::collections::BTreeMap;

use super::{CompareError, Paper, Source};
use crate::run::RunDirectory;
use crate::tables::{Coreference, ProbeScore};

/// Name of a measure to its value, a share.
pub(super) type Measures = BTreeMap<String, f64>;

/// The measures of a source.
pub(super) fn measures(source: &Source) -> Result<Measures, CompareError> {
    match source {
        Source::Run(run) => of_run(run),
        Source::Paper(paper) => Ok(of_paper(paper)),
    }
}

/// Attachment scores over everything, the mean over seeds; and coreference of the best head and of every baseline.
fn of_run(run: &RunDirectory) -> Result<Measures, CompareError> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for score in run.table_or_empty::<ProbeScore>()? {
        if score.group.is_none() && matches!(score.measure.as_str(), "uas" | "uuas") {
            let name = probe_name(&score.probe, &score.measure, score.decoding.as_deref());
            values.entry(name).or_default().push(score.value);
        }
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let mut measures: Measures = values.into_iter().map(|(name, values)| (name, mean(values))).collect();
    let rows: Vec<Coreference> = run.table_or_empty()?;
    let accuracy = |row: &Coreference| row.correct as f64 / row.total as f64;
    let of_head = |row: &Coreference| (row.layer_index, row.head_index, row.direction);
    let heads = rows.iter().filter(|row| row.predictor == "head" && row.mention_type == "all" && row.total > 0);
    let best = heads.max_by(|a, b| accuracy(a).total_cmp(&accuracy(b))).map(of_head);
    for row in rows.iter().filter(|row| row.total > 0) {
        if row.predictor != "head" || Some(of_head(row)) == best {
            measures.insert(coreference_name(&row.predictor, &row.mention_type), accuracy(row));
        }
    }
    Ok(measures)
}

fn of_paper(paper: &Paper) -> Measures {
    let mut measures = Measures::new();
    for probe in &paper.probes {
        for (measure, value) in [("uas", probe.uas), ("uuas", probe.uuas)] {
            let Some(value) = value else { continue };
            // Of several treebanks the first is the paper's main one.
            let name = probe_name(&probe.name, measure, None);
            let name = match (measures.contains_key(&name), &probe.treebank) {
                (true, Some(treebank)) => format!("{name} on {treebank}"),
                _ => name,
            };
            measures.insert(name, value / 100.0);
        }
    }
    for row in &paper.coreference {
        let types = [("all", row.all), ("pronoun", row.pronoun), ("proper", row.proper), ("nominal", row.nominal)];
        for (mention_type, value) in types {
            if let Some(value) = value {
                measures.insert(coreference_name(&row.predictor, mention_type), value / 100.0);
            }
        }
    }
    measures
}

/// `UAS, attention words`: papers write `attention+words`, runs `attention_words`. Published scores are by per-word
/// argmax, so only another decoding is named.
fn probe_name(probe: &str, measure: &str, decoding: Option<&str>) -> String {
    let probe = probe.replace(['_', '+'], " ");
    match decoding {
        Some(decoding) if decoding != "argmax" => format!("{}, {probe}, {decoding}", measure.to_uppercase()),
        _ => format!("{}, {probe}", measure.to_uppercase()),
    }
}

fn coreference_name(predictor: &str, mention_type: &str) -> String {
    let predictor = if predictor == "rule-based" { "sieves".to_owned() } else { predictor.replace('_', " ") };
    format!("coreference, {predictor}, {mention_type}")
}
