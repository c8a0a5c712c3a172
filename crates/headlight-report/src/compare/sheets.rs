//! A comparison as tables for people.
//!
//! Two or three contestants stand beside each other, each with its difference. More of them, or what is too wide, become two
//! tables: an overview with a column for each, and the details with a line for each.

use super::outcome::{Comparison, Contestant, Difference};
use crate::assess::{is_aggregate, is_between_words};
use crate::format::{count, percent, points, stars};
use crate::sheet::{Sheet, SheetCell};

/// The title of the table of measures.
const MEASURES: &str = "Probes, trees and coreference, in %";

/// Contestants that stand beside each other with their differences.
pub(super) const BESIDE: usize = 3;

/// The longest label that heads a column; longer ones are numbered and explained below.
const LONGEST: usize = 20;

/// What stands where a contestant has no number of a name.
pub(super) const NONE: &str = "–";

/// Behind a difference over fewer words than the numbers beside it.
const PARTIAL: &str = "†";

/// Behind a difference of numbers that are not paired.
const UNPAIRED: &str = "°";

/// How intervals are shown, which the notes explain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Behind shares and differences, in brackets.
    Brackets,
    /// Behind differences alone.
    Narrow,
    /// In columns of their own, as everything.
    Columns,
}

/// All that is compared of one sort.
pub(super) struct Table<'a> {
    pub(super) title: String,
    /// What a line is: `relation` or `measure`.
    pub(super) line: &'static str,
    groups: Vec<Vec<Line<'a>>>,
}

/// One relation or measure. `cells` and `differences` have an entry per contestant.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) cells: Vec<Option<Cell<'a>>>,
    pub(super) differences: &'a [Option<Difference>],
}

/// What one contestant has of a line.
pub(super) struct Cell<'a> {
    pub(super) share: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// The best head, of relations.
    pub(super) heads: Option<&'a str>,
    /// Words, where they are counted.
    pub(super) words: Option<u64>,
}

impl Comparison {
    /// The tables, notes below the last; none wider than `width` characters of plain text, if that can be.
    pub fn sheets(&self, width: Option<usize>) -> Vec<Sheet> {
        let fits = |sheet: &Sheet| width.is_none_or(|width| sheet.text_width() <= width + spare(sheet));
        let beside = self.beside(fits);
        let (mut sheets, intervals) = beside.unwrap_or_else(|| (self.apart(fits), true));
        if let Some(last) = sheets.last_mut() {
            last.notes = self.notes(if intervals { Layout::Brackets } else { Layout::Narrow });
        }
        sheets
    }

    /// Each contestant beside the next with its difference, and whether with the intervals of shares, where there is room.
    fn beside(&self, fits: impl Fn(&Sheet) -> bool) -> Option<(Vec<Sheet>, bool)> {
        if self.contestants.len() > BESIDE {
            return None;
        }
        let names = self.names();
        let sheets = |intervals| {
            let sheets: Vec<Sheet> = self.tables().iter().map(|table| table.wide(&names, intervals)).collect();
            (sheets, intervals)
        };
        [true, false].into_iter().map(sheets).find(|(sheets, _)| sheets.iter().all(&fits))
    }

    /// A column for each contestant, in as many tables with the reference as are needed; then a line for each.
    fn apart(&self, fits: impl Fn(&Sheet) -> bool) -> Vec<Sheet> {
        let (names, others) = (self.names(), (1..self.contestants.len()).collect::<Vec<_>>());
        let mut sheets = Vec::new();
        for table in self.tables() {
            let parts = |columns: usize| -> Vec<Sheet> {
                others.chunks(columns).map(|part| table.overview(&names, &[&[0], part].concat())).collect()
            };
            let fitting = (1..=others.len()).rev().map(parts).find(|parts| parts.iter().all(&fits));
            let mut parts = fitting.unwrap_or_else(|| parts(1));
            let of = parts.len();
            if of > 1 {
                let number =
                    |(at, part): (usize, &mut Sheet)| part.title = format!("{} ({} of {of})", part.title, at + 1);
                parts.iter_mut().enumerate().for_each(number);
            }
            sheets.extend(parts);
            sheets.push(table.details(&names));
        }
        sheets
    }

    pub(super) fn tables(&self) -> Vec<Table<'_>> {
        let tables = [self.relations_table(), self.measures_table()];
        tables.into_iter().filter(|table| table.groups.iter().any(|group| !group.is_empty())).collect()
    }

    fn relations_table(&self) -> Table<'_> {
        let mut groups = [const { Vec::new() }; 3];
        for row in &self.relations {
            let group = match (row.sources() > 1, is_aggregate(&row.relation)) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => 2,
            };
            if !is_between_words(&row.relation) || (group == 2 && !self.shows_lone()) {
                continue;
            }
            let cells = row.scores.iter().map(|score| {
                let score = score.as_ref()?;
                let interval = score.ci_low.zip(score.ci_high);
                Some(Cell { share: score.accuracy, interval, heads: Some(&score.heads), words: score.total })
            });
            groups[group].push(Line { name: &row.relation, cells: cells.collect(), differences: &row.differences });
        }
        Table { title: format!("Best heads of {}", self.who()), line: "relation", groups: groups.into() }
    }

    fn measures_table(&self) -> Table<'_> {
        let mut groups = [const { Vec::new() }; 2];
        for row in &self.measures {
            let group = usize::from(row.sources() == 1);
            if group == 1 && !self.shows_lone() {
                continue;
            }
            let cell = |(value, interval): (&Option<f64>, &Option<(f64, f64)>)| {
                Some(Cell { share: (*value)?, interval: *interval, heads: None, words: None })
            };
            let cells = row.values.iter().zip(&row.intervals).map(cell).collect();
            groups[group].push(Line { name: &row.measure, cells, differences: &row.differences });
        }
        Table { title: MEASURES.to_owned(), line: "measure", groups: groups.into() }
    }

    /// Whether names that only one source has are shown, as those of two runs are. Beside published tables, which have a
    /// few names and say nothing of the others, they are named.
    fn shows_lone(&self) -> bool {
        self.contestants.iter().filter(|contestant| contestant.citation.is_none()).count() > 1
    }

    /// `a, b`, or `10 runs`.
    fn who(&self) -> String {
        if self.contestants.len() > BESIDE {
            let papers = self.contestants.iter().any(|contestant| contestant.citation.is_some());
            return format!("{} runs{}", self.contestants.len(), if papers { " and published tables" } else { "" });
        }
        self.contestants.iter().map(|contestant| contestant.label.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What contestants are called in tables: their labels, or numbers where a label is long.
    pub(super) fn names(&self) -> Vec<String> {
        if self.are_numbered() {
            return (1..=self.contestants.len()).map(|number| format!("[{number}]")).collect();
        }
        self.contestants.iter().map(|contestant| contestant.label.clone()).collect()
    }

    fn are_numbered(&self) -> bool {
        self.contestants.iter().any(|contestant| contestant.label.chars().count() > LONGEST)
    }

    pub(super) fn notes(&self, layout: Layout) -> Vec<String> {
        let mut notes = self.contestant_notes();
        let relations = self.relations_table();
        let has = |is: fn(&Line<'_>) -> bool| self.tables().iter().flat_map(|table| &table.groups).flatten().any(is);
        let is_lacking = has(|line| line.cells.iter().any(Option::is_none));
        if relations.groups.iter().any(|group| !group.is_empty()) {
            notes.push(
                "Best head (→ the governor is the word that the dependent attends to most, ← the word that attends to the \
                 dependent most) and the share of a relation's words whose governor it finds, in %."
                    .to_owned(),
            );
            if self.relations.iter().flat_map(|row| row.scores.iter().flatten()).any(|score| score.heads.contains('↔'))
            {
                notes.push(
                    "↔: the later of the two words attends to the earlier one most, of all words before it.".into(),
                );
            }
            if self.relations.iter().flat_map(|row| row.scores.iter().flatten()).any(|score| score.layer.is_none()) {
                notes.push(
                    "Two heads: each was chosen on one fold and is scored on the other; the share is of both.".into(),
                );
            }
        }
        if has(|line| line.cells.iter().flatten().any(|cell| cell.interval.is_some())) {
            notes.push(match layout {
                Layout::Brackets => "In brackets behind a share its interval, as the run has it.".to_owned(),
                Layout::Narrow => "Intervals of the shares are in wider tables and in other formats.".to_owned(),
                Layout::Columns => "An interval of a share is the one that the run has.".to_owned(),
            });
        }
        notes.push(self.differences_note(layout));
        if layout == Layout::Columns {
            notes.push(
                "Shared words: the words that both runs have under this name, which are not all of theirs. Not paired: two \
                 numbers beside each other, no interval, no test."
                    .to_owned(),
            );
        }
        let has = |is: fn(&Line<'_>) -> bool| layout != Layout::Columns && has(is);
        if has(|line| line.differences.iter().flatten().any(|it| it.paired.is_some_and(|paired| !paired.complete))) {
            notes.push(format!(
                "{PARTIAL} over the words that both runs have under this name, which are not all of theirs."
            ));
        }
        if has(|line| line.differences.iter().flatten().any(|difference| difference.paired.is_none())) {
            notes.push(format!(
                "{UNPAIRED} not paired word by word: two numbers beside each other, no interval, no test."
            ));
        }
        if is_lacking {
            notes.push(format!("{NONE} no number of this name."));
        }
        if !self.shows_lone() {
            notes.extend(self.lone_notes());
        }
        notes.extend(self.flags.iter().map(|flag| format!("Note: {flag}.").replace("..", ".")));
        notes
    }

    /// Who is who: in a sentence, or a line for each where they are many or numbered.
    fn contestant_notes(&self) -> Vec<String> {
        let is = |(name, it): (String, &Contestant)| {
            let place = if it.treebank.is_empty() { String::new() } else { format!(" on {}", it.treebank) };
            let label = if name == it.label { String::new() } else { format!(" {}", it.label) };
            format!("{name}{label}: {}{place}", it.model)
        };
        let lines: Vec<String> = self.names().into_iter().zip(&self.contestants).map(is).collect();
        if self.contestants.len() > BESIDE || self.are_numbered() {
            return lines.into_iter().map(|line| line + ".").collect();
        }
        vec![lines.join("; ") + "."]
    }

    fn differences_note(&self, layout: Layout) -> String {
        let reference = self.names().swap_remove(0);
        let mut note = format!("Differences in points to {reference}.");
        if self.contestants.iter().any(|contestant| contestant.paired) {
            let units: Vec<String> = self.unit.split(" or ").map(|unit| format!("{unit}s")).collect();
            let (place, signs) = match layout {
                Layout::Columns => ("Their intervals are", ""),
                _ => ("In brackets", ": * p < 0.05, ** p < 0.01, *** p < 0.001"),
            };
            note.push_str(&format!(
                " {place} {:.0} % intervals of {} paired bootstrap resamples of {}; paired sign-flip test, Holm-corrected \
                 over {} that differ{signs}.",
                100.0 * self.confidence,
                count(self.resamples.into()),
                units.join(" or "),
                match (self.relations.is_empty(), self.measures.is_empty()) {
                    (false, true) => "the relations",
                    (true, _) => "the measures",
                    (false, false) => "the relations, and over the measures,",
                }
            ));
        }
        note
    }

    /// Which names only one source has, source by source, where no table shows them.
    fn lone_notes(&self) -> Vec<String> {
        let relations = self.relations.iter().filter(|row| row.sources() == 1 && is_between_words(&row.relation));
        let relations = relations.map(|row| (row.relation.as_str(), row.scores.iter().position(Option::is_some)));
        let measures = self.measures.iter().filter(|row| row.sources() == 1);
        let measures = measures.map(|row| (row.measure.as_str(), row.values.iter().position(Option::is_some)));
        let lone: Vec<_> = relations.chain(measures).collect();
        let of = |(at, contestant): (usize, &Contestant)| {
            let names: Vec<&str> = lone.iter().filter(|(_, who)| *who == Some(at)).map(|(name, _)| *name).collect();
            let shown = names[..names.len().min(12)].join("; ");
            let more = match names.len().saturating_sub(12) {
                0 => String::new(),
                more => format!(" and {more} more, which formats csv and json have"),
            };
            (!names.is_empty()).then(|| format!("Only {} has {shown}{more}.", contestant.label))
        };
        self.contestants.iter().enumerate().filter_map(of).collect()
    }
}

impl Table<'_> {
    /// Whether lines have heads and words.
    pub(super) fn has_heads(&self) -> bool {
        self.line == "relation"
    }

    pub(super) fn sheet(
        &self,
        title: String,
        columns: &[String],
        row: impl Fn(&Line<'_>) -> Vec<Vec<SheetCell>>,
    ) -> Sheet {
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let groups = self.groups.iter().map(|lines| lines.iter().flat_map(&row).collect()).collect();
        Sheet { groups, ..Sheet::new(title, &columns) }
    }

    /// A column for each contestant, and one for its difference when it is not the reference.
    fn wide(&self, names: &[String], intervals: bool) -> Sheet {
        let align = if self.has_heads() || intervals { '<' } else { '>' };
        let of = |(at, name): (usize, &String)| {
            [format!("{align}{name}")].into_iter().chain((at > 0).then(|| "<difference".to_owned()))
        };
        let columns: Vec<String> = self.first_columns().chain(names.iter().enumerate().flat_map(of)).collect();
        self.sheet(self.title.clone(), &columns, |line| {
            let shown: Vec<usize> = (0..names.len()).collect();
            let mut cells = self.first_cells(line, &shown);
            for (at, (cell, difference)) in line.cells.iter().zip(line.differences).enumerate() {
                let text = cell.as_ref().map_or_else(|| NONE.to_owned(), |cell| cell.text(intervals));
                cells.push(line.strong_if_best(at, &shown, text));
                if at > 0 {
                    cells.push(difference.as_ref().map(difference_text).unwrap_or_default().into());
                }
            }
            vec![cells]
        })
    }

    /// A column for each contestant, what is known of its difference in signs behind the share.
    fn overview(&self, names: &[String], shown: &[usize]) -> Sheet {
        let columns: Vec<String> =
            self.first_columns().chain(shown.iter().map(|&at| format!("<{}", names[at]))).collect();
        self.sheet(self.title.clone(), &columns, |line| {
            let mut cells = self.first_cells(line, shown);
            for &at in shown {
                let marks = line.differences[at].as_ref().map(marks).unwrap_or_default();
                let text = line.cells[at].as_ref().map(|cell| format!("{:>5}{marks}", percent(cell.share)));
                cells.push(line.strong_if_best(at, shown, text.unwrap_or_else(|| format!("{NONE:>5}"))));
            }
            vec![cells]
        })
    }

    /// A line for each contestant that has a number.
    fn details(&self, names: &[String]) -> Sheet {
        let heads: &[&str] = if self.has_heads() { &["<head", ">words"] } else { &[] };
        let columns = [&[self.line][..], heads, &["<share", "<difference"]].concat();
        let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
        let everybody: Vec<usize> = (0..names.len()).collect();
        self.sheet(format!("{}: details", self.title), &columns, |line| {
            let mut rows = vec![vec![SheetCell::default(); columns.len()]];
            rows[0][0] = SheetCell::strong(line.name);
            for (at, name) in names.iter().enumerate() {
                let Some(cell) = &line.cells[at] else { continue };
                let mut row: Vec<SheetCell> = vec![format!("  {name}").into()];
                if self.has_heads() {
                    row.push(cell.heads.unwrap_or_default().into());
                    row.push(cell.words.map(count).unwrap_or_default().into());
                }
                row.push(line.strong_if_best(at, &everybody, cell.share_text(true)));
                row.push(line.differences[at].as_ref().map(difference_text).unwrap_or_default().into());
                rows.push(row);
            }
            rows
        })
    }

    pub(super) fn first_columns(&self) -> impl Iterator<Item = String> {
        let words = self.has_heads().then_some(">words");
        [self.line].into_iter().chain(words).map(str::to_owned)
    }

    /// The name of a line, and how many words it is about.
    pub(super) fn first_cells(&self, line: &Line<'_>, shown: &[usize]) -> Vec<SheetCell> {
        let words = || shown.iter().filter_map(|&at| line.cells[at].as_ref()?.words);
        let words = match (words().min(), words().max()) {
            (Some(least), Some(most)) if least < most => format!("{}–{}", count(least), count(most)),
            (Some(words), _) => count(words),
            _ => String::new(),
        };
        [line.name.into()].into_iter().chain(self.has_heads().then(|| words.into())).collect()
    }
}

impl Line<'_> {
    /// The text of a contestant, in bold where its share is the largest of those shown, and not the only one.
    pub(super) fn strong_if_best(&self, at: usize, shown: &[usize], text: String) -> SheetCell {
        let shares = || shown.iter().filter_map(|&at| Some(self.cells[at].as_ref()?.share));
        let best = shares().fold(f64::NEG_INFINITY, f64::max);
        let is_best = self.cells[at].as_ref().is_some_and(|cell| cell.share == best);
        SheetCell { text, strong: is_best && shares().count() > 1 }
    }
}

impl Cell<'_> {
    /// `8-10 →  86.8`; the arrow points from the attending word to the attended: → where the dependent's row is read.
    fn text(&self, interval: bool) -> String {
        match self.heads {
            Some(heads) => format!("{heads:<7} {}", self.share_text(interval)),
            None if interval => self.share_text(interval),
            None => percent(self.share),
        }
    }

    /// ` 86.8 (85.1, 88.4)`
    fn share_text(&self, interval: bool) -> String {
        let interval = self.interval.filter(|_| interval);
        let interval = interval.map(|(low, high)| format!(" ({}, {})", percent(low), percent(high)));
        format!("{:>5}{}", percent(self.share), interval.unwrap_or_default())
    }
}

/// What the longest name of a line may lose and still be told from others.
fn spare(sheet: &Sheet) -> usize {
    let longest = sheet.groups.iter().flatten().map(|row| row[0].text.chars().count()).max();
    longest.unwrap_or(0).saturating_sub(14)
}

/// `+3.1 (+1.0, +5.2) **`
fn difference_text(difference: &Difference) -> String {
    let interval = match (difference.ci_low, difference.ci_high) {
        (Some(low), Some(high)) => format!(" ({}, {})", points(low), points(high)),
        _ => String::new(),
    };
    format!("{:>5}{interval} {}", points(difference.value), marks(difference)).trim_end().to_owned()
}

/// Stars of the test, and a sign where a difference is not over all words.
fn marks(difference: &Difference) -> String {
    let sign = match difference.paired {
        None => UNPAIRED,
        Some(paired) if !paired.complete => PARTIAL,
        Some(_) => "",
    };
    format!("{}{sign}", stars(difference.p_adjusted))
}
