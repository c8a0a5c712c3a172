//! What a reader of a comparison must know.

use super::align::CommonWords;
use super::measures::published_name;
use super::outcome::{Entry, MeasureRow, RelationRow};
use super::{Paper, PublishedHead, PublishedProbe, Source};
use crate::format::count;
use crate::run::Report;

/// A sentence for everything that differs between a source and the reference and is not what is compared.
pub(super) fn flags(
    entries: &[Entry<'_>],
    common: &CommonWords,
    rows: &[RelationRow],
    measures: &[MeasureRow],
) -> Vec<String> {
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
            let [a, b] = [a, b].map(|run| evaluated(run.report()));
            if !other.paired && a != b {
                flags.push(format!("{} was evaluated on {a}, {} on {b}", reference.label, other.label));
            }
        }
    }
    for entry in entries {
        match entry.source {
            Source::Run(run) if run.report().conventions.is_optimistic() => {
                flags
                    .push(format!(
                        "{} chose its heads on the sentences that it is scored on: optimistic, and differences of its heads \
                         are not tested",
                        entry.label
                    ));
            }
            Source::Paper(paper) => flags.extend(paper_flags(paper, rows, measures)),
            Source::Run(_) => {}
        }
        if let (true, Some(words)) = (entry.paired, &entry.words)
            && words.len() > common.len()
        {
            let (all, left_out) = (words.len() as u64, (words.len() - common.len()) as u64);
            flags.push(format!(
                "{} of {}'s {} words are not in every run and are left out{}",
                count(left_out),
                entry.label,
                count(all),
                if measures.is_empty() { "" } else { ", but of measures without a test" }
            ));
        }
        let several = measures.iter().filter_map(|row| entry.measures.get(&row.measure)).map(|it| it.seeds).max();
        if let Some(seeds @ 2..) = several {
            let label = &entry.label;
            flags.push(format!("scores of {label}'s probes are means over {seeds} seeds: without interval and test"));
        }
    }
    flags.extend(others.iter().filter(|other| !other.paired).map(|other| unpaired(reference, other)));
    flags.extend(others.iter().filter_map(|other| only_in_one(reference, other)));
    flags
}

/// Why a source's words are not paired with the reference's, and what follows.
fn unpaired(reference: &Entry<'_>, other: &Entry<'_>) -> String {
    let (a, b) = (&reference.label, &other.label);
    let is_run = |entry: &&Entry<'_>| matches!(entry.source, Source::Run(_));
    let without = [reference, other].into_iter().filter(is_run).find(|entry| entry.words.is_none());
    let reason = match without {
        Some(entry) => format!("{} has no predictions of single words: differences between {a} and {b}", entry.label),
        None => format!("{a} and {b} share no words: differences between them"),
    };
    format!("{reason} have no interval and no test")
}

/// `en_ewt, 2,001 sentences`
fn evaluated(report: &Report) -> String {
    let split = report.treebank.splits.iter().find(|split| split.split == "evaluate");
    let sentences = split.map(|split| format!(", {} sentences", count(split.sentences))).unwrap_or_default();
    format!("{}{sentences}", report.treebank.name)
}

fn paper_flags(paper: &Paper, rows: &[RelationRow], measures: &[MeasureRow]) -> Vec<String> {
    let mut flags = vec![format!("{} is published: {}", paper.paper.id, paper.paper.citation)];
    flags.extend(flags_of_heads(paper, rows));
    flags.extend(flags_of_measures(paper, measures));
    flags
}

fn flags_of_heads(paper: &Paper, rows: &[RelationRow]) -> Vec<String> {
    let (id, table) = (&paper.paper.id, &paper.table1);
    let mut flags = Vec::new();
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

fn flags_of_measures(paper: &Paper, measures: &[MeasureRow]) -> Vec<String> {
    let (id, probes, coreference) = (&paper.paper.id, &paper.table3, &paper.table2);
    let mut flags = Vec::new();
    let is_antecedents = |row: &MeasureRow| row.measure.starts_with("coreference");
    if !measures.iter().all(is_antecedents) {
        let treebank = probes.treebank.as_deref().or(probes.treebanks.first().map(String::as_str));
        let punctuation = probes.punctuation.iter().map(|it| format!(", punctuation {it}")).collect::<String>();
        flags.extend(treebank.map(|it| format!("probes in {id} are scored on {it}{punctuation}")));
        let known = |probe: &&PublishedProbe| {
            let name = published_name(probe, if probe.uas.is_some() { "uas" } else { "uuas" });
            measures.iter().any(|row| row.measure == name)
        };
        let noted = paper.probes.iter().filter(known).filter_map(|probe| Some((&probe.name, probe.note.as_ref()?)));
        flags.extend(noted.map(|(name, note)| format!("{name} in {id}: {note}")));
        // A probe on several treebanks says the same for each.
        flags.dedup();
    }
    if measures.iter().any(is_antecedents) {
        flags.extend(coreference.corpus.iter().map(|corpus| format!("antecedents in {id} are of {corpus}")));
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
