use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn vocabulary(words: &str) -> Vocabulary {
    let mut vocabulary = Vocabulary::new();
    words.split('|').for_each(|word| vocabulary.observe(word));
    vocabulary
}

fn read(content: &[u8], format: VectorFormat, words: &str) -> Result<WordVectors, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let path = file.path().display().to_string();
    WordVectors::read(file.path(), Some(format), &vocabulary(words))
        .map_err(|error| error.to_string().replace(&path, "FILE"))
}

fn check_text(content: &str, words: &str, expected: &[(&str, Option<&[f32]>)]) {
    let vectors = read(content.as_bytes(), VectorFormat::Text, words).unwrap();
    for (word, row) in expected {
        assert_eq!(vectors.find(word).map(|row| vectors.row(row)), *row, "{word}");
    }
}

fn check_error(content: &str, expected: &str) {
    assert_eq!(read(content.as_bytes(), VectorFormat::Text, "the|of|. .").unwrap_err(), expected);
}

fn binary(header: &str, entries: &[(&str, &[f32])]) -> Vec<u8> {
    let mut content = header.as_bytes().to_vec();
    for (word, row) in entries {
        content.extend(word.as_bytes());
        content.push(b' ');
        row.iter().for_each(|number| content.extend(number.to_le_bytes()));
        content.push(b'\n');
    }
    content
}

#[test]
fn glove_has_no_header_and_keeps_only_what_is_needed() {
    check_text(
        "the 0.5 -1\nof 2 3e-2\nto 1 1\n",
        "The|of",
        &[("THE", Some(&[0.5, -1.0])), ("of", Some(&[2.0, 0.03])), ("to", None)],
    );
}

#[test]
fn words_may_hold_spaces() {
    check_text(
        "the 1 2\n. . 3 4\nat name@domain.com 5 6\n",
        ". .|at name@domain.com|.",
        &[(". .", Some(&[3.0, 4.0])), ("at name@domain.com", Some(&[5.0, 6.0])), (".", None)],
    );
}

#[test]
fn fasttext_and_word2vec_text_have_a_header_and_trailing_spaces() {
    check_text(
        "2 3\nthe 1 2 3 \r\n7 4 5 6 \n",
        "the|7|2",
        &[("the", Some(&[1.0, 2.0, 3.0])), ("7", Some(&[4.0, 5.0, 6.0])), ("2", None)],
    );
}

#[test]
fn the_first_of_several_vectors_counts_and_other_spellings_do_not() {
    check_text("The 9 9\nthe 1 2\nthe 3 4\n", "The", &[("the", Some(&[1.0, 2.0]))]);
}

#[test]
fn a_word_that_is_no_utf8_is_passed_over() {
    let vectors = read(b"the 1 2\n\xff\xfe 3 4\nof 5 6\n", VectorFormat::Text, "the|of").unwrap();
    assert_eq!((vectors.find("the"), vectors.find("of")), (Some(0), Some(1)));
}

#[test]
fn broken_lines_are_named() {
    check_error("the 1 2\nto 1\n", "FILE:2: [to] has 1 numbers, but the vectors of this file have 2");
    check_error("the 1 2\n\nto 1 2 3\n", "FILE:3: [to] has 3 numbers, but the vectors of this file have 2");
    check_error("the 1 2\nof 1 x\n", "FILE:2: [x] in the vector of [of] is not a finite number");
    check_error("the 1 2\nof nan 1\n", "FILE:2: [nan] in the vector of [of] is not a finite number");
    check_error("", "FILE holds no word vector; expected a word and its numbers on each line");
    check_error("just words\n", "FILE holds no word vector; expected a word and its numbers on each line");
}

#[test]
fn word2vec_binary_is_read_with_line_breaks() {
    let content = binary("2 2\n", &[("the", &[1.0, 2.0]), ("of", &[3.0, -4.0])]);
    let vectors = read(&content, VectorFormat::Word2vecBinary, "of|the|and").unwrap();
    assert_eq!(vectors.find("Of").map(|row| vectors.row(row)), Some(&[3.0, -4.0][..]));
    assert_eq!(vectors.find("and"), None);
}

#[test]
fn broken_binary_files_are_named() {
    let check = |content: &[u8], expected: &str| {
        assert_eq!(read(content, VectorFormat::Word2vecBinary, "the").unwrap_err(), expected);
    };
    let whole = binary("2 2\n", &[("the", &[1.0, 2.0])]);
    check(&whole, "FILE: entry 2 of 2 is broken: the file ends, or no space follows the word");
    check(&whole[..12], "FILE: entry 1 of 2 is broken: the file ends within its numbers");
    check(b"the 1 2\n", "FILE does not open with `count width`, as word2vec binary files do; is it a text file?");
    check(&binary("1 1\n", &[("the", &[f32::NAN])]), "FILE: entry 1 of 1 is broken: one of its numbers is not finite");
}

#[test]
fn coverage_counts_types_and_words() {
    let mut words = vocabulary("the|The|of|headlight");
    words.observe("headlight");
    let vectors = WordVectors::from_rows(1, [("the", vec![1.0]), ("of", vec![2.0])]).unwrap();
    assert_eq!(vectors.coverage(&words), Coverage { types_found: 2, types: 3, words_found: 3, words: 5 });
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that does not run says so")]
fn glove_50d_covers_english() {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/glove/glove.6B.50d.subset.txt"));
    if !path.exists() {
        eprintln!("not run: {} is absent", path.display());
        return;
    }
    let vectors = WordVectors::read(&path, None, &vocabulary("The|dog|chased|a|cat|zzyzxq")).unwrap();
    assert_eq!((vectors.width(), vectors.find("zzyzxq")), (50, None));
    // The first numbers of the file's first line.
    assert_eq!(vectors.row(vectors.find("the").unwrap())[..3], [0.418, 0.24968, -0.41242]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(("[a-z.,']{1,8}", prop::array::uniform3(-9e3f32..9e3)), 1..20)) {
        let text: String = rows.iter().map(|(word, [a, b, c])| format!("{word} {a} {b} {c}\n")).collect();
        let words: Vec<&str> = rows.iter().map(|(word, _)| word.as_str()).collect();
        let vectors = read(text.as_bytes(), VectorFormat::Text, &words.join("|")).unwrap();
        for (word, _) in &rows {
            let first = rows.iter().find(|(other, _)| other == word).unwrap().1;
            prop_assert_eq!(vectors.row(vectors.find(word).unwrap()), first);
        }
    }
}
