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
fn a_first_line_of_counts_is_kept_to() {
    let counts = "if the file was cut off, fetch it again, and if it was shortened on purpose, correct its first line";
    check_error("3 2\nthe 1 2\nof 3 4\n", &format!("FILE:1: the first line says 3 vectors, but 2 follow; {counts}"));
    check_error("1 2\nthe 1 2\nof 3 4\n", &format!("FILE:1: the first line says 1 vectors, but 2 follow; {counts}"));
    let width = "correct it, or remove it if it is no `count width`";
    check_error(
        "2 3\nthe 1 2\nof 3 4\n",
        &format!("FILE:2: [the] has 2 numbers, but the first line of this file says 3; {width}"),
    );
    check_error(
        "2 2\nthe 1 2\nto 1 2 3\n",
        &format!("FILE:3: [to] has 3 numbers, but the first line of this file says 2; {width}"),
    );
    let wide = "the widest that are read have 65536: is this a file of vectors?";
    check_error("1 99999999999\nthe 1\n", &format!("FILE:1: vectors of 99999999999 numbers; {wide}"));
    check_error(&format!("the{}\n", " 1".repeat(70_000)), &format!("FILE:1: vectors of 70000 numbers; {wide}"));
    check_error("0 2\n", "FILE holds no word vector; expected a word and its numbers on each line");
}

#[test]
fn a_first_word_with_a_number_in_it_does_not_widen_the_file() {
    check_error(
        "covid 19 1 2\nthe 3 4\nof 5 6\n",
        "FILE:1: [covid] has 3 numbers, but the vectors of this file have 2",
    );
    check_text(
        "top 10 list 1 2\nthe 3 4\n",
        "top 10 list|the",
        &[("top 10 list", Some(&[1.0, 2.0])), ("the", Some(&[3.0, 4.0]))],
    );
    check_text(
        "1st 1 2\nnan 3 4\n7 5 6\n",
        "1st|nan|7",
        &[("1st", Some(&[1.0, 2.0])), ("nan", Some(&[3.0, 4.0])), ("7", Some(&[5.0, 6.0]))],
    );
}

#[test]
fn spaces_tabs_and_marks_do_not_matter() {
    check_text(
        "\u{feff}2 2\r\nthe  1   2\r\nof\t3\t4 \t\r\n\r\n",
        "the|of",
        &[("the", Some(&[1.0, 2.0])), ("of", Some(&[3.0, 4.0]))],
    );
    check_text(
        "\u{feff}the 1 2\n of 3 4\n 5 6\n",
        "the|of|5",
        &[("the", Some(&[1.0, 2.0])), ("of", Some(&[3.0, 4.0])), ("5", None)],
    );
}

#[test]
fn numbers_that_no_vector_has_are_named() {
    for bad in ["nan", "inf", "-inf", "1e39", "1,5", "0x1"] {
        check_error(
            &format!("the 1 2\nto 1 2\nof 1 {bad}\n"),
            &format!("FILE:3: [{bad}] in the vector of [of] is not a finite number"),
        );
    }
    check_error("the nan nan\n", "FILE:1: [nan] in the vector of [the] is not a finite number");
}

#[test]
fn repeated_words_are_counted() {
    let vectors = read(b"the 1 2\nof 3 4\nthe 5 6\nthe 1 2\nto 1 1\nto 1 1\n", VectorFormat::Text, "the|of").unwrap();
    assert_eq!(vectors.repeated(), 2, "of words that are wanted");
    let content = binary("2 1\n", &[("the", &[1.0]), ("the", &[2.0])]);
    let vectors = read(&content, VectorFormat::Word2vecBinary, "the").unwrap();
    assert_eq!((vectors.repeated(), vectors.row(0)), (1, &[1.0][..]));
}

fn packed(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn packed_files_are_read() {
    let text = "\u{feff}2 2\nthe 1 2\nof 3 4\n";
    let whole = packed(text.as_bytes());
    let vectors = read(&whole, VectorFormat::Text, "the|of").unwrap();
    assert_eq!(vectors, read(text.as_bytes(), VectorFormat::Text, "the|of").unwrap());
    assert_eq!(
        read(&whole[..whole.len() - 9], VectorFormat::Text, "the|of").unwrap_err(),
        "cannot read the word vectors FILE"
    );
    let content = binary("2 2\n", &[("the", &[1.0, 2.0]), ("of", &[3.0, -4.0])]);
    let vectors = read(&packed(&content), VectorFormat::Word2vecBinary, "of").unwrap();
    assert_eq!(vectors.row(vectors.find("of").unwrap()), [3.0, -4.0]);
    let format = |name: &str| VectorFormat::of(Path::new(name));
    for name in ["a.bin", "a.BIN", "a.bin.gz"] {
        assert_eq!(format(name), VectorFormat::Word2vecBinary, "{name}");
    }
    for name in ["a.vec", "a.vec.gz", "a.txt", "bin", "a.gz"] {
        assert_eq!(format(name), VectorFormat::Text, "{name}");
    }
}

#[test]
fn files_of_another_kind_are_named() {
    let check = |content: &[u8], expected: &str| {
        let error = read(content, VectorFormat::Text, "the").unwrap_err();
        assert!(error.starts_with("FILE is ") && error.contains(expected), "{error}");
        let packed = read(&packed(content), VectorFormat::Text, "the").unwrap_err();
        assert_eq!(packed, error);
    };
    check(b"PK\x03\x04\x14\x00", "a zip archive; unpack it");
    check(b"\xfd7zXZ\x00\x00", "an xz archive; unpack it");
    check(b"BZh91AY&SY\x00", "a bzip2 archive; unpack it");
    check(b"\x28\xb5\x2f\xfd\x00", "a zstd archive; unpack it");
    check(
        b"\xba\x16\x4f\x2f\x0c\x00\x00\x00",
        "a fastText model (vectors of parts of words, not of words); name the .vec",
    );
    check(b"\xff\xfet\x00h\x00", "UTF-16 text; save it as UTF-8");
    check(&binary("1 2\n", &[("the", &[1.0, 2.0])]), "no text; if it is word2vec binary, let its name end in .bin");
    let fasttext = read(b"\xba\x16\x4f\x2f\x0c\x00\x00\x00", VectorFormat::Word2vecBinary, "the").unwrap_err();
    assert!(fasttext.contains("a fastText model"), "{fasttext}");
    let endless = vec![b'a'; (1 << 24) + 1];
    assert_eq!(
        read(&packed(&endless), VectorFormat::Text, "the").unwrap_err(),
        "FILE:1: the line is longer than 16 MiB; is this a file of word vectors?"
    );
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
    let whole = binary("1 2\n", &[("of", &[1.0, 2.0]), ("the", &[3.0, 4.0])]);
    let surplus = "is it word2vec binary? fastText and GloVe write text, in files that do not end in .bin";
    check(&whole, &format!("FILE goes on behind the 1 vectors that its first line announces; {surplus}"));
    let text = b"1 2\nthe 0.123456 0.654321\n";
    check(text, &format!("FILE goes on behind the 1 vectors that its first line announces; {surplus}"));
    let wide = "the widest that are read have 65536: is this a file of vectors?";
    check(b"1 70000\n", &format!("FILE:1: vectors of 70000 numbers; {wide}"));
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
    /// Whatever stands between fields and at the ends of lines, with and without a first line of counts, packed or not.
    #[test]
    fn how_a_file_is_written_does_not_matter(
        rows in prop::collection::vec(("[a-z0-9.,']{1,8}( [a-z]{1,3})?", prop::array::uniform3(-9e3f32..9e3)), 3..20),
        space in prop::sample::select(vec![" ", "  ", "\t", " \t"]),
        end in prop::sample::select(vec!["\n", "\r\n", " \n", "\n\n"]),
        (mark, header, gzip) in any::<(bool, bool, bool)>(),
    ) {
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        if header {
            text += &format!("{}{space}3{end}", rows.len());
        }
        for (word, [a, b, c]) in &rows {
            text += &format!("{word}{space}{a}{space}{b}{space}{c}{end}");
        }
        let content = if gzip { packed(text.as_bytes()) } else { text.into_bytes() };
        let words: Vec<&str> = rows.iter().map(|(word, _)| word.as_str()).collect();
        let vectors = read(&content, VectorFormat::Text, &words.join("|")).unwrap();
        for (word, _) in &rows {
            let first = rows.iter().find(|(other, _)| other == word).unwrap().1;
            prop_assert_eq!(vectors.row(vectors.find(word).unwrap()), first);
        }
        prop_assert_eq!(vectors.rows.len() as u64 + vectors.repeated(), rows.len() as u64);
    }

    /// A binary file that is cut off anywhere is refused.
    #[test]
    fn a_binary_file_is_whole_or_refused(
        rows in prop::collection::vec(("[a-z]{1,8}", prop::array::uniform3(-9e3f32..9e3)), 1..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let entries: Vec<(&str, &[f32])> = rows.iter().map(|(word, row)| (word.as_str(), row.as_slice())).collect();
        let whole = binary(&format!("{} 3\n", rows.len()), &entries);
        prop_assert!(read(&whole, VectorFormat::Word2vecBinary, "a").is_ok());
        let cut = cut.index(whole.len() - 1);
        prop_assert!(read(&whole[..cut], VectorFormat::Word2vecBinary, "a").is_err(), "cut at {}", cut);
    }

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
