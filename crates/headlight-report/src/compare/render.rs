//! A comparison as text, Markdown, CSV, JSON, LaTeX or HTML.

use std::fmt;
use std::str::FromStr;

use super::outcome::{Comparison, Difference, MeasureRow, RelationRow, Score};
use crate::assess::{is_aggregate, is_between_words};
use crate::format::{count, percent, points, stars};
use crate::sheet::{Sheet, SheetCell, escape_html};

/// The title of the table of measures.
const MEASURES: &str = "Probes, trees and coreference, in %";

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
            Format::Terminal => self.to_text(width),
            Format::Markdown => sheets().map(|sheet| sheet.to_markdown()).collect::<Vec<_>>().join("\n"),
            Format::Latex => sheets()
                .zip(["tab:comparison", "tab:comparison-measures"])
                .map(|(sheet, label)| sheet.to_latex(label))
                .collect::<Vec<_>>()
                .join("\n"),
            Format::Html => {
                page(&self.title(&self.everybody()), &sheets().map(|sheet| sheet.to_html()).collect::<String>())
            }
            Format::Csv => self.to_csv(),
            Format::Json => {
                serde_json::to_string_pretty(self).expect("names and numbers can always be written as JSON") + "\n"
            }
        }
    }

    /// Where not all contestants fit beside each other, several tables, each with the reference; notes below the last.
    fn to_text(&self, width: usize) -> String {
        let others: Vec<usize> = (1..self.contestants.len()).collect();
        let parts = |beside: usize| others.chunks(beside).flat_map(|part| self.sheets(&[&[0], part].concat()));
        let fits = |beside: &usize| parts(*beside).all(|sheet| sheet.text_width() <= width);
        let beside = (1..=others.len()).rev().find(fits).unwrap_or(1);
        let mut sheets: Vec<Sheet> = parts(beside).collect();
        sheets.sort_by_key(|sheet| sheet.title.starts_with(MEASURES));
        let last = sheets.len().saturating_sub(1);
        sheets.iter_mut().take(last).for_each(|sheet| sheet.notes.clear());
        sheets.iter().map(|sheet| sheet.to_text(width)).collect::<Vec<_>>().join("\n")
    }

    /// Relations × contestants; `None` without a relation.
    pub fn sheet(&self) -> Option<Sheet> {
        self.relations_sheet(&self.everybody())
    }

    /// Probes, trees and coreference × contestants; `None` without any.
    pub fn measures_sheet(&self) -> Option<Sheet> {
        let mut sheet = self.measures_sheet_of(&self.everybody())?;
        if !self.relations.is_empty() {
            sheet.notes.clear();
        }
        Some(sheet)
    }

    fn everybody(&self) -> Vec<usize> {
        (0..self.contestants.len()).collect()
    }

    /// Both tables of some contestants, each with all notes.
    fn sheets(&self, shown: &[usize]) -> Vec<Sheet> {
        [self.relations_sheet(shown), self.measures_sheet_of(shown)].into_iter().flatten().collect()
    }

    fn relations_sheet(&self, shown: &[usize]) -> Option<Sheet> {
        let has = |row: &&RelationRow| {
            is_between_words(&row.relation) && shown[1..].iter().any(|&at| row.scores[at].is_some())
        };
        let (aggregates, relations): (Vec<&RelationRow>, Vec<&RelationRow>) =
            self.relations.iter().filter(has).partition(|row| is_aggregate(&row.relation));
        if aggregates.is_empty() && relations.is_empty() {
            return None;
        }
        let columns = self.columns("<relation", '<', shown);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let row = |row: &RelationRow| {
            let shares = row.scores.iter().map(|score| score.as_ref().map(|score| score.accuracy));
            let texts = row.scores.iter().map(|score| score.as_ref().map(score_text));
            cells(&row.relation, &shares.zip(texts).collect::<Vec<_>>(), &row.differences, shown)
        };
        let groups = [aggregates, relations].map(|rows| rows.into_iter().map(row).collect()).into();
        Some(Sheet { groups, notes: self.notes(), ..Sheet::new(self.title(shown), &columns) })
    }

    fn measures_sheet_of(&self, shown: &[usize]) -> Option<Sheet> {
        let has = |row: &&MeasureRow| shown[1..].iter().any(|&at| row.values[at].is_some());
        let rows: Vec<&MeasureRow> = self.measures.iter().filter(has).collect();
        if rows.is_empty() {
            return None;
        }
        let columns = self.columns("<measure", '>', shown);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let row = |row: &MeasureRow| {
            let texts = row.values.iter().map(|value| value.map(percent));
            let values: Vec<_> = row.values.iter().copied().zip(texts).collect();
            cells(&row.measure, &values, &row.differences, shown)
        };
        let groups = vec![rows.into_iter().map(row).collect()];
        Some(Sheet { groups, notes: self.notes(), ..Sheet::new(MEASURES, &columns) })
    }

    /// The name of a row, then a column for each contestant, and one for its difference when it is not the reference.
    fn columns(&self, name: &str, align: char, shown: &[usize]) -> Vec<String> {
        let of = |&at: &usize| {
            let label = format!("{align}{}", self.contestants[at].label);
            [label].into_iter().chain((at > 0).then(|| "<difference".to_owned()))
        };
        [name.to_owned()].into_iter().chain(shown.iter().flat_map(of)).collect()
    }

    fn title(&self, shown: &[usize]) -> String {
        let labels: Vec<&str> = shown.iter().map(|&at| self.contestants[at].label.as_str()).collect();
        format!("Best heads of {}", labels.join(", "))
    }

    fn notes(&self) -> Vec<String> {
        let is = |it: &super::Contestant| {
            let place = if it.treebank.is_empty() { String::new() } else { format!(" on {}", it.treebank) };
            format!("{}: {}{place}", it.label, it.model)
        };
        let mut notes = vec![self.contestants.iter().map(is).collect::<Vec<_>>().join("; ") + "."];
        if !self.relations.is_empty() {
            notes.push(
                "Best head (→ the governor is the word that the dependent attends to most, ← the word that attends to the \
                 dependent most) and the share of a relation's words whose governor it finds, in %."
                    .to_owned(),
            );
            if self.relations.iter().flat_map(|row| row.scores.iter().flatten()).any(|score| score.layer.is_none()) {
                notes.push(
                    "Two heads: each was chosen on one fold and is scored on the other; the share is of both.".into(),
                );
            }
        }
        let mut differences = format!("Differences in points to {}.", self.contestants[0].label);
        if self.contestants.iter().any(|contestant| contestant.paired) {
            differences.push_str(&format!(
                " In brackets {:.0} % intervals of {} paired bootstrap resamples of {}s; paired sign-flip \
                 test, Holm-corrected over {}: * p < 0.05, ** p < 0.01, *** p < 0.001.",
                100.0 * self.confidence,
                count(self.resamples.into()),
                self.unit,
                match (self.relations.is_empty(), self.measures.is_empty()) {
                    (false, true) => "relations",
                    (true, _) => "measures",
                    (false, false) => "relations, and over measures",
                }
            ));
        }
        notes.push(differences);
        notes.extend(self.flags.iter().map(|flag| format!("Note: {flag}.").replace("..", ".")));
        notes
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
        for row in &self.measures {
            for (at, contestant) in self.contestants.iter().enumerate() {
                if let Some(value) = row.values[at] {
                    let names = [row.measure.clone(), contestant.label.clone()];
                    let (low, high) = row.intervals[at].unzip();
                    let share = [Some(value), low, high].map(number);
                    let unknown = vec![String::new(); 5];
                    write([&names[..], &unknown, &share, &difference_record(row.differences[at].as_ref())].concat());
                }
            }
        }
        let bytes = csv.into_inner().expect("memory takes every record");
        String::from_utf8(bytes).expect("records are made of strings")
    }
}

fn number(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn csv_record(relation: &str, label: &str, score: &Score, difference: Option<&Difference>) -> Vec<String> {
    let whole = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let score = [
        relation.to_owned(),
        label.to_owned(),
        score.layer.map(|layer| layer.to_string()).unwrap_or_default(),
        score.head.map(|head| head.to_string()).unwrap_or_default(),
        score.direction.map(|direction| direction.to_string()).unwrap_or_default(),
        whole(score.correct),
        whole(score.total),
        score.accuracy.to_string(),
        number(score.ci_low),
        number(score.ci_high),
    ];
    score.into_iter().chain(difference_record(difference)).collect()
}

fn difference_record(difference: Option<&Difference>) -> [String; 5] {
    let of = |field: fn(&Difference) -> Option<f64>| number(difference.and_then(field));
    [
        of(|difference| Some(difference.value)),
        of(|difference| difference.ci_low),
        of(|difference| difference.ci_high),
        of(|difference| difference.p_value),
        of(|difference| difference.p_adjusted),
    ]
}

/// The name of a row; then of each contestant shown its text, the largest share in bold, and its difference when it is
/// not the reference. `values` and `differences` have an entry per contestant.
fn cells(
    name: &str,
    values: &[(Option<f64>, Option<String>)],
    differences: &[Option<Difference>],
    shown: &[usize],
) -> Vec<SheetCell> {
    let best = shown.iter().filter_map(|&at| values[at].0).fold(f64::NEG_INFINITY, f64::max);
    let mut cells = vec![name.into()];
    for &at in shown {
        let (share, text) = &values[at];
        cells.push(SheetCell { text: text.clone().unwrap_or_default(), strong: *share == Some(best) });
        if at > 0 {
            cells.push(differences[at].as_ref().map(difference_text).unwrap_or_default().into());
        }
    }
    cells
}

/// `8-10 →  86.8`; the arrow points from the attending word to the attended: → where the dependent's row is read.
fn score_text(score: &Score) -> String {
    format!("{:<7} {:>5}", score.heads, percent(score.accuracy))
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
