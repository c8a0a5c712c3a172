//! What is compared inside a run, paired: of all kinds, in one place.

use super::{Scale, differences_note};
use crate::format::p_value;
use crate::html::section::Section;
use crate::html::strips::{Align, Column, Order, Strip, interval, legend, number, strip, table, text};
use crate::kinds::shared::{distinct, spaced};
use crate::sheet::escape_html;
use crate::tables::{ComparedMeasure, Difference};

/// More rows of one experiment are folded away.
const OPEN: usize = 12;

/// The differences of each experiment, measure by measure; those that are beyond chance stand out.
pub(crate) fn differences(rows: &[Difference]) -> Option<Section> {
    let introduction = "Results of the run beside each other, on the same words and paired: who is better by how much, and \
                        whether that is more than chance. Bold differences have p &lt; 0.05 after Holm's correction.";
    let experiments = distinct(rows.iter().map(|row| row.experiment));
    let section =
        Section::new("differences", "Differences", introduction).html(&legend("the first", Some("the second")));
    let shown = experiments.iter().fold(section, |section, experiment| {
        let rows: Vec<&Difference> = rows.iter().filter(|row| row.experiment == *experiment).collect();
        let measures = distinct(rows.iter().map(|row| row.measure));
        let group = |measure: &ComparedMeasure| {
            rows.iter().filter(|row| row.measure == *measure).map(|row| line(row)).collect()
        };
        let groups: Vec<String> = measures.iter().map(group).collect();
        let table = table("class=\"predictors\"", &COLUMNS, &groups, false);
        let note = format!("<p class=\"note\">{}</p>\n", escape_html(&differences_note(&rows)));
        let title = experiment.name();
        section.html(&match rows.len() > OPEN {
            true => format!("<details><summary>{title}: {} differences</summary>{table}{note}</details>\n", rows.len()),
            false => format!("<h3>{title}</h3>\n{table}{note}"),
        })
    });
    (!rows.is_empty()).then_some(shown)
}

const COLUMNS: [Column; 9] = [
    Column("measure", Align::Text, Order::Fixed),
    Column("of", Align::Text, Order::Fixed),
    Column("first", Align::Text, Order::Fixed),
    Column("0 – 100 %", Align::Drawing, Order::Fixed),
    Column("is", Align::Number, Order::Fixed),
    Column("second", Align::Text, Order::Fixed),
    Column("is", Align::Number, Order::Fixed),
    Column("difference", Align::Number, Order::Fixed),
    Column("p, Holm", Align::Number, Order::Fixed),
];

fn line(row: &Difference) -> String {
    let scale = Scale::of(row.measure);
    let verdict = match row.p_adjusted.or(row.p_value).map(|p| p < 0.05) {
        Some(true) if (row.difference > 0.0) != scale.less_is_better() => "gain",
        Some(true) => "loss",
        Some(false) => "unclear",
        None => "",
    };
    let first = match scale {
        Scale::Share => strip(Strip { share: row.value_a, interval: None, reference: Some(row.value_b) }),
        other => format!("<td></td>{}", number(row.value_a, "", &other.value(row.value_a))),
    };
    let p = row.p_adjusted.or(row.p_value);
    let ends = interval(row.ci_low.zip(row.ci_high), scale.difference());
    [
        format!("<tr><th scope=\"row\">{}</th>", escape_html(&spaced(row.measure.name()))),
        text(row.group.as_deref().unwrap_or("all")),
        text(&row.a),
        first,
        text(&row.b),
        number(row.value_b, "", &scale.value(row.value_b)),
        number(row.difference, verdict, &format!("{} <small>{ends}</small>", scale.difference()(row.difference))),
        number(p.unwrap_or(2.0), "", &escape_html(&p.map_or_else(|| "–".to_owned(), p_value))),
        "</tr>\n".to_owned(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ComparingKind;

    fn row(
        experiment: ComparingKind,
        measure: ComparedMeasure,
        difference: f64,
        p_adjusted: Option<f64>,
    ) -> Difference {
        Difference {
            experiment,
            measure,
            group: None,
            a: "<tree>".into(),
            b: "chain".into(),
            value_a: 0.5 + difference,
            value_b: 0.5,
            difference,
            ci_low: None,
            ci_high: None,
            p_value: p_adjusted,
            p_adjusted,
            unit: headlight_stats::Unit::Document,
            units: 12,
        }
    }

    #[test]
    fn only_what_is_beyond_chance_is_called_a_gain() {
        let verdict = |row: &Difference| ["gain", "loss", "unclear"].into_iter().find(|it| line(row).contains(it));
        assert_eq!(verdict(&row(ComparingKind::Trees, ComparedMeasure::Uuas, 0.1, Some(0.01))), Some("gain"));
        assert_eq!(verdict(&row(ComparingKind::Trees, ComparedMeasure::Uuas, -0.1, Some(0.01))), Some("loss"));
        assert_eq!(verdict(&row(ComparingKind::Trees, ComparedMeasure::Uuas, 0.1, Some(0.2))), Some("unclear"));
        assert_eq!(verdict(&row(ComparingKind::Pruning, ComparedMeasure::MaskedLm, -0.1, Some(0.01))), Some("gain"));
        assert_eq!(verdict(&row(ComparingKind::Structural, ComparedMeasure::DistanceSpearman, 0.1, None)), None);
    }

    #[test]
    fn experiments_have_tables_of_their_own_and_long_ones_are_folded() {
        let mut rows = vec![row(ComparingKind::Trees, ComparedMeasure::Uuas, 0.1, Some(0.01))];
        rows.extend((0..13).map(|_| row(ComparingKind::Ensembles, ComparedMeasure::ArcsFound, 0.0, Some(1.0))));
        let html = differences(&rows).unwrap().to_html();
        assert!(
            html.contains("<h3>trees</h3>") && html.contains("<summary>ensembles: 13 differences</summary>"),
            "{html}"
        );
        assert!(
            html.contains("&lt;tree&gt;") && !html.contains("<tree>") && html.contains("over 12 documents"),
            "{html}"
        );
        assert!(differences(&[]).is_none());
    }
}
