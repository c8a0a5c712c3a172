//! Texts in, documents and pairs of segments out.

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::pack::PieceDocument;
use super::*;

fn read(text: &[u8], whole: bool) -> Vec<Result<Document>> {
    Documents::new(Cursor::new(text.to_vec()), "a.txt".into(), whole, LIMITS).collect()
}

const LIMITS: Limits = Limits { line: 1 << 24, document: LONGEST_DOCUMENT };

fn corpus(files: Vec<String>) -> CorpusConfig {
    CorpusConfig {
        files,
        sequences: 0,
        max_line: LIMITS.line,
        max_document: LIMITS.document,
        ..CorpusConfig::default()
    }
}

/// All pairs, and how many sentences were left out.
fn packed(documents: &[PieceDocument], packing: Packing) -> (Vec<Pair>, usize) {
    let mut alone = 0;
    let pairs = pack(documents.iter().cloned().map(Ok), packing, || alone += 1).map(Result::unwrap).collect();
    (pairs, alone)
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
    let config = |file: &str| corpus(vec![file.into()]);
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
        Corpus::resolve(&corpus(files)).unwrap().documents().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(read(vec![path("")]), [vec!["first"], vec!["second", "and more"]]);
    assert_eq!(read(vec![path("b.txt.gz"), path("a.txt")]), [["second"], ["and more"], ["first"]]);
    assert_eq!(read(vec!["sample:corpus".into()]).len(), 48);
}

/// Documents of sentences of one piece each: document 2 has the pieces 2000, 2001, ….
fn numbered(sizes: &[u32]) -> Vec<PieceDocument> {
    let document = |(number, size): (usize, &u32)| (0..*size).map(|at| vec![1000 * number as u32 + at]).collect();
    sizes.iter().enumerate().map(document).collect()
}

/// The share of pairs whose second segment goes on where the first ends.
fn following(pairs: &[Pair]) -> f64 {
    pairs.iter().filter(|(a, b)| a[a.len() - 1] + 1 == b[0]).count() as f64 / pairs.len() as f64
}

#[test]
fn as_in_the_paper_a_document_is_cut_into_pairs_that_go_on() {
    let packing = Packing { limit: 13, random_next: 0.0, short: 0.0, seed: 1 };
    let (pairs, alone) = packed(&numbered(&[99, 45, 31]), packing);
    // Ten pieces a pair; a single sentence is left at the end of the last document.
    assert_eq!((pairs.len(), alone), (10 + 5 + 3, 1));
    assert!((following(&pairs) - 1.0).abs() < 1e-12);
    let read: Vec<u32> = pairs.iter().flat_map(|(a, b)| [a.clone(), b.clone()].concat()).collect();
    assert_eq!(read, numbered(&[99, 45, 30]).concat().concat(), "every piece once, in order");
    // A sentence that fills a pair alone has nothing to follow it; what comes behind it is packed all the same.
    let long = vec![(0..20).collect(), vec![50], vec![51]];
    assert_eq!(packed(&[long], packing), (vec![(vec![50], vec![51])], 1));
}

#[test]
fn as_in_pre_training_second_segments_come_from_elsewhere() {
    let packing = |random_next| Packing { limit: 13, random_next, short: 0.0, seed: 1 };
    let documents = numbered(&[999; 10]);
    for share in [0.25, 0.5, 1.0] {
        let (pairs, alone) = packed(&documents, packing(share));
        let foreign = pairs.iter().filter(|(a, b)| a[0] / 1000 != b[0] / 1000).count() as f64 / pairs.len() as f64;
        // Over 900 pairs: three standard errors are less than 0.05.
        assert!((foreign - share).abs() < 0.05 && alone == 0, "{share}: {foreign}");
        assert!((following(&pairs) - (1.0 - share)).abs() < 0.05, "{share}");
    }
    // A single sentence has to take its second segment from elsewhere, or, where there is nothing else, from itself.
    assert_eq!(packed(&numbered(&[1]), packing(0.5)).0, [(vec![0], vec![0])]);
}

#[test]
fn short_pairs_are_drawn_by_document() {
    let packing = |short| Packing { limit: 53, random_next: 0.0, short, seed: 1 };
    let lengths = |short| {
        let (pairs, _) = packed(&numbered(&[100; 50]), packing(short));
        pairs.iter().map(|(a, b)| a.len() + b.len()).collect::<Vec<_>>()
    };
    assert!(lengths(0.0).iter().all(|&length| length == 50));
    assert!(lengths(1.0).iter().filter(|&&length| length < 50).count() > lengths(1.0).len() / 2);
}

fn documents() -> impl Strategy<Value = Vec<PieceDocument>> {
    let sentence = prop::collection::vec(0_u32..50, 1..40);
    prop::collection::vec(prop::collection::vec(sentence, 0..12), 0..6)
}

proptest! {
    #[test]
    fn pairs_fit_and_are_the_same_tomorrow(documents in documents(), limit in 5_usize..64, seed in 0_u64..9) {
        for random_next in [0.0, 0.5] {
            let packing = Packing { limit, random_next, short: 0.3, seed };
            let (pairs, alone) = packed(&documents, packing);
            for (a, b) in &pairs {
                prop_assert!(!a.is_empty() && !b.is_empty() && a.len() + b.len() + 3 <= limit);
            }
            let any = documents.iter().any(|document| !document.is_empty());
            prop_assert_eq!(!pairs.is_empty() || alone > 0, any);
            prop_assert!(random_next == 0.0 || alone == 0);
            prop_assert_eq!(packed(&documents, packing), (pairs, alone));
        }
    }

    #[test]
    fn a_sample_is_a_part_in_order(count in 0_usize..30, all in 0_usize..60, seed in 0_u64..9) {
        let sampled = sample((0..all).map(Ok), count, seed).unwrap();
        prop_assert_eq!(sampled.len(), count.min(all));
        prop_assert!(sampled.is_sorted_by(|a, b| a < b));
    }
}
