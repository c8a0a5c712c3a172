//! Texts in, documents and pairs of segments out.

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::pack::PieceDocument;
use super::*;

fn read(text: &[u8], whole: bool) -> Vec<Result<Document>> {
    Documents::new(Cursor::new(text.to_vec()), "a.txt".into(), whole).collect()
}

#[test]
fn blank_lines_separate_documents() {
    let check = |text: &str, expected: &[&[&str]]| {
        let documents: Vec<Document> = read(text.as_bytes(), false).into_iter().map(Result::unwrap).collect();
        assert_eq!(documents, expected, "{text:?}");
    };
    check("a b\nc\n\nd\n", &[&["a b", "c"], &["d"]]);
    check("\u{feff}a\r\n\r\n \r\n\r\nb", &[&["a"], &["b"]]);
    check("\n\n", &[]);
    check("", &[]);
    let whole: Vec<Document> = read(b"a\n\nb\n", true).into_iter().map(Result::unwrap).collect();
    assert_eq!(whole, [["a", "b"]]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = read(b"a\n\n\xff\xfe\nb\n", false).remove(1).unwrap_err();
    assert_eq!(error.to_string(), "a.txt:3: not UTF-8 text; convert the file first");
    let config = |file: &str| CorpusConfig { name: String::new(), files: vec![file.into()], sequences: 0, short: 0.1 };
    let error = Corpus::resolve(&config("/no/such/file.txt")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /no/such/file.txt");
    let folder = tempfile::tempdir().unwrap();
    let error = Corpus::resolve(&config(folder.path().to_str().unwrap())).unwrap_err();
    assert_eq!(error.to_string(), format!("the folder {} has no file to read", folder.path().display()));
    let error = Corpus::resolve(&config("sample:select")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`corpus.files` names \"sample:select\", which is no text: write sample:corpus or a path"
    );
}

#[test]
fn files_folders_and_the_sample_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(fs::File::create(folder.path().join("b.txt.gz")).unwrap(), Compression::fast());
    gzip.write_all(b"second\n\nand more\n").unwrap();
    gzip.finish().unwrap();
    fs::write(folder.path().join("a.txt"), "first\n").unwrap();
    fs::write(folder.path().join(".hidden"), "no\n").unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let read = |files: Vec<String>| {
        let config = CorpusConfig { name: String::new(), files, sequences: 0, short: 0.1 };
        Corpus::resolve(&config).unwrap().documents().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(read(vec![path("")]), [vec!["first"], vec!["second", "and more"]]);
    assert_eq!(read(vec![path("b.txt.gz"), path("a.txt")]), [["second"], ["and more"], ["first"]]);
    assert_eq!(read(vec!["sample:corpus".into()]).len(), 48);
}

#[test]
fn a_document_is_cut_into_pairs() {
    // Without other documents and with sentences of one piece each, B is what follows A or text of the same document.
    let document: PieceDocument = (0..100).map(|piece| vec![piece]).collect();
    let packing = Packing { limit: 13, short: 0.0, seed: 1 };
    let pairs: Vec<Pair> = pack([Ok(document)].into_iter(), packing).map(Result::unwrap).collect();
    let follows = pairs.iter().filter(|(a, b)| a[a.len() - 1] + 1 == b[0]).count();
    assert!(follows * 4 > pairs.len() && follows < pairs.len(), "{follows} of {}", pairs.len());
    for (a, b) in &pairs {
        assert!(a.len() + b.len() <= 10 && !a.is_empty() && !b.is_empty(), "{a:?} {b:?}");
        assert!(a.is_sorted() && b.is_sorted());
    }
}

fn documents() -> impl Strategy<Value = Vec<PieceDocument>> {
    let sentence = prop::collection::vec(0_u32..50, 1..40);
    prop::collection::vec(prop::collection::vec(sentence, 0..12), 0..6)
}

proptest! {
    #[test]
    fn pairs_fit_and_are_the_same_tomorrow(documents in documents(), limit in 5_usize..64, seed in 0_u64..9) {
        let packing = Packing { limit, short: 0.3, seed };
        let pairs = || pack(documents.iter().cloned().map(Ok), packing).map(Result::unwrap).collect::<Vec<_>>();
        let packed = pairs();
        for (a, b) in &packed {
            prop_assert!(!a.is_empty() && !b.is_empty() && a.len() + b.len() + 3 <= limit);
        }
        let any = documents.iter().any(|document| !document.is_empty());
        prop_assert_eq!(!packed.is_empty(), any);
        prop_assert_eq!(pairs(), packed);
    }

    #[test]
    fn a_sample_is_a_part_in_order(count in 0_usize..30, all in 0_usize..60, seed in 0_u64..9) {
        let sampled = sample((0..all).map(Ok), count, seed).unwrap();
        prop_assert_eq!(sampled.len(), count.min(all));
        prop_assert!(sampled.is_sorted_by(|a, b| a < b));
    }
}
