//! Differences inside a run: every comparison that a reader will make in his head, paired and tested (METHOD §5).

use crate::format::{count, percent, points, stars};
use crate::sheet::Sheet;
use crate::stats::{Bootstrap, Counts, Interval, Pair, StatsError, Unit, holm, sign_flip_test};
use crate::tables::Difference;

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

/// The differences of one measure: interval, exact paired test, Holm's correction over all that are given. What counts no
/// word is left out.
///
/// # Errors
/// [`StatsError::DifferentSentences`] where counts are not all of the same number of units.
pub fn differences(
    experiment: &str,
    measure: &str,
    compared: &[Compared<'_>],
    unit: Unit,
    bootstrap: &Bootstrap,
) -> Result<Vec<Difference>, StatsError> {
    let pairs: Vec<Pair<'_>> = compared.iter().map(|compared| compared.counts).collect();
    let intervals = bootstrap.paired(&pairs)?;
    let mut rows = Vec::new();
    for (compared, intervals) in compared.iter().zip(intervals) {
        let share = |counts: &[Counts]| match Counts::sum(counts) {
            (_, 0) => None,
            (correct, total) => Some(correct as f64 / total as f64),
        };
        let Some((value_a, value_b)) = share(compared.counts.a).zip(share(compared.counts.b)) else { continue };
        let interval = intervals.map(|intervals| intervals.difference);
        rows.push(Difference {
            experiment: experiment.to_owned(),
            measure: measure.to_owned(),
            group: compared.group.map(ToOwned::to_owned),
            a: compared.a.to_owned(),
            b: compared.b.to_owned(),
            value_a,
            value_b,
            difference: value_a - value_b,
            ci_low: interval.map(|interval| interval.low),
            ci_high: interval.map(|interval| interval.high),
            p_value: Some(sign_flip_test(compared.counts)?),
            p_adjusted: None,
            unit: unit.name().to_owned(),
            units: compared.counts.a.len() as u64,
        });
    }
    let p_values: Vec<f64> = rows.iter().filter_map(|row| row.p_value).collect();
    for (row, adjusted) in rows.iter_mut().zip(holm(&p_values)) {
        row.p_adjusted = Some(adjusted);
    }
    Ok(rows)
}

/// How the values of a measure are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// Shares of words, in per cent; differences in points.
    Share,
    /// Correlations.
    Correlation,
    /// Bits of a code; less is better.
    Bits,
    /// Losses in nats, and turns of states; less is better.
    Loss,
}

impl Scale {
    /// By the measure's name, as tables have it.
    pub(crate) fn of(measure: &str) -> Self {
        match measure {
            measure if measure.ends_with("spearman") => Scale::Correlation,
            measure if measure.ends_with("bits") => Scale::Bits,
            "masked_lm" | "states" => Scale::Loss,
            _ => Scale::Share,
        }
    }

    /// Whether the smaller value is the better one.
    pub(crate) fn less_is_better(self) -> bool {
        matches!(self, Scale::Bits | Scale::Loss)
    }

    /// A value for people.
    pub(crate) fn value(self, value: f64) -> String {
        match self {
            Scale::Share => percent(value),
            Scale::Correlation => format!("{value:.3}"),
            Scale::Bits => format!("{value:.0}"),
            Scale::Loss => format!("{value:.4}"),
        }
    }

    /// How a difference is shown, with its sign.
    pub(crate) fn difference(self) -> fn(f64) -> String {
        match self {
            Scale::Share => points,
            Scale::Correlation => |difference| signed(difference, 3),
            Scale::Bits => |difference| signed(difference, 0),
            Scale::Loss => |difference| signed(difference, 4),
        }
    }
}

fn signed(difference: f64, decimals: usize) -> String {
    let sign = if difference > 0.0 { "+" } else { "" };
    format!("{sign}{difference:.decimals$}").replace('-', "−")
}

/// What a table of differences rests on, in a sentence.
pub(crate) fn differences_note(rows: &[&Difference]) -> String {
    let mut over: Vec<String> = Vec::new();
    for row in rows {
        let units = format!("{} {}s", count(row.units), row.unit);
        if !over.contains(&units) {
            over.push(units);
        }
    }
    let over = over.join(" or ");
    if rows.iter().all(|row| row.p_value.is_none()) {
        return format!("Differences on the same words, paired: bootstrap interval over {over}, no test.");
    }
    format!(
        "Differences on the same words, paired: bootstrap interval and exact sign-flip test over {over}, Holm-corrected over \
         the differences of a measure: * p < 0.05, ** p < 0.01, *** p < 0.001."
    )
}

/// The difference of two named values that are no shares of words, such as losses and correlations: an interval and no test.
pub fn difference_of_values(
    experiment: &str,
    measure: &str,
    group: Option<String>,
    [(a, value_a), (b, value_b)]: [(String, f64); 2],
    interval: Option<Interval>,
    unit: &str,
    units: usize,
) -> Difference {
    Difference {
        experiment: experiment.to_owned(),
        measure: measure.to_owned(),
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
        unit: unit.to_owned(),
        units: units as u64,
    }
}

/// The differences of one experiment as a table for people; `None` where there are none.
pub fn differences_sheet(rows: &[Difference], title: &str) -> Option<Sheet> {
    rows.first()?;
    let columns = ["<of", "<first", "<second", ">first − second", ">interval", "<"];
    let row = |row: &Difference| {
        let show = Scale::of(&row.measure).difference();
        let interval = row.ci_low.zip(row.ci_high);
        let of = row.group.clone().unwrap_or_else(|| row.measure.replace('_', " "));
        let named = |name: &str| name.replace("dep_to_gov", "dep→gov").replace("gov_to_dep", "gov→dep");
        vec![
            of.into(),
            named(&row.a).into(),
            named(&row.b).into(),
            show(row.difference).into(),
            interval.map_or_else(String::new, |(low, high)| format!("[{}, {}]", show(low), show(high))).into(),
            stars(row.p_adjusted).into(),
        ]
    };
    let mut measures: Vec<&str> = rows.iter().map(|row| row.measure.as_str()).collect();
    measures.dedup();
    let of_measure = |measure: &&str| rows.iter().filter(|of| of.measure == **measure).map(row).collect();
    Some(Sheet {
        groups: measures.iter().map(of_measure).collect(),
        notes: vec![differences_note(&rows.iter().collect::<Vec<_>>())],
        ..Sheet::new(title.to_owned(), &columns)
    })
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
            "trees",
            "uuas",
            &[compared(&chain), compared(&tree), compared(&absent)],
            Unit::Sentence,
            &Bootstrap::default(),
        )
        .unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.difference, row.p_value, row.p_adjusted, row.units)).collect();
        assert_eq!(seen, [(0.5, Some(1.0 / 32.0), Some(2.0 / 32.0), 6), (0.0, Some(1.0), Some(1.0), 6)]);
        // Every unit differs by the same: Newcombe's interval from Wilson's of 1 and of 0.5, both of 6 units.
        let end = |end: Option<f64>| (1000.0 * end.unwrap()).round() / 1000.0;
        assert_eq!((end(rows[0].ci_low), end(rows[0].ci_high)), (0.0, 0.812));
        let sheet = differences_sheet(&rows, "Differences").unwrap().to_text(120);
        assert!(sheet.contains("+50.0") && sheet.contains("6 sentences"), "{sheet}");
        assert!(differences_sheet(&[], "Differences").is_none());
    }

    #[test]
    fn measures_are_written_in_their_own_units() {
        let shown = |measure: &str| {
            let scale = Scale::of(measure);
            (scale.value(0.8123), scale.difference()(-0.0412), scale.less_is_better())
        };
        assert_eq!(shown("uas"), ("81.2".to_owned(), "−4.1".to_owned(), false));
        assert_eq!(shown("distance_spearman"), ("0.812".to_owned(), "−0.041".to_owned(), false));
        assert_eq!(Scale::of("mdl_bits").difference()(1234.4), "+1234");
        assert!(Scale::of("mdl_bits").less_is_better());
    }
}
