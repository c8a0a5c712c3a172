//! Sentences of the `conllu` crate, there and back.

use conllu::io::{ReadSentence, WriteSentence, Writer};
use udgraph::graph::{Comment, DepTriple};

use super::shared::shared;
use super::{conllu, read_all, read_words};
use crate::{Beside, Format, GraphError, Reader, Sentence, from_graph, to_graph, write_conllu};

fn written(sentence: &Sentence) -> String {
    let mut out = Vec::new();
    write_conllu(sentence, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_a_graph_cannot_hold_comes_back() {
    let text = "#odd  comment\n# sent_id = a\n# text = vámonos ya\n1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\tA=1\n\
                1\tvamos\tir\tVERB\tv\tTense=Pres|Mood=Ind\t0\troot\t_\tZ|A=1|A=2\n2\tnos\t_\t_\t_\tmarked\t1\tobj\t1:obj\t_\n\
                2.1\tnada\t_\t_\t_\t_\t_\t_\t1:dep\t_\n3\tya\t_\t_\t_\t_\t1\tadvmod\t_\tSpaceAfter=No\n\n";
    let sentence = read_all(text.as_bytes(), Format::Conllu).remove(0).unwrap();
    let (graph, beside) = to_graph(&sentence);
    assert_eq!((beside.multiword_tokens.len(), beside.empty_nodes.len()), (1, 1));
    let back = from_graph(&graph, beside).unwrap();
    assert_eq!((&back, written(&back).as_str()), (&sentence, text));
}

#[test]
fn what_was_changed_in_the_graph_is_what_counts() {
    let text = "# sent_id = a\n# text = it is so\n1\tit\t_\tPRON\t_\tB=1|A=2\t2\tnsubj\t_\tZ|A=1\n2\tis\t_\tAUX\t_\t_\t0\troot\t_\t_\n\
                3\tso\t_\tADV\t_\t_\t2\tadvmod\t_\t_\n\n";
    let sentence = read_all(text.as_bytes(), Format::Conllu).remove(0).unwrap();
    let (mut graph, beside) = to_graph(&sentence);
    graph[1].token_mut().unwrap().features_mut().insert("C".into(), "3".into());
    graph[3].token_mut().unwrap().set_upos(Some("SCONJ"));
    graph.dep_graph_mut().add_deprel(DepTriple::new(1, Some("dep"), 3)).unwrap();
    graph.comments_mut()[0] = Comment::AttrVal { attr: "sent_id".into(), val: "b".into() };
    let back = from_graph(&graph, beside).unwrap();
    assert_eq!((back.sent_id(), back.text()), ("b", Some("it is so")));
    let expected = text
        .replace("sent_id = a", "sent_id = b")
        .replace("B=1|A=2", "A=2|B=1|C=3")
        .replace("ADV\t_\t_\t2\tadvmod", "SCONJ\t_\t_\t1\tdep");
    assert_eq!(written(&back), expected);
}

#[test]
fn a_graph_that_is_no_sentence_is_refused_and_one_without_arcs_has_no_tree() {
    let sentence = read_all(&conllu(&[("it", "2", "nsubj"), ("is", "0", "root")]), Format::Conllu).remove(0).unwrap();
    let (graph, beside) = to_graph(&sentence);
    let with = |change: &dyn Fn(&mut udgraph::graph::Sentence), beside: &Beside| {
        let mut graph = graph.clone();
        change(&mut graph);
        from_graph(&graph, beside.clone())
    };
    let longer = with(&|graph| _ = graph.push(udgraph::token::Token::new("so")), &beside).unwrap_err();
    assert_eq!(longer, GraphError::Words { expected: 2, found: 3 });
    let headless = with(&|graph| drop(graph.dep_graph_mut().remove_head_rel(1)), &beside).unwrap_err();
    assert_eq!(headless.to_string(), "word 1 (it) has no governor");
    let bare = |graph: &mut udgraph::graph::Sentence| {
        graph.dep_graph_mut().add_deprel(DepTriple::<String>::new(2, None, 1)).unwrap();
    };
    assert_eq!(with(&bare, &beside).unwrap_err().to_string(), "word 1 (it) has a governor and no relation");
    let ring = |graph: &mut udgraph::graph::Sentence| {
        graph.dep_graph_mut().add_deprel(DepTriple::new(1, Some("dep"), 2)).unwrap();
    };
    assert!(matches!(with(&ring, &beside), Err(GraphError::Tree(_))));
    let without = |graph: &mut udgraph::graph::Sentence| {
        (1..=2).for_each(|word| drop(graph.dep_graph_mut().remove_head_rel(word)));
    };
    assert!(with(&without, &Beside::default()).unwrap().is_unparsed());
    assert!(from_graph(&udgraph::graph::Sentence::new(), Beside::default()).is_err());
}

#[test]
fn a_sentence_without_a_tree_goes_both_ways() {
    let text = conllu(&[("It", "_", "_"), ("is", "_", "_")]);
    let sentence = read_words(&text, Format::Conllu).remove(0).unwrap();
    let (graph, beside) = to_graph(&sentence);
    assert!((1..=2).all(|word| graph.dep_graph().head(word).is_none()));
    assert_eq!(from_graph(&graph, beside), Ok(sentence));
}

/// Whole treebanks: their graphs are those that the other crate reads, and come back whole, byte for byte.
#[test]
fn real_treebanks_go_through_graphs() {
    let Some(path) = shared("data/ud-english-ewt/en_ewt-ud-dev.conllu") else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let is_read =
        |line: &&str| line.starts_with('#') || line.split('\t').next().is_some_and(|id| !id.contains(['-', '.']));
    let understood: String = text.split_inclusive('\n').filter(is_read).collect();
    let mut peer = conllu::io::Reader::new(understood.as_bytes());
    let mut back = String::new();
    for sentence in Reader::open(&path, None).unwrap().map(Result::unwrap) {
        let (graph, beside) = to_graph(&sentence);
        assert_eq!(Some(&graph), peer.read_sentence().unwrap().as_ref(), "{}", sentence.sent_id());
        let mut their_writer = Writer::new(Vec::new());
        their_writer.write_sentence(&graph).unwrap();
        back.push_str(&written(&from_graph(&graph, beside).unwrap()));
    }
    assert!(peer.read_sentence().unwrap().is_none() && back == text);
}
