//! What a reader of a comparison must know.

use super::entry::Entry;
use super::measures::published_name;
use super::outcome::{MeasureRow, RelationRow};
use super::{Paper, PublishedHead, PublishedProbe, Reported};
use crate::format::count;
use crate::run::Report;

/// A sentence for everything that differs between a source and the reference and is not what is compared.
pub(super) fn flags(entries: &[Entry<'_>], rows: &[RelationRow], measures: &[MeasureRow]) -> Vec<String> {
    let mut flags = Vec::new();
    let Some((reference, others)) = entries.split_first() else { return flags };
    let shared: Vec<&RelationRow> = rows.iter().filter(|row| row.sources() > 1).collect();
    let shared_measures: Vec<&MeasureRow> = measures.iter().filter(|row| row.sources() > 1).collect();
    for other in others {
        if let (Reported::Run(a), Reported::Run(b)) = (reference.source, other.source) {
            let ours = a.report().conventions.entries();
            for ((name, a), (_, b)) in ours.into_iter().zip(b.report().conventions.entries()) {
                if a != b {
                    flags.push(format!("{name} differs: {a} in {}, {b} in {}", reference.label, other.label));
                }
            }
            let [a, b] = [a, b].map(|run| evaluated(run.report()));
            if other.beside.is_none() && a != b {
                flags.push(format!("{} was evaluated on {a}, {} on {b}", reference.label, other.label));
            }
        }
        flags.extend(flags_of_pair(reference, other));
    }
    for entry in entries {
        if let Reported::Run(run) = entry.source {
            flags.extend(run.changed().iter().map(|changed| format!("of {}, {changed}", entry.label)));
        }
        match entry.source {
            Reported::Run(run) if run.report().conventions.is_optimistic() => {
                flags
                    .push(format!(
                        "{} chose its heads on the sentences that it is scored on: optimistic, and differences of its heads \
                         are not tested",
                        entry.label
                    ));
            }
            Reported::Paper(paper) => flags.extend(paper_flags(paper, &shared, &shared_measures)),
            Reported::Run(_) => {}
        }
        let several = measures.iter().filter_map(|row| entry.measures.get(&row.measure)).map(|it| it.seeds).max();
        if let Some(seeds @ 2..) = several {
            let label = &entry.label;
            flags.push(format!("scores of {label}'s probes are means over {seeds} seeds: without interval and test"));
        }
    }
    flags.extend(others.iter().filter(|other| other.beside.is_none()).map(|other| unpaired(reference, other)));
    flags
}

/// What the words that a run shares with the reference are, where they are not the same words of the same trees.
fn flags_of_pair(reference: &Entry<'_>, other: &Entry<'_>) -> Vec<String> {
    let (a, b) = (&reference.label, &other.label);
    let (Some(pair), Some(ours), Some(theirs)) = (&other.beside, &reference.words, &other.words) else {
        return Vec::new();
    };
    let mut flags = Vec::new();
    let (ours, theirs) = (ours.len() as u64, theirs.len() as u64);
    if pair.words < ours || pair.words < theirs {
        let [words, ours, theirs] = [pair.words, ours, theirs].map(count);
        flags.push(format!("{a} and {b} share {words} words, of {ours} and {theirs}: differences are over those"));
    }
    if pair.other_sentences > 0 {
        let sentences = count(pair.other_sentences);
        flags.push(format!(
            "of {b}'s sentences, {sentences} say something else than {a}'s of the same name: not paired"
        ));
    }
    if pair.other_trees > 0 {
        let [others, words] = [pair.other_trees, pair.words].map(count);
        flags.push(format!(
            "{others} of the {words} words that {a} and {b} share have another governor or relation in {b}: each run is right \
             by its own trees, and a relation's difference is over the words that both call so"
        ));
    }
    flags
}

/// Why a source's words are not paired with the reference's, and what follows.
fn unpaired(reference: &Entry<'_>, other: &Entry<'_>) -> String {
    let (a, b) = (&reference.label, &other.label);
    let without = [reference, other].into_iter().filter(|entry| entry.is_run()).find(|entry| entry.words.is_none());
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

fn paper_flags(paper: &Paper, rows: &[&RelationRow], measures: &[&MeasureRow]) -> Vec<String> {
    let mut flags = vec![format!("{} is published: {}", paper.paper.id, paper.paper.citation)];
    flags.extend(flags_of_heads(paper, rows));
    flags.extend(flags_of_measures(paper, measures));
    flags
}

fn flags_of_heads(paper: &Paper, rows: &[&RelationRow]) -> Vec<String> {
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

fn flags_of_measures(paper: &Paper, measures: &[&MeasureRow]) -> Vec<String> {
    let (id, probes, coreference) = (&paper.paper.id, &paper.table3, &paper.table2);
    let mut flags = Vec::new();
    let is_antecedents = |row: &&MeasureRow| row.measure.starts_with("coreference");
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
