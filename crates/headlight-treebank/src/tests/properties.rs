//! Properties: what holds for any tree, any file and any damage to a file.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::data::RICH;
use super::{conllu, read_all};
use crate::coreference::{Documents, HeadRule};
use crate::{
    Format, Governor, MultiwordToken, Reader, Relation, Sentence, SentenceParts, TreeError, Word, WordIdx, check,
    from_graph, to_graph, write_conllu,
};

/// Governors of a random tree: every word but the first in a random order hangs from an earlier one of that order.
fn tree(words: usize) -> impl Strategy<Value = Vec<Governor>> {
    let order = Just((0..words).collect::<Vec<_>>()).prop_shuffle();
    (order, proptest::collection::vec(any::<prop::sample::Index>(), words)).prop_map(|(order, picks)| {
        let mut governors = vec![Governor::Root; order.len()];
        for (place, (&word, pick)) in order.iter().zip(&picks).enumerate().skip(1) {
            governors[word] = Governor::Word(WordIdx::new(order[pick.index(place)]));
        }
        governors
    })
}

/// Text without tabs and line ends that neither begins nor ends with white space and is not `_` or empty.
fn text() -> impl Strategy<Value = String> {
    "[^\\s\\p{Cc}_]{1,3}( [^\\s\\p{Cc}]{1,3})?"
}

fn value() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z][A-Za-z=|:é0-9]{0,8}")
}

fn word(governor: Governor) -> impl Strategy<Value = Word> {
    let columns = (value(), value(), value(), value(), value());
    (text(), proptest::option::of(text()), columns, "[b-z]{1,6}(:[a-z]{1,4})?").prop_map(
        move |(form, lemma, (upos, xpos, features, deps, misc), relation)| Word {
            form,
            lemma,
            upos,
            xpos,
            features,
            governor,
            relation: Relation::new(&relation),
            deps,
            misc,
        },
    )
}

/// A sentence with comments, multiword tokens and empty nodes.
fn parts() -> impl Strategy<Value = SentenceParts> {
    let words = (1usize..12).prop_flat_map(tree).prop_flat_map(|tree| tree.into_iter().map(word).collect::<Vec<_>>());
    let ranges = proptest::collection::btree_set(0usize..12, 0..6);
    let empty_nodes = proptest::collection::vec((0usize..12, 1usize..3), 0..3);
    (words, ranges, empty_nodes, proptest::option::of("[a-z0-9-]{1,9}"), text()).prop_map(
        |(words, bounds, empty_nodes, sent_id, form)| {
            let bounds: Vec<usize> = bounds.into_iter().filter(|&bound| bound < words.len()).collect();
            let multiword_tokens = bounds.chunks_exact(2).map(|pair| MultiwordToken {
                first: WordIdx::new(pair[0]),
                last: WordIdx::new(pair[1]),
                form: form.clone(),
                features: None,
                misc: Some("SpaceAfter=No".to_owned()),
            });
            let empty_nodes: BTreeSet<(usize, usize)> = empty_nodes
                .into_iter()
                .flat_map(|(before, nodes)| (1..=nodes).map(move |node| (before, node)))
                .filter(|(before, _)| *before <= words.len())
                .collect();
            let line = |(before, node)| (before, format!("{before}.{node}\t{form}\t_\t_\t_\t_\t_\t_\t0:x\t_"));
            SentenceParts {
                sent_id: sent_id.clone().unwrap_or("test:1".to_owned()),
                comments: sent_id.map(|sent_id| format!("# sent_id = {sent_id}")).into_iter().collect(),
                multiword_tokens: multiword_tokens.collect(),
                empty_nodes: empty_nodes.into_iter().map(line).collect(),
                words,
                line: 1,
                ..SentenceParts::default()
            }
        },
    )
}

/// What a list of HEADs is, found by walking from every word: slow, and without a thought for order.
#[derive(PartialEq, Debug)]
enum Verdict {
    Tree,
    NoRoot,
    SeveralRoots,
    OutOfRange,
    Cycle,
}

fn verdict(heads: &[usize]) -> BTreeSet<String> {
    let mut found = Vec::new();
    match heads.iter().filter(|&&head| head == 0).count() {
        0 => found.push(Verdict::NoRoot),
        1 => {}
        _ => found.push(Verdict::SeveralRoots),
    }
    if heads.iter().any(|&head| head > heads.len()) {
        found.push(Verdict::OutOfRange);
    }
    let ends = |start: usize| {
        let mut at = start;
        (0..=heads.len()).any(|_| {
            at = if at == 0 || at > heads.len() { 0 } else { heads[at - 1] };
            at == 0
        })
    };
    if !(1..=heads.len()).all(ends) {
        found.push(Verdict::Cycle);
    }
    if found.is_empty() {
        found.push(Verdict::Tree);
    }
    found.into_iter().map(|verdict| format!("{verdict:?}")).collect()
}

/// RICH with bytes replaced by ones that mean something, inserted, or cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let bytes = proptest::sample::select(b"\t\n\r#-._0129()[]/|=Ex \xff\xc3".to_vec());
    let edits = proptest::collection::vec((any::<prop::sample::Index>(), bytes, any::<bool>()), 1..12);
    (edits, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(edits, end, cut)| {
        let mut text = RICH.as_bytes().to_vec();
        for (place, byte, replace) in edits {
            let place = place.index(text.len());
            if replace {
                text[place] = byte;
            } else {
                text.insert(place, byte);
            }
        }
        if cut {
            text.truncate(end.index(text.len()));
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(parts in parts()) {
        let sentence = Sentence::new(parts).expect("a random tree is a tree");
        let mut written = Vec::new();
        write_conllu(&sentence, &mut written).unwrap();
        let read = read_all(&written, Format::Conllu);
        prop_assert_eq!(read.len(), 1);
        let read = read[0].as_ref().map_err(ToString::to_string);
        prop_assert_eq!(read, Ok(&sentence));
    }

    #[test]
    fn what_goes_through_a_graph_comes_back(parts in parts()) {
        let sentence = Sentence::new(parts).expect("a random tree is a tree");
        let (graph, beside) = to_graph(&sentence);
        prop_assert_eq!(from_graph(&graph, beside), Ok(sentence));
    }

    #[test]
    fn trees_and_only_trees_are_accepted(heads in proptest::collection::vec(0usize..8, 1..8)) {
        let digits: Vec<String> = heads.iter().map(ToString::to_string).collect();
        let words: Vec<_> = digits.iter().map(|head| ("w", head.as_str(), "dep")).collect();
        let expected = verdict(&heads);
        match read_all(&conllu(&words), Format::Conllu).remove(0) {
            Ok(sentence) => {
                prop_assert_eq!(expected, BTreeSet::from(["Tree".to_owned()]));
                prop_assert_eq!(heads[sentence.root().index()], 0);
            }
            Err(crate::ReadError::Sentence { problem, .. }) => {
                let crate::Fault::Tree(error) = problem.fault else { panic!("{problem}") };
                let found = match error {
                    TreeError::NoRoot => "NoRoot",
                    TreeError::SeveralRoots { .. } => "SeveralRoots",
                    TreeError::GovernorOutOfRange { .. } => "OutOfRange",
                    TreeError::Cycle { word, .. } => {
                        let ring = std::iter::successors(Some(heads[word - 1]), |&at| Some(heads[at - 1]));
                        prop_assert!(ring.take(heads.len()).any(|at| at == word));
                        "Cycle"
                    }
                    other => panic!("{other}"),
                };
                prop_assert!(expected.contains(found), "{found} is not of {expected:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn damage_is_named_and_never_panics(bytes in damaged()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.conllu");
        std::fs::write(&path, &bytes).unwrap();
        let read: Vec<_> = Reader::open(&path, None).unwrap().collect();
        let checked = check(&path, None).unwrap();
        prop_assert_eq!(read.len(), checked.sentences);
        // The reader refuses a sentence for its first error, which the check lists too.
        for error in read.iter().filter_map(|read| read.as_ref().err()) {
            let crate::ReadError::Sentence { problem, .. } = error else { panic!("{error}") };
            let said_once = matches!(problem.fault, crate::Fault::NoTree { .. });
            prop_assert!(problem.fault.is_error() && (said_once || checked.problems.contains(problem)));
        }
        let refused: BTreeSet<_> = read.iter().filter(|read| read.is_err()).map(|error| format!("{error:?}")).collect();
        let errors = checked.problems.iter().filter(|problem| problem.fault.is_error()).count();
        prop_assert!(refused.len() <= errors && (refused.is_empty() == (errors == 0)));
        for format in [Format::Conllu, Format::UnparsedConllu, Format::UnparsedConllx, Format::Conllx, Format::HeadRelation, Format::Conll2012, Format::PlainText] {
            // Behind sentences that were passed over, the others are what they are behind sentences that were read.
            let said = |read: Result<Sentence, crate::ReadError>| format!("{read:?}");
            let all: Vec<String> = Reader::open(&path, format).unwrap().map(said).collect();
            for first in 0..=all.len() {
                let mut reader = Reader::open(&path, format).unwrap();
                prop_assert_eq!(reader.pass_over(first).unwrap(), first);
                prop_assert_eq!(&reader.map(said).collect::<Vec<_>>(), &all[first..]);
            }
            let mut reader = Reader::open(&path, format).unwrap();
            prop_assert_eq!((reader.pass_over(all.len() + 1).unwrap(), reader.next().is_none()), (all.len(), true));
            let reader = Reader::open(&path, format).unwrap();
            for document in Documents::new(reader, HeadRule::default()).flatten() {
                prop_assert!(document.mentions.iter().all(|mention| document.words(mention).next().is_some()));
            }
        }
    }
}
