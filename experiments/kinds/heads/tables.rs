//! Counts of `headlight-heads` as rows of `headlight-report`.

use anyhow::Result;
use headlight_attention::Visibility;
use headlight_heads::{
    Baseline, BestHeads, Choices, DISTANCES, Direction, Fold, Group, GroupResult, HeadScores, OFFSETS, ScoredChoice,
    Selected,
};
use headlight_report::facts;
use headlight_report::tables::BaselineKind;
use headlight_report::{Chosen, RelationCounts, tables};
use headlight_stats::Counts;
use serde_json::{Value, json};

use crate::kinds::shared::direction;
use crate::run::Run;

/// Writes the tables `head_scores` and `baselines`: every head, direction and baseline on every split.
pub fn write_scores(run: &Run, scores: &[(tables::Split, HeadScores)], visibility: Visibility) -> Result<()> {
    let treebank = run.settings().treebank.display_name();
    let mut heads = tables::TableWriter::<tables::HeadScore>::create(run.folder())?;
    let mut baselines = tables::TableWriter::<tables::Baseline>::create(run.folder())?;
    for (split, scores) in scores {
        for group in scores.groups() {
            let total = scores.total(group);
            for (way, head) in scores.predictors() {
                heads.push(&tables::HeadScore {
                    treebank: treebank.clone(),
                    split: *split,
                    layer_index: head.layer as u32,
                    head_index: head.index as u32,
                    direction: direction(way),
                    relation: group.name().to_owned(),
                    correct: scores.correct(group, way, head),
                    total,
                    reachable: Some(scores.baselines().reachable(group, way, visibility)),
                })?;
            }
            for (kind, baseline) in baselines_of(scores, group) {
                baselines.push(&tables::Baseline {
                    treebank: treebank.clone(),
                    split: *split,
                    baseline: kind,
                    offset: described(baseline).1,
                    relation: group.name().to_owned(),
                    correct: scores.baselines().correct(group, baseline),
                    total,
                })?;
            }
        }
    }
    heads.finish()?;
    Ok(baselines.finish()?)
}

/// The baselines that heads read in these directions are beside, and the most frequent offset or distance once more.
fn baselines_of(scores: &HeadScores, group: &Group) -> Vec<(BaselineKind, Baseline)> {
    let mut all = Vec::new();
    if Direction::BOTH.into_iter().any(|direction| scores.directions().has(direction)) {
        all.extend(OFFSETS.map(|offset| (BaselineKind::Offset, Baseline::Offset(offset))));
        let modal = scores.baselines().modal_offset(group);
        all.extend(modal.map(|offset| (BaselineKind::ModalOffset, Baseline::Offset(offset))));
        all.push((BaselineKind::RightBranching, Baseline::RightBranching));
    }
    if scores.directions().has(Direction::LaterToEarlier) {
        all.extend(DISTANCES.map(|distance| (BaselineKind::Distance, Baseline::Distance(distance))));
        let modal = scores.baselines().modal_distance(group);
        all.extend(modal.map(|distance| (BaselineKind::ModalDistance, Baseline::Distance(distance))));
    }
    all
}

/// A baseline as tables name it, and its offset.
fn described(baseline: Baseline) -> (BaselineKind, Option<i32>) {
    match baseline {
        Baseline::Offset(offset) if OFFSETS.contains(&offset) => (BaselineKind::Offset, Some(offset)),
        Baseline::Offset(offset) => (BaselineKind::ModalOffset, Some(offset)),
        Baseline::RightBranching => (BaselineKind::RightBranching, None),
        Baseline::Distance(distance) if DISTANCES.contains(&distance) => {
            (BaselineKind::Distance, Some(distance as i32))
        }
        Baseline::Distance(distance) => (BaselineKind::ModalDistance, Some(distance as i32)),
    }
}

/// The choices with their counts for every evaluated unit of `units`, or for as many together as were joined.
pub fn choices(best: &BestHeads, units: usize) -> Vec<RelationCounts> {
    let units = units.div_ceil(best.joined as usize);
    best.results.iter().map(|result| choice(result, units)).collect()
}

fn choice(result: &GroupResult, units: usize) -> RelationCounts {
    let mut head_counts = vec![Counts::default(); units];
    let mut baseline_counts = head_counts.clone();
    for counts in &result.units {
        let at = counts.unit as usize;
        head_counts[at] = Counts { correct: counts.head_correct, total: counts.total };
        baseline_counts[at] = Counts { correct: counts.baseline_correct, total: counts.total };
    }
    RelationCounts {
        relation: result.group.name().to_owned(),
        chosen: result.choices.iter().map(chosen).collect(),
        reachable: Some(result.reachable()),
        head_counts,
        baseline_counts,
    }
}

fn chosen(scored: &ScoredChoice) -> Chosen {
    let (baseline, baseline_offset) = described(scored.choice.baseline);
    Chosen {
        fold: scored.selected_on.map(Fold::number),
        layer: scored.choice.head.layer as u32 + 1,
        head: scored.choice.head.index as u32 + 1,
        direction: direction(scored.choice.direction),
        baseline: Some(baseline),
        baseline_offset,
        correct: scored.head_correct,
        total: scored.total,
    }
}

/// What fits no table: relations that only one side of the choice has, and with two folds each fold's choice.
pub fn facts(best: &BestHeads, selected: &Selected<Choices>) -> facts::Heads {
    let folds = || {
        let folds = best.results.iter().map(|result| {
            let choices = result.choices.iter().map(|scored| {
                json!({
                    "selected_on": scored.selected_on.map(|fold| format!("fold {}", fold.number())),
                    "head": scored.choice.head.to_string(),
                    "direction": scored.choice.direction.name(),
                    "baseline": described(scored.choice.baseline).0,
                    "offset": described(scored.choice.baseline).1,
                    "correct": scored.head_correct,
                    "baseline_correct": scored.baseline_correct,
                    "total": scored.total,
                })
            });
            (result.group.name().to_owned(), choices.collect())
        });
        Value::Object(folds.collect())
    };
    let absent = best.never_selected.iter().map(|(group, words)| (group.name().to_owned(), *words));
    facts::Heads {
        words_of_relations_absent_from_selection: absent.collect(),
        relations_absent_from_evaluation: best.never_evaluated.iter().map(|(it, _)| it.name().to_owned()).collect(),
        fold_choices: matches!(selected, Selected::TwoFold { .. }).then(folds),
        ..facts::Heads::default()
    }
}
