//! CoNLL-U and CoNLL-X: ten columns a word.
//!
//! The `conllu` crate is not used here: its reader refuses multiword tokens and empty nodes, keeps FEATS and MISC as
//! maps (their order and repetitions are lost), adds each arc to a graph line by line, so that a HEAD further down is
//! an error, and has no way to parse one line alone. What would be left for it is splitting at tabs. The tests read
//! with it instead, as an independent witness.

use crate::fault::{Fault, NoTree};
use crate::sentence::{Governor, MultiwordToken, Relation, SentenceParts, Word, WordIdx};

/// How ten columns are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Columns {
    /// CoNLL-U.
    Conllu,
    /// CoNLL-U whose HEAD, DEPREL and DEPS are not looked at.
    Unparsed,
    /// CoNLL-X: eight or ten columns, the last two (PHEAD, PDEPREL) not looked at.
    Conllx,
    /// CoNLL-X whose HEAD and DEPREL are not looked at.
    UnparsedConllx,
}

const NAMES: [&str; 10] = ["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"];
const FORM: usize = 1;
const LEMMA: usize = 2;
const UPOS: usize = 3;
const XPOS: usize = 4;
const FEATS: usize = 5;
const HEAD: usize = 6;
const DEPREL: usize = 7;
pub(crate) const DEPS: usize = 8;
const MISC: usize = 9;

/// Reads the word lines and comments of one sentence into `parts`. `report` hears of every fault with its line, counted
/// from 0 in the block. `word_lines` is filled with each word's line, counted likewise.
pub(crate) fn parse<'a>(
    lines: impl Iterator<Item = &'a str>,
    columns: Columns,
    parts: &mut SentenceParts,
    word_lines: &mut Vec<usize>,
    report: &mut dyn FnMut(usize, Fault),
) {
    word_lines.clear();
    let mut place = Place::default();
    let mut missing: [Vec<usize>; 2] = [Vec::new(), Vec::new()];
    for (number, line) in lines.enumerate() {
        let report = &mut |fault| report(number, fault);
        if line.starts_with('#') {
            if place.begun {
                report(Fault::CommentPlace { word: parts.words.len() });
            }
            parts.comments.push(line.to_owned());
            continue;
        }
        place.begun = true;
        let Some(fields) = split(line, columns, report) else { continue };
        match parse_id(fields[0]) {
            Some(Id::Word(id)) => {
                if id != parts.words.len() + 1 {
                    report(Fault::IdOrder { found: id, expected: parts.words.len() + 1 });
                }
                place.empty_nodes = 0;
                word_lines.push(number);
                for (missing, column) in missing.iter_mut().zip([HEAD, DEPREL]) {
                    if value(fields[column]).is_none() {
                        missing.push(parts.words.len());
                    }
                }
                parts.words.push(word(&fields, parts.words.len(), columns, report));
            }
            Some(Id::Range(first, last)) => {
                if let Some(token) = multiword_token(&fields, first, last, parts.words.len(), &mut place, report) {
                    parts.multiword_tokens.push(token);
                    place.range_lines.push(number);
                }
            }
            Some(Id::Empty(before, node)) => {
                if (before, node) != (parts.words.len(), place.empty_nodes + 1) {
                    let expected = format!("{}.{}", parts.words.len(), place.empty_nodes + 1);
                    report(Fault::EmptyNodePlace { found: brief(fields[0]), expected });
                }
                place.empty_nodes += 1;
                parts.empty_nodes.push((parts.words.len(), line.to_owned()));
            }
            None => report(Fault::Id { id: brief(fields[0]) }),
        }
    }
    let words = parts.words.len();
    for (token, &number) in parts.multiword_tokens.iter().zip(&place.range_lines) {
        if token.last.id() > words {
            report(number, Fault::RangeEnd { first: token.first.id(), last: token.last.id(), words });
        }
    }
    let [no_head, no_relation] = missing;
    let all = |missing: &[usize]| words > 0 && missing.len() == words;
    if matches!(columns, Columns::Unparsed | Columns::UnparsedConllx) {
        plant_placeholder(parts, NoTree::Unread);
    } else if all(&no_head) {
        plant_placeholder(parts, NoTree::Head);
    } else if all(&no_relation) {
        plant_placeholder(parts, NoTree::Relation);
    } else {
        let form = |at: usize| brief(&parts.words[at].form);
        for at in no_head {
            report(word_lines[at], Fault::NoHead { word: at + 1, form: form(at) });
        }
        for at in no_relation {
            report(word_lines[at], Fault::NoRelation { word: at + 1, form: form(at) });
        }
    }
}

/// Hangs every word from the first one: a tree that says nothing, for words that wait for a parser.
pub(crate) fn plant_placeholder(parts: &mut SentenceParts, why: NoTree) {
    for (index, word) in parts.words.iter_mut().enumerate() {
        let first = index == 0;
        word.governor = if first { Governor::Root } else { Governor::Word(WordIdx::new(0)) };
        word.relation = Relation::new(if first { "root" } else { "dep" });
    }
    parts.unparsed = Some(why);
}

/// How far a sentence has been read, beyond its words.
#[derive(Default)]
struct Place {
    begun: bool,
    /// Empty nodes since the last word.
    empty_nodes: usize,
    /// Last word of the last multiword token, counted from 1.
    covered: usize,
    /// Line of each multiword token.
    range_lines: Vec<usize>,
}

fn split<'a>(line: &'a str, columns: Columns, report: &mut impl FnMut(Fault)) -> Option<[&'a str; 10]> {
    let mut fields = ["_"; 10];
    let mut found = 0;
    for field in line.split('\t') {
        if let Some(slot) = fields.get_mut(found) {
            *slot = field;
        }
        found += 1;
    }
    let conllx = matches!(columns, Columns::Conllx | Columns::UnparsedConllx);
    let right = |columns: usize| columns == 10 || conllx && columns == 8;
    if !right(found) {
        let expected = if conllx { "8 or 10, separated by single tabs," } else { "10, separated by single tabs," };
        report(Fault::Columns { found, expected, spaces: right(line.split_whitespace().count()) });
        return None;
    }
    for (column, field) in fields.iter().enumerate().skip(LEMMA) {
        if field.is_empty() {
            report(Fault::EmptyColumn { column: NAMES[column] });
        }
    }
    // Most lines have nothing that could be white space but tabs; they are not looked at column by column.
    if line.bytes().any(|byte| byte != b'\t' && (byte <= b' ' || !byte.is_ascii())) {
        report_spaces(&fields, report);
    }
    if conllx {
        (fields[DEPS], fields[MISC]) = ("_", "_");
    }
    Some(fields)
}

fn report_spaces(fields: &[&str; 10], report: &mut impl FnMut(Fault)) {
    for (column, field) in fields.iter().enumerate() {
        let inner_allowed = matches!(column, FORM | LEMMA | MISC);
        let spaced = if inner_allowed { field.trim() != *field } else { field.contains(char::is_whitespace) };
        if spaced {
            report(Fault::Space { column: NAMES[column], value: brief(field) });
        }
    }
}

enum Id {
    Word(usize),
    Range(usize, usize),
    Empty(usize, usize),
}

fn parse_id(id: &str) -> Option<Id> {
    if let Some((first, last)) = id.split_once('-') {
        return Some(Id::Range(positive(first)?, positive(last)?));
    }
    if let Some((before, node)) = id.split_once('.') {
        return Some(Id::Empty(number(before)?, positive(node)?));
    }
    positive(id).map(Id::Word)
}

fn positive(digits: &str) -> Option<usize> {
    number(digits).filter(|&number| number > 0)
}

/// A number as CoNLL-U writes it: digits alone, without sign or leading zero, below 2^32.
pub(crate) fn number(digits: &str) -> Option<usize> {
    let canonical = digits == "0" || !digits.starts_with('0');
    (canonical && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse::<u32>().ok())
        .flatten()
        .map(|number| number as usize)
}

fn word(fields: &[&str; 10], index: usize, columns: Columns, report: &mut impl FnMut(Fault)) -> Word {
    let (id, form) = (index + 1, fields[FORM]);
    if form.is_empty() {
        report(Fault::NoForm { word: id });
    }
    let mut governor = Governor::Root;
    if matches!(columns, Columns::Conllu | Columns::Conllx) {
        match (fields[HEAD], number(fields[HEAD])) {
            (_, Some(0)) => {}
            (_, Some(head)) => governor = Governor::Word(WordIdx::new(head - 1)),
            // Where the others have one it is missing; where none has, there is no tree.
            ("_" | "", None) => {}
            (head, None) => report(Fault::Head { word: id, form: brief(form), head: brief(head) }),
        }
        if Relation::new(fields[DEPREL]).is_reserved() {
            report(Fault::ReservedRelation { word: id, form: brief(form), relation: brief(fields[DEPREL]) });
        }
    }
    Word {
        form: form.to_owned(),
        lemma: value(fields[LEMMA]),
        upos: value(fields[UPOS]),
        xpos: value(fields[XPOS]),
        features: value(fields[FEATS]),
        governor,
        relation: Relation::new(fields[DEPREL]),
        deps: value(fields[DEPS]),
        misc: value(fields[MISC]),
    }
}

fn multiword_token(
    fields: &[&str; 10],
    first: usize,
    last: usize,
    words: usize,
    place: &mut Place,
    report: &mut impl FnMut(Fault),
) -> Option<MultiwordToken> {
    if last < first {
        report(Fault::RangeReversed { first, last });
        return None;
    }
    if first <= place.covered {
        report(Fault::RangeOverlap { first, last, previous: place.covered });
    } else if first != words + 1 {
        report(Fault::RangePlace { first, last, next: words + 1 });
    }
    for column in [LEMMA, UPOS, XPOS, HEAD, DEPREL, DEPS] {
        if value(fields[column]).is_some() {
            report(Fault::RangeColumn { first, last, column: NAMES[column], value: brief(fields[column]) });
        }
    }
    place.covered = place.covered.max(last);
    Some(MultiwordToken {
        first: WordIdx::new(first - 1),
        last: WordIdx::new(last - 1),
        form: fields[FORM].to_owned(),
        features: value(fields[FEATS]),
        misc: value(fields[MISC]),
    })
}

fn value(field: &str) -> Option<String> {
    (!matches!(field, "_" | "")).then(|| field.to_owned())
}

/// A value as a message shows it: cut where it is too long to be read, and nothing in it that a terminal would obey.
pub(crate) fn brief(value: &str) -> String {
    const LONGEST: usize = 60;
    let shown: String = value.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if value.chars().nth(LONGEST).is_some() { shown + "…" } else { shown }
}
