//! Numbers beside the relations, by name: attachment scores of probes, trees of single heads, accuracies of coreference
//! and minimal pairs.

use std::collections::BTreeMap;

use super::{CompareError, Paper, PublishedProbe, Reported};
use crate::run::RunDirectory;
use crate::tables::{
    Coreference, Decoding, HeadTree, MentionType, PairAccuracy, PairLevel, ProbeScore, TreeMeasure, TreePredictor,
    TreeShape,
};

/// A share, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub value: f64,
    /// The interval over sentences or documents; of a mean over seeds there is none.
    pub interval: Option<(f64, f64)>,
    /// Trainings that `value` is the mean of.
    pub seeds: usize,
}

/// Name of a measure to its value.
pub(super) type Measures = BTreeMap<String, Estimate>;

/// The measures of a source.
pub(super) fn measures(source: &Reported) -> Result<Measures, CompareError> {
    match source {
        Reported::Run(run) => of_run(run),
        Reported::Paper(paper) => Ok(of_paper(paper)),
    }
}

fn of_run(run: &RunDirectory) -> Result<Measures, CompareError> {
    let mut measures = of_probes(&run.table_or_empty()?);
    measures.extend(of_trees(&run.table_or_empty()?));
    measures.extend(of_coreference(&run.table_or_empty()?));
    measures.extend(of_pairs(&run.table_or_empty()?));
    Ok(measures)
}

/// Attachment scores over everything, the mean over seeds.
fn of_probes(scores: &[ProbeScore]) -> Measures {
    let mut by_name: BTreeMap<String, Vec<Estimate>> = BTreeMap::new();
    for score in scores {
        if score.group.is_none() && matches!(score.measure.as_str(), "uas" | "uuas") {
            let name = probe_name(&score.probe, &score.measure, score.decoding.map(Decoding::name));
            let interval = score.ci_low.zip(score.ci_high);
            by_name.entry(name).or_default().push(Estimate { value: score.value, interval, seeds: 1 });
        }
    }
    let mean = |scores: Vec<Estimate>| match scores[..] {
        [one] => one,
        _ => {
            let value = scores.iter().map(|score| score.value).sum::<f64>() / scores.len() as f64;
            Estimate { value, interval: None, seeds: scores.len() }
        }
    };
    by_name.into_iter().map(|(name, scores)| (name, mean(scores))).collect()
}

/// The trees of the chosen heads, and chains of neighbours.
fn of_trees(rows: &[HeadTree]) -> Measures {
    let chosen = rows.iter().filter(|row| row.total > 0 && row.predictor != TreePredictor::EachHead);
    let measure = |row: &HeadTree| {
        let tree = match row.tree {
            TreeShape::Undirected => String::new(),
            rooted => format!(", {}", rooted.name().replace("_to_", "→")),
        };
        let probe = if row.predictor == TreePredictor::Head { "single head tree" } else { "chain" };
        let score = if row.measure == TreeMeasure::Uuas { "UUAS" } else { "UAS given root" };
        let name = format!("{score}, {probe}{tree}");
        (name, counted(row.correct, row.total, row.ci_low.zip(row.ci_high)))
    };
    chosen.map(measure).collect()
}

/// The chosen head and every baseline.
fn of_coreference(rows: &[Coreference]) -> Measures {
    let measure = |row: &Coreference| {
        let measure = counted(row.correct, row.total, row.ci_low.zip(row.ci_high));
        (coreference_name(row.predictor.name(), row.mention_type), measure)
    };
    rows.iter().filter(|row| row.total > 0).map(measure).collect()
}

/// Minimal pairs, all and by phenomenon.
fn of_pairs(rows: &[PairAccuracy]) -> Measures {
    let shown = rows.iter().filter(|row| matches!(row.level, PairLevel::Whole | PairLevel::Phenomenon));
    let measure = |row: &PairAccuracy| {
        let group = row.group.as_deref().unwrap_or("all").replace('_', " ");
        let measure = counted(row.correct, row.total, row.ci_low.zip(row.ci_high));
        (format!("minimal pairs, {}, {group}", row.pairs), measure)
    };
    shown.map(measure).collect()
}

fn counted(correct: u64, total: u64, interval: Option<(f64, f64)>) -> Estimate {
    Estimate { value: correct as f64 / total as f64, interval, seeds: 1 }
}

fn of_paper(paper: &Paper) -> Measures {
    let mut measures = Measures::new();
    let mut put = |name: String, value: Option<f64>| {
        if let Some(value) = value {
            measures.insert(name, Estimate { value: value / 100.0, interval: None, seeds: 1 });
        }
    };
    for (at, probe) in paper.probes.iter().enumerate() {
        // Of several treebanks the first is the paper's main one.
        let again = paper.probes[..at].iter().any(|before| before.name == probe.name);
        let treebank = probe.treebank.as_ref().filter(|_| again).map(|treebank| format!(" on {treebank}"));
        for (measure, value) in [("uas", probe.uas), ("uuas", probe.uuas)] {
            put(published_name(probe, measure) + treebank.as_deref().unwrap_or_default(), value);
        }
    }
    for row in &paper.coreference {
        let predictor = row.run.as_ref().unwrap_or(&row.predictor);
        let values = [row.all, row.pronoun, row.proper, row.nominal];
        for (mention_type, value) in MentionType::ALL.into_iter().zip(values) {
            put(coreference_name(predictor, mention_type), value);
        }
    }
    measures
}

/// `UAS, attention+words`, as configs name the probe. Published scores are by per-word argmax, so only another decoding is named.
pub(super) fn probe_name(probe: &str, measure: &str, decoding: Option<&str>) -> String {
    let probe = crate::kinds::probe::probe_name(probe);
    match decoding {
        Some(decoding) if decoding != Decoding::Argmax.name() => {
            format!("{}, {probe}, {decoding}", measure.to_uppercase())
        }
        _ => format!("{}, {probe}", measure.to_uppercase()),
    }
}

/// The name under which runs have a published probe's score.
pub(super) fn published_name(probe: &PublishedProbe, measure: &str) -> String {
    probe_name(probe.run.as_ref().unwrap_or(&probe.name), measure, None)
}

fn coreference_name(predictor: &str, mention_type: MentionType) -> String {
    format!("coreference, {}, {mention_type}", predictor.replace('_', " "))
}
