//! CoNLL-2012: coreference and constituents in columns, read as sentences with CorefUD annotation.

use crate::columns::{brief, number, plant_placeholder};
use crate::fault::{Fault, NoTree};
use crate::penn;
use crate::sentence::{Governor, Relation, SentenceParts, Word};

/// Document, part, word number, word, tag, parse bit, lemma, frameset, sense, speaker, name … coreference.
const FEWEST_COLUMNS: usize = 12;
const NUMBER: usize = 2;
const FORM: usize = 3;
const TAG: usize = 4;
const PARSE: usize = 5;

/// Reads the lines of one sentence into `parts`. The tree comes from the parse by head rules, with the relations `root`,
/// `punct` and `dep`; without a parse it is a placeholder. The coreference column becomes `Entity=` in MISC.
pub(crate) fn parse<'a>(
    lines: impl Iterator<Item = &'a str>,
    parts: &mut SentenceParts,
    word_lines: &mut Vec<usize>,
    report: &mut dyn FnMut(usize, Fault),
) {
    word_lines.clear();
    let (mut tags, mut bits) = (Vec::new(), Vec::new());
    for (line_number, line) in lines.enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(&coreference), FEWEST_COLUMNS..) = (fields.last(), fields.len()) else {
            report(line_number, Fault::Columns { found: fields.len(), expected: "12 or more", spaces: false });
            continue;
        };
        match number(fields[NUMBER]) {
            Some(found) if found == parts.words.len() => {}
            Some(found) => report(line_number, Fault::IdOrder { found, expected: parts.words.len() }),
            None => report(line_number, Fault::Id { id: brief(fields[NUMBER]) }),
        }
        tags.push(fields[TAG]);
        bits.push(fields[PARSE]);
        word_lines.push(line_number);
        parts.words.push(word(fields[FORM], fields[TAG], coreference));
    }
    if bits.iter().all(|bit| matches!(*bit, "*" | "-" | "_")) {
        plant_placeholder(parts, NoTree::Parse);
        return;
    }
    match penn::governors(&tags, &bits) {
        Ok(governors) => {
            for (word, governor) in parts.words.iter_mut().zip(governors) {
                word.governor = governor;
                if governor == Governor::Root {
                    word.relation = Relation::new("root");
                }
            }
        }
        Err(at) => {
            let (word, form) = (at + 1, brief(&parts.words[at].form));
            report(word_lines[at], Fault::Parse { word, form, bit: brief(bits[at]) });
        }
    }
}

/// The name of the document that a block of lines opens: `#begin document (bc/cctv/00/cctv_0000); part 000`.
pub(crate) fn document<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<String> {
    lines.find_map(|line| {
        let (name, part) = line.strip_prefix("#begin document (")?.rsplit_once(')')?;
        let part = part.trim_start_matches(';').trim();
        Some(if part.is_empty() { name.to_owned() } else { format!("{name} {part}") })
    })
}

fn word(form: &str, tag: &str, coreference: &str) -> Word {
    let upos = penn::upos(tag);
    let misc = match coreference {
        "-" | "_" | "*" => None,
        brackets => Some(format!("Entity={}", brackets.replace('|', ""))),
    };
    Word {
        form: plain(form).to_owned(),
        lemma: None,
        upos: upos.map(str::to_owned),
        xpos: Some(tag.to_owned()),
        features: penn::features(tag, form).map(str::to_owned),
        governor: Governor::Root,
        relation: Relation::new(if upos == Some("PUNCT") { "punct" } else { "dep" }),
        deps: None,
        misc,
    }
}

/// Takes back the escapes of OntoNotes: `-LRB-` is `(`, `/.` is `.`.
fn plain(form: &str) -> &str {
    match form {
        "-LRB-" => "(",
        "-RRB-" => ")",
        "-LSB-" => "[",
        "-RSB-" => "]",
        "-LCB-" => "{",
        "-RCB-" => "}",
        "-AMP-" => "&",
        "/." | "/?" | "/-" => &form[1..],
        _ => form,
    }
}
