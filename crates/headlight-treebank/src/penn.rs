//! What CoNLL-2012 says in the terms of the Penn Treebank: constituents become dependencies, tags become UPOS and
//! features.

use crate::sentence::{Governor, WordIdx};

/// Governors by the head rules of Collins (1999, appendix A), from each word's tag and its part of the bracketed parse,
/// for example `(TOP(S(NP*`. A coordination is headed by the conjunct before its last conjunction.
///
/// # Errors
/// The word at which the brackets stop being one tree.
pub(crate) fn governors(tags: &[&str], parse: &[&str]) -> Result<Vec<Governor>, usize> {
    let mut governors = vec![Governor::Root; tags.len()];
    let mut open: Vec<(&str, Vec<Constituent<'_>>)> = Vec::new();
    let mut whole = Vec::new();
    for (word, (tag, bit)) in tags.iter().zip(parse).enumerate() {
        let (before, behind) = bit.split_once('*').ok_or(word)?;
        let labels = before.strip_prefix('(').map(|labels| labels.split('('));
        if labels.is_none() && !before.is_empty() {
            return Err(word);
        }
        open.extend(labels.into_iter().flatten().map(|label| (bare(label), Vec::new())));
        let leaf = Constituent { label: tag, head: word };
        open.last_mut().map_or(&mut whole, |(_, children)| children).push(leaf);
        for bracket in behind.chars() {
            let (label, children) = open.pop().filter(|_| bracket == ')').ok_or(word)?;
            let constituent = Constituent { label, head: join(label, &children, &mut governors) };
            open.last_mut().map_or(&mut whole, |(_, siblings)| siblings).push(constituent);
        }
        if open.is_empty() && word + 1 < tags.len() {
            return Err(word);
        }
    }
    match (open.is_empty(), &whole[..]) {
        (true, [_]) => Ok(governors),
        _ => Err(tags.len().saturating_sub(1)),
    }
}

struct Constituent<'a> {
    label: &'a str,
    head: usize,
}

/// `NP-SBJ=1` is an NP.
fn bare(label: &str) -> &str {
    label.split(['-', '=']).next().filter(|bare| !bare.is_empty()).unwrap_or(label)
}

/// Hangs the heads of the other children from that of the head child, which it returns.
fn join(label: &str, children: &[Constituent<'_>], governors: &mut [Governor]) -> usize {
    let chosen = head_child(label, children);
    let coordinated = chosen >= 2 && children[chosen - 1].label == "CC";
    let head = children[if coordinated { chosen - 2 } else { chosen }].head;
    for child in children.iter().filter(|child| child.head != head) {
        governors[child.head] = Governor::Word(WordIdx::new(head));
    }
    head
}

/// Where the search for a head child begins.
#[derive(Clone, Copy)]
enum From {
    Left,
    Right,
}

/// Each constituent's search order: the first label that any child has decides.
const HEAD_RULES: [(&str, From, &str); 22] = [
    ("ADJP", From::Left, "NNS QP NN $ ADVP JJ VBN VBG ADJP JJR NP JJS DT FW RBR RBS SBAR RB"),
    ("ADVP", From::Right, "RB RBR RBS FW ADVP TO CD JJR JJ IN NP JJS NN"),
    ("CONJP", From::Right, "CC RB IN"),
    ("FRAG", From::Right, ""),
    ("INTJ", From::Left, ""),
    ("LST", From::Right, "LS :"),
    ("NAC", From::Left, "NN NNS NNP NNPS NP NAC EX $ CD QP PRP VBG JJ JJS JJR ADJP FW"),
    ("PP", From::Right, "IN TO VBG VBN RP FW"),
    ("PRN", From::Left, ""),
    ("PRT", From::Right, "RP"),
    ("QP", From::Left, "$ IN NNS NN JJ RB DT CD NCD QP JJR JJS"),
    ("RRC", From::Right, "VP NP ADVP ADJP PP"),
    ("S", From::Left, "TO IN VP S SBAR ADJP UCP NP"),
    ("SBAR", From::Left, "WHNP WHPP WHADVP WHADJP IN DT S SQ SINV SBAR FRAG"),
    ("SBARQ", From::Left, "SQ S SINV SBARQ FRAG"),
    ("SINV", From::Left, "VBZ VBD VBP VB MD VP S SINV ADJP NP"),
    ("SQ", From::Left, "VBZ VBD VBP VB MD VP SQ"),
    ("UCP", From::Right, ""),
    ("VP", From::Left, "TO VBD VBN MD VBZ VB VBG VBP VP ADJP NN NNS NP"),
    ("WHADJP", From::Left, "CC WRB JJ ADJP"),
    ("WHADVP", From::Right, "CC WRB"),
    ("WHPP", From::Right, "IN TO FW"),
];

fn head_child(label: &str, children: &[Constituent<'_>]) -> usize {
    let any_of = |labels: &str, child: &Constituent<'_>| labels.split(' ').any(|label| label == child.label);
    let from_left = |labels: &str| children.iter().position(|child| any_of(labels, child));
    let from_right = |labels: &str| children.iter().rposition(|child| any_of(labels, child));
    let last = children.len() - 1;
    let found = match label {
        "NP" | "NX" if children[last].label == "POS" => Some(last),
        "NP" | "NX" => from_right("NN NNP NNPS NNS NX POS JJR")
            .or_else(|| from_left("NP"))
            .or_else(|| from_right("$ ADJP PRN"))
            .or_else(|| from_right("CD"))
            .or_else(|| from_right("JJ JJS RB QP")),
        "WHNP" => from_left("WDT WP WP$ WHADJP WHPP WHNP"),
        _ => HEAD_RULES.iter().find(|(name, ..)| *name == label).and_then(|(_, from, order)| {
            order.split(' ').find_map(|label| match from {
                From::Left => from_left(label),
                From::Right => from_right(label),
            })
        }),
    };
    let no_mark = |child: &Constituent<'_>| upos(child.label) != Some("PUNCT");
    let from = HEAD_RULES.iter().find(|(name, ..)| *name == label).map_or(From::Right, |(_, from, _)| *from);
    let outermost = match from {
        From::Left => children.iter().position(no_mark),
        From::Right => children.iter().rposition(no_mark),
    };
    found.or(outermost).unwrap_or(last)
}

/// The UPOS that a tag alone tells, of the English tag set and of the Chinese one where it has its own nouns and
/// pronouns; `None` for other tags.
pub(crate) fn upos(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "PRP" | "PRP$" | "WP" | "WP$" | "EX" | "PN" => "PRON",
        "NNP" | "NNPS" | "NR" => "PROPN",
        "NN" | "NNS" | "NT" => "NOUN",
        "CD" => "NUM",
        "DT" | "PDT" | "WDT" => "DET",
        "JJ" | "JJR" | "JJS" => "ADJ",
        "RB" | "RBR" | "RBS" | "WRB" => "ADV",
        "MD" => "AUX",
        "VB" | "VBD" | "VBG" | "VBN" | "VBP" | "VBZ" => "VERB",
        "IN" => "ADP",
        "TO" | "POS" | "RP" => "PART",
        "CC" => "CCONJ",
        "UH" => "INTJ",
        "." | "," | ":" | "``" | "''" | "\"" | "-LRB-" | "-RRB-" | "HYPH" | "NFP" | "PU" => "PUNCT",
        "$" | "SYM" | "#" => "SYM",
        "FW" | "LS" | "ADD" | "AFX" | "XX" => "X",
        _ => return None,
    })
}

/// Number, person and gender as far as an English tag and word tell them, as FEATS.
pub(crate) fn features(tag: &str, form: &str) -> Option<&'static str> {
    Some(match tag {
        "NN" | "NNP" => "Number=Sing",
        "NNS" | "NNPS" => "Number=Plur",
        "PRP" | "PRP$" => match form.to_ascii_lowercase().as_str() {
            "i" | "me" | "my" | "mine" | "myself" => "Number=Sing|Person=1",
            "we" | "us" | "our" | "ours" | "ourselves" => "Number=Plur|Person=1",
            "you" | "your" | "yours" => "Person=2",
            "yourself" => "Number=Sing|Person=2",
            "yourselves" => "Number=Plur|Person=2",
            "he" | "him" | "his" | "himself" => "Gender=Masc|Number=Sing|Person=3",
            "she" | "her" | "hers" | "herself" => "Gender=Fem|Number=Sing|Person=3",
            "it" | "its" | "itself" => "Gender=Neut|Number=Sing|Person=3",
            "they" | "them" | "their" | "theirs" | "themselves" => "Number=Plur|Person=3",
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Heads as CoNLL-U ids, from `tag bit` pairs.
    fn heads(words: &[(&str, &str)]) -> Result<Vec<usize>, usize> {
        let (tags, parse): (Vec<_>, Vec<_>) = words.iter().copied().unzip();
        let heads = governors(&tags, &parse)?;
        Ok(heads.into_iter().map(|governor| governor.word().map_or(0, WordIdx::id)).collect())
    }

    #[test]
    fn constituents_become_dependencies() {
        // The old man 's dog saw it in the park .
        let sentence = [
            ("DT", "(TOP(S(NP(NP*"),
            ("JJ", "*"),
            ("NN", "*"),
            ("POS", "*)"),
            ("NN", "*)"),
            ("VBD", "(VP*"),
            ("PRP", "(NP*)"),
            ("IN", "(PP*"),
            ("DT", "(NP*"),
            ("NN", "*)))"),
            (".", "*))"),
        ];
        // An NP that ends in a possessive mark is headed by the mark.
        assert_eq!(heads(&sentence), Ok(vec![4, 4, 4, 5, 6, 0, 6, 6, 10, 8, 6]));
        let coordination = [("NNS", "(NP-SBJ*"), ("CC", "*"), ("NNS", "*)")];
        assert_eq!(heads(&coordination), Ok(vec![0, 1, 1]));
        let fragment = [("XX", "(FRAG*"), (".", "*)")];
        assert_eq!(heads(&fragment), Ok(vec![0, 1]));
    }

    #[test]
    fn brackets_that_are_no_tree_are_found() {
        assert_eq!(heads(&[("NN", "(S(NP*)"), ("VB", "*")]), Err(1));
        assert_eq!(heads(&[("NN", "(S*))"), ("VB", "*")]), Err(0));
        assert_eq!(heads(&[("NN", "(S*)"), ("VB", "(S*)")]), Err(0));
        assert_eq!(heads(&[("NN", "S*")]), Err(0));
        assert_eq!(heads(&[("NN", "*x")]), Err(0));
        assert_eq!(heads(&[("NN", "-")]), Err(0));
    }
}
