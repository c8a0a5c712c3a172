//! What a reader of a comparison must know.

use super::outcome::{Entry, RelationRow};
use super::words::CommonWords;
use super::{Paper, PublishedHead, Source};
use crate::format::count;

/// A sentence for everything that differs between a source and the reference and is not what is compared.
pub(super) fn flags(entries: &[Entry<'_>], common: &CommonWords, rows: &[RelationRow]) -> Vec<String> {
    let mut flags = Vec::new();
    let Some((reference, others)) = entries.split_first() else { return flags };
    for other in others {
        if let (Source::Run(a), Source::Run(b)) = (reference.source, other.source) {
            let ours = a.report().conventions.entries();
            for ((name, a), (_, b)) in ours.into_iter().zip(b.report().conventions.entries()) {
                if a != b {
                    flags.push(format!("{name} differs: {a} in {}, {b} in {}", reference.label, other.label));
                }
            }
        }
    }
    for entry in entries {
        match entry.source {
            Source::Run(run) if run.report().conventions.is_optimistic() => {
                flags
                    .push(format!("{} chose its heads on the sentences that it is scored on: optimistic", entry.label));
            }
            Source::Paper(paper) => flags.extend(paper_flags(paper, rows)),
            Source::Run(_) => {}
        }
        if let (true, Some(words)) = (entry.paired, &entry.words)
            && words.len() > common.len()
        {
            let (all, left_out) = (words.len() as u64, (words.len() - common.len()) as u64);
            flags.push(format!(
                "{} of {}'s {} words are not in every run and are left out",
                count(left_out),
                entry.label,
                count(all)
            ));
        }
    }
    flags.extend(others.iter().filter(|other| !other.paired).map(|other| {
        format!(
            "{} and {} share no words: differences between them have no interval and no test",
            reference.label, other.label
        )
    }));
    flags.extend(others.iter().filter_map(|other| only_in_one(reference, other)));
    flags
}

fn paper_flags(paper: &Paper, rows: &[RelationRow]) -> Vec<String> {
    let (id, table) = (&paper.paper.id, &paper.table1);
    let mut flags = vec![format!("{id} is published: {}", paper.paper.citation)];
    let compared: Vec<(&str, &PublishedHead)> = paper
        .heads
        .iter()
        .filter_map(|head| Some((head.relation_in_runs(&table.scheme)?, head)))
        .filter(|(relation, _)| rows.iter().any(|row| row.relation == *relation))
        .collect();
    if compared.is_empty() {
        return flags;
    }
    flags.push(format!("{id} is scored on {} with {}", table.treebank, table.scheme));
    if table.selected_on.is_some() && table.selected_on == table.evaluated_on {
        flags.push(format!("{id} chose its heads on the sentences that it is scored on: optimistic"));
    }
    let renamed = compared.iter().filter(|(relation, head)| *relation != head.relation);
    let renamed: Vec<String> = renamed.map(|(relation, head)| format!("{relation} is {}", head.relation)).collect();
    if !renamed.is_empty() {
        flags.push(format!("relations are called otherwise in {id}: {}", renamed.join(", ")));
    }
    for (relation, head) in compared {
        if let (Some(note), Some(_)) = (&head.note, head.corrected_accuracy) {
            flags.push(format!("{relation} in {id} is corrected: {note}"));
        }
    }
    flags
}

/// Relations that only one of two runs has.
fn only_in_one(reference: &Entry<'_>, other: &Entry<'_>) -> Option<String> {
    if !(reference.paired && other.paired) {
        return None;
    }
    let absent = |from: &Entry<'_>, of: &Entry<'_>| {
        let names = of.scores.keys().filter(|relation| !from.scores.contains_key(*relation));
        let names: Vec<&str> = names.map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("{} has no head for {}", from.label, names.join(", ")))
    };
    let sentences = [absent(other, reference), absent(reference, other)];
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}
