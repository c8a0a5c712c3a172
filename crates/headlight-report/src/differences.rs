//! Differences inside a run: every comparison that a reader will make in his head, paired and tested (METHOD §5).

use headlight_stats::{Bootstrap, Counts, Interval, Pair, StatsError, Unit, holm_over_differing, sign_flip_test};

use crate::tables::{ComparedMeasure, ComparingKind, Difference};

/// Two results of one experiment on the same units of words.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// The first, as the kind's own table names it.
    pub a: &'a str,
    /// The second.
    pub b: &'a str,
    /// The relation or other group of words; `None` for all.
    pub group: Option<&'a str>,
    /// Their counts, by unit.
    pub counts: Pair<'a>,
}

/// The differences of one measure: interval, exact paired test, Holm's correction over all that are given and
/// differ in any unit. What counts no word is left out.
///
/// # Errors
/// [`StatsError::DifferentSentences`] where counts are not all of the same number of units.
pub fn differences(
    experiment: ComparingKind,
    measure: ComparedMeasure,
    compared: &[Compared<'_>],
    unit: Unit,
    bootstrap: &Bootstrap,
) -> Result<Vec<Difference>, StatsError> {
    let pairs: Vec<Pair<'_>> = compared.iter().map(|compared| compared.counts).collect();
    let intervals = bootstrap.paired(&pairs)?;
    let (mut rows, mut tests) = (Vec::new(), Vec::new());
    for (compared, intervals) in compared.iter().zip(intervals) {
        let share = |counts: &[Counts]| match Counts::sum(counts) {
            (_, 0) => None,
            (correct, total) => Some(correct as f64 / total as f64),
        };
        let Some((value_a, value_b)) = share(compared.counts.a).zip(share(compared.counts.b)) else { continue };
        let interval = intervals.map(|intervals| intervals.difference);
        let p_value = sign_flip_test(compared.counts)?;
        tests.push((p_value, compared.counts.differs()));
        rows.push(Difference {
            experiment,
            measure,
            group: compared.group.map(ToOwned::to_owned),
            a: compared.a.to_owned(),
            b: compared.b.to_owned(),
            value_a,
            value_b,
            difference: value_a - value_b,
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
            p_value: Some(p_value),
            p_adjusted: None,
            unit,
            units: compared.counts.a.len() as u64,
        });
    }
    for (row, adjusted) in rows.iter_mut().zip(holm_over_differing(&tests)) {
        row.p_adjusted = Some(adjusted);
    }
    Ok(rows)
}

/// The difference of two named values that are no shares of words, such as losses and correlations: an interval and no test.
pub fn difference_of_values(
    experiment: ComparingKind,
    measure: ComparedMeasure,
    group: Option<String>,
    [(a, value_a), (b, value_b)]: [(String, f64); 2],
    interval: Option<Interval>,
    unit: Unit,
    units: usize,
) -> Difference {
    Difference {
        experiment,
        measure,
        group,
        a,
        b,
        value_a,
        value_b,
        difference: value_a - value_b,
        ci_low: interval.map(|interval| interval.low),
        ci_high: interval.map(|interval| interval.high),
        p_value: None,
        p_adjusted: None,
        unit,
        units: units as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(correct: &[u32]) -> Vec<Counts> {
        correct.iter().map(|&correct| Counts { correct, total: 2 }).collect()
    }

    #[test]
    fn pairs_are_tested_and_corrected_together() {
        let (tree, chain, absent) = (counts(&[2; 6]), counts(&[1; 6]), vec![Counts::default(); 6]);
        let compared = |b| Compared { a: "head", b: "chain", group: None, counts: Pair { a: &tree, b } };
        let rows = differences(
            ComparingKind::Trees,
            ComparedMeasure::Uuas,
            &[compared(&chain), compared(&tree), compared(&absent)],
            Unit::Sentence,
            &Bootstrap::default(),
        )
        .unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.difference, row.p_value, row.p_adjusted, row.units)).collect();
        assert_eq!(seen, [(0.5, Some(1.0 / 32.0), Some(1.0 / 32.0), 6), (0.0, Some(1.0), Some(1.0), 6)]);
        // The tree differs from itself in no unit: its test could not have rejected, and the other does not pay for it.
        // Every unit differs by the same: Newcombe's interval from Wilson's of 1 and of 0.5, both of 6 units.
        let end = |end: Option<f64>| (1000.0 * end.unwrap()).round() / 1000.0;
        assert_eq!((end(rows[0].ci_low), end(rows[0].ci_high)), (0.0, 0.812));
        let sheet = crate::kinds::differences::differences_sheet(&rows, "Differences").unwrap().to_text(120);
        assert!(sheet.contains("+50.0") && sheet.contains("6 sentences"), "{sheet}");
        assert!(crate::kinds::differences::differences_sheet(&[], "Differences").is_none());
    }
}
