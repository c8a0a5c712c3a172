//! A comparison with a fact in each cell, for Markdown: any number of contestants in one table.

use super::outcome::{Comparison, Difference};
use super::sheets::{BESIDE, Layout, Line, NONE, Table};
use crate::format::{count, p_value, percent, points};
use crate::sheet::{Sheet, SheetCell};

impl Comparison {
    /// A table of the relations and one of the measures, notes below the last. Few contestants stand beside each other; of many
    /// each has lines of its own.
    pub(super) fn fact_sheets(&self) -> Vec<Sheet> {
        let names = self.names();
        let of = |table: &Table<'_>| if names.len() > BESIDE { table.long(&names) } else { table.columns(&names) };
        let mut sheets: Vec<Sheet> = self.tables().iter().map(of).collect();
        if let Some(last) = sheets.last_mut() {
            last.notes = self.notes(Layout::Columns);
        }
        sheets
    }
}

/// Columns of a difference.
const DIFFERENCE: [&str; 4] = [">difference", "<its interval", ">p", "<over"];

impl Table<'_> {
    /// Everybody in a line.
    fn columns(&self, names: &[String]) -> Sheet {
        let mut columns: Vec<String> = self.first_columns().collect();
        for (at, name) in names.iter().enumerate() {
            columns.extend(self.columns_of_share().map(|column| named(column, name)));
            if at > 0 {
                columns.extend(DIFFERENCE.map(|column| named(column, name)));
            }
        }
        let everybody: Vec<usize> = (0..names.len()).collect();
        self.sheet(self.title.clone(), &columns, |line| {
            let mut cells = self.first_cells(line, &everybody);
            for at in 0..names.len() {
                cells.extend(self.share_cells(line, at, &everybody));
                if at > 0 {
                    cells.extend(difference_cells(line.differences[at].as_ref()));
                }
            }
            vec![cells]
        })
    }

    /// A line for each contestant that has a number.
    fn long(&self, names: &[String]) -> Sheet {
        let words = self.has_heads().then_some(">words");
        let columns = [self.line, "run"].into_iter().chain(words).chain(self.columns_of_share()).chain(DIFFERENCE);
        let columns: Vec<String> = columns.map(str::to_owned).collect();
        let everybody: Vec<usize> = (0..names.len()).collect();
        self.sheet(self.title.clone(), &columns, |line| {
            let row = |(at, name): (usize, &String)| {
                let cell = line.cells[at].as_ref()?;
                let mut cells: Vec<SheetCell> = vec![line.name.into(), name.as_str().into()];
                if self.has_heads() {
                    cells.push(cell.words.map(count).unwrap_or_default().into());
                }
                cells.extend(self.share_cells(line, at, &everybody));
                cells.extend(difference_cells(line.differences[at].as_ref()));
                Some(cells)
            };
            names.iter().enumerate().filter_map(row).collect()
        })
    }

    fn columns_of_share(&self) -> impl Iterator<Item = &'static str> {
        self.has_heads().then_some("<head").into_iter().chain([">%", "<interval"])
    }

    fn share_cells(&self, line: &Line<'_>, at: usize, shown: &[usize]) -> Vec<SheetCell> {
        let cell = line.cells[at].as_ref();
        let mut cells: Vec<SheetCell> = Vec::new();
        if self.has_heads() {
            cells.push(cell.and_then(|cell| cell.heads).unwrap_or_default().into());
        }
        cells.push(line.strong_if_best(at, shown, cell.map_or_else(|| NONE.to_owned(), |cell| percent(cell.share))));
        let interval = cell.and_then(|cell| cell.interval);
        cells
            .push(interval.map(|(low, high)| format!("{}–{}", percent(low), percent(high))).unwrap_or_default().into());
        cells
    }
}

/// `>%` of `a` is `>a %`.
fn named(column: &str, name: &str) -> String {
    let (align, title) = column.split_at(1);
    format!("{align}{name} {title}")
}

fn difference_cells(difference: Option<&Difference>) -> [SheetCell; 4] {
    let Some(difference) = difference else { return [(); 4].map(|()| SheetCell::default()) };
    let interval = difference.ci_low.zip(difference.ci_high);
    let interval = interval.map(|(low, high)| format!("{} to {}", points(low), points(high)));
    let over = match difference.paired {
        None => "not paired".to_owned(),
        Some(paired) => format!("{} {}", count(paired.words), if paired.complete { "words" } else { "shared words" }),
    };
    let p = difference.p_adjusted.map(p_value).unwrap_or_default();
    [points(difference.value), interval.unwrap_or_default(), p, over].map(SheetCell::from)
}
