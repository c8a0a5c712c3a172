//! What kinds share of differences inside a run: writing them, and saying them.

use anyhow::Result;
use headlight_report::format::{count, p_value, points};
use headlight_report::tables::Difference;

use crate::run::Run;

/// Writes the differences of an experiment behind those of earlier ones.
///
/// # Errors
/// When the table cannot be written.
pub fn write_differences(run: &Run, rows: &[Difference]) -> Result<()> {
    let mut table = run.table::<Difference>()?;
    rows.iter().try_for_each(|row| table.push(row))?;
    Ok(table.finish()?)
}

/// Takes the test from a difference whose first side was chosen on the words that it is compared on: such a test rejects far
/// too often (METHOD §2).
pub fn untested(row: &mut Difference) {
    (row.p_value, row.p_adjusted) = (None, None);
}

/// A difference with all that it rests on: `12.7 points more [11.0, 14.2] (p < 0.001, paired over 2,001 sentences)`. The p is
/// Holm's.
pub fn said(row: &Difference) -> String {
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
