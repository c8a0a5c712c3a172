//! Words and pieces of tokenizers of every kind, as transformers aligns them. The goldens are made by `fixtures/alignment.py`.

use std::{fs, ops::Range, path::Path};

use crate::support::{fixture, told};
use headlight_bert::{Architecture, Pieces, Tokenizer};
use serde_json::Value;

/// What a comparison counted.
#[derive(Default, Debug)]
struct Compared {
    sentences: usize,
    words: usize,
    pieces: usize,
    unknown: usize,
    /// Words that have no piece of their own in transformers, and an unknown one here.
    unpieced: usize,
    /// Words all of whose pieces are those of the word before.
    shared: usize,
    different: Vec<String>,
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    list(value).iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

fn ranges(value: &Value) -> Vec<Option<Range<usize>>> {
    let range = |pair: &Value| Some(pair[0].as_u64()? as usize..pair[1].as_u64()? as usize);
    list(value).iter().map(range).collect()
}

/// The ids and ranges of pieces without those that stand for words which have none.
fn pieced(pieces: &Pieces, expected: &[Option<Range<usize>>]) -> (Vec<u32>, Vec<Option<Range<usize>>>) {
    let words = pieces.alignment.words();
    let bare = |piece: usize| words.iter().zip(expected).any(|(word, range)| range.is_none() && word.contains(&piece));
    let kept: Vec<usize> = (0..pieces.len()).filter(|piece| !bare(*piece)).collect();
    let place = |piece: usize| kept.iter().filter(|other| **other < piece).count();
    let range = |(word, range): (&Range<usize>, &Option<Range<usize>>)| {
        range.as_ref().map(|_| place(word.start)..place(word.end))
    };
    (kept.iter().map(|piece| pieces.ids[*piece]).collect(), words.iter().zip(expected).map(range).collect())
}

/// Compares what a tokenizer makes of sentences, in both modes.
fn compare(case: &Value, sentences: &[Value]) -> Compared {
    let name = case["name"].as_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let vocabulary = case["vocabulary"].as_u64().unwrap();
    let path = folder.path().join("spec.json");
    let config = serde_json::json!({"model_type": "bert", "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 4,
        "intermediate_size": 4, "vocab_size": vocabulary, "max_position_embeddings": 4096});
    fs::write(&path, config.to_string()).unwrap();
    let spec = Architecture::read(&path).unwrap();
    for (file, content) in case["files"].as_object().unwrap() {
        let content = content.as_str().unwrap();
        let bytes = content.strip_prefix("base64:").map_or_else(|| content.as_bytes().to_vec(), base64);
        fs::write(folder.path().join(file), bytes).unwrap();
    }
    let tokenizer = Tokenizer::read(folder.path(), &spec).unwrap_or_else(|error| panic!("{name}: {}", told(&error)));

    let around = [tokenizer.frame().before(), tokenizer.frame().after()].concat();
    assert_eq!(around, list(&case["around"]).iter().map(|piece| piece.as_str().unwrap()).collect::<Vec<_>>(), "{name}");
    let pair = tokenizer.pair(&tokenizer.ids("a b").unwrap(), &tokenizer.ids("b").unwrap(), 64).unwrap();
    assert_eq!(pair.ids, ids(&case["pair"][0]), "{name}");
    if !case["pair"][1].is_null() {
        assert_eq!(pair.segments, ids(&case["pair"][1]), "{name}");
    }

    let mut compared = Compared::default();
    for (sentence, golden) in sentences.iter().zip(list(&case["sentences"])) {
        let text = sentence[0].as_str().unwrap();
        let words: Vec<&str> = list(&sentence[1]).iter().map(|word| word.as_str().unwrap()).collect();
        let places: Vec<_> = ranges(&sentence[2]).into_iter().flatten().collect();
        let mut check = |what: &str, pieces: &Pieces, golden: &Value| {
            let (expected_ids, expected) = (ids(&golden[0]), ranges(&golden[1]));
            let (ids, found) = pieced(pieces, &expected);
            if (&ids, &found) != (&expected_ids, &expected) {
                let said =
                    format!("{name}, {what}: {words:?}\n {ids:?} {found:?}, expected\n {expected_ids:?} {expected:?}");
                compared.different.push(said);
            }
        };
        let by_words = tokenizer.words(&words, 4096).unwrap();
        check("joined", &by_words, &golden["joined"]);
        if !golden["split"].is_null() {
            let mut of_words = vec![None; words.len()];
            for (piece, word) in list(&golden["split"][1]).iter().enumerate() {
                if let Some(word) = word.as_u64() {
                    let range = of_words[word as usize].get_or_insert(piece..piece);
                    range.end = piece + 1;
                }
            }
            let of_words: Vec<Value> = of_words
                .into_iter()
                .map(|range| range.map_or(Value::Null, |range| vec![range.start, range.end].into()))
                .collect();
            check("split", &by_words, &serde_json::json!([golden["split"][0], of_words]));
        }
        let by_text = tokenizer.text(text, &places, 4096).unwrap();
        check("text", &by_text, &golden["text"]);
        let special = tokenizer.special();
        let legible = by_words.legibility(special);
        compared.sentences += 1;
        compared.words += words.len();
        compared.pieces += by_words.len() - tokenizer.frame().specials();
        compared.unknown += legible.unknown;
        compared.unpieced += legible.unpieced + by_text.legibility(special).unpieced;
        compared.shared += by_text.legibility(special).shared;
    }
    compared
}

/// The bytes of a text in base64.
fn base64(text: &str) -> Vec<u8> {
    let value = |character: u8| match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = four.iter().fold(0u32, |bits, character| bits << 6 | u32::from(value(*character)))
            << (6 * (4 - four.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn tokenizers_of_every_kind_align_as_in_transformers() {
    let golden = read(&fixture("alignment.json"));
    let mut different = Vec::new();
    for case in list(&golden["cases"]) {
        let compared = compare(case, list(&golden["sentences"]));
        assert_eq!((compared.sentences, compared.words > 150), (20, true));
        different.extend(compared.different);
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

/// With the goldens of `alignment.py FOLDER FILE.conllu …` in the folder that HEADLIGHT_ALIGNMENT names.
#[test]
#[allow(clippy::print_stdout, reason = "the figures are what the test is run for")]
fn treebanks_align_as_in_transformers() {
    let Some(folder) = std::env::var_os("HEADLIGHT_ALIGNMENT") else { return };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut different = Vec::new();
    for file in files {
        let golden = read(&file);
        for case in list(&golden["cases"]) {
            let compared = compare(case, list(&golden["sentences"]));
            let Compared { sentences, words, pieces, unknown, unpieced, shared, .. } = compared;
            println!(
                "{} {}: {sentences} sentences, {words} words, {:.2} pieces a word, {unknown} unknown, {unpieced} unpieced, \
                 {shared} shared as text, {} different",
                file.file_stem().unwrap_or_default().display(),
                case["name"],
                pieces as f64 / words as f64,
                compared.different.len()
            );
            different.extend(compared.different.into_iter().take(5));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
