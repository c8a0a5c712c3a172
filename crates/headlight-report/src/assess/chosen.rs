//! What was chosen for a relation, in and out of the flat columns of `best_heads`.

use crate::format::offset;
use crate::tables::{BaselineKind, BestHead, Direction, EvaluatedOn, SelectedOn};

/// A head and a baseline, as they were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// With two folds, the one that they were chosen on, 1 or 2; they are scored on the other.
    pub fold: Option<u32>,
    /// Layer, counted from 1.
    pub layer: u32,
    /// Head within its layer, counted from 1.
    pub head: u32,
    /// Who attends.
    pub direction: Direction,
    /// The baseline; not in tables of earlier versions where two folds chose different ones.
    pub baseline: Option<BaselineKind>,
    /// Its offset, where it has one.
    pub baseline_offset: Option<i32>,
    /// Words that the head has right where it is scored.
    pub correct: u64,
    /// Words there.
    pub total: u64,
}

impl Chosen {
    fn head(&self) -> (u32, u32, Direction) {
        (self.layer, self.head, self.direction)
    }

    fn baseline(&self) -> (Option<BaselineKind>, Option<i32>) {
        (self.baseline, self.baseline_offset)
    }
}

/// The value that all have; `None` where they differ, or there are none.
fn common<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

impl BestHead {
    /// A row that says what was chosen and nothing else yet.
    pub(super) fn of(chosen: &[Chosen]) -> Self {
        let head = common(chosen.iter().map(Chosen::head));
        let baseline = common(chosen.iter().map(Chosen::baseline));
        let [first, second] = [1, 2].map(|fold| chosen.iter().find(|chosen| chosen.fold == Some(fold)));
        Self {
            layer: head.map(|(layer, ..)| layer),
            head: head.map(|(_, head, _)| head),
            direction: head.map(|(.., direction)| direction),
            baseline: baseline.and_then(|(baseline, _)| baseline),
            baseline_offset: baseline.and_then(|(_, offset)| offset),
            fold_1_layer: first.map(|chosen| chosen.layer),
            fold_1_head: first.map(|chosen| chosen.head),
            fold_1_direction: first.map(|chosen| chosen.direction),
            fold_1_baseline: first.and_then(|chosen| chosen.baseline),
            fold_1_baseline_offset: first.and_then(|chosen| chosen.baseline_offset),
            fold_1_correct: first.map(|chosen| chosen.correct),
            fold_1_total: first.map(|chosen| chosen.total),
            fold_2_layer: second.map(|chosen| chosen.layer),
            fold_2_head: second.map(|chosen| chosen.head),
            fold_2_direction: second.map(|chosen| chosen.direction),
            fold_2_baseline: second.and_then(|chosen| chosen.baseline),
            fold_2_baseline_offset: second.and_then(|chosen| chosen.baseline_offset),
            fold_2_correct: second.map(|chosen| chosen.correct),
            fold_2_total: second.map(|chosen| chosen.total),
            ..Self::default()
        }
    }

    /// What was chosen: once; with two folds by each of them.
    pub fn chosen(&self) -> Vec<Chosen> {
        let folds = [
            (1, self.fold_1_layer, self.fold_1_head, self.fold_1_direction, self.fold_1_baseline),
            (2, self.fold_2_layer, self.fold_2_head, self.fold_2_direction, self.fold_2_baseline),
        ];
        let fold = |(fold, layer, head, direction, baseline): (_, _, _, _, Option<BaselineKind>)| {
            let (baseline_offset, correct, total) = if fold == 1 {
                (self.fold_1_baseline_offset, self.fold_1_correct, self.fold_1_total)
            } else {
                (self.fold_2_baseline_offset, self.fold_2_correct, self.fold_2_total)
            };
            Some(Chosen {
                fold: Some(fold),
                layer: layer?,
                head: head?,
                direction: direction?,
                baseline,
                baseline_offset,
                correct: correct.unwrap_or(0),
                total: total.unwrap_or(0),
            })
        };
        let folds: Vec<Chosen> = folds.into_iter().filter_map(fold).collect();
        if !folds.is_empty() {
            return folds;
        }
        let single = || {
            Some(Chosen {
                fold: None,
                layer: self.layer?,
                head: self.head?,
                direction: self.direction?,
                baseline: self.baseline,
                baseline_offset: self.baseline_offset,
                correct: self.correct,
                total: self.total,
            })
        };
        single().into_iter().collect()
    }

    /// `3-9`; where two folds chose different heads, both: `3-9/2-4`.
    pub(crate) fn head_name(&self) -> String {
        self.each(|chosen| format!("{}-{}", chosen.layer, chosen.head))
    }

    /// `dep→gov`; where two folds chose different directions, who attends, in the order of their heads: `dep→/gov→`.
    pub(crate) fn direction_name(&self) -> String {
        if common(self.chosen().iter().map(|chosen| chosen.direction)).is_some() {
            return self.each(|chosen| chosen.direction.arrow().to_owned());
        }
        self.each(|chosen| match chosen.direction {
            Direction::DependentToGovernor => "dep→".to_owned(),
            Direction::GovernorToDependent => "gov→".to_owned(),
            Direction::LaterToEarlier => "late→".to_owned(),
        })
    }

    /// `+1` for an offset, `right` for right-branching; where two folds chose different ones, both.
    pub(crate) fn baseline_name(&self) -> String {
        self.each(|chosen| match (chosen.baseline, chosen.baseline_offset) {
            (Some(BaselineKind::RightBranching), _) => "right".to_owned(),
            (Some(BaselineKind::Distance | BaselineKind::ModalDistance), Some(at)) => format!("±{at}"),
            (_, Some(at)) => offset(at),
            (_, None) => String::new(),
        })
    }

    fn each(&self, name: impl Fn(&Chosen) -> String) -> String {
        let mut names: Vec<String> = self.chosen().iter().map(name).collect();
        names.dedup();
        names.join("/")
    }
}

/// A row without a value.
impl Default for BestHead {
    fn default() -> Self {
        Self {
            relation: String::new(),
            layer: None,
            head: None,
            direction: None,
            selected_on: SelectedOn::Select,
            evaluated_on: EvaluatedOn::Evaluate,
            correct: 0,
            total: 0,
            accuracy: 0.0,
            ci_low: None,
            ci_high: None,
            baseline: None,
            baseline_accuracy: 0.0,
            p_value: None,
            p_adjusted: None,
            baseline_offset: None,
            baseline_correct: 0,
            difference_ci_low: None,
            difference_ci_high: None,
            unit: None,
            units: None,
            fold_1_layer: None,
            fold_1_head: None,
            fold_1_direction: None,
            fold_1_baseline: None,
            fold_1_baseline_offset: None,
            fold_1_correct: None,
            fold_1_total: None,
            fold_2_layer: None,
            fold_2_head: None,
            fold_2_direction: None,
            fold_2_baseline: None,
            fold_2_baseline_offset: None,
            fold_2_correct: None,
            fold_2_total: None,
            reachable: None,
        }
    }
}
