//! Words and text into pieces.

mod support;

use std::fs;

use headlight_bert::{LoadError, ModelSpec, Skip, Tokenizer};
use proptest::{collection::vec, prelude::*};
use support::{Golden, conllu_words, shared};

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nhead\n##s\ndo\nn\n'\nt\nla\nk\n.\nde\nl\n";

/// A folder with this vocabulary and a model that has `vocabulary` embeddings and 12 positions.
fn folder(vocabulary: &str, embeddings: usize) -> (tempfile::TempDir, ModelSpec) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    let config = format!(
        r#"{{"model_type": "bert", "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 4,
             "intermediate_size": 4, "vocab_size": {embeddings}, "max_position_embeddings": 12}}"#
    );
    let path = folder.path().join("config.json");
    fs::write(&path, config).unwrap();
    let spec = ModelSpec::read(&path).unwrap();
    (folder, spec)
}

fn tokenizer() -> Tokenizer {
    let (folder, spec) = folder(VOCABULARY, 17);
    Tokenizer::read(folder.path(), &spec).unwrap()
}

fn spelled(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    ids.iter().map(|id| tokenizer.piece(*id).unwrap()).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_words(words: &[&str], pieces: &str, ranges: &[std::ops::Range<usize>], unpieced: usize) {
    let tokenizer = tokenizer();
    let found = tokenizer.words(words, 128).unwrap();
    assert_eq!(spelled(&tokenizer, &found.ids), pieces);
    assert_eq!(found.alignment.words(), ranges);
    assert_eq!(found.unpieced_words, unpieced);
    assert!(found.segments.iter().all(|segment| *segment == 0));
}

#[test]
fn each_word_is_tokenized_on_its_own() {
    check_words(&["The", "heads"], "[CLS] the head ##s [SEP]", &[1..2, 2..4], 0);
    check_words(&["do", "n't"], "[CLS] do n ' t [SEP]", &[1..2, 2..5], 0);
    check_words(&["zebra", "the"], "[CLS] [UNK] the [SEP]", &[1..2, 2..3], 0);
}

#[test]
fn a_word_without_a_piece_is_unknown_and_counted() {
    check_words(&["the", "\u{200b}\u{ad}", "head"], "[CLS] the [UNK] head [SEP]", &[1..2, 2..3, 3..4], 1);
}

#[test]
fn the_text_of_a_special_piece_is_text() {
    check_words(&["[SEP]", "the"], "[CLS] [UNK] [UNK] [UNK] the [SEP]", &[1..4, 4..5], 0);
}

#[test]
fn text_is_aligned_by_characters_and_multiword_tokens_share_pieces() {
    let tokenizer = tokenizer();
    // "del" is one token of two words; "’" takes several bytes but one character.
    let pieces = tokenizer.text("’ del heads.", &[0..1, 2..5, 2..5, 6..11, 11..12], 128).unwrap();
    assert_eq!(spelled(&tokenizer, &pieces.ids), "[CLS] [UNK] [UNK] head ##s . [SEP]");
    assert_eq!(pieces.alignment.words(), [1..2, 2..3, 2..3, 3..5, 5..6]);
    assert_eq!(pieces.unpieced_words, 0);
}

#[test]
fn a_word_of_the_text_without_a_piece_is_unknown_in_its_place() {
    let tokenizer = tokenizer();
    let pieces = tokenizer.text("the \u{200b} head", &[0..3, 4..5, 6..10], 128).unwrap();
    assert_eq!(spelled(&tokenizer, &pieces.ids), "[CLS] the [UNK] head [SEP]");
    assert_eq!((pieces.alignment.words(), pieces.unpieced_words), ([1..2, 2..3, 3..4].as_slice(), 1));
}

#[test]
fn a_pair_has_two_segments() {
    let tokenizer = tokenizer();
    let (a, b) = (tokenizer.ids("the heads").unwrap(), tokenizer.ids("do").unwrap());
    let pieces = tokenizer.pair(&a, &b, 128).unwrap();
    assert_eq!(spelled(&tokenizer, &pieces.ids), "[CLS] the head ##s [SEP] do [SEP]");
    assert_eq!(pieces.segments, [0, 0, 0, 0, 0, 1, 1]);
    assert_eq!(pieces.alignment.words().len(), 5);
}

#[test]
fn sentences_that_cannot_be_encoded_say_why() {
    let tokenizer = tokenizer();
    let many = ["the"; 11];
    assert_eq!(tokenizer.words(&many[..3], 4), Err(Skip::TooManyPieces { pieces: 5, limit: 4 }));
    assert_eq!(tokenizer.words(&many, 128), Err(Skip::TooManyPieces { pieces: 13, limit: 12 }));
    assert_eq!(tokenizer.words(&[], 128), Err(Skip::NoWords));
    assert_eq!(tokenizer.text("the", &[0..3, 4..8], 128), Err(Skip::WordOutsideText { word: 1 }));
    assert_eq!(tokenizer.pair(&[5], &[], 128), Err(Skip::NoWords));
}

proptest! {
    /// With spaces between words and none inside, both modes see the same.
    #[test]
    fn text_of_words_between_spaces_is_the_words(words in vec("[a-z.'É中\u{200b}]{1,5}", 1..8)) {
        let tokenizer = tokenizer();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut end = 0;
        let range = |word: &&str| {
            let start = end;
            end = start + word.chars().count() + 1;
            start..end - 1
        };
        let ranges: Vec<_> = words.iter().map(range).collect();
        let pretokenized = tokenizer.words(&words, 128);
        if let Ok(pieces) = &pretokenized {
            // Each piece but the first and last is of one word, in order.
            let covered: Vec<usize> = pieces.alignment.words().iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (1..pieces.len() - 1).collect::<Vec<_>>());
        }
        prop_assert_eq!(tokenizer.text(&words.join(" "), &ranges, 128), pretokenized);
    }
}

#[track_caller]
fn check_refused(vocabulary: &str, embeddings: usize, message: &str) {
    let (folder, spec) = folder(vocabulary, embeddings);
    let error = Tokenizer::read(folder.path(), &spec).unwrap_err();
    assert!(matches!(error, LoadError::Tokenizer { .. }), "{error}");
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn a_tokenizer_of_another_model_is_refused() {
    check_refused(VOCABULARY, 16, "piece `l` has id 16, but the model embeds only 16 pieces");
    check_refused("<s>\n</s>\n<unk>\nthe\n", 17, "no [CLS]");
    check_refused("", 17, "no [CLS]");
    let (folder, spec) = folder(VOCABULARY, 17);
    fs::write(folder.path().join("tokenizer.json"), "{").unwrap();
    assert!(Tokenizer::read(folder.path(), &spec).unwrap_err().to_string().contains("tokenizer.json: not a tokenizer"));
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    fs::remove_file(folder.path().join("vocab.txt")).unwrap();
    let error = Tokenizer::read(folder.path(), &spec).unwrap_err().to_string();
    assert!(error.contains("has no tokenizer.json or vocab.txt"), "{error}");
}

#[test]
fn a_cased_vocabulary_is_not_lower_cased() {
    let (folder, spec) = folder(VOCABULARY, 17);
    fs::write(folder.path().join("tokenizer_config.json"), r#"{"do_lower_case": false}"#).unwrap();
    let tokenizer = Tokenizer::read(folder.path(), &spec).unwrap();
    assert_eq!(spelled(&tokenizer, &tokenizer.words(&["The", "the"], 128).unwrap().ids), "[CLS] [UNK] the [SEP]");
}

/// The ids come from transformers' tokenizer, with `tokenizer.json` and with `vocab.txt`.
#[test]
fn ids_equal_those_of_transformers() {
    let (Some(model), Some(golden), Some(treebank)) =
        (shared("data/minilm-l6"), shared("golden/attention-minilm.safetensors"), shared("data/ud-english-ewt"))
    else {
        return;
    };
    let golden = Golden::read(&golden);
    let sentences = conllu_words(&treebank.join("en_ewt-ud-dev.conllu"));
    let spec = ModelSpec::read(&model.join("config.json")).unwrap();
    let plain = tempfile::tempdir().unwrap();
    fs::copy(model.join("vocab.txt"), plain.path().join("vocab.txt")).unwrap();
    for folder in [model.as_path(), plain.path()] {
        let tokenizer = Tokenizer::read(folder, &spec).unwrap();
        for (number, words) in sentences.iter().take(20).enumerate() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let pieces = tokenizer.words(&words, 512).unwrap();
            assert_eq!(pieces.ids, golden.ids(&format!("input_ids.{number}")), "{words:?}");
        }
    }
}
