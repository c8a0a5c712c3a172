//! Checking: everything that is wrong with a file, not only the first thing.

use std::collections::HashMap;
use std::path::Path;

use crate::fault::{Fault, Problem, ReadError};
use crate::read::{Format, Source, comment_value};
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
    let mut source = Source::open(path.as_ref(), format.into())?;
    let conllu = matches!(source.format(), Format::Conllu | Format::UnparsedConllu);
    let mut checked = Checked::default();
    let mut first_uses = HashMap::new();
    loop {
        let mut faults = Vec::new();
        let parts = source.next_parts(&mut |line, fault| faults.push((line, fault)))?;
        if let (Some(parts), true) = (&parts, conllu) {
            check_names(parts, &mut first_uses, &mut faults);
            if !faults.iter().any(|(_, fault)| fault.is_error()) {
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
        let Some(parts) = parts else { return Ok(checked) };
        checked.sentences += 1;
        checked.words += parts.words.len();
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
    let spelled = spell(parts);
    let spelled = spelled.trim_end();
    if text == spelled {
        return;
    }
    let common = text.chars().zip(spelled.chars()).take_while(|(a, b)| a == b).count();
    let from_there = |text: &str| text.chars().skip(common).take(20).collect::<String>();
    let comment = parts.comments.iter().position(|comment| comment_value(comment, "text").is_some());
    faults.push((
        parts.line + comment.unwrap_or(0),
        Fault::Text { character: common + 1, text: from_there(text), words: from_there(spelled) },
    ));
}

/// The text that the words and multiword tokens spell, by `SpaceAfter=No`, with a space behind all other tokens.
fn spell(parts: &SentenceParts) -> String {
    let no_space = |misc: Option<&str>| misc.is_some_and(|misc| misc.split('|').any(|pair| pair == "SpaceAfter=No"));
    let mut text = String::new();
    let mut push = |form: &str, misc: Option<&str>| {
        text.push_str(form);
        if !no_space(misc) {
            text.push(' ');
        }
    };
    let mut tokens = parts.multiword_tokens.iter().peekable();
    let mut spelled = 0;
    for (index, word) in parts.words.iter().enumerate() {
        if let Some(token) = tokens.next_if(|token| token.first.index() == index) {
            push(&token.form, token.misc.as_deref());
            spelled = token.last.id();
        } else if index >= spelled {
            push(&word.form, word.misc.as_deref());
        }
    }
    text
}
