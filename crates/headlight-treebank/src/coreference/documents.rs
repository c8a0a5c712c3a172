//! Reading: a file becomes a stream of documents.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::brackets::{Bracketed, Brackets, Place};
use super::entity::{self, Attributes};
use super::heads::head;
use super::{Document, Entity, HeadRule, Mention, MentionType, Span};
use crate::columns::brief;
use crate::fault::{Fault, Problem, ReadError};
use crate::read::{Format, Reader, Step};
use crate::sentence::Sentence;

/// Reads one file document by document. Memory holds one document.
///
/// A document ends where the next one opens (`# newdoc`, `#begin document`); a file that opens none is one document.
/// One that holds a sentence or a bracket that is wrong is skipped whole: the iterator yields the first error of it,
/// which [is skippable](ReadError::is_skippable), and goes on with the next document.
pub struct Documents {
    reader: Reader,
    rule: HeadRule,
    attributes: Attributes,
    /// The sentence that opens the next document, with the lines of its words.
    ahead: Option<(Step, Vec<usize>)>,
}

impl Documents {
    /// Opens a CorefUD file ([`Format::Conllu`]) or a CoNLL-2012 file ([`Format::Conll2012`]); without a format, its name
    /// tells it.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open(path: impl AsRef<Path>, format: impl Into<Option<Format>>, rule: HeadRule) -> Result<Self, ReadError> {
        Ok(Self::new(Reader::open(path, format)?, rule))
    }

    /// Gathers the sentences of a reader into documents.
    pub fn new(reader: Reader, rule: HeadRule) -> Self {
        Self { reader: reader.with_optional_trees(), rule, attributes: Attributes::default(), ahead: None }
    }

    fn step(&mut self) -> Option<(Step, Vec<usize>)> {
        let step = self.reader.advance()?;
        Some((step, self.reader.word_lines().collect()))
    }

    /// The sentences of the next document, with its brackets.
    fn gather(&mut self) -> Option<Result<(Vec<Sentence>, Brackets), ReadError>> {
        let mut next = self.ahead.take().or_else(|| self.step());
        next.as_ref()?;
        let mut gathered = Ok((Vec::new(), Brackets::default()));
        let (mut begun, mut words, limit) = (false, 0, self.reader.limits().document);
        while let Some((step, lines)) = next {
            if step.opens_document && std::mem::replace(&mut begun, true) {
                self.ahead = Some((step, lines));
                break;
            }
            begun = true;
            if let Ok((sentences, brackets)) = &mut gathered {
                let added = step.sentence.and_then(|sentence| {
                    words += sentence.len();
                    let (line, sent_id) = (sentence.line(), sentence.sent_id().to_owned());
                    sentences.push(sentence);
                    if words > limit {
                        let fault = Fault::LongDocument { limit };
                        let problem = Box::new(Problem { line, sent_id: Some(sent_id), fault });
                        return Err(ReadError::Sentence { path: self.reader.path().to_owned(), problem });
                    }
                    entity::read(sentences, &lines, &mut self.attributes, brackets)
                        .map_err(|(place, fault)| self.error(place, fault, sentences))
                });
                if let Err(error) = added {
                    gathered = Err(error);
                }
            }
            next = self.step();
        }
        Some(gathered)
    }

    fn document(&self, sentences: Vec<Sentence>, brackets: Brackets) -> Result<Document, ReadError> {
        let bracketed = brackets.finish(&sentences);
        let bracketed = bracketed.map_err(|(place, fault)| self.error(place, fault, &sentences))?;
        let (mut entities, mut mentions) = (Vec::<Entity>::new(), Vec::with_capacity(bracketed.len()));
        let mut known: HashMap<String, usize> = HashMap::new();
        let (mut zero_mentions, mut repeated_mentions) = (0, 0);
        let mut said: HashSet<(usize, Vec<Span>)> = HashSet::new();
        for mention in bracketed {
            if mention.spans.is_empty() {
                zero_mentions += 1;
                continue;
            }
            let (sentence, head) = head(&mention, self.rule, &sentences)
                .ok_or_else(|| self.error(mention.place, head_outside(&mention, &sentences), &sentences))?;
            let entity = *known.entry(mention.entity).or_insert_with_key(|name| {
                entities.push(Entity { name: name.clone(), etype: mention.etype });
                entities.len() - 1
            });
            if !said.insert((entity, mention.spans.clone())) {
                repeated_mentions += 1;
                continue;
            }
            let kind = MentionType::of(sentences[sentence].word(head));
            mentions.push(Mention { entity, sentence, head, kind, spans: mention.spans });
        }
        let id = sentences.first().and_then(Sentence::document).map(str::to_owned);
        let id =
            id.unwrap_or_else(|| self.reader.path().file_stem().unwrap_or_default().to_string_lossy().into_owned());
        Ok(Document { id, sentences, entities, mentions, zero_mentions, repeated_mentions })
    }

    fn error(&self, place: Place, fault: Fault, sentences: &[Sentence]) -> ReadError {
        let sent_id = Some(sentences[place.sentence].sent_id().to_owned());
        let problem = Box::new(Problem { line: place.line, sent_id, fault });
        ReadError::Sentence { path: self.reader.path().to_owned(), problem }
    }
}

fn head_outside(mention: &Bracketed, sentences: &[Sentence]) -> Fault {
    let form = brief(&sentences[mention.place.sentence].words()[mention.place.word].form);
    Fault::HeadOutside { entity: brief(&mention.entity), word: mention.place.word + 1, form }
}

impl Iterator for Documents {
    type Item = Result<Document, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let gathered = self.gather()?;
        Some(gathered.and_then(|(sentences, brackets)| self.document(sentences, brackets)))
    }
}
