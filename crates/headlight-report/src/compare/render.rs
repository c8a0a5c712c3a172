//! A comparison as text, Markdown, CSV, JSON, LaTeX or HTML.

use std::fmt;
use std::mem::take;
use std::str::FromStr;

use super::outcome::{Comparison, Difference, Score};
use crate::sheet::{Sheet, SheetCell, escape_html, escape_markdown};
use crate::tables::cell_text;

/// Characters of plain text beside each other that a page of LaTeX takes in its small sizes.
const LATEX_WIDTH: usize = 100;

/// Rows of a table on a page of LaTeX.
const LATEX_ROWS: usize = 50;

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
        match format {
            Format::Terminal => {
                let sheets = self.sheets(Some(width));
                sheets.iter().map(|sheet| sheet.to_text(width)).collect::<Vec<_>>().join("\n")
            }
            Format::Markdown => to_markdown(&self.fact_sheets()),
            Format::Latex => to_latex(self.sheets(Some(LATEX_WIDTH))),
            Format::Html => {
                let sheets = self.sheets(None);
                let title = sheets.first().map(|sheet| sheet.title.as_str()).unwrap_or_default();
                page(title, &sheets.iter().map(Sheet::to_html).collect::<String>())
            }
            Format::Csv => self.to_csv(),
            Format::Json => {
                serde_json::to_string_pretty(self).expect("names and numbers can always be written as JSON") + "\n"
            }
        }
    }

    fn to_csv(&self) -> String {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut write = |record: Vec<String>| {
            let cells = record.iter().enumerate();
            // The first two are names.
            let cells = cells.map(|(at, text)| if at < 2 { cell_text(text) } else { text.as_str().into() });
            csv.write_record(cells.map(std::borrow::Cow::into_owned)).expect("memory takes every record");
        };
        let columns = "relation,contestant,layer,head,direction,correct,total,accuracy,ci_low,ci_high,difference,\
                       difference_ci_low,difference_ci_high,p_value,p_adjusted,paired_words,paired_accuracy,\
                       paired_reference_accuracy";
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

fn difference_record(difference: Option<&Difference>) -> [String; 8] {
    let of = |field: fn(&Difference) -> Option<f64>| number(difference.and_then(field));
    [
        of(|difference| Some(difference.value)),
        of(|difference| difference.ci_low),
        of(|difference| difference.ci_high),
        of(|difference| difference.p_value),
        of(|difference| difference.p_adjusted),
        difference.and_then(|difference| Some(difference.paired?.words.to_string())).unwrap_or_default(),
        of(|difference| Some(difference.paired?.accuracy)),
        of(|difference| Some(difference.paired?.reference)),
    ]
}

/// Tables one after the other; where there are several, each below its title.
fn to_markdown(sheets: &[Sheet]) -> String {
    let of = |sheet: &Sheet| match sheets.len() {
        1 => sheet.to_markdown(),
        _ => format!("**{}**\n\n{}", escape_markdown(&sheet.title), sheet.to_markdown()),
    };
    sheets.iter().map(of).collect::<Vec<_>>().join("\n")
}

/// Tables one after the other, each on a page: long ones in parts.
fn to_latex(sheets: Vec<Sheet>) -> String {
    let parts: Vec<Sheet> = sheets.into_iter().flat_map(|sheet| in_parts(sheet, LATEX_ROWS)).collect();
    let label = |at: usize| match at {
        0 => "tab:comparison".to_owned(),
        at => format!("tab:comparison-{}", at + 1),
    };
    parts.iter().enumerate().map(|(at, sheet)| sheet.to_latex(&label(at))).collect::<Vec<_>>().join("\n")
}

/// A table cut where it has more than `most` rows, before a line that is no one's detail; notes below the last part.
fn in_parts(mut sheet: Sheet, most: usize) -> Vec<Sheet> {
    let (notes, title, groups) = (take(&mut sheet.notes), take(&mut sheet.title), take(&mut sheet.groups));
    let mut parts = vec![Sheet { title: title.clone(), ..sheet.clone() }];
    let mut rows = 0;
    for group in groups {
        let mut begun = false;
        let is_detail = |row: &Vec<SheetCell>| row[0].text.starts_with(' ');
        for block in group.chunk_by(|_, row| is_detail(row)) {
            if rows > 0 && rows + block.len() > most {
                parts.push(Sheet { title: format!("{title} (continued)"), ..sheet.clone() });
                (rows, begun) = (0, false);
            }
            let part = parts.last_mut().expect("there is a first part");
            if !begun {
                part.groups.push(Vec::new());
                begun = true;
            }
            part.groups.last_mut().expect("the group was begun").extend_from_slice(block);
            rows += block.len();
        }
    }
    parts.last_mut().expect("there is a first part").notes = notes;
    parts
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
