//! Which heads are alike, and what they do.

mod page;

pub(crate) use page::map;

use std::collections::BTreeSet;

use crate::sheet::Sheet;
use crate::tables::Cluster;

/// Heads named before the rest is only counted.
const NAMED: usize = 9;

/// The heads of each behaviour, role and cluster.
pub fn clusters_sheet(rows: &[Cluster]) -> Sheet {
    let mut sheet = Sheet::new("What heads do, and which are alike", &["<heads that are", ">n", "<which"]);
    let name = |row: &Cluster| format!("{}-{}", row.layer_index + 1, row.head_index + 1);
    let group = |label: &dyn Fn(&Cluster) -> Option<String>| {
        let labels: BTreeSet<String> = rows.iter().filter_map(label).collect();
        let line = |wanted: &String| {
            let heads: Vec<String> = rows.iter().filter(|row| label(row).as_ref() == Some(wanted)).map(name).collect();
            let more = heads.len().saturating_sub(NAMED);
            let more = if more == 0 { String::new() } else { format!(", … ({more} more)") };
            let named = heads.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            vec![wanted.as_str().into(), heads.len().to_string().into(), format!("{named}{more}").into()]
        };
        labels.iter().map(line).collect::<Vec<_>>()
    };
    let groups = [
        group(&|row| row.behaviour.clone()),
        group(&|row| row.role.clone()),
        group(&|row| Some(format!("in cluster {:>2}", row.cluster? + 1))),
    ];
    sheet.groups.extend(groups.into_iter().filter(|group| !group.is_empty()));
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_listed_by_what_they_do() {
        let row = |head_index: u32| Cluster {
            layer_index: 1,
            head_index,
            x: 0.0,
            y: 0.0,
            behaviour: (head_index == 0).then(|| "cls".to_owned()),
            role: (head_index < 2).then(|| "positional".to_owned()),
            cluster: Some(head_index / 11),
        };
        let rows: Vec<Cluster> = (0..12).map(row).collect();
        insta::assert_snapshot!(clusters_sheet(&rows).to_text(80), @r"
    What heads do, and which are alike

    heads that are   n  which
    ──────────────  ──  ───────────────────────────────────────────────────────
    cls              1  2-1
    ──────────────  ──  ───────────────────────────────────────────────────────
    positional       2  2-1, 2-2
    ──────────────  ──  ───────────────────────────────────────────────────────
    in cluster  1   11  2-1, 2-2, 2-3, 2-4, 2-5, 2-6, 2-7, 2-8, 2-9, … (2 more)
    in cluster  2    1  2-12
    ");
        assert_eq!(clusters_sheet(&[]).groups, Vec::<Vec<Vec<crate::sheet::SheetCell>>>::new());
    }
}
