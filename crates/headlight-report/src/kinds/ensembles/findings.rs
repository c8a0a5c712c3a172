//! What ensembles and their trees come to, in sentences.

use super::{beside_the_best_head, better_directions, way};
use crate::format::{count, percent};
use crate::kinds::differences::said;
use crate::kinds::shared::share;
use crate::tables::{Difference, Ensemble, EnsembleTree, LabelledMeasure, LabelledPredictor};

/// Differences below this p, after Holm's correction, are called so.
const ALPHA: f64 = 0.05;

/// What came out, as sentences: nothing of a direction whose ensemble a single head of the other direction beats.
pub fn of_heads(rows: &[Ensemble], differences: &[Difference]) -> Vec<String> {
    let better = better_directions(rows).into_iter();
    let compared: Vec<(&Ensemble, Option<&Difference>)> =
        better.map(|row| (row, beside_the_best_head(row, differences))).collect();
    let tested = compared.iter().filter_map(|(_, difference)| (*difference)?.p_adjusted).count();
    if tested == 0 {
        return Vec::new();
    }
    let beyond = |more: bool| {
        let of = |difference: &&Difference| {
            difference.p_adjusted.is_some_and(|p| p < ALPHA) && (difference.difference > 0.0) == more
        };
        compared.iter().filter(|(_, difference)| difference.as_ref().is_some_and(of)).collect::<Vec<_>>()
    };
    let (gains, losses) = (beyond(true), beyond(false));
    let mut findings = vec![format!(
        "Of {} relations, the ensemble of the direction that was better where heads were gathered finds more arcs than the \
         best single head of either direction for {}, fewer for {} (paired tests, Holm-corrected over {} comparisons, p < {ALPHA}).",
        count(compared.len() as u64),
        gains.len(),
        losses.len(),
        differences.len()
    )];
    let largest = gains.iter().filter_map(|(row, difference)| Some((row, (*difference)?)));
    let largest = largest.max_by(|(_, a), (_, b)| a.difference.total_cmp(&b.difference));
    findings.extend(largest.map(|(row, difference)| {
        format!(
            "Heads {} together ({}) find {} % of {} arcs of {}, the best single head {} ({}) {} %: {}.",
            row.heads,
            row.direction.arrow(),
            percent(difference.value_a),
            count(row.total),
            row.relation,
            row.best_head,
            way(row.best_direction),
            percent(difference.value_b),
            said(difference)
        )
    }));
    findings
}

/// What the trees of all ensembles come to, `relations` being those that arcs may have.
pub fn of_trees(rows: &[EnsembleTree], relations: &[String]) -> Vec<String> {
    let whole = |predictor: LabelledPredictor, measure: LabelledMeasure| {
        let wanted =
            |row: &&EnsembleTree| row.predictor == predictor && row.measure == measure && row.relation.is_none();
        let row = rows.iter().find(wanted)?;
        (row.total > 0).then(|| percent(share(row.correct, row.total)))
    };
    let both = |predictor| {
        Some((whole(predictor, LabelledMeasure::LasGivenRoot)?, whole(predictor, LabelledMeasure::UasGivenRoot)?))
    };
    let mut findings = Vec::new();
    if let [Some((las, uas)), Some(calibrated), Some(head), Some(chain)] = LabelledPredictor::ALL.map(both) {
        findings.push(format!(
            "Labelled trees of all ensembles, given the root: LAS {las} %, UAS {uas} %; with calibrated maps {} and {}; the \
             best single head has {} and {}, a chain of neighbours {} and {}, their arcs named by offset.",
            calibrated.0, calibrated.1, head.0, head.1, chain.0, chain.1
        ));
    }
    let of_gold = |predictor| whole(predictor, LabelledMeasure::RelationOfArc);
    if let [Some(plain), Some(calibrated), Some(offset)] =
        [LabelledPredictor::Ensembles, LabelledPredictor::Calibrated, LabelledPredictor::Chain].map(of_gold)
    {
        let of_arcs = |row: &&EnsembleTree| {
            row.predictor == LabelledPredictor::Chain
                && row.measure == LabelledMeasure::UasGivenRoot
                && row.relation.is_some()
        };
        let takes_part = |row: &&EnsembleTree| row.relation.as_ref().is_some_and(|it| relations.contains(it));
        let arcs = |rows: &mut dyn Iterator<Item = &EnsembleTree>| rows.map(|row| row.total).sum::<u64>();
        let all = arcs(&mut rows.iter().filter(of_arcs));
        let named = arcs(&mut rows.iter().filter(of_arcs).filter(takes_part));
        findings.push(format!(
            "Of the treebank's own arcs, the highest map names {plain} % right, the highest calibrated map {calibrated} %, the \
             offset {offset} %; {} % have a relation that takes part.",
            percent(share(named, all))
        ));
    }
    findings
}
