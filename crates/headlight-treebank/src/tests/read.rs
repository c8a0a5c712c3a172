//! Reading: the formats, and each kind of bad input.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::data::RICH;
use super::{conllu, read_all, read_words, sentences};
use crate::{Format, Governor, ReadError, Reader, WordIdx};

#[test]
fn conllu_is_read_whole() {
    let all = sentences(RICH);
    let names: Vec<_> = all.iter().map(|s| (s.sent_id(), s.document(), s.opens_document(), s.line())).collect();
    assert_eq!(
        names,
        [("a-1", Some("first"), true, 1), ("test:14", Some("first"), false, 14), ("b-1", Some("test:18"), true, 18)]
    );
    let first = &all[0];
    assert_eq!(first.forms(), ["Do", "n't", "go", ",", "Ann Lee", "!"]);
    assert_eq!(first.text(), Some("Don't go, Ann Lee!"));
    assert_eq!(first.root(), WordIdx::new(2));
    assert_eq!(first.words()[0].governor, Governor::Word(WordIdx::new(2)));
    assert_eq!(first.words()[0].feature("VerbForm"), Some("Fin"));
    assert_eq!(first.words()[4].misc_value("Entity"), Some("(e1-person)"));
    assert!(!first.words()[2].space_after());
    assert_eq!(first.multiword_tokens()[0].features.as_deref(), Some("Typo=Yes"));
    assert_eq!(first.empty_nodes().iter().map(|(before, _)| *before).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(all[2].forms(), ["_"]);
}

#[test]
fn bad_sentences_are_named_and_the_next_one_follows() {
    fn check(bad: &str, message: &str) {
        check_bytes(bad.as_bytes(), message);
    }
    fn check_bytes(bad: &[u8], message: &str) {
        let good = conllu(&[("yes", "0", "root")]);
        let text = [good.as_bytes(), b"# sent_id = s\n", bad, b"\n", good.as_bytes()].concat();
        let read = read_all(&text, Format::Conllu);
        let bad = read[1].as_ref().expect_err(message);
        assert_eq!(bad.to_string(), format!("test.conllu:{message}"));
        assert!(bad.is_skippable());
        assert!(read.len() == 3 && read[0].is_ok() && read[2].is_ok(), "{message}");
    }
    fn word(id: &str, head: &str) -> String {
        format!("{id}\tw{id}\t_\t_\t_\t_\t{head}\tdep\t_\t_\n")
    }
    fn words(words: &[(&str, &str)]) -> String {
        words.iter().map(|(id, head)| word(id, head)).collect()
    }

    check("", "3: sentence s: the sentence has no words");
    check("1\tyes\n", "4: sentence s: 2 column(s) where 10, separated by single tabs, are expected");
    check(
        "1 yes _ _ _ _ 0 root _ _\n",
        "4: sentence s: 1 column(s) where 10, separated by single tabs, are expected; the line has spaces in the place of tabs",
    );
    check(
        &word("1", "0").replace("_\n", "_\t_\n"),
        "4: sentence s: 11 column(s) where 10, separated by single tabs, are expected",
    );
    for id in ["x", "0", "01", "+1", "", "1-", "1.0", "-1", "99999999999999999999"] {
        check(
            &word(id, "0"),
            &format!(
                "4: sentence s: ID `{id}` is neither a word (`3`), a multiword token (`3-4`) nor an empty node (`3.1`)"
            ),
        );
    }
    let ids = "ids count up by one";
    check(&words(&[("1", "0"), ("3", "1")]), &format!("5: sentence s: ID 3 where 2 is due; {ids}"));
    check(&words(&[("1", "0"), ("1", "1")]), &format!("5: sentence s: ID 1 where 2 is due; {ids}"));
    check(&words(&[("2", "0")]), &format!("4: sentence s: ID 2 where 1 is due; {ids}"));

    let range = |id: &str| format!("{id}\tx\t_\t_\t_\t_\t_\t_\t_\t_\n");
    let (one, two) = (word("1", "0"), word("2", "1"));
    check(&(range("2-1") + &one + &two), "4: sentence s: multiword token 2-1 ends before it starts");
    check(
        &(one.clone() + &range("1-2") + &two),
        "5: sentence s: multiword token 1-2 stands before word 2; its line belongs right before word 1",
    );
    check(
        &(range("1-2") + &one + &range("2-3") + &two + &word("3", "1")),
        "6: sentence s: multiword token 2-3 overlaps the one that ends at word 2",
    );
    check(
        &(one.clone() + &range("2-3") + &two),
        "5: sentence s: multiword token 2-3 reaches beyond the sentence's 2 words",
    );
    check(&(one.clone() + &range("2.1")), "5: sentence s: empty node 2.1 where 1.1 is due");
    check(&(one.clone() + &range("1.2")), "5: sentence s: empty node 1.2 where 1.1 is due");

    for head in ["x", "-1", "1.5", "99999999999999999999", "01"] {
        check(
            &(one.clone() + &word("2", head)),
            &format!("5: sentence s: word 2 [w2] has HEAD `{head}`, which is not the id of a word or 0"),
        );
    }
    check(
        &(one.clone() + &word("2", "_")),
        "5: sentence s: word 2 [w2] has no HEAD, while other words of the sentence have one",
    );
    check(
        &(one.clone() + &two.replace("dep", "_")),
        "5: sentence s: word 2 [w2] has no DEPREL, while other words of the sentence have one",
    );
    check(&one.replace("w1", ""), "4: sentence s: word 1 has an empty FORM");
    check(
        &words(&[("1", "0"), ("2", "0")]),
        "5: sentence s: words 1 [w1] and 2 [w2] both have HEAD 0; exactly one word must be the root",
    );
    check(&words(&[("1", "2"), ("2", "1")]), "3: sentence s: no word has HEAD 0; exactly one word must be the root");
    check(&words(&[("1", "0"), ("2", "3")]), "5: sentence s: word 2 [w2] has HEAD 3, but the sentence has 2 words");
    check(
        &words(&[("1", "0"), ("2", "2")]),
        "5: sentence s: word 2 [w2] is part of a cycle: following HEAD from it never reaches the root",
    );
    check(
        &words(&[("1", "0"), ("2", "3"), ("3", "4"), ("4", "3")]),
        "6: sentence s: word 3 [w3] is part of a cycle: following HEAD from it never reaches the root",
    );
    check_bytes(
        b"1\tcaf\xe9\t_\t_\t_\t_\t0\troot\t_\t_\n",
        "4: sentence s: byte 6 of the line is not valid UTF-8; save the file as UTF-8",
    );
}

#[test]
fn layout_does_not_matter() {
    let expected = sentences(RICH);
    fn check(text: &[u8], expected: &[crate::Sentence]) {
        let read: Vec<_> = read_all(text, Format::Conllu).into_iter().map(Result::unwrap).collect();
        assert_eq!(read, expected);
    }
    check(RICH.replace('\n', "\r\n").as_bytes(), &expected);
    check(format!("\u{feff}{RICH}").as_bytes(), &expected);
    check(RICH.trim_end().as_bytes(), &expected);
    check(format!("{RICH}\n \n").as_bytes(), &expected);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(RICH.as_bytes()).unwrap();
    check(&gzip.finish().unwrap(), &expected);
    for empty in ["", "\n", "\n\n\n", "\u{feff}"] {
        check(empty.as_bytes(), &[]);
    }
}

#[test]
fn a_truncated_gzip_file_is_an_error_and_the_end() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(RICH.as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    let read = read_all(&bytes[..bytes.len() - 40], Format::Conllu);
    let last = read.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(last, ReadError::Read { line, .. } if *line > 1), "{last}");
    assert!(!last.is_skippable());
}

#[test]
fn conllx_has_eight_or_ten_columns() {
    for tail in ["", "\t2\tprojective"] {
        let text = format!("1\tThe\tthe\tDT\tDT\t_\t2\tdet{tail}\n2\tend\tend\tNN\tNN\tnum=sg\t0\troot{tail}\n");
        let read = read_all(&text, Format::Conllx);
        let sentence = read[0].as_ref().unwrap();
        assert_eq!(sentence.forms(), ["The", "end"]);
        assert_eq!((sentence.words()[0].deps.as_deref(), sentence.words()[0].misc.as_deref()), (None, None));
        assert_eq!(sentence.comments(), ["# sent_id = test:1"]);
    }
    let error = read_all("1\tThe\n", Format::Conllx).remove(0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "test.conllu:1: sentence test:1: 2 column(s) where 8 or 10, separated by single tabs, are expected"
    );
}

#[test]
fn the_original_release_is_read() {
    let read = read_all("The 2-det\nend 0-root\n\nIt 2-nsubj:x-y\nends 0-root\nthere\n", Format::HeadRelation);
    let first = read[0].as_ref().unwrap();
    assert_eq!(first.forms(), ["The", "end"]);
    assert_eq!(first.root().id(), 2);
    assert_eq!(
        read[1].as_ref().unwrap_err().to_string(),
        "test.conllu:6: sentence test:4: `there` is not of the form `word head-relation`, for example `The 2-det`"
    );
    let cyclic = read_all("a 0-root\nb 3-x\nc 2-x\n", Format::HeadRelation).remove(0).unwrap_err();
    assert!(cyclic.to_string().starts_with("test.conllu:2: sentence test:1: word 2 [b] is part of a cycle"));
}

#[test]
fn text_and_unparsed_conllu_have_placeholder_trees() {
    let text = read_words("She  left.\nWhy?\n\nNobody knows.\n", Format::PlainText);
    let text: Vec<_> = text.into_iter().map(Result::unwrap).collect();
    let names: Vec<_> = text.iter().map(|s| (s.sent_id(), s.document(), s.text().unwrap())).collect();
    assert_eq!(
        names,
        [
            ("test:1", Some("test:1"), "She left."),
            ("test:2", Some("test:1"), "Why?"),
            ("test:4", Some("test:4"), "Nobody knows.")
        ]
    );
    assert_eq!(text[0].comments(), ["# newdoc id = test:1", "# sent_id = test:1", "# text = She left."]);
    assert!(text.iter().all(crate::Sentence::is_unparsed));

    let blind = conllu(&[("She", "_", "_"), ("left", "7", "x")]);
    let sentence = read_words(&blind, Format::UnparsedConllu).remove(0).unwrap();
    assert!(sentence.is_unparsed());
    assert_eq!(sentence.words()[1].governor, Governor::Word(WordIdx::new(0)));
    assert!(!sentences(RICH)[0].is_unparsed());
}

#[test]
fn names_tell_formats() {
    let folder = tempfile::tempdir().unwrap();
    let format = |name: &str, content: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        Reader::open(&path, None).map(|reader| reader.format())
    };
    assert_eq!(format("a.conllu", "").unwrap(), Format::Conllu);
    assert_eq!(format("a.conllu.gz", "").unwrap(), Format::Conllu);
    assert_eq!(format("a.CONLL", "").unwrap(), Format::Conllx);
    assert_eq!(format("a.txt", "The 2-det\nend 0-root\n").unwrap(), Format::HeadRelation);
    assert_eq!(format("a.txt", "The end.\n").unwrap(), Format::PlainText);
    let unknown = format("a.csv", "").unwrap_err().to_string();
    assert!(unknown.starts_with("cannot tell the format of ") && unknown.ends_with("name the format"), "{unknown}");
    let missing = Reader::open(folder.path().join("b.conllu"), None).map(|_| ()).unwrap_err();
    assert!(matches!(missing, ReadError::Open { .. }));
}
