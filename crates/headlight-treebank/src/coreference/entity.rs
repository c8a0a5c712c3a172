//! CorefUD: `Entity=` in MISC, with attributes in the order that `# global.Entity` names.

use super::brackets::{Bracket, Brackets, Opening, Place, split};
use crate::fault::Fault;
use crate::read::comment_value;
use crate::sentence::Sentence;

/// The order of the attributes of an opening bracket.
pub(super) struct Attributes {
    names: Vec<String>,
}

impl Default for Attributes {
    /// The order of the CorefUD releases.
    fn default() -> Self {
        Self::declared("eid-etype-head-other")
    }
}

impl Attributes {
    /// From the value of `# global.Entity`.
    fn declared(value: &str) -> Self {
        Self { names: value.split('-').map(str::to_owned).collect() }
    }

    /// Reads `e5[1/2]-person-1`. The last attribute takes what is left, hyphens and all. `None` where a part or a
    /// place of the head is no number.
    fn read(&self, text: &str) -> Option<Opening> {
        let mut opening = Opening::default();
        let values = text.splitn(self.names.len(), '-');
        for (index, (name, value)) in self.names.iter().zip(values).enumerate() {
            match name.as_str() {
                "eid" | "GRP" => (opening.name, opening.part) = name_and_part(value)?,
                _ if index == 0 => (opening.name, opening.part) = name_and_part(value)?,
                _ if value.is_empty() => {}
                "etype" => opening.etype = Some(value.to_owned()),
                "minspan" => opening.heads.minspan = places(value)?,
                "head" => opening.heads.head = places(value)?,
                _ => {}
            }
        }
        Some(opening)
    }
}

/// `e5[1/2]` is the first of two parts of a mention of e5.
fn name_and_part(text: &str) -> Option<(String, Option<(usize, usize)>)> {
    let Some((name, part)) = text.split_once('[') else { return Some((text.to_owned(), None)) };
    let (number, of) = part.strip_suffix(']')?.split_once('/')?;
    let (number, of) = (number.parse().ok()?, of.parse().ok()?);
    (1 <= number && number <= of).then(|| (name.to_owned(), Some((number, of))))
}

/// `2,4`: the second and the fourth, as places counted from 0.
fn places(text: &str) -> Option<Vec<usize>> {
    text.split(',').map(|place| place.parse::<usize>().ok()?.checked_sub(1)).collect()
}

/// Reads the brackets of the last of `sentences`, whose words are on `lines` of the file.
pub(super) fn read(
    sentences: &[Sentence],
    lines: &[usize],
    attributes: &mut Attributes,
    brackets: &mut Brackets,
) -> Result<(), (Place, Fault)> {
    let Some((last, sentence)) = sentences.iter().enumerate().next_back() else { return Ok(()) };
    if let Some(value) = sentence.comments().iter().find_map(|comment| comment_value(comment, "global.Entity")) {
        *attributes = Attributes::declared(value);
    }
    let mut empty_nodes = sentence.empty_nodes().iter().peekable();
    let at_empty_node = |before: usize, node: usize| {
        let word = before.min(sentence.len() - 1);
        Place { sentence: last, before, behind: before, node, word, line: lines[word] }
    };
    let mut node = 0;
    for (index, word) in sentence.words().iter().enumerate() {
        while let Some((before, line)) = empty_nodes.next_if(|(before, _)| *before <= index) {
            read_annotation(entity_of(line), at_empty_node(*before, node), sentences, attributes, brackets)?;
            node += 1;
        }
        let place = Place { sentence: last, before: index, behind: index + 1, node, word: index, line: lines[index] };
        read_annotation(word.misc_value("Entity"), place, sentences, attributes, brackets)?;
        node += 1;
    }
    for (before, line) in empty_nodes {
        read_annotation(entity_of(line), at_empty_node(*before, node), sentences, attributes, brackets)?;
        node += 1;
    }
    Ok(())
}

/// `Entity=` in the MISC of an empty node's raw line.
fn entity_of(line: &str) -> Option<&str> {
    line.split('\t').nth(9)?.split('|').find_map(|pair| pair.strip_prefix("Entity="))
}

fn read_annotation(
    annotation: Option<&str>,
    place: Place,
    sentences: &[Sentence],
    attributes: &Attributes,
    brackets: &mut Brackets,
) -> Result<(), (Place, Fault)> {
    let Some(annotation) = annotation else { return Ok(()) };
    let (word, form) = (place.word + 1, || sentences[place.sentence].words()[place.word].form.clone());
    let malformed = || (place, Fault::Entity { annotation: annotation.to_owned(), word, form: form() });
    for bracket in split(annotation).ok_or_else(malformed)? {
        let closing = match bracket {
            Bracket::Open(text) | Bracket::Single(text) => {
                let opening = attributes.read(text).ok_or_else(malformed)?;
                let closing = matches!(bracket, Bracket::Single(_)).then(|| (opening.name.clone(), opening.part));
                brackets.open(opening, place);
                closing
            }
            Bracket::Close(text) => Some(name_and_part(text).ok_or_else(malformed)?),
        };
        if let Some((entity, part)) = closing
            && !brackets.close(&entity, part, place, sentences)
        {
            return Err((place, Fault::EntityNeverOpened { entity, word, form: form() }));
        }
    }
    Ok(())
}
