//! How sure the harm is that masking does, and which order does less: differences of values on the same sequences, resampled
//! together.

use anyhow::Result;
use headlight_report::tables::{ComparingKind, Difference, MaskingMeasure, PruningOrder};
use headlight_report::{Compared, difference_of_values, differences, facts, has_learned};
use headlight_stats::{Bootstrap, Counts, Interval, Pair, UnitSums, ratio};

use super::Pruning;
use super::values::Values;
use super::work::{Found, Masked, Measured};

/// What one measure's values are worth.
pub struct Assessed {
    /// Harm is clear where the whole interval of it lies above this.
    pub limit: f64,
    /// By head, the interval of the value with it masked minus the intact model's.
    pub alone: Vec<Option<Interval>>,
    /// The same after each step of each order.
    pub curves: Vec<Vec<Option<Interval>>>,
    /// Orders against each other.
    pub differences: Vec<Difference>,
    /// Of the intact model's value.
    pub intact: Option<Interval>,
    /// Whether the measure says nothing, being the loss of a head that has not learned.
    pub untrained: bool,
}

/// Of changes: the denominators are the same.
fn changes(changed: &UnitSums, intact: &UnitSums) -> UnitSums {
    changed.iter().zip(intact).map(|(changed, intact)| (changed.0 - intact.0, intact.1)).collect()
}

fn intervals(bootstrap: &Bootstrap, units: usize, of: &[UnitSums]) -> Vec<Option<Interval>> {
    // A single unit has nothing to be compared with.
    if units < 2 {
        return vec![None; of.len()];
    }
    bootstrap.ratios(of)
}

impl Found {
    /// By each measure.
    pub fn assess(&self, keys: &Pruning, bootstrap: &Bootstrap) -> Result<Vec<Assessed>> {
        self.measured.iter().map(|measured| self.assess_measure(keys, measured, bootstrap)).collect()
    }

    fn assess_measure(&self, keys: &Pruning, measured: &Measured, bootstrap: &Bootstrap) -> Result<Assessed> {
        let units = measured.count();
        let intact = measured.by_unit(&measured.intact);
        let change = |values: &Values| changes(&measured.by_unit(values), &intact);
        let mut sums: Vec<UnitSums> = vec![intact.clone()];
        sums.extend(measured.alone.iter().map(change));
        sums.extend(measured.curves.iter().flatten().map(change));
        let mut found = intervals(bootstrap, units, &sums).into_iter();
        let of_intact = found.next().flatten();
        let alone = found.by_ref().take(measured.alone.len()).collect();
        let curves = measured.curves.iter().map(|curve| found.by_ref().take(curve.len()).collect()).collect();
        let limit = if measured.measure == MaskingMeasure::States { keys.turned } else { 0.0 };
        let untrained = match (measured.measure, self.vocabulary) {
            (MaskingMeasure::MaskedLm, Some(vocabulary)) => {
                !has_learned(measured.intact.whole(), facts::ends(of_intact), vocabulary as u64)
            }
            _ => false,
        };
        let differences = self.differences(measured, bootstrap)?;
        Ok(Assessed { limit, alone, curves, differences, intact: of_intact, untrained })
    }

    /// Each order against each other, a few times on the way.
    fn differences(&self, measured: &Measured, bootstrap: &Bootstrap) -> Result<Vec<Difference>> {
        let named = |order: PruningOrder| -> Vec<usize> {
            (0..self.orders.len()).filter(|&at| self.orders[at].order == order).collect()
        };
        use PruningOrder::{Greedy, Importance, Named, Random, RandomOfLayers};
        let pairs = [(Importance, Random), (Greedy, Random), (Greedy, Importance), (Named, RandomOfLayers)];
        let mut meetings = Vec::new();
        for (a, b) in pairs.map(|(a, b)| (named(a), named(b))) {
            let (Some(&first), false) = (a.first(), b.is_empty()) else { continue };
            let heads = |at: &usize| self.orders[*at].heads.len();
            let common = a.iter().chain(&b).map(heads).min().unwrap_or(0);
            let mut steps: Vec<usize> = (1..=4).map(|quarter| (common * quarter).div_ceil(4)).collect();
            steps.dedup();
            // Without any head all orders have come to the same model.
            steps.retain(|&step| step > 0 && step < self.grid.len());
            meetings.extend(steps.into_iter().map(|step| Meeting { a: first, b: b.clone(), step }));
        }
        match measured.measure {
            MaskingMeasure::ProbeUas => self.differences_of_counts(measured, &meetings, bootstrap),
            MaskingMeasure::MaskedLm | MaskingMeasure::States => {
                Ok(self.differences_of_means(measured, &meetings, bootstrap))
            }
        }
    }

    fn differences_of_counts(
        &self,
        measured: &Measured,
        meetings: &[Meeting],
        bootstrap: &Bootstrap,
    ) -> Result<Vec<Difference>> {
        // Of several draws the counts are added up; the other side counts as often, so that both are of the same words.
        let counts = |orders: &[usize], step: usize, times: u32| -> Vec<Counts> {
            let mut sums = vec![Counts::default(); measured.count()];
            for &order in orders {
                for (sum, (correct, total)) in sums.iter_mut().zip(measured.by_unit(&measured.curves[order][step - 1]))
                {
                    sum.correct += times * correct as u32;
                    sum.total += times * total as u32;
                }
            }
            sums
        };
        let names: Vec<[String; 3]> = meetings.iter().map(|meeting| self.names(meeting)).collect();
        let both: Vec<[Vec<Counts>; 2]> = meetings
            .iter()
            .map(|it| [counts(&[it.a], it.step, it.b.len() as u32), counts(&it.b, it.step, 1)])
            .collect();
        let compared: Vec<Compared<'_>> = names
            .iter()
            .zip(&both)
            .map(|([a, b, group], [of_a, of_b])| Compared {
                a,
                b,
                group: Some(group),
                counts: Pair { a: of_a, b: of_b },
            })
            .collect();
        Ok(differences(ComparingKind::Pruning, measured.measure.compared(), &compared, measured.unit, bootstrap)?)
    }

    fn differences_of_means(
        &self,
        measured: &Measured,
        meetings: &[Meeting],
        bootstrap: &Bootstrap,
    ) -> Vec<Difference> {
        let mean = |orders: &[usize], step: usize| -> UnitSums {
            let mut sums = vec![(0.0, 0.0); measured.count()];
            for &order in orders {
                for (sum, (amount, of)) in sums.iter_mut().zip(measured.by_unit(&measured.curves[order][step - 1])) {
                    *sum = (sum.0 + amount / orders.len() as f64, of);
                }
            }
            sums
        };
        let both: Vec<[UnitSums; 2]> =
            meetings.iter().map(|it| [mean(&[it.a], it.step), mean(&it.b, it.step)]).collect();
        let sums: Vec<UnitSums> = both.iter().map(|[a, b]| changes(a, b)).collect();
        let intervals = intervals(bootstrap, measured.count(), &sums);
        let once = vec![1; measured.count()];
        let row = |((meeting, [a, b]), interval): ((&Meeting, &[UnitSums; 2]), Option<Interval>)| {
            let ([name_a, name_b, group], [value_a, value_b]) =
                (self.names(meeting), [ratio(a, &once), ratio(b, &once)]);
            let values = [(name_a, value_a), (name_b, value_b)];
            let (kind, measure) = (ComparingKind::Pruning, measured.measure.compared());
            difference_of_values(kind, measure, Some(group), values, interval, measured.unit, measured.count())
        };
        meetings.iter().zip(&both).zip(intervals).map(row).collect()
    }

    /// Of both sides, and of where they meet.
    fn names(&self, meeting: &Meeting) -> [String; 3] {
        let draws = meeting.b.len();
        let of = |masked: &Masked| masked.order.to_string().replace('_', " ");
        let b = of(&self.orders[meeting.b[0]]);
        let b = if draws > 1 { format!("{b} (mean of {draws} draws)") } else { b };
        [of(&self.orders[meeting.a]), b, format!("{} heads masked", meeting.step)]
    }
}

/// Two orders after as many steps.
struct Meeting {
    /// The number of the first.
    a: usize,
    /// Those of the second: each of its draws.
    b: Vec<usize>,
    step: usize,
}

impl Measured {
    /// Units that were measured.
    pub fn count(&self) -> usize {
        self.units.iter().max().map_or(0, |&last| last as usize + 1)
    }

    /// Sums by unit.
    pub fn by_unit(&self, values: &Values) -> UnitSums {
        values.by_unit(&self.units, self.count())
    }
}

#[cfg(test)]
mod tests {
    use headlight_attention::{AttentionHead, HeadGrid};
    use headlight_stats::Unit;

    use super::*;
    use crate::kinds::pruning::keys::ImportanceBy;

    const GRID: HeadGrid = HeadGrid { layers: 2, heads: 4 };

    fn masked(order: PruningOrder, draw: Option<u32>) -> Masked {
        Masked { order, draw, heads: GRID.iter().take(4).collect::<Vec<AttentionHead>>() }
    }

    fn measured(measure: MaskingMeasure, intact: Values, curves: Vec<Vec<Values>>, units: &[u32]) -> Measured {
        let corpus = "en_ewt".to_owned();
        Measured { measure, corpus, unit: Unit::Sentence, units: units.to_vec(), intact, alone: Vec::new(), curves }
    }

    fn assess(found: &Found) -> Assessed {
        let keys: Pruning = serde_json::from_value(serde_json::json!({
            "measure": "auto", "masking": "zero", "orders": ["importance"], "heads": [], "relations": [], "most_heads": 3, "importance": "auto", "steps": 0,
            "greedy_steps": 0, "draws": 2, "turned": 0.1, "sequences": 4, "hidden": 0.15, "store": "",
            "resamples": 1000, "confidence": 0.95,
        }))
        .unwrap();
        found.assess(&keys, &Bootstrap::default()).unwrap().remove(0)
    }

    fn found(orders: Vec<Masked>, measured: Measured) -> Found {
        Found {
            grid: GRID,
            orders,
            measured: vec![measured],
            importance_by: ImportanceBy::Ablation,
            vocabulary: Some(94),
        }
    }

    #[test]
    fn changes_have_their_intervals() {
        let shares = |counts: [(u32, u32); 4]| Values::Shares(counts.to_vec());
        let intact = shares([(8, 10), (9, 10), (7, 10), (8, 10)]);
        // One sentence alone is worse, then all are.
        let curve = vec![
            shares([(8, 10), (9, 10), (7, 10), (7, 10)]),
            shares([(7, 10), (8, 10), (6, 10), (7, 10)]),
            intact.clone(),
        ];
        let measured = measured(MaskingMeasure::ProbeUas, intact, vec![curve], &[0, 1, 2, 3]);
        let found = found(vec![masked(PruningOrder::Importance, None)], measured);
        let assessed = assess(&found);
        let second = assessed.curves[0][1].unwrap();
        assert!((second.low + 0.1).abs() < 1e-12 && (second.high + 0.1).abs() < 1e-12, "{second:?}");
        assert!(assessed.curves[0][0].unwrap().high > -1e-12);
    }

    #[test]
    fn units_are_resampled_as_a_whole() {
        // Two documents whose changes are opposite: within either, sentences agree.
        let intact = Values::Means(vec![1.0; 8]);
        let curve = vec![Values::Means(vec![1.2, 1.2, 1.2, 1.2, 0.9, 0.9, 0.9, 0.9])];
        let interval = |units: &[u32]| {
            let measured = measured(MaskingMeasure::MaskedLm, intact.clone(), vec![curve.clone()], units);
            assess(&found(vec![masked(PruningOrder::Importance, None)], measured)).curves[0][0].unwrap()
        };
        let documents = interval(&[0, 0, 0, 0, 1, 1, 1, 1]);
        assert!((documents.low + 0.1).abs() < 1e-12 && (documents.high - 0.2).abs() < 1e-12, "{documents:?}");
        let sentences = interval(&[0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(sentences.low > -0.1 && sentences.high < 0.2, "{sentences:?}");
    }

    #[test]
    fn orders_are_compared_with_the_mean_of_all_draws() {
        let curve = |values: [f64; 4]| vec![Values::Means(values.to_vec()); 4];
        let curves = vec![curve([1.0; 4]), curve([1.5, 2.5, 1.5, 2.5]), curve([2.5, 1.5, 2.5, 1.5])];
        let orders = vec![
            masked(PruningOrder::Greedy, None),
            masked(PruningOrder::Random, Some(0)),
            masked(PruningOrder::Random, Some(1)),
        ];
        let measured = measured(MaskingMeasure::MaskedLm, Values::Means(vec![1.0; 4]), curves, &[0, 1, 2, 3]);
        let found = found(orders, measured);
        let assessed = assess(&found);
        let rows = &assessed.differences;
        let steps: Vec<&str> = rows.iter().filter_map(|row| row.group.as_deref()).collect();
        assert_eq!(steps, ["1 heads masked", "2 heads masked", "3 heads masked", "4 heads masked"]);
        for row in rows {
            assert_eq!((row.a.as_str(), row.b.as_str()), ("greedy", "random (mean of 2 draws)"));
            // By sequence both draws together are 2 throughout, so nothing is uncertain.
            assert_eq!((row.difference, row.ci_low, row.ci_high), (-1.0, Some(-1.0), Some(-1.0)));
        }
        // A loss of 1 is below that of a guess among 94 pieces; one of 5 is not.
        assert!(!assessed.untrained);
        let measured = self::measured(MaskingMeasure::MaskedLm, Values::Means(vec![5.0, 5.1]), Vec::new(), &[0, 1]);
        assert!(assess(&self::found(Vec::new(), measured)).untrained);
    }

    #[test]
    fn differences_of_counts_are_those_of_shares() {
        let shares = |counts: [(u32, u32); 2]| vec![Values::Shares(counts.to_vec()); 4];
        let curves = vec![shares([(8, 10), (8, 10)]), shares([(5, 10), (6, 10)]), shares([(6, 10), (5, 10)])];
        let orders = vec![
            masked(PruningOrder::Importance, None),
            masked(PruningOrder::Random, Some(0)),
            masked(PruningOrder::Random, Some(1)),
        ];
        let measured = measured(MaskingMeasure::ProbeUas, Values::Shares(vec![(9, 10); 2]), curves, &[0, 1]);
        let assessed = assess(&found(orders, measured));
        let row = &assessed.differences[0];
        assert!((row.value_a - 0.8).abs() < 1e-12 && (row.value_b - 0.55).abs() < 1e-12, "{row:?}");
        // Both sentences differ by the same: two of four sign patterns are as extreme.
        assert_eq!((row.p_value, row.units), (Some(0.5), 2));
    }
}
