//! A comparison as text, Markdown, CSV, JSON, LaTeX or HTML.

use std::fmt;
use std::str::FromStr;

use super::outcome::{Comparison, Difference, MeasureRow, RelationRow, Score};
use crate::assess::is_aggregate;
use crate::format::{count, percent, points, stars};
use crate::sheet::{Sheet, SheetCell, escape_html};
use crate::tables::Direction;

/// How a comparison is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// Plain text for a terminal: `term`.
    #[default]
    Terminal,
    /// Markdown: `md`.
    Markdown,
    /// One row per relation and contestant, all numbers unrounded: `csv`.
    Csv,
    /// Everything, unrounded: `json`.
    Json,
    /// A booktabs table, the best in bold: `latex`.
    Latex,
    /// A page that opens by itself: `html`.
    Html,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] =
        [Format::Terminal, Format::Markdown, Format::Csv, Format::Json, Format::Latex, Format::Html];

    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "term",
            Format::Markdown => "md",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Latex => "latex",
            Format::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A format that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{0}`; take one of term, md, csv, json, latex, html")]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl Comparison {
    /// The comparison in a format; `width` is that of the terminal, in characters.
    pub fn render(&self, format: Format, width: usize) -> String {
        let sheets = || [self.sheet(), self.measures_sheet()].into_iter().flatten();
        match format {
            Format::Terminal => sheets().map(|sheet| sheet.to_text(width)).collect::<Vec<_>>().join("\n"),
            Format::Markdown => sheets().map(|sheet| sheet.to_markdown()).collect::<Vec<_>>().join("\n"),
            Format::Latex => sheets()
                .zip(["tab:comparison", "tab:comparison-measures"])
                .map(|(sheet, label)| sheet.to_latex(label))
                .collect::<Vec<_>>()
                .join("\n"),
            Format::Html => page(&self.title(), &sheets().map(|sheet| sheet.to_html()).collect::<String>()),
            Format::Csv => self.to_csv(),
            Format::Json => {
                serde_json::to_string_pretty(self).expect("names and numbers can always be written as JSON") + "\n"
            }
        }
    }

    /// Relations × contestants; `None` without a relation.
    pub fn sheet(&self) -> Option<Sheet> {
        if self.relations.is_empty() {
            return None;
        }
        let mut columns = vec!["<relation".to_owned()];
        for (index, contestant) in self.contestants.iter().enumerate() {
            columns.push(format!("<{}", contestant.label));
            if index > 0 {
                columns.push("<difference".to_owned());
            }
        }
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let (aggregates, relations): (Vec<&RelationRow>, Vec<&RelationRow>) =
            self.relations.iter().partition(|row| is_aggregate(&row.relation));
        let groups = [aggregates, relations].map(|rows| rows.into_iter().map(sheet_row).collect()).into();
        Some(Sheet { groups, notes: self.notes(), ..Sheet::new(self.title(), &columns) })
    }

    fn title(&self) -> String {
        let labels: Vec<&str> = self.contestants.iter().map(|contestant| contestant.label.as_str()).collect();
        format!("Best heads of {}", labels.join(", "))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "Best head (→ the dependent attends to its governor, ← the governor to its dependent) and the share of a \
             relation's words whose governor it finds, in %."
                .to_owned(),
            format!("Differences in points to {}.", self.contestants[0].label),
        ];
        if self.contestants.iter().any(|contestant| contestant.paired) {
            notes[1].push_str(&format!(
                " In brackets {:.0} % intervals of {} paired bootstrap resamples of sentences; exact paired sign-flip \
                 test, Holm-corrected over relations: * p < 0.05, ** p < 0.01, *** p < 0.001.",
                100.0 * self.confidence,
                count(self.resamples.into())
            ));
        }
        notes.extend(self.flags.iter().map(|flag| format!("Note: {flag}.").replace("..", ".")));
        notes
    }

    /// Probes and coreference × contestants; `None` without any.
    pub fn measures_sheet(&self) -> Option<Sheet> {
        if self.measures.is_empty() {
            return None;
        }
        let labels = self.contestants.iter().map(|contestant| format!(">{}", contestant.label));
        let columns: Vec<String> = ["<measure".to_owned()].into_iter().chain(labels).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut sheet = Sheet::new("Probes and coreference, in %", &columns);
        let row = |MeasureRow { measure, values }: &MeasureRow| {
            let cells = values.iter().map(|value| value.map(percent).unwrap_or_default().into());
            [measure.as_str().into()].into_iter().chain(cells).collect()
        };
        sheet.groups.push(self.measures.iter().map(row).collect());
        if self.relations.is_empty() {
            sheet.notes = self.notes().split_off(2);
        }
        Some(sheet)
    }

    fn to_csv(&self) -> String {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut write = |record: Vec<String>| csv.write_record(record).expect("memory takes every record");
        let columns = "relation,contestant,layer,head,direction,correct,total,accuracy,ci_low,ci_high,difference,\
                       difference_ci_low,difference_ci_high,p_value,p_adjusted";
        write(columns.split(',').map(str::to_owned).collect());
        for row in &self.relations {
            for ((score, difference), contestant) in row.scores.iter().zip(&row.differences).zip(&self.contestants) {
                if let Some(score) = score {
                    write(csv_record(&row.relation, &contestant.label, score, difference.as_ref()));
                }
            }
        }
        for MeasureRow { measure, values } in &self.measures {
            for (value, contestant) in values.iter().zip(&self.contestants) {
                if let Some(value) = value {
                    let mut record = vec![String::new(); 15];
                    record[0].clone_from(measure);
                    record[1].clone_from(&contestant.label);
                    record[7] = value.to_string();
                    write(record);
                }
            }
        }
        let bytes = csv.into_inner().expect("memory takes every record");
        String::from_utf8(bytes).expect("records are made of strings")
    }
}

fn csv_record(relation: &str, label: &str, score: &Score, difference: Option<&Difference>) -> Vec<String> {
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let whole = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let of = |field: fn(&Difference) -> Option<f64>| number(difference.and_then(field));
    vec![
        relation.to_owned(),
        label.to_owned(),
        score.layer.to_string(),
        score.head.to_string(),
        score.direction.to_string(),
        whole(score.correct),
        whole(score.total),
        score.accuracy.to_string(),
        number(score.ci_low),
        number(score.ci_high),
        of(|difference| Some(difference.value)),
        of(|difference| difference.ci_low),
        of(|difference| difference.ci_high),
        of(|difference| difference.p_value),
        of(|difference| difference.p_adjusted),
    ]
}

/// Relation, then each contestant's head and accuracy, and its difference when it is not the reference.
fn sheet_row(row: &RelationRow) -> Vec<SheetCell> {
    let best = row.scores.iter().flatten().map(|score| score.accuracy).fold(f64::NEG_INFINITY, f64::max);
    let mut cells = vec![row.relation.as_str().into()];
    for (index, (score, difference)) in row.scores.iter().zip(&row.differences).enumerate() {
        let cell = score.as_ref().map(|score| SheetCell { text: score_text(score), strong: score.accuracy == best });
        cells.push(cell.unwrap_or_default());
        if index > 0 {
            cells.push(difference.as_ref().map(difference_text).unwrap_or_default().into());
        }
    }
    cells
}

/// `8-10 →  86.8`; the arrow points from the attending dependent to its governor, or back.
fn score_text(score: &Score) -> String {
    let arrow = if score.direction == Direction::DependentToGovernor { "→" } else { "←" };
    format!("{:<7} {:>5}", format!("{}-{} {arrow}", score.layer, score.head), percent(score.accuracy))
}

/// `+3.1 (+1.0, +5.2) **`
fn difference_text(difference: &Difference) -> String {
    let interval = match (difference.ci_low, difference.ci_high) {
        (Some(low), Some(high)) => format!(" ({}, {})", points(low), points(high)),
        _ => String::new(),
    };
    format!("{:>5}{interval} {}", points(difference.value), stars(difference.p_adjusted)).trim_end().to_owned()
}

fn page(title: &str, body: &str) -> String {
    const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;\
        color-scheme:light dark}table{border-collapse:collapse;margin:1.5rem 0}caption{font-weight:bold;\
        text-align:left;padding:.5rem 0}th,td{padding:.15rem .7rem;text-align:left;border-bottom:1px solid #8884}\
        .number{text-align:right;font-variant-numeric:tabular-nums}";
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        escape_html(title)
    )
}
