//! The formats without columns: the original release's `word head-relation` lines, and plain text.

use crate::columns::{brief, number, plant_placeholder};
use crate::fault::{Fault, NoTree};
use crate::sentence::{Governor, Relation, SentenceParts, Word, WordIdx};

/// Reads `word head-relation` lines, as the code released with Clark et al. (2019) does: `The 2-det`, HEAD 0 for the
/// root. The relation is what follows the last white space, so that words may hold spaces, as those of Vietnamese do.
/// `report` hears of every fault with its line, counted from 0 in the block.
pub(crate) fn parse_head_relations<'a>(
    lines: impl Iterator<Item = &'a str>,
    parts: &mut SentenceParts,
    report: &mut dyn FnMut(usize, Fault),
) {
    for (number, line) in lines.enumerate() {
        match head_relation(line) {
            Some((form, _, relation)) if Relation::new(relation).is_reserved() => {
                let (word, form, relation) = (parts.words.len() + 1, brief(form), brief(relation));
                report(number, Fault::ReservedRelation { word, form, relation });
            }
            Some((form, governor, relation)) => {
                parts.words.push(Word { governor, relation: Relation::new(relation), ..bare_word(form) });
            }
            None => report(number, Fault::HeadRelation { line: brief(line) }),
        }
    }
}

/// Whether a text looks like `word head-relation` lines: half of its first lines are. The others are then errors that
/// name their line, rather than a reason to take all of it for text.
pub(crate) fn looks_like_head_relations(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    // The last line of a peek may be cut.
    let cut = text.rfind('\n').filter(|_| !text.ends_with('\n'));
    let lines = text[..cut.unwrap_or(text.len())].lines().map(str::trim).filter(|line| !line.is_empty());
    let (mut right, mut all) = (0, 0);
    for line in lines {
        all += 1;
        right += usize::from(head_relation(line).is_some());
    }
    all > 0 && 2 * right >= all
}

fn head_relation(line: &str) -> Option<(&str, Governor, &str)> {
    let (form, label) = line.trim_ascii().rsplit_once(|c: char| c.is_ascii_whitespace())?;
    let form = form.trim_ascii_end();
    let (head, relation) = label.split_once('-')?;
    let governor = match number(head)? {
        0 => Governor::Root,
        head => Governor::Word(WordIdx::new(head - 1)),
    };
    (!relation.is_empty()).then_some((form, governor, relation))
}

/// Most bytes between two spaces of a text, which may be as many words.
const LONGEST_CHUNK: usize = 100_000;

/// Splits one line of text into words at white space, and punctuation off their ends; the tree is a placeholder.
///
/// Runs of one punctuation mark stay together (`...`), as does a final period behind another one in the word (`U.S.`),
/// and `@` or `#` before a letter. Contractions stay whole: what belongs apart differs by language and by treebank.
/// `report` hears of a line of more words than `longest`.
pub(crate) fn parse_text(line: &str, longest: usize, parts: &mut SentenceParts, report: &mut dyn FnMut(usize, Fault)) {
    let mut text = String::with_capacity(line.len());
    for chunk in line.split_whitespace() {
        if parts.words.len() >= longest || chunk.len() > longest.max(LONGEST_CHUNK) {
            report(0, Fault::LongSentence { limit: longest });
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(chunk);
        let words = split_punctuation(chunk);
        for (index, form) in words.iter().enumerate() {
            let misc = (index + 1 < words.len()).then(|| "SpaceAfter=No".to_owned());
            parts.words.push(Word { misc, ..bare_word(form) });
        }
    }
    parts.text = Some(text);
    plant_placeholder(parts, NoTree::Text);
}

fn bare_word(form: &str) -> Word {
    Word {
        form: form.to_owned(),
        lemma: None,
        upos: None,
        xpos: None,
        features: None,
        governor: Governor::Root,
        relation: Relation::new("root"),
        deps: None,
        misc: None,
    }
}

fn split_punctuation(chunk: &str) -> Vec<&str> {
    let mut before = Vec::new();
    let mut rest = chunk;
    while let Some(mark) = rest.chars().next().filter(|&mark| is_punctuation(mark)) {
        let run = rest.len() - rest.trim_start_matches(mark).len();
        let tag = matches!(mark, '@' | '#') && rest[run..].starts_with(char::is_alphanumeric);
        if tag {
            break;
        }
        before.push(&rest[..run]);
        rest = &rest[run..];
    }
    let mut after = Vec::new();
    while let Some(mark) = rest.chars().next_back().filter(|&mark| is_punctuation(mark)) {
        let kept = rest.trim_end_matches(mark).len();
        let abbreviation = mark == '.' && rest.len() - kept == 1 && rest[..kept].contains('.');
        if abbreviation {
            break;
        }
        after.push(&rest[kept..]);
        rest = &rest[..kept];
    }
    if !rest.is_empty() {
        before.push(rest);
    }
    before.extend(after.into_iter().rev());
    before
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c,
            '¡' | '¿' | '«' | '»' | '§' | '¶' | '·' | '€' | '£' | '¥'
            | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}'
            | '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '،' | '؛' | '؟' | '۔' | '।' | '॥' | '։' | '־')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_split_at_white_space_and_punctuation() {
        fn check(text: &str, words: &[&str]) {
            let mut parts = SentenceParts::default();
            parse_text(text, usize::MAX, &mut parts, &mut |_, fault| panic!("{fault}"));
            assert_eq!(parts.words.iter().map(|word| word.form.as_str()).collect::<Vec<_>>(), words, "{text}");
        }
        check("She left.", &["She", "left", "."]);
        check("  \"Why?\",  he\tasked…", &["\"", "Why", "?", "\"", ",", "he", "asked", "…"]);
        check("wait... (U.S.) don't", &["wait", "...", "(", "U.S.", ")", "don't"]);
        check("$5.50 #1 @ann ?!", &["$", "5.50", "#1", "@ann", "?", "!"]);
        check("¿Qué?", &["¿", "Qué", "?"]);
        check("cafe\u{301} नमस्\u{94d}", &["cafe\u{301}", "नमस्\u{94d}"]);
    }

    #[test]
    fn head_relations_are_told_from_text() {
        let is = |text: &str| looks_like_head_relations(text.as_bytes());
        assert!(is("The 2-det\nend 0-root\n\n"));
        assert!(is("\nGo 0-root\n\nThe 2-d"));
        assert!(is("The 2-det\nen"));
        assert!(!is("The end is near\n"));
        assert!(is("New York 2-nsubj\nwalks 0-root\n\n"));
        assert!(is("York-nsubj\nwalks 0-root\n\nIt 2-nsubj\nends 0-root\n"));
        assert!(!is("Meet 9-year-olds\nThey are here\nand there\n"));
        assert!(!is(""));
    }
}
