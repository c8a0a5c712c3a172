//! Checking: everything that is wrong with a file, not only the first thing.

use std::collections::HashMap;
use std::path::Path;

use crate::fault::{Fault, NoTree, Problem, ReadError};
use crate::options::ReadOptions;
use crate::read::{Format, Parts, comment_value};
use crate::sentence::SentenceParts;

/// What a check has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// Sentences of the file, right or wrong.
    pub sentences: usize,
    /// Words of the sentences, as far as they could be read.
    pub words: usize,
    /// All that is wrong, in the order of lines within each sentence. See [`Fault::is_error`] for what keeps a sentence
    /// from being read and what only breaks a rule.
    pub problems: Vec<Problem>,
}

/// Lists every problem of a file: what the [`Reader`](crate::Reader) refuses, and for CoNLL-U also names used twice or
/// missing, `# text` that is not what the words spell, empty columns, stray white space and the layout of lines.
/// Names of relations and parts of speech are free. A sentence's tree is looked at once its columns are readable.
///
/// # Errors
/// [`ReadError`] when the file cannot be opened, its format is not known, or it breaks off.
pub fn check(path: impl AsRef<Path>, format: impl Into<Option<Format>>) -> Result<Checked, ReadError> {
    let mut source = Parts::open(path.as_ref(), format.into())?;
    let conllu = matches!(source.format(), Format::Conllu | Format::UnparsedConllu);
    let mut checked = Checked::default();
    let mut first_uses = HashMap::new();
    let mut without_trees: Option<NoTree> = None;
    loop {
        let mut faults = Vec::new();
        let parts = source.next_parts(ReadOptions::default(), &mut |line, fault| faults.push((line, fault)))?;
        without_trees = without_trees.or(parts.as_ref().and_then(|parts| parts.unparsed));
        if let (Some(parts), true) = (&parts, conllu) {
            check_names(parts, &mut first_uses, &mut faults);
            if !faults.iter().any(|(_, fault)| fault.is_error() && !matches!(fault, Fault::NoTree { .. })) {
                check_text(parts, &mut faults);
            }
        }
        faults.sort_by_key(|(line, _)| *line);
        checked.problems.extend(faults.into_iter().map(|(line, fault)| {
            let of_layout = matches!(
                fault,
                Fault::ByteOrderMark | Fault::CarriageReturn | Fault::BlankLine | Fault::NoFinalBlankLine
            );
            let sent_id = parts.as_ref().filter(|_| !of_layout).map(|parts| parts.sent_id.clone());
            Problem { line, sent_id, fault }
        }));
        let Some(parts) = parts else {
            checked.say_once(without_trees);
            return Ok(checked);
        };
        checked.sentences += 1;
        checked.words += parts.words.len();
    }
}

impl Checked {
    /// Says what holds for the whole file: that it is empty, or has no tree at all, which sentence by sentence nobody reads.
    fn say_once(&mut self, without_trees: Option<NoTree>) {
        let said = |problem: &Problem| matches!(problem.fault, Fault::NoTree { .. });
        let count = self.problems.iter().filter(|problem| said(problem)).count();
        if self.sentences == 0 {
            self.problems.push(Problem { line: 1, sent_id: None, fault: Fault::NoSentences });
        } else if let (Some(why), true) = (without_trees, count == self.sentences) {
            let first = self.problems.iter().find(|problem| said(problem)).map_or(1, |problem| problem.line);
            self.problems.retain(|problem| !said(problem));
            let fault = Fault::NoTrees { sentences: count, why };
            self.problems.insert(0, Problem { line: first, sent_id: None, fault });
        }
    }
}

fn check_names(parts: &SentenceParts, first_uses: &mut HashMap<String, usize>, faults: &mut Vec<(usize, Fault)>) {
    let named = parts.comments.iter().position(|comment| comment_value(comment, "sent_id").is_some());
    let Some(comment) = named else {
        faults.push((parts.line, Fault::NoSentId));
        return;
    };
    let line = parts.line + comment;
    match first_uses.get(&parts.sent_id) {
        Some(&first) => faults.push((line, Fault::DuplicateSentId { sent_id: parts.sent_id.clone(), first })),
        None => {
            first_uses.insert(parts.sent_id.clone(), line);
        }
    }
}

fn check_text(parts: &SentenceParts, faults: &mut Vec<(usize, Fault)>) {
    let Some(text) = &parts.text else {
        faults.push((parts.line, Fault::NoText));
        return;
    };
    let Err((character, rest, token)) = spell(parts, text) else { return };
    let start = |text: &str| text.chars().take(20).collect::<String>();
    let comment = parts.comments.iter().position(|comment| comment_value(comment, "text").is_some());
    faults
        .push((parts.line + comment.unwrap_or(0), Fault::Text { character, text: start(rest), words: start(&token) }));
}

/// Eats the words and multiword tokens from the front of the text, as level 2 of UD's validator does: white space of any
/// length behind a token, unless it has `SpaceAfter=No`. Where they part: the character, counted from 1, what is left of
/// the text there, and what the words spell from there.
fn spell<'a>(parts: &SentenceParts, text: &'a str) -> Result<(), (usize, &'a str, String)> {
    let no_space = |misc: Option<&str>| misc.is_some_and(|misc| misc.split('|').any(|pair| pair == "SpaceAfter=No"));
    let mut tokens = parts.multiword_tokens.iter().peekable();
    let (mut rest, mut covered) = (text, 0);
    for (index, word) in parts.words.iter().enumerate() {
        let (form, misc) = match tokens.next_if(|token| token.first.index() == index) {
            Some(token) => {
                covered = token.last.id();
                (&token.form, token.misc.as_deref())
            }
            None if index >= covered => (&word.form, word.misc.as_deref()),
            None => continue,
        };
        let part = |rest: &'a str, spelled: &str| {
            let common = rest.chars().zip(spelled.chars()).take_while(|(a, b)| a == b).count();
            let at = |text: &str| text.char_indices().nth(common).map_or(text.len(), |(at, _)| at);
            let character = text[..text.len() - rest.len()].chars().count() + common + 1;
            (character, &rest[at(rest)..], spelled[at(spelled)..].to_owned())
        };
        let last = index + 1 == parts.words.len() || covered == parts.words.len();
        let Some(behind) = rest.strip_prefix(form.as_str()) else { return Err(part(rest, form)) };
        rest = behind;
        if !no_space(misc) {
            let spaced = rest.trim_start();
            if spaced.len() == rest.len() && !rest.is_empty() {
                return Err(part(rest, if last { "" } else { " " }));
            }
            rest = spaced;
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err((text[..text.len() - rest.len()].chars().count() + 1, rest, String::new()))
    }
}
