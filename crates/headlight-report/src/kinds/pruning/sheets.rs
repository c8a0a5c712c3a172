//! What masking heads does, as tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::shared::{distinct, head, spaced};
use crate::sheet::{Sheet, SheetCell};
use crate::tables::{Ablation, Masking, MaskingMeasure, Pruning, PruningOrder};

/// Heads whose masking alone is shown at either end.
const SHOWN: usize = 5;

/// Steps of a pruning curve that are shown.
const STEPS: u32 = 12;

/// The rows of each measure, in the order in which measures occur.
fn by_measure<T>(rows: &[T], of: impl Fn(&T) -> MaskingMeasure) -> Vec<(MaskingMeasure, Vec<&T>)> {
    let block = |measure| (measure, rows.iter().filter(|row| of(row) == measure).collect());
    distinct(rows.iter().map(&of)).into_iter().map(block).collect()
}

/// By each measure, the heads that the model misses most and least when they are masked alone.
pub(super) fn ablation_sheets(rows: &[Ablation]) -> Vec<Sheet> {
    by_measure(rows, |row| row.measure).into_iter().map(|(measure, rows)| ablation_sheet(measure, rows)).collect()
}

fn ablation_sheet(measure: MaskingMeasure, mut rows: Vec<&Ablation>) -> Sheet {
    let mut sheet = Sheet::new("Heads masked one at a time", &["<head", "<masked by", ">measure", ">change", ">±"]);
    let harm = |row: &Ablation| measure.harm(row.value, row.intact);
    rows.sort_by(|a, b| harm(b).total_cmp(&harm(a)));
    let line = |row: &&Ablation| {
        let error = row.standard_error.map_or_else(|| "–".to_owned(), |error| measure.show(error));
        let head = head(row.layer_index, row.head_index);
        let change = measure.show_change(row.value - row.intact);
        [head, row.masking.to_string(), measure.show(row.value), change, error].map(SheetCell::from).to_vec()
    };
    let (most, rest) = rows.split_at(SHOWN.min(rows.len()));
    let least = &rest[rest.len().saturating_sub(SHOWN)..];
    sheet.groups.extend([most, least].map(|rows| rows.iter().map(line).collect()));
    if let Some(row) = rows.first() {
        let intact = format!("All heads at work: {}.", measure.show(row.intact));
        sheet.notes.push(format!("{} {intact} ± is the standard error of the change.", measure.meaning()));
        if rows.len() > 2 * SHOWN {
            sheet.notes.push(format!("The {SHOWN} heads missed most and the {SHOWN} missed least."));
        }
    }
    sheet
}

/// A curve of one order: by step the mean over its draws, and how far they are apart.
pub(crate) struct Curve {
    /// In which heads go.
    pub order: PruningOrder,
    /// How often it was drawn; 1 for orders that are not.
    pub draws: usize,
    /// In the order of steps.
    pub points: Vec<CurvePoint>,
}

/// A step of a [`Curve`].
pub(crate) struct CurvePoint {
    pub step: u32,
    /// Mean over draws.
    pub value: f64,
    /// Their standard deviation; `None` of a single one.
    pub spread: Option<f64>,
    /// The lowest and the highest of them.
    pub range: (f64, f64),
    /// What the step masks; `None` at step 0 and where draws differ.
    pub head: Option<(u32, u32)>,
    /// The interval of the change from step 0, where there is but one draw.
    pub interval: Option<(f64, f64)>,
}

/// The curves of rows of one measure and masking, in the order in which they occur.
pub(crate) fn curves(rows: &[&Pruning]) -> Vec<Curve> {
    let curve = |order: PruningOrder| {
        let mut steps: BTreeMap<u32, Vec<&Pruning>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.order == order) {
            steps.entry(row.step).or_default().push(row);
        }
        let draws = steps.values().map(Vec::len).max().unwrap_or(1);
        Curve { order, draws, points: steps.into_iter().map(|(step, draws)| point(step, &draws)).collect() }
    };
    distinct(rows.iter().map(|row| row.order)).into_iter().map(curve).collect()
}

fn point(step: u32, draws: &[&Pruning]) -> CurvePoint {
    let values = || draws.iter().map(|row| row.value);
    let value = values().sum::<f64>() / draws.len() as f64;
    let squares: f64 = values().map(|drawn| (drawn - value).powi(2)).sum();
    let single = match draws {
        [row] => Some(*row),
        _ => None,
    };
    CurvePoint {
        step,
        value,
        spread: (draws.len() > 1).then(|| (squares / (draws.len() - 1) as f64).sqrt()),
        range: values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it))),
        head: single.and_then(|row| row.layer_index.zip(row.head_index)),
        interval: single.and_then(|row| row.ci_low.zip(row.ci_high)),
    }
}

/// By each measure, the pruning curves: steps × orders; those of named heads apart.
pub(super) fn pruning_sheets(rows: &[Pruning]) -> Vec<Sheet> {
    let is_named = |row: &&Pruning| [PruningOrder::Named, PruningOrder::RandomOfLayers].contains(&row.order);
    let of_measure = |(measure, rows): (MaskingMeasure, Vec<&Pruning>)| {
        let (named, others): (Vec<&Pruning>, Vec<&Pruning>) = rows.into_iter().partition(is_named);
        let titles =
            ["Pruning: the measure as more heads are masked", "Pruning: the measure as named heads are masked"];
        let parts = titles.into_iter().zip([others, named]).filter(|(_, rows)| !rows.is_empty());
        parts.map(|(title, rows)| pruning_sheet(title, measure, &rows)).collect::<Vec<_>>()
    };
    by_measure(rows, |row| row.measure).into_iter().flat_map(of_measure).collect()
}

fn pruning_sheet(title: &str, measure: MaskingMeasure, rows: &[&Pruning]) -> Sheet {
    let curves = curves(rows);
    let titles: Vec<String> = curves
        .iter()
        .flat_map(|curve| match curve.draws {
            1 => [format!(">{}", spaced(curve.order.name())), "<head".to_owned()],
            _ => [format!(">{}", spaced(curve.order.name())), "<±".to_owned()],
        })
        .collect();
    let columns: Vec<&str> = [">masked"].into_iter().chain(titles.iter().map(String::as_str)).collect();
    let mut sheet = Sheet::new(title, &columns);
    let steps: BTreeSet<u32> = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.step)).collect();
    let last = steps.last().copied().unwrap_or(0);
    let every = last.div_ceil(STEPS).max(1);
    let line = |step: u32| {
        let cells = curves.iter().flat_map(|curve| match curve.points.iter().find(|point| point.step == step) {
            None => [String::new(), String::new()],
            Some(point) => {
                let head = point.head.map(|(layer_index, head_index)| head(layer_index, head_index));
                let spread = point.spread.filter(|_| step > 0).map(|spread| measure.show(spread));
                [measure.show(point.value), head.or(spread).unwrap_or_default()]
            }
        });
        [step.to_string()].into_iter().chain(cells).map(SheetCell::from).collect()
    };
    let shown = steps.into_iter().filter(|step| *step == last || step % every == 0);
    sheet.groups.push(shown.map(line).collect());
    if let Some(row) = rows.first() {
        sheet.notes.push(format!("{} {}", measure.meaning(), masked(row.masking)));
    }
    let drawn = curves.iter().filter(|curve| curve.draws > 1);
    sheet.notes.extend(drawn.map(|curve| {
        format!(
            "Order \"{}\": mean of {} draws, ± their standard deviation; the table pruning has each.",
            spaced(curve.order.name()),
            curve.draws
        )
    }));
    sheet
}

fn masked(masking: Masking) -> &'static str {
    match masking {
        Masking::Uniform => "Masked heads attend to all positions equally.",
        Masking::Zero => "Masked heads do nothing.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ablation(head_index: u32, value: f64) -> Ablation {
        Ablation {
            corpus: "en_ewt".into(),
            layer_index: 0,
            head_index,
            masking: Masking::Zero,
            measure: MaskingMeasure::MaskedLm,
            value,
            intact: 2.5,
            standard_error: Some(0.0123),
            sequences: 100,
            correct: None,
            total: None,
            ci_low: None,
            ci_high: None,
        }
    }

    /// A step of an order; which head it masks is left open.
    fn pruned(order: PruningOrder, step: u32, value: f64) -> Pruning {
        Pruning {
            corpus: "en_ewt".into(),
            order,
            masking: Masking::Zero,
            measure: MaskingMeasure::MaskedLm,
            step,
            layer_index: None,
            head_index: None,
            value,
            sequences: 100,
            standard_error: None,
            correct: None,
            total: None,
            draw: None,
            ci_low: None,
            ci_high: None,
        }
    }

    #[test]
    fn the_most_and_the_least_missed_heads() {
        let rows: Vec<Ablation> = (0..12).map(|head| ablation(head, 2.4 + 0.05 * f64::from(head))).collect();
        let [sheet] = &ablation_sheets(&rows)[..] else { panic!("one measure, one table") };
        insta::assert_snapshot!(sheet.to_text(80), @"
        Heads masked one at a time

        head  masked by  measure   change       ±
        ────  ─────────  ───────  ───────  ──────
        1-12  zero        2.9500  +0.4500  0.0123
        1-11  zero        2.9000  +0.4000  0.0123
        1-10  zero        2.8500  +0.3500  0.0123
        1-9   zero        2.8000  +0.3000  0.0123
        1-8   zero        2.7500  +0.2500  0.0123
        ────  ─────────  ───────  ───────  ──────
        1-5   zero        2.6000  +0.1000  0.0123
        1-4   zero        2.5500  +0.0500  0.0123
        1-3   zero        2.5000  +0.0000  0.0123
        1-2   zero        2.4500  −0.0500  0.0123
        1-1   zero        2.4000  −0.1000  0.0123

        Measure: masked-language-model loss in nats per hidden piece. All heads at work:
        2.5000. ± is the standard error of the change.
        The 5 heads missed most and the 5 missed least.
        ");
        assert_eq!(ablation_sheets(&rows[..3])[0].groups.concat().len(), 3);
    }

    #[test]
    fn curves_side_by_side() {
        let row = |order: PruningOrder, step, head: Option<(u32, u32)>, value| Pruning {
            masking: Masking::Uniform,
            measure: MaskingMeasure::States,
            layer_index: head.map(|head| head.0),
            head_index: head.map(|head| head.1),
            ..pruned(order, step, value)
        };
        let mut rows = vec![row(PruningOrder::Importance, 0, None, 0.0), row(PruningOrder::Greedy, 0, None, 0.0)];
        rows.extend(
            (1..=24).map(|step| row(PruningOrder::Importance, step, Some((0, step - 1)), 0.01 * f64::from(step))),
        );
        rows.extend((1..=4).map(|step| row(PruningOrder::Greedy, step, Some((1, step - 1)), 0.005 * f64::from(step))));
        let [sheet] = &pruning_sheets(&rows)[..] else { panic!("one measure, one table") };
        insta::assert_snapshot!(sheet.to_text(80), @"
        Pruning: the measure as more heads are masked

        masked  importance  head  greedy  head
        ──────  ──────────  ────  ──────  ────
             0      0.0000        0.0000
             2      0.0200  1-2   0.0100  2-2
             4      0.0400  1-4   0.0200  2-4
             6      0.0600  1-6
             8      0.0800  1-8
            10      0.1000  1-10
            12      0.1200  1-12
            14      0.1400  1-14
            16      0.1600  1-16
            18      0.1800  1-18
            20      0.2000  1-20
            22      0.2200  1-22
            24      0.2400  1-24

        Measure: 1 − cosine of the final hidden states to the intact model's. Masked
        heads attend to all positions equally.
        ");
    }

    #[test]
    fn named_heads_have_a_table_of_their_own() {
        let row = |order, draw, step, value| Pruning {
            layer_index: (step > 0).then_some(2),
            head_index: (step > 0).then_some(step),
            draw,
            ..pruned(order, step, value)
        };
        let mut rows = Vec::new();
        for order in PruningOrder::ALL {
            let draws = match order {
                PruningOrder::Random | PruningOrder::RandomOfLayers => vec![Some(1), Some(2)],
                _ => vec![None],
            };
            rows.extend(draws.into_iter().flat_map(|draw| (0..3).map(move |step| row(order, draw, step, 2.5))));
        }
        let [all, named] = &pruning_sheets(&rows)[..] else { panic!("two tables") };
        for (sheet, titles) in
            [(all, ["importance", "greedy", "random"].as_slice()), (named, &["named", "random of layers"])]
        {
            let text = sheet.to_text(80);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(titles.iter().all(|title| text.contains(title)), "{text}");
        }
    }

    #[test]
    fn draws_are_shown_by_their_mean_and_spread() {
        let row = |draw, step, value| Pruning {
            measure: MaskingMeasure::ProbeUas,
            layer_index: (step > 0).then_some(0),
            head_index: (step > 0).then_some(draw),
            draw: Some(draw),
            ci_low: Some(-0.1),
            ci_high: Some(0.0),
            ..pruned(PruningOrder::Random, step, value)
        };
        let rows = [row(1, 0, 0.5), row(1, 1, 0.3), row(2, 0, 0.5), row(2, 1, 0.4), row(3, 0, 0.5), row(3, 1, 0.2)];
        let [sheet] = &pruning_sheets(&rows)[..] else { panic!("one measure, one table") };
        let cells = |line: usize| sheet.groups[0][line].iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
        // The standard deviation of 0.3, 0.4 and 0.2 is 0.1.
        assert_eq!(
            (cells(0), cells(1)),
            (vec!["0".into(), "50.00".into(), String::new()], vec!["1".into(), "30.00".into(), "10.00".into()])
        );
        assert!(sheet.notes[1].contains("mean of 3 draws"), "{:?}", sheet.notes);
        let refs: Vec<&Pruning> = rows.iter().collect();
        let last = &curves(&refs)[0].points[1];
        assert_eq!((last.range, last.head, last.interval), ((0.2, 0.4), None, None));
    }

    #[test]
    fn each_measure_has_its_table_and_knows_which_way_is_down() {
        let uas = |head_index, value| Ablation {
            measure: MaskingMeasure::ProbeUas,
            intact: 0.6,
            standard_error: Some(0.0123),
            correct: Some((1000.0 * value) as u64),
            total: Some(1000),
            ..ablation(head_index, value)
        };
        let rows = [ablation(0, 2.4), ablation(1, 2.6), uas(0, 0.61), uas(1, 0.5)];
        let [loss, probe] = &ablation_sheets(&rows)[..] else { panic!("two measures, two tables") };
        let first = |sheet: &Sheet| sheet.groups[0][0].iter().map(|cell| cell.text.clone()).collect::<Vec<_>>();
        assert_eq!(first(loss), ["1-2", "zero", "2.6000", "+0.1000", "0.0123"]);
        assert_eq!(first(probe), ["1-2", "zero", "50.00", "−10.00", "1.23"]);
        assert!(probe.notes[0].contains("UAS in %") && probe.notes[0].contains("at work: 60.00"), "{:?}", probe.notes);
    }
}
