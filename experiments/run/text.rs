//! The surface text of a sentence and where its words lie in it (METHOD §1, the second input mode).

use std::ops::Range;

use headlight_bert::Skip;
use headlight_treebank::{Sentence, WordIdx};

/// A word or multiword token as it stands in the text.
struct Token<'a> {
    form: &'a str,
    space_after: bool,
    words: Range<usize>,
}

/// The text (`# text`, or what the forms spell where there is none) and the characters of each word, counted in Unicode
/// scalar values. The words of a multiword token share its characters.
///
/// # Errors
/// [`Skip::WordOutsideText`] when `# text` is not what the words spell.
pub fn of(sentence: &Sentence) -> Result<(String, Vec<Range<usize>>), Skip> {
    let tokens = tokens(sentence);
    let spelled = || {
        let mut text = String::new();
        for token in &tokens {
            text.push_str(token.form);
            if token.space_after {
                text.push(' ');
            }
        }
        text
    };
    let text = sentence.text().map_or_else(spelled, ToOwned::to_owned);
    let mut ranges = Vec::with_capacity(sentence.len());
    let (mut rest, mut at) = (text.as_str(), 0);
    for token in &tokens {
        let start = rest.trim_start();
        at += rest[..rest.len() - start.len()].chars().count();
        rest = start.strip_prefix(token.form).ok_or(Skip::WordOutsideText { word: token.words.start })?;
        let end = at + token.form.chars().count();
        ranges.extend(token.words.clone().map(|_| at..end));
        at = end;
    }
    Ok((text, ranges))
}

fn tokens(sentence: &Sentence) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut multiword = sentence.multiword_tokens().iter().peekable();
    let mut next = 0;
    while next < sentence.len() {
        if let Some(token) = multiword.next_if(|token| token.first.index() == next) {
            let end = token.last.index() + 1;
            let glued = token.misc.as_deref().is_some_and(|misc| misc.split('|').any(|it| it == "SpaceAfter=No"));
            tokens.push(Token { form: &token.form, space_after: !glued, words: next..end });
            next = end;
        } else {
            let word = sentence.word(WordIdx::new(next));
            tokens.push(Token { form: &word.form, space_after: word.space_after(), words: next..next + 1 });
            next += 1;
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use headlight_treebank::{Format, Reader};

    use super::*;

    const WONT: &str = "\
1-2\twon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\two\twill\tAUX\t_\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\t_\t_\t1\tadvmod\t_\t_
3\t,\t,\tPUNCT\t_\t_\t1\tpunct\t_\t_
4\té!\té\tX\t_\t_\t1\tdep\t_\t_

";

    fn check(text: Option<&str>, expected: Result<&[&str], Skip>) {
        let file = format!("{}{WONT}", text.map(|text| format!("# text = {text}\n")).unwrap_or_default());
        let sentence = Reader::new(Cursor::new(file), "test", Format::Conllu).unwrap().next().unwrap().unwrap();
        let found = of(&sentence).map(|(text, ranges)| {
            let chars: Vec<char> = text.chars().collect();
            ranges.into_iter().map(|range| chars[range].iter().collect::<String>()).collect::<Vec<_>>()
        });
        assert_eq!(found, expected.map(|words| words.iter().map(ToString::to_string).collect()));
    }

    #[test]
    fn words_lie_in_the_text_and_share_their_multiword_tokens_characters() {
        check(None, Ok(&["won't", "won't", ",", "é!"]));
        check(Some("won't, é!"), Ok(&["won't", "won't", ",", "é!"]));
        check(Some(" won't ,\u{a0}é!"), Ok(&["won't", "won't", ",", "é!"]));
        check(Some("will not, é!"), Err(Skip::WordOutsideText { word: 0 }));
        check(Some("won't, e!"), Err(Skip::WordOutsideText { word: 3 }));
    }
}
