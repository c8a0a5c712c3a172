//! A sweep for people: a summary of each series, all its results, and both as Markdown.

use super::measures::{ALL_PAIRS, BEST_HEAD, LOSS, PAIRS};
use super::{Measured, Sweep, Value, is_percentage};
use crate::assess::Family;
use crate::format::{count, percent};
use crate::kinds::probe::probe_name;
use crate::sheet::{Sheet, SheetCell, escape_markdown, isolated};

/// Relations, and phenomena of minimal pairs, that a summary and a figure show.
const RELATIONS: usize = 4;
/// Steps that a table of all results shows.
const STEPS: usize = 8;

impl Sweep {
    /// A table of each series, a line for each step: what a terminal shows when a sweep ends.
    pub fn sheets(&self) -> Vec<Sheet> {
        self.series().into_iter().map(|series| self.summary_sheet(series)).collect()
    }

    fn summary_sheet(&self, series: &str) -> Sheet {
        let shown: Vec<Measured<'_>> = self.watched(series);
        let steps = self.steps(series);
        let several = steps
            .iter()
            .any(|step| shown.iter().any(|it| self.value(series, *step, *it).is_some_and(|it| it.seeds > 1)));
        let by_step = steps.iter().any(Option::is_some);
        let mut columns = vec![if by_step { ">step".to_owned() } else { "<runs".to_owned() }];
        columns.extend(several.then(|| ">seeds".to_owned()));
        columns.extend(shown.iter().map(|result| format!(">{}", short(*result))));
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut sheet = Sheet::new(format!("{}: {}", self.summary.name, isolated(series)), &columns);
        let line = |step: &Option<u64>| {
            let seeds = shown.iter().filter_map(|it| Some(self.value(series, *step, *it)?.seeds)).max().unwrap_or(0);
            let mut cells: Vec<SheetCell> = vec![match step {
                Some(step) => count(*step).into(),
                None if several => format!("{seeds} seeds").into(),
                None => "1 run".into(),
            }];
            cells.extend(several.then(|| seeds.to_string().into()));
            cells.extend(shown.iter().map(|it| cell(it.0, self.value(series, *step, *it).as_ref())));
            cells
        };
        sheet.groups.push(steps.iter().map(line).collect());
        sheet.notes = self.notes(&shown, several);
        sheet
    }

    /// Every result of a series in every step, or in some of them evenly chosen.
    pub(super) fn all_sheet(&self, series: &str) -> Sheet {
        let steps = evenly(&self.steps(series));
        let title = |step: &Option<u64>| format!(">{}", step.map_or_else(|| "value".to_owned(), count));
        let mut columns = vec!["<result".to_owned()];
        columns.extend(steps.iter().map(title));
        columns.push(">baseline".to_owned());
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let mut sheet = Sheet::new(format!("All results of {}", isolated(series)), &columns);
        let line = |result: &Measured<'_>| {
            let mut cells: Vec<SheetCell> = vec![long(*result).into()];
            let values: Vec<Option<Value>> = steps.iter().map(|step| self.value(series, *step, *result)).collect();
            cells.extend(values.iter().map(|value| {
                let mut cell = cell(result.0, value.as_ref());
                if let Some([head]) = value.as_ref().map(|value| value.heads.as_slice()) {
                    cell.text = format!("{} ({head})", cell.text);
                }
                cell
            }));
            let baseline = values.iter().flatten().find_map(|value| value.baseline);
            cells.push(baseline.map(percent).unwrap_or_default().into());
            cells
        };
        sheet.groups.push(self.results(series).iter().map(line).collect());
        let all = self.steps(series).len();
        if steps.len() < all {
            sheet.notes.push(format!("{} of {all} steps; the table sweep has all.", steps.len()));
        }
        sheet
    }

    /// All results of a series, in the order of the runs' tables.
    pub(super) fn results(&self, series: &str) -> Vec<Measured<'_>> {
        let mut results: Vec<Measured<'_>> = Vec::new();
        for row in self.scores.iter().filter(|row| row.series == series) {
            if !results.contains(&(&row.measure, &row.of)) {
                results.push((&row.measure, &row.of));
            }
        }
        results
    }

    /// The relations with most words.
    pub(super) fn relations(&self, series: &str) -> Vec<Measured<'_>> {
        let is_shown = |(measure, of): &Measured<'_>| {
            *measure == BEST_HEAD && Family::of(of) == Family::Relations && of.split(':').next() != Some("punct")
        };
        self.largest(series, is_shown)
    }

    /// Minimal pairs: all, and those of the phenomena with most pairs.
    pub(super) fn pairs(&self, series: &str) -> Vec<Measured<'_>> {
        let all = self.results(series).into_iter().filter(|it| *it == (PAIRS, ALL_PAIRS));
        all.chain(self.largest(series, |(measure, of)| *measure == PAIRS && *of != ALL_PAIRS)).collect()
    }

    /// Of results the few that rest on most words or pairs.
    fn largest(&self, series: &str, is_shown: impl Fn(&Measured<'_>) -> bool) -> Vec<Measured<'_>> {
        let total = |result: &Measured<'_>| {
            let rows = self.scores.iter().filter(|row| row.series == series);
            rows.filter(|row| (row.measure.as_str(), row.of.as_str()) == *result).filter_map(|row| row.total).max()
        };
        let mut largest: Vec<Measured<'_>> = self.results(series).into_iter().filter(is_shown).collect();
        largest.sort_by_key(|result| std::cmp::Reverse(total(result)));
        largest.truncate(RELATIONS);
        largest
    }

    /// Attachment scores of probes: as trees where they are decoded to trees.
    pub(super) fn probes(&self, series: &str) -> Vec<Measured<'_>> {
        let results = self.results(series);
        let mut probes: Vec<Measured<'_>> =
            results.iter().copied().filter(|(measure, of)| *measure == "uas" && !of.ends_with(" argmax")).collect();
        probes.extend(results.into_iter().filter(|(measure, of)| match *measure {
            "las" => true,
            "uuas" => of.starts_with("structural_"),
            _ => false,
        }));
        probes
    }

    /// Losses.
    pub(super) fn losses(&self, series: &str) -> Vec<Measured<'_>> {
        self.results(series).into_iter().filter(|(measure, _)| *measure == LOSS).collect()
    }

    /// What a summary has room for.
    fn watched(&self, series: &str) -> Vec<Measured<'_>> {
        let results = self.results(series);
        let mut shown: Vec<Measured<'_>> = results.into_iter().filter(|it| *it == (BEST_HEAD, "all-nopunct")).collect();
        shown.extend(self.relations(series).into_iter().take(3));
        shown.extend(self.probes(series).into_iter().take(1));
        shown.extend(self.losses(series).into_iter().take(1));
        shown.extend(self.pairs(series).into_iter().take(1));
        shown
    }

    fn notes(&self, shown: &[Measured<'_>], several: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let treebank = isolated(&self.summary.treebank);
        if shown.iter().any(|(measure, _)| *measure == BEST_HEAD) {
            let chosen = self.summary.selection.chosen_where();
            notes.push(format!(
                "Relations: accuracy of the best head in %, of each run its own, {chosen}, on {treebank}; the relations with \
                 most words."
            ));
        }
        for result in shown.iter().filter(|(measure, _)| *measure != BEST_HEAD) {
            notes.push(format!("{}: {}.", short(*result), long(*result)));
        }
        if several {
            notes.push("± is the standard deviation over seeds; intervals of the multi-bootstrap are in the table sweep_seeds.".to_owned());
        }
        notes
    }

    /// What came of the training, in sentences.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        for series in self.series() {
            let steps = self.steps(series);
            let (Some(Some(first)), Some(Some(last))) = (steps.first(), steps.last()) else { continue };
            if first == last {
                continue;
            }
            for result in self.watched(series) {
                let ends = [*first, *last].map(|step| self.value(series, Some(step), result));
                let [Some(before), Some(after)] = ends else { continue };
                let unit = if is_percentage(result.0) { " %" } else { "" };
                let show = |value: &Value| format!("{}{unit}", cell(result.0, Some(value)).text);
                let head = match after.heads.as_slice() {
                    [head] => format!(" (head {head})"),
                    _ => String::new(),
                };
                let baseline =
                    after.baseline.map(|it| format!("; best baseline {} %", percent(it))).unwrap_or_default();
                findings.push(format!(
                    "{}, {}: {} at step {}, {}{head} at step {}{baseline}.",
                    isolated(series),
                    long(result),
                    show(&before),
                    count(*first),
                    show(&after),
                    count(*last)
                ));
            }
        }
        findings
    }

    /// The text of the sweep's `report.md`.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", escape_markdown(&self.summary.name), escape_markdown(&self.lede()));
        for (title, items) in [("Findings", &self.findings()), ("Before trusting the numbers", &self.summary.warnings)]
        {
            if !items.is_empty() {
                text.push_str(&format!("\n## {title}\n\n"));
                text.extend(items.iter().map(|item| format!("- {}\n", escape_markdown(item))));
            }
        }
        for series in self.series() {
            text.push_str(&format!("\n## {}\n\n{}", escape_markdown(series), self.summary_sheet(series).to_markdown()));
            text.push_str(&format!("\n{}", self.all_sheet(series).to_markdown()));
        }
        text.push_str(&format!("\n## Runs\n\n{}", self.runs_sheet().to_markdown()));
        text
    }

    /// What was run, in a sentence.
    pub(super) fn lede(&self) -> String {
        let (runs, series) = (self.summary.runs.len(), self.series().len());
        let several = if series > 1 { format!(" in {series} series") } else { String::new() };
        format!("A sweep of {runs} runs{several} on {}.", self.summary.treebank)
    }

    /// The runs, with what tells them apart.
    pub(super) fn runs_sheet(&self) -> Sheet {
        let mut sheet = Sheet::new("Runs", &["<run", "<series", ">step", ">seed", "<finished"]);
        let line = |run: &super::RunSummary| -> Vec<SheetCell> {
            vec![
                run.name.as_str().into(),
                run.series.as_str().into(),
                run.step.map(count).unwrap_or_default().into(),
                run.seed.to_string().into(),
                run.finished.as_str().into(),
            ]
        };
        sheet.groups.push(self.summary.runs.iter().map(line).collect());
        sheet
    }
}

/// The first, the last, and others in equal distances.
fn evenly(steps: &[Option<u64>]) -> Vec<Option<u64>> {
    if steps.len() <= STEPS {
        return steps.to_vec();
    }
    (0..STEPS).map(|at| steps[at * (steps.len() - 1) / (STEPS - 1)]).collect()
}

fn cell(measure: &str, value: Option<&Value>) -> SheetCell {
    let Some(value) = value else { return SheetCell::default() };
    let show = |number: f64| {
        if is_percentage(measure) { percent(number) } else { format!("{number:.3}") }
    };
    let spread = value.spread.map(|spread| format!(" ±{}", show(spread))).unwrap_or_default();
    format!("{}{spread}", show(value.value)).into()
}

/// The title of a column.
fn short((measure, of): Measured<'_>) -> String {
    match measure {
        BEST_HEAD => isolated(of).into_owned(),
        LOSS => "loss".to_owned(),
        PAIRS => "pairs".to_owned(),
        other => other.to_uppercase(),
    }
}

/// A result in words.
fn long((measure, of): Measured<'_>) -> String {
    match measure {
        BEST_HEAD => format!("best head of {}", isolated(of)),
        LOSS => format!("masked-language-model loss in nats per hidden piece ({of})"),
        PAIRS if of == ALL_PAIRS => "minimal pairs whose acceptable sentence is more likely".to_owned(),
        PAIRS => format!("minimal pairs of {}", isolated(&of.replace('_', " "))),
        "uas" | "las" | "uuas" => format!("{} of {}", measure.to_uppercase(), isolated(&probe_name(of))),
        other => format!("{} of {}", other.replace('_', " "), isolated(&probe_name(of))),
    }
}
