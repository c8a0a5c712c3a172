//! What kinds share of differences inside a run.

use anyhow::Result;
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
