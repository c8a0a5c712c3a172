//! Counts of sentences become a row with intervals and a test, a table on disk, and a table for people.
//!
//! `cargo run --package headlight-report --example tables`

#![allow(clippy::print_stdout)]

use headlight_report::format::percent;
use headlight_report::sheet::Sheet;
use headlight_report::tables::{BaselineKind, BestHead, Direction, read_table, write_table};
use headlight_report::{Assessment, Chosen, RelationCounts, Selection, assess};
use headlight_stats::{Bootstrap, Counts, Unit};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Of 40 sentences with two objects each, the head is right about both, the baseline about one or none.
    let counts = |right: fn(u32) -> u32| (0..40).map(|at| Counts { correct: right(at), total: 2 }).collect();
    let chosen = Chosen {
        fold: None,
        layer: 8,
        head: 10,
        direction: Direction::DependentToGovernor,
        baseline: Some(BaselineKind::Offset),
        baseline_offset: Some(-2),
        correct: 70,
        total: 80,
    };
    let choice = RelationCounts {
        relation: "obj".into(),
        chosen: vec![chosen],
        reachable: None,
        head_counts: counts(|at| if at % 5 == 0 { 1 } else { 2 }),
        baseline_counts: counts(|at| at % 2),
    };
    let bootstrap = Bootstrap::default();
    let assessment =
        Assessment { selection: Selection::Separate, unit: Unit::Sentence, bootstrap: &bootstrap, is_tested: true };
    let rows = assess(&[choice], &assessment)?;

    let folder = std::env::temp_dir().join(format!("headlight-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    write_table(&folder, &rows)?;
    let mut sheet =
        Sheet::new("Read back from Parquet", &["<relation", ">words", "<head", ">accuracy", ">from", ">to", ">p"]);
    let line = |row: &BestHead| {
        let end = |end: Option<f64>| end.map_or_else(String::new, percent);
        let p = row.p_value.map_or_else(String::new, |p| format!("{p:.2e}"));
        let cells = [
            row.relation.clone(),
            row.total.to_string(),
            row.layer.zip(row.head).map_or_else(String::new, |(layer, head)| format!("{layer}-{head}")),
            percent(row.accuracy),
            end(row.ci_low),
            end(row.ci_high),
            p,
        ];
        cells.map(Into::into).into()
    };
    sheet.groups.push(read_table::<BestHead>(&folder)?.iter().map(line).collect());
    println!("{}", sheet.to_text(80));
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
