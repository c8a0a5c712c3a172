//! Tests on real treebanks, where they are present beside the checkout.

use std::path::{Path, PathBuf};

use conllu::io::ReadSentence;

use crate::{Reader, Sentence, WordIdx, write_conllu};

/// The file below `../shared` beside the checkout, or `None` with a word about it.
pub(super) fn shared(path: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    if !file.exists() {
        #[expect(clippy::print_stderr, reason = "a test that does not run says so")]
        {
            eprintln!("not run: {} is absent", file.display());
        }
        return None;
    }
    Some(file)
}

const TREEBANKS: [(&str, usize); 3] = [
    ("data/ud-english-ewt/en_ewt-ud-dev.conllu", 2001),
    ("data/ud-english-ewt/en_ewt-ud-test.conllu", 2077),
    ("data/ud-english-gum/en_gum-ud-dev.conllu", 1575),
];

#[test]
fn real_treebanks_come_out_byte_for_byte() {
    for (path, count) in TREEBANKS {
        let Some(path) = shared(path) else { return };
        let sentences: Vec<Sentence> = Reader::open(&path, None).unwrap().map(Result::unwrap).collect();
        assert_eq!(sentences.len(), count, "{}", path.display());
        let mut out = Vec::new();
        sentences.iter().for_each(|sentence| write_conllu(sentence, &mut out).unwrap());
        assert!(out == std::fs::read(&path).unwrap(), "{} changes when written", path.display());
    }
}

/// The `conllu` crate as an independent reader, over the lines that it understands.
#[test]
fn columns_agree_with_the_conllu_crate() {
    let Some(path) = shared(TREEBANKS[0].0) else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let understood: String = text
        .split_inclusive('\n')
        .filter(|line| line.split('\t').next().is_some_and(|id| !id.contains(['-', '.']) || line.starts_with('#')))
        .collect();
    let mut peer = conllu::io::Reader::new(understood.as_bytes());
    for sentence in Reader::open(&path, None).unwrap().map(Result::unwrap) {
        let graph = peer.read_sentence().unwrap().expect("as many sentences");
        assert_eq!(graph.len(), sentence.len() + 1);
        for (index, word) in sentence.words().iter().enumerate() {
            let token = graph[index + 1].token().expect("not the root");
            assert_eq!(token.form(), word.form);
            assert_eq!(token.lemma(), word.lemma.as_deref());
            assert_eq!(token.upos(), word.upos.as_deref());
            assert_eq!(token.xpos(), word.xpos.as_deref());
            let arc = graph.dep_graph().head(index + 1).expect("every word has a governor");
            assert_eq!(arc.head(), word.governor.word().map_or(0, WordIdx::id));
            assert_eq!(arc.relation(), Some(word.relation.full()));
        }
    }
    assert!(peer.read_sentence().unwrap().is_none());
}
