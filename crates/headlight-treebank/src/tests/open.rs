//! What files leave open, or nobody can have meant: absent trees, several roots, punctuation, length, encodings.

use std::io::{Cursor, Read as _, Write as _};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::{conllu, read_all, read_words, sentences};
use crate::coreference::{Documents, HeadRule};
use crate::{
    Format, Governor, Limits, Punctuation, ReadOptions, Reader, Relation, Roots, Sentence, WordIdx, check, reattach,
    write_conllu,
};

fn errors(text: &(impl AsRef<[u8]> + ?Sized), format: Format) -> Vec<String> {
    read_all(text, format).into_iter().filter_map(|read| read.err().map(|error| error.to_string())).collect()
}

const NO_PARSE: &str =
    "#begin document (a/b); part 000\na/b 0 0 It PRP - - - - s * -\na/b 0 1 is VBZ - - - - s * -\n\n";

#[test]
fn nobody_gets_a_placeholder_unasked() {
    fn check(text: &str, format: Format, why: &str) {
        let refused = errors(text, format);
        assert!(!refused.is_empty() && refused.len() == read_all(text, format).len(), "{text}");
        refused.iter().for_each(|error| assert!(error.ends_with(&format!("no tree: {why}")), "{error}"));
        let words: Vec<Sentence> = read_words(text, format).into_iter().map(Result::unwrap).collect();
        assert!(words.iter().all(Sentence::is_unparsed));
        // What is written has no tree either.
        let mut written = Vec::new();
        words.iter().for_each(|sentence| write_conllu(sentence, &mut written).unwrap());
        assert!(
            read_all(&written, Format::Conllu).iter().all(Result::is_err),
            "{}",
            String::from_utf8(written).unwrap()
        );
    }
    check("The bank said it.\nWhy?\n", Format::PlainText, "this is read as plain text, one sentence a line");
    check(NO_PARSE, Format::Conll2012, "no word has a bit of a parse");
    check(&conllu(&[("It", "_", "_"), ("is", "_", "_")]), Format::Conllu, "no word has a HEAD");
    check(&conllu(&[("It", "_", "_"), ("is", "_", "_")]), Format::Conllx, "no word has a HEAD");
    check(&conllu(&[("It", "_", "dep"), ("is", "_", "root")]), Format::Conllu, "no word has a HEAD");
    // As tokenizers write it: each word hangs from the one before, by no relation.
    check(&conllu(&[("It", "0", "_"), ("is", "1", "_")]), Format::Conllu, "no word has a DEPREL");
    check(&conllu(&[("It", "0", "root")]), Format::UnparsedConllu, "HEAD is not read in this format");
}

#[test]
fn a_check_says_once_that_there_are_no_trees() {
    let folder = tempfile::tempdir().unwrap();
    let says = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let checked = check(&path, None).unwrap();
        checked.problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        says("plain.txt", "The bank said it.\nWhy?\n"),
        ["1: none of the 2 sentences has a tree: this is read as plain text, one sentence a line"]
    );
    let blind = format!("# sent_id = a\n# text = It\n{}", conllu(&[("It", "_", "_")]));
    let tree = format!("# sent_id = b\n# text = It\n{}", conllu(&[("It", "0", "root")]));
    assert_eq!(says("a.conllu", &blind), ["1: none of the 1 sentences has a tree: no word has a HEAD"]);
    assert_eq!(says("b.conllu", &(tree + &blind)), ["5: sentence a: no tree: no word has a HEAD"]);
}

#[test]
fn words_of_the_original_release_may_hold_spaces() {
    let read = read_all("New York 2-nsubj\nwalks 0-root\n", Format::HeadRelation);
    assert_eq!(read[0].as_ref().unwrap().forms(), ["New York", "walks"]);
}

fn with(text: &str, format: Format, options: ReadOptions) -> Vec<Sentence> {
    let reader = Reader::new(Cursor::new(text.as_bytes().to_vec()), "test.conllu", format).unwrap();
    reader.with(options).collect::<Result<_, _>>().unwrap()
}

#[test]
fn several_roots_become_one_on_request() {
    let text =
        conllu(&[(",", "0", "AuxX"), ("it", "3", "Sb"), ("is", "0", "Root"), ("so", "0", "root"), ("!", "0", "P")]);
    assert_eq!(errors(&text, Format::Conllx).len(), 1);
    let repair = ReadOptions { roots: Roots::First, punctuation: Punctuation::Relation, ..ReadOptions::default() };
    let sentence = with(&text, Format::Conllx, repair).remove(0);
    assert!(sentence.is_repaired() && sentence.root() == WordIdx::new(2));
    let governors: Vec<_> = sentence.words().iter().map(|word| (word.governor, word.relation.full())).collect();
    let is = Governor::Word(WordIdx::new(2));
    assert_eq!(governors, [(is, "AuxX"), (is, "Sb"), (Governor::Root, "Root"), (is, "dep"), (is, "P")]);
    let one = conllu(&[("it", "2", "nsubj"), ("is", "0", "root")]);
    assert!(!with(&one, Format::Conllu, repair)[0].is_repaired());
}

#[test]
fn punctuation_is_found_behind_other_relations() {
    let words = [("«", "2", "P"), ("is", "0", "ROOT"), ("...", "2", "coord"), ("%", "2", "PUNC"), ("$", "2", "obj")];
    let found = |format, punctuation| {
        let options = ReadOptions { punctuation, ..ReadOptions::default() };
        let sentence = with(&conllu(&words), format, options).remove(0);
        sentence.words().iter().map(crate::Word::is_punctuation).collect::<Vec<_>>()
    };
    let all = [true, false, true, true, false];
    assert_eq!(found(Format::Conllx, Punctuation::Auto), all);
    assert_eq!(found(Format::Conllu, Punctuation::Form), all);
    assert_eq!(found(Format::Conllu, Punctuation::Auto), [false; 5]);
    assert_eq!(found(Format::Conllx, Punctuation::Relation), [false; 5]);
}

#[test]
fn universal_relations_have_no_subtype_and_no_feature() {
    for (full, universal) in [
        ("nmod:poss", "nmod"),
        ("subj@pass", "subj"),
        ("comp:obj@lvc", "comp"),
        ("subj", "subj"),
        (":x", ":x"),
        ("@", "@"),
    ] {
        assert_eq!(Relation::new(full).universal(), universal);
    }
}

#[test]
fn relations_called_as_aggregates_are_refused() {
    for relation in ["all", "all-nopunct", "all-nopunct-noroot", "all:x", "all@x"] {
        let text = conllu(&[("it", "2", relation), ("is", "0", "root")]);
        for format in [Format::Conllu, Format::Conllx] {
            let error = errors(&text, format).remove(0);
            let expected = format!("test.conllu:1: sentence test:1: word 1 [it] has DEPREL `{relation}`");
            assert!(error.starts_with(&expected), "{error}");
        }
        let error = errors(&format!("it 2-{relation}\nis 0-root\n"), Format::HeadRelation).remove(0);
        assert!(error.contains(&format!("DEPREL `{relation}`")), "{error}");
    }
    assert_eq!(sentences(&conllu(&[("it", "2", "overall"), ("is", "0", "root")])).len(), 1);
}

#[test]
fn a_comment_between_words_is_a_comment() {
    let text = "1\tit\t_\t_\t_\t_\t2\tdep\t_\t_\n# sent_id = late\n2\tis\t_\t_\t_\t_\t0\troot\t_\t_\n\n";
    let sentence = sentences(text).remove(0);
    assert_eq!((sentence.sent_id(), sentence.len()), ("late", 2));
}

#[test]
fn empty_nodes_outlive_a_new_tree() {
    let text = "1\tit\t_\t_\t_\t_\t2\tdep\t2:dep\t_\n1.1\tthat\t_\t_\t_\t_\t_\t_\t2:obj\tEntity=(e1)\n\
                2\tis\t_\t_\t_\t_\t0\troot\t0:root\t_\n\n";
    let governors = [Governor::Root, Governor::Word(WordIdx::new(0))];
    let parsed = reattach(&sentences(text)[0], &governors, None).unwrap();
    assert_eq!(parsed.empty_nodes()[0].1, "1.1\tthat\t_\t_\t_\t_\t_\t_\t_\tEntity=(e1)");
}

#[test]
fn white_space_of_the_text_is_free_where_there_is_some() {
    let folder = tempfile::tempdir().unwrap();
    let says = |text: &str, misc: &str| {
        let path = folder.path().join("a.conllu");
        let words = format!("1\tno\t_\t_\t_\t_\t0\troot\t_\t{misc}\n2\tway\t_\t_\t_\t_\t1\tdep\t_\t_\n\n");
        std::fs::write(&path, format!("# sent_id = a\n# text = {text}\n{words}")).unwrap();
        check(&path, None).unwrap().problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for text in ["no way", "no  way", "no\u{a0}way", "no\u{3000} way"] {
        assert_eq!(says(text, "_"), [""; 0], "{text}");
    }
    let part = |character: usize, text: &str, words: &str| {
        let parts = format!("`# text` and the words part at character {character}");
        [format!("2: sentence a: {parts}: text has `{text}`, the words spell `{words}`")]
    };
    assert_eq!(says("noway", "SpaceAfter=No"), [""; 0]);
    assert_eq!(says("noway", "_"), part(3, "way", " "));
    assert_eq!(says("no way", "SpaceAfter=No"), part(3, " way", "way"));
    assert_eq!(says("no way out", "_"), part(8, "out", ""));
    assert_eq!(says("no wax", "_"), part(6, "x", "y"));
}

#[test]
fn encodings_and_line_ends_are_named() {
    let good = conllu(&[("it", "0", "root")]);
    let line = "test.conllu:1: sentence test:1: ";
    for (text, expected) in [
        (good.replace('\n', "\r"), "the line has a CR in its middle"),
        (good.replace("it", "i\rt"), "the line has a CR in its middle"),
        (good.replace("it", "i\0t"), "byte 4 of the line is NUL"),
    ] {
        let error = errors(&text, Format::Conllu).remove(0);
        assert!(error.starts_with(&format!("{line}{expected}")), "{error}");
    }
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(errors(&utf16, Format::Conllu)[0].contains("is NUL; is the file UTF-16"));
    for (start, expected) in [
        (&b"\xff\xfe"[..], "UTF-16"),
        (b"PK\x03\x04", "zip"),
        (b"BZh9", "bzip2"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ] {
        let error = Reader::new(Cursor::new(start.to_vec()), "a.conllu", Format::Conllu).map(|_| ()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(expected), "{source}");
    }
}

#[test]
fn messages_show_the_start_of_what_is_long_and_nothing_a_terminal_obeys() {
    let long = "x".repeat(100_000);
    for text in [conllu(&[(&long, "7", "dep")]), conllu(&[("it", &long, "dep")]), conllu(&[("\u{1b}[31m", "x", &long)])]
    {
        let error = errors(&text, Format::Conllu).remove(0);
        assert!(error.len() < 400 && !error.contains('\u{1b}'), "{error}");
    }
}

/// So many bytes of one letter, without holding them.
fn endless(bytes: u64) -> impl std::io::Read + Send {
    std::io::repeat(b'x').take(bytes)
}

#[test]
fn what_is_too_long_is_an_error_and_the_next_sentence_follows() {
    let good = conllu(&[("it", "0", "root")]);
    let after = |start: Box<dyn std::io::Read + Send>, format, rest: &str| {
        let input = start.chain(Cursor::new(format!("\n\n{rest}").into_bytes()));
        Reader::new(input, "test.txt", format).unwrap().with_optional_trees().collect::<Vec<_>>()
    };
    for (format, rest) in [
        (Format::Conllu, good.as_str()),
        (Format::Conllx, good.as_str()),
        (Format::HeadRelation, "it 0-root\n"),
        (Format::PlainText, "it\n"),
    ] {
        let read = after(Box::new(endless(40 << 20)), format, rest);
        let error = read[0].as_ref().unwrap_err().to_string();
        assert_eq!(
            error,
            "test.txt:1: sentence test:1: the line has more than 16777216 bytes; is this the file that was meant?"
        );
        assert!(read.len() == 2 && read[1].is_ok(), "{format:?}");
    }
    let words: String = (1..=100_001).map(|id| format!("{id}\tx\t_\t_\t_\t_\t{}\tdep\t_\t_\n", id - 1)).collect();
    let text = "x ".repeat(100_001);
    for (start, format, rest, line) in
        [(words, Format::Conllu, good.as_str(), 100_001), (text, Format::PlainText, "it\n", 1)]
    {
        let read = after(Box::new(Cursor::new(start.into_bytes())), format, rest);
        let error = read[0].as_ref().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("test.txt:{line}: sentence test:1: the sentence has more than 100000")),
            "{error}"
        );
        assert!(read.len() == 2 && read[1].is_ok(), "{format:?}");
    }
}

#[test]
fn what_gzip_hides_is_no_exception() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut endless(40 << 20), &mut gzip).unwrap();
    gzip.write_all(b"\n\n").unwrap();
    let bytes = gzip.finish().unwrap();
    assert!(errors(&bytes, Format::Conllu)[0].contains("the line has more than 16777216 bytes"));
}

#[test]
fn a_document_has_its_limit_and_the_next_one_follows() {
    let mut text = "# newdoc id = long\n".to_owned();
    // Sentences of a thousand words: the first is the root, the others hang from it.
    let long: String =
        (1..=1000).map(|id| format!("{id}\tx\t_\t_\t_\t_\t{}\tdep\t_\t_\n", usize::from(id > 1))).collect();
    (0..=1000).for_each(|_| text += &format!("{long}\n"));
    text += "# newdoc id = short\n";
    text += &conllu(&[("it", "0", "root")]);
    let reader = Reader::new(Cursor::new(text.into_bytes()), "test.conllu", Format::Conllu).unwrap();
    let documents: Vec<_> = Documents::new(reader, HeadRule::default()).collect();
    let error = documents[0].as_ref().unwrap_err();
    assert!(error.is_skippable() && error.to_string().contains("the document has more than 1000000 words"), "{error}");
    assert_eq!(documents[1].as_ref().unwrap().id, "short");
}

proptest! {
    /// Any bytes, in any format: sentences or errors that name a line, no panic, and no tree that was not there.
    #[test]
    fn any_bytes_are_read_or_refused(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "1\tit\t_\t_\t_\t_\t0\troot\t_\t_\n", "2\tis\t_\t_\t_\t_\t1\tall\t_\t_\n", "\n", "\t", "# text = it is\n",
                    "1-2\tit\t_\t_\t_\t_\t_\t_\t_\t_\n", "\r", "\r\n", "\u{feff}", "\u{a0}", "\0", "it 0-root\n", "a b 2-x\n",
                    "a/b 0 0 It PRP (S*) - - - s * (1)\n", "_", "1.1\tx\t_\t_\t_\t_\t_\t_\t_\t_\n", "# newdoc\n",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                proptest::collection::vec(any::<u8>(), 0..6),
            ],
            0..14,
        ),
        repair in any::<bool>(),
    ) {
        let bytes = pieces.concat();
        let roots = if repair { Roots::First } else { Roots::One };
        for format in [
            Format::Conllu, Format::Conllx, Format::UnparsedConllu, Format::UnparsedConllx, Format::HeadRelation,
            Format::Conll2012, Format::PlainText,
        ] {
            let Ok(reader) = Reader::new(Cursor::new(bytes.clone()), "a.conllu", format) else { continue };
            for read in reader.with(ReadOptions { roots, punctuation: Punctuation::Form, ..ReadOptions::default() }) {
                match read {
                    Ok(sentence) => {
                        prop_assert!(!sentence.is_unparsed() && !sentence.words().iter().any(|word| word.relation.is_reserved()));
                    }
                    Err(error) => prop_assert!(error.to_string().contains("a.conllu"), "{}", error),
                }
            }
        }
    }
}

/// What fits the limits is read, what does not is an error of its own sentence that names line and limit.
#[test]
fn limits_are_those_that_are_given() {
    let text = "1\tGo\t_\tVERB\t_\t_\t0\troot\t_\t_\n2\ton\t_\tADV\t_\t_\t1\tadvmod\t_\t_\n\n1\tStay\t_\tVERB\t_\t_\t0\troot\t_\t_\n\n";
    let read = |limits: Limits, format| {
        let reader = Reader::new(Cursor::new(text.to_owned()), "it", format).unwrap();
        let options = ReadOptions { limits, ..ReadOptions::default() };
        reader
            .with(options)
            .map(|read| read.map_or_else(|error| error.to_string(), |it| it.sent_id().to_owned()))
            .collect::<Vec<_>>()
    };
    let usual = Limits::default();
    assert_eq!(read(usual, Format::Conllu), ["it:1", "it:4"]);
    let said = read(Limits { sentence: 1, ..usual }, Format::Conllu);
    assert!(said[0].starts_with("it:2") && said[0].contains('1') && said[1] == "it:4", "{said:?}");
    let said = read(Limits { line: 26, ..usual }, Format::Conllu);
    assert!(said[0].starts_with("it:2") && said[0].contains("26") && said[1].starts_with("it:4"), "{said:?}");
}

/// The bytes of a character with a line end among them are not one.
#[test]
fn a_character_over_two_lines_is_no_text() {
    for (text, place) in
        [(&b"1\ta\xc7\n\x88b\n\n"[..], "it:1"), (b"# x\n1\ta\xe2\x82\n\xac\n\n", "it:2"), (b"\xc7\n\x88\n", "it:1")]
    {
        for format in [Format::Conllu, Format::Conllx, Format::Conll2012, Format::PlainText] {
            let read: Vec<_> = Reader::new(Cursor::new(text), "it", format).unwrap().with_optional_trees().collect();
            let error = read[0].as_ref().err().map(ToString::to_string).unwrap_or_default();
            if format != Format::PlainText || place == "it:1" {
                assert!(error.starts_with(place) && error.contains("UTF-8"), "{format:?}: {error}");
            }
        }
    }
}
