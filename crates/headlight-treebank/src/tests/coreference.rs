//! Documents and mentions: CorefUD, CoNLL-2012, and brackets that do not match.

use std::fmt::Write;
use std::io::Cursor;

use super::shared::shared;
use crate::coreference::{Document, Documents, HeadRule, MentionType};
use crate::{Format, ReadError, Reader};

fn documents(text: &str, format: Format) -> Vec<Result<Document, ReadError>> {
    let reader = Reader::new(Cursor::new(text.as_bytes().to_vec()), "test.conllu", format).unwrap();
    Documents::new(reader, HeadRule::default()).collect()
}

/// A CoNLL-U sentence of nouns in a chain, each with an Entity annotation.
fn sentence(comments: &str, entities: &[&str]) -> String {
    let mut text = comments.to_owned();
    for (head, entity) in entities.iter().enumerate() {
        let misc = if entity.is_empty() { "_".to_owned() } else { format!("Entity={entity}") };
        let (id, relation) = (head + 1, if head == 0 { "root" } else { "dep" });
        writeln!(text, "{id}\tw{id}\t_\tNOUN\t_\t_\t{head}\t{relation}\t_\t{misc}").unwrap();
    }
    text + "\n"
}

/// `entity type head sentence:first-last…` of each mention, words counted from 1.
fn mentions(document: &Document) -> Vec<String> {
    let mention = |mention: &crate::coreference::Mention| {
        let entity = &document.entities[mention.entity];
        let spans = mention.spans.iter().map(|s| format!(" {}:{}-{}", s.sentence + 1, s.words.start + 1, s.words.end));
        let etype = entity.etype.as_deref().unwrap_or("-");
        format!("{} {etype} {}{}", entity.name, document.head(mention).form, spans.collect::<String>())
    };
    document.mentions.iter().map(mention).collect()
}

#[test]
fn corefud_brackets_become_mentions() {
    fn check(sentences: &[&[&str]], expected: &[&str]) {
        let declared = "# newdoc id = d\n# global.Entity = eid-etype-head-minspan-infstat\n";
        let text: String = sentences
            .iter()
            .enumerate()
            .map(|(index, entities)| sentence(if index == 0 { declared } else { "" }, entities))
            .collect();
        let document = documents(&text, Format::Conllu).remove(0).unwrap();
        assert_eq!(document.id, "d");
        assert_eq!(mentions(&document), expected, "{sentences:?}");
    }
    check(&[&["(e1-person)", ""]], &["e1 person w1 1:1-1"]);
    check(&[&["(e1-person", "(e2-place)", "e1)"]], &["e1 person w1 1:1-3", "e2 place w2 1:2-2"]);
    check(&[&["(e2(e1", "e1)", "e2)"]], &["e2 - w1 1:1-3", "e1 - w1 1:1-2"]);
    // Nested mentions of one entity: the one that opened last closes first.
    check(&[&["(e1-a", "(e1-b", "e1)", "e1)"]], &["e1 a w1 1:1-4", "e1 a w2 1:2-3"]);
    // Crossing brackets.
    check(&[&["(e1", "(e2", "e1)", "e2)"]], &["e1 - w1 1:1-3", "e2 - w2 1:2-4"]);
    // Heads: `head`, then `minspan`, which wins; the chain's top is leftmost.
    check(&[&["(e1-x-2", "", "e1)"]], &["e1 x w2 1:1-3"]);
    check(&[&["(e1-x-2-3-new", "", "e1)"]], &["e1 x w3 1:1-3"]);
    check(&[&["(e1-x--2,3-new", "", "e1)"]], &["e1 x w2 1:1-3"]);
    // Discontinuous, and beyond a sentence.
    check(&[&["(e1[1/2]-x)", "(e2)", "(e1[2/2]-x)"]], &["e1 x w1 1:1-1 1:3-3", "e2 - w2 1:2-2"]);
    check(&[&["(e1[1/2]-x", "e1[1/2])", "", "(e1[2/2]-x", "e1[2/2])"]], &["e1 x w1 1:1-2 1:4-5"]);
    check(&[&["", "(e1"], &["", "e1)"]], &["e1 - w2 1:2-2 2:1-2"]);
    check(&[&["", ""]], &[]);
}

#[test]
fn empty_nodes_carry_brackets_too() {
    let text = "\
1\ta\t_\tNOUN\t_\t_\t0\troot\t_\t_
1.1\t_\t_\tPRON\t_\t_\t_\t_\t1:dep\tEntity=(e1)
1.2\t_\t_\tPRON\t_\t_\t_\t_\t1:dep\tEntity=(e2
2\tb\t_\tNOUN\t_\t_\t1\tdep\t_\tEntity=e2)
2.1\t_\t_\tPRON\t_\t_\t_\t_\t1:dep\tEntity=(e3

";
    let document = documents(&(text.to_owned() + &sentence("", &["e3)"])), Format::Conllu).remove(0).unwrap();
    assert_eq!(mentions(&document), ["e2 - b 1:2-2", "e3 - w1 2:1-1"]);
    assert_eq!(document.zero_mentions, 1);
}

/// Three words and an empty node before the third.
fn with_empty_node(entities: [&str; 4]) -> String {
    let misc = entities.map(|entity| if entity.is_empty() { "_".to_owned() } else { format!("Entity={entity}") });
    let [first, second, empty, third] = misc;
    format!(
        "# global.Entity = eid-etype-head-minspan-other\n1\ta\t_\tNOUN\t_\t_\t2\tdep\t_\t{first}\n\
         2\tb\t_\tNOUN\t_\t_\t0\troot\t_\t{second}\n2.1\tzero\t_\tPRON\t_\t_\t_\t_\t2:dep\t{empty}\n\
         3\tc\t_\tNOUN\t_\t_\t2\tdep\t_\t{third}\n\n"
    )
}

#[test]
fn heads_count_empty_nodes_and_minspans_do_not() {
    fn check(entities: [&str; 4], expected: &[&str]) {
        let read = documents(&with_empty_node(entities), Format::Conllu).remove(0);
        assert_eq!(mentions(&read.unwrap()), expected, "{entities:?}");
    }
    check(["(e1-x-1", "", "", "e1)"], &["e1 x a 1:1-3"]);
    check(["(e1-x-4", "", "", "e1)"], &["e1 x c 1:1-3"]);
    check(["(e1-x--3", "", "", "e1)"], &["e1 x c 1:1-3"]);
    check(["(e1-x-4-1", "", "", "e1)"], &["e1 x a 1:1-3"]);
    // The empty node itself is no word: then the top of the mention.
    check(["(e1-x-3", "", "", "e1)"], &["e1 x b 1:1-3"]);
    // Brackets at the empty node: it is the mention's first node, its last, or none of it.
    check(["", "", "(e1-x-2", "e1)"], &["e1 x c 1:3-3"]);
    check(["", "(e1-x-1", "e1)", ""], &["e1 x b 1:2-2"]);
    check(["(e1-x-2", "e1)", "", ""], &["e1 x b 1:1-2"]);
    check(["", "", "", "(e1-x-1)"], &["e1 x c 1:3-3"]);
    // Parts of a discontinuous mention are counted on.
    check(["(e1[1/2]-x-3)", "", "(e1[2/2]-x-3", "e1[2/2])"], &["e1 x c 1:1-1 1:3-3"]);
    for outside in ["(e1-x-5", "(e1-x--4"] {
        let read = documents(&with_empty_node([outside, "", "", "e1)"]), Format::Conllu).remove(0);
        assert!(read.unwrap_err().to_string().contains("lies outside the mention"), "{outside}");
    }
}

#[test]
fn a_mention_that_is_given_twice_is_one() {
    fn check(entities: &[&str], expected: &[&str], repeated: usize) {
        let document = documents(&sentence("", entities), Format::Conllu).remove(0).unwrap();
        assert_eq!(mentions(&document), expected, "{entities:?}");
        assert_eq!(document.repeated_mentions, repeated, "{entities:?}");
    }
    check(&["(e1-x)(e1-x)"], &["e1 x w1 1:1-1"], 1);
    // The one that closes first is the first.
    check(&["(e1-x(e1-y", "e1)e1)"], &["e1 y w1 1:1-2"], 1);
    // Other words, or another entity, are another mention; crossing ones too.
    check(&["(e1-x(e1-x)", "e1)"], &["e1 x w1 1:1-2", "e1 x w1 1:1-1"], 0);
    check(&["(e1-x)(e2-x)"], &["e1 x w1 1:1-1", "e2 x w1 1:1-1"], 0);
    check(&["(e1[1/2]-x)(e1[1/2]-x)", "", "(e1[2/2]-x)(e1[2/2]-x)"], &["e1 x w1 1:1-1 1:3-3"], 1);
    let twice = CONLL_2012.replacen("(3|(4)", "(3|(4)|(4)", 1);
    let read = documents(&twice, Format::Conll2012).remove(0).unwrap();
    assert_eq!((read.mentions.len(), read.repeated_mentions), (4, 1));
}

#[test]
fn a_document_can_be_cut() {
    let text =
        sentence("# newdoc id = d\n", &["(e1)", "(e2"]) + &sentence("", &["e2)", "(e1)"]) + &sentence("", &["(e1)"]);
    let mut document = documents(&text, Format::Conllu).remove(0).unwrap();
    document.truncate(2);
    assert_eq!((document.sentences.len(), mentions(&document).len()), (2, 3));
    document.truncate(1);
    assert_eq!(mentions(&document), ["e1 - w1 1:1-1"]);
}

#[test]
fn wrong_brackets_are_named_and_the_next_document_follows() {
    fn check(sentences: &[&[&str]], message: &str) {
        let bad: String = sentences.iter().map(|entities| sentence("# sent_id = s\n", entities)).collect();
        let open = "# newdoc id = d\n";
        let good = sentence(&format!("{open}# sent_id = g\n"), &["(e1)"]);
        let read = documents(&(good.clone() + open + &bad + &good), Format::Conllu);
        assert_eq!(read.len(), 3, "{message}");
        assert!(read[0].is_ok() && read[2].is_ok(), "{message}");
        let error = read[1].as_ref().unwrap_err();
        assert_eq!(error.to_string(), format!("test.conllu:{message}"));
        assert!(error.is_skippable());
    }
    check(
        &[&["(e1-x", "(e2-x"], &["", "e2)"]],
        "7: sentence s: the bracket of entity `e1` that opens at word 1 [w1] never closes",
    );
    check(&[&["", "e1)"]], "8: sentence s: the bracket of entity `e1` that closes at word 2 [w2] never opened");
    check(&[&["(e1", "e1)e1)"]], "8: sentence s: the bracket of entity `e1` that closes at word 2 [w2] never opened");
    check(&[&["(e1[1/2])"]], "7: sentence s: the bracket of entity `e1` that opens at word 1 [w1] never closes");
    check(&[&["(e1[2/2])"]], "7: sentence s: the bracket of entity `e1` that closes at word 1 [w1] never opened");
    for annotation in ["e1", "(e1[x/2])", "(e1[3/2])", "()", "(e1-x-0)"] {
        let message = "is not an entity annotation such as `(e1-person`, `e1)` or `(e1[1/2]`";
        check(&[&["", annotation]], &format!("8: sentence s: `{annotation}` at word 2 [w2] {message}"));
    }
    check(
        &[&["(e1-x-5)"]],
        "7: sentence s: the head of the mention of entity `e1` that opens at word 1 [w1] lies outside the mention",
    );
    // A sentence that cannot be read costs its document, and only that.
    check(&[&["(e1-x", "e1)"], &[]], "10: sentence s: the sentence has no words");
}

#[test]
fn a_refused_sentence_that_opens_a_document_costs_that_document() {
    let text = sentence("# newdoc id = a\n", &["(e1)"]) + "# newdoc id = b\n1\tx\n\n" + &sentence("", &["(e2)"]);
    let read = documents(&text, Format::Conllu);
    assert_eq!(read.len(), 2);
    assert_eq!(mentions(read[0].as_ref().unwrap()), ["e1 - w1 1:1-1"]);
    assert!(read[1].as_ref().unwrap_err().to_string().starts_with("test.conllu:5: sentence test:4: 2 column(s)"));
}

const CONLL_2012: &str = "\
#begin document (bc/x/00/x_0000); part 000
bc/x/00/x_0000 0 0 The DT (TOP(S(NP* - - - A * (12
bc/x/00/x_0000 0 1 women NNS *) - - - A * 12)
bc/x/00/x_0000 0 2 saw VBD (VP* see 01 1 A * -
bc/x/00/x_0000 0 3 her PRP$ (NP(NP* - - - A * (3|(4)
bc/x/00/x_0000 0 4 Ann NNP *) - - - A * -
bc/x/00/x_0000 0 5 -LRB- -LRB- (PRN* - - - A * -
bc/x/00/x_0000 0 6 they PRP (NP*)))) - - - A * 3)|(12)
bc/x/00/x_0000 0 7 /. . *)) - - - A * -

#end document
#begin document (bc/x/00/x_0000); part 001

bc/x/00/x_0000 1 0 dogs NN * - - - B * (0
bc/x/00/x_0000 1 1 bark VBP * - - - B * 0)

#end document
";

#[test]
fn conll_2012_is_read() {
    let read: Vec<_> = documents(CONLL_2012, Format::Conll2012).into_iter().map(Result::unwrap).collect();
    let [first, second] = &read[..] else { panic!("two documents, not {}", read.len()) };
    assert_eq!((first.id.as_str(), second.id.as_str()), ("bc/x/00/x_0000 part 000", "bc/x/00/x_0000 part 001"));
    assert_eq!(first.sentences[0].forms(), ["The", "women", "saw", "her", "Ann", "(", "they", "."]);
    assert_eq!(mentions(first), ["12 - women 1:1-2", "3 - Ann 1:4-7", "4 - her 1:4-4", "12 - they 1:7-7"]);
    let kinds: Vec<_> = first.mentions.iter().map(|mention| mention.kind).collect();
    assert_eq!(kinds, [MentionType::Nominal, MentionType::Proper, MentionType::Pronoun, MentionType::Pronoun]);
    assert_eq!(first.mentions[0].entity, first.mentions[3].entity);
    assert_eq!(first.sentences[0].words()[6].feature("Number"), Some("Plur"));
    let heads: Vec<_> =
        first.sentences[0].words().iter().map(|word| word.governor.word().map_or(0, crate::WordIdx::id)).collect();
    assert_eq!(heads, [2, 3, 0, 5, 3, 7, 5, 3]);
    // Without a parse the head is the last noun.
    assert!(second.sentences[0].is_unparsed());
    assert_eq!(mentions(second), ["0 - dogs 1:1-2"]);
}

#[test]
fn wrong_conll_2012_is_named() {
    fn check(from: &str, to: &str, message: &str) {
        assert!(CONLL_2012.contains(from));
        let read = documents(&CONLL_2012.replacen(from, to, 1), Format::Conll2012);
        assert_eq!(read[0].as_ref().unwrap_err().to_string(), format!("test.conllu:{message}"));
        assert!(read[1].is_ok());
    }
    check(
        " * 12)",
        " * 13)",
        "3: sentence test:1: the bracket of entity `13` that closes at word 2 [women] never opened",
    );
    check(" * 12)", " * -", "2: sentence test:1: the bracket of entity `12` that opens at word 1 [The] never closes");
    check("0 1 women", "0 2 women", "3: sentence test:1: ID 2 where 1 is due; ids count up by one");
    check(
        "*)) -",
        "*))) -",
        "9: sentence test:1: the brackets of the parse are not one tree at word 8 [.], which has `*)))`",
    );
    check(" - A * 12)", "", "3: sentence test:1: 8 column(s) where 12 or more are expected");
}

#[test]
fn a_real_treebank_agrees_with_another_implementation() {
    let Some(path) = shared("data/ud-english-gum/en_gum-ud-dev.conllu") else { return };
    let read = |rule| Documents::open(&path, None, rule).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let mut table = String::new();
    for (annotated, top) in read(HeadRule::Annotated).iter().zip(&read(HeadRule::TopOfSpan)) {
        let (id, sentences) = (&annotated.id, annotated.sentences.len());
        write!(table, "{id} {sentences} {} {}", annotated.mentions.len(), annotated.entities.len()).unwrap();
        for document in [annotated, top] {
            for kind in [MentionType::Pronoun, MentionType::Proper, MentionType::Nominal] {
                write!(table, " {}", document.mentions.iter().filter(|mention| mention.kind == kind).count()).unwrap();
            }
            let before = |index: usize| document.sentences[..index].iter().map(crate::Sentence::len).sum::<usize>();
            let places = document.mentions.iter().map(|mention| before(mention.sentence) + mention.head.id());
            write!(table, " {}", places.sum::<usize>()).unwrap();
        }
        let lengths = annotated.mentions.iter().map(|mention| annotated.words(mention).count());
        writeln!(table, " {}", lengths.sum::<usize>()).unwrap();
    }
    assert_eq!(table, include_str!("../../tests/fixtures/coreference.txt"));
}
