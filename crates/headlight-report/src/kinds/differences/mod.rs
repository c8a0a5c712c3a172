//! Differences inside a run, of all kinds.

mod page;

pub(crate) use page::differences;

use super::shared::distinct;
use crate::format::{count, p_value, percent, points, stars};
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{ComparedMeasure, ComparingKind, Difference};

/// How the values of a measure are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scale {
    /// Shares of words, in per cent; differences in points.
    Share,
    /// Correlations.
    Correlation,
    /// Losses in nats, and turns of states; less is better.
    Loss,
}

impl Scale {
    /// That of a measure.
    pub(crate) fn of(measure: ComparedMeasure) -> Self {
        match measure {
            ComparedMeasure::DistanceSpearman | ComparedMeasure::NormSpearman => Scale::Correlation,
            ComparedMeasure::MaskedLm | ComparedMeasure::States => Scale::Loss,
            ComparedMeasure::Uas
            | ComparedMeasure::Uuas
            | ComparedMeasure::RootAccuracy
            | ComparedMeasure::RelationAccuracy
            | ComparedMeasure::UasGivenRoot
            | ComparedMeasure::LasGivenRoot
            | ComparedMeasure::RelationOfArc
            | ComparedMeasure::ArcsFound
            | ComparedMeasure::AntecedentsFound
            | ComparedMeasure::ProbeUas
            | ComparedMeasure::Accuracy
            | ComparedMeasure::AccuracyByField
            | ComparedMeasure::AccuracyByPhenomenon
            | ComparedMeasure::AccuracyByParadigm => Scale::Share,
        }
    }

    /// Whether the smaller value is the better one.
    pub(crate) fn less_is_better(self) -> bool {
        self == Scale::Loss
    }

    /// A value for people.
    pub(crate) fn value(self, value: f64) -> String {
        match self {
            Scale::Share => percent(value),
            Scale::Correlation => format!("{value:.3}"),
            Scale::Loss => format!("{value:.4}"),
        }
    }

    /// How a difference is shown, with its sign.
    pub(crate) fn difference(self) -> fn(f64) -> String {
        match self {
            Scale::Share => points,
            Scale::Correlation => |difference| signed(difference, 3),
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

/// The differences of one experiment as a table for people; `None` where there are none.
pub fn differences_sheet(rows: &[Difference], title: &str) -> Option<Sheet> {
    rows.first()?;
    let columns = ["<of", "<first", "<second", ">first − second", ">interval", "<"];
    let row = |row: &Difference| {
        let show = Scale::of(row.measure).difference();
        let interval = row.ci_low.zip(row.ci_high);
        let of = row.group.clone().unwrap_or_else(|| row.measure.name().replace('_', " "));
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
    let mut measures: Vec<ComparedMeasure> = rows.iter().map(|row| row.measure).collect();
    measures.dedup();
    let of_measure = |measure: &ComparedMeasure| rows.iter().filter(|of| of.measure == *measure).map(row).collect();
    Some(Sheet {
        groups: measures.iter().map(of_measure).collect(),
        notes: vec![differences_note(&rows.iter().collect::<Vec<_>>())],
        ..Sheet::new(title.to_owned(), &columns)
    })
}

/// The tables of `report.md`: one for each experiment.
pub(super) fn chapters(run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
    let differences: Vec<Difference> = run.table_or_empty()?;
    let of = |experiment: ComparingKind| {
        let rows = differences.iter().filter(|row| row.experiment == experiment);
        differences_sheet(&rows.cloned().collect::<Vec<_>>(), &format!("Differences, {experiment}"))
    };
    let experiments = distinct(differences.iter().map(|row| row.experiment));
    Ok(experiments.into_iter().filter_map(of).map(|sheet| ("Differences", sheet)).collect())
}

/// A difference with all that it rests on: `12.7 points more [11.0, 14.2] (p < 0.001, paired over 2,001 sentences)`. The p is
/// Holm's.
pub(super) fn said(row: &Difference) -> String {
    let interval = row.ci_low.zip(row.ci_high);
    let interval = interval.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", points(low), points(high)));
    let over = format!("{} {}s", count(row.units), row.unit);
    let test = match row.p_adjusted.or(row.p_value).map(p_value) {
        Some(p) if p.starts_with('<') => format!("p {p}, paired over {over}"),
        Some(p) => format!("p = {p}, paired over {over}"),
        None => format!("not tested, over {over}"),
    };
    format!("{} points{interval} ({test})", points(row.difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_written_in_their_own_units() {
        let shown = |measure| {
            let scale = Scale::of(measure);
            (scale.value(0.8123), scale.difference()(-0.0412), scale.less_is_better())
        };
        assert_eq!(shown(ComparedMeasure::Uas), ("81.2".to_owned(), "−4.1".to_owned(), false));
        assert_eq!(shown(ComparedMeasure::DistanceSpearman), ("0.812".to_owned(), "−0.041".to_owned(), false));
        assert_eq!(shown(ComparedMeasure::MaskedLm), ("0.8123".to_owned(), "−0.0412".to_owned(), true));
    }
}
