//! What a reader must know before trusting the best heads.

use headlight_heads::BestHeads;
use headlight_report::Selection;
use headlight_report::tables::BestHead;

/// Relations with fewer words than this have intervals that mean little.
const SMALL: u64 = 10;

/// Warnings for the report.
pub fn warnings(selection: Selection, best: &BestHeads, rows: &[BestHead]) -> Vec<String> {
    let mut warnings: Vec<String> = selection.warning("p-values pay for the choice").into_iter().collect();
    let list = |names: Vec<&str>| names.join(", ");
    if !best.never_selected.is_empty() {
        let names = best.never_selected.iter().map(|(group, _)| group.name()).collect();
        warnings.push(format!("Relations without a word to choose a head on are not scored: {}.", list(names)));
    }
    let small: Vec<&str> = rows.iter().filter(|row| row.total < SMALL).map(|row| row.relation.as_str()).collect();
    if !small.is_empty() {
        warnings.push(format!("Relations with fewer than {SMALL} words, too few to say much: {}.", list(small)));
    }
    warnings
}
