//! Words and text into pieces.

use std::fs;

use crate::support::{Golden, conllu_words, fixture, shared, told};
use headlight_bert::{Architecture, Embedding, Legibility, LoadError, Positions, Skip, Tokenizer};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;

const VOCABULARY: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nhead\n##s\ndo\nn\n'\nt\nla\nk\n.\nde\nl\n";

/// A folder with this vocabulary and a model that has `vocabulary` embeddings and 12 positions.
fn folder(vocabulary: &str, embeddings: usize) -> (tempfile::TempDir, Architecture) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vocab.txt"), vocabulary).unwrap();
    let config = format!(
        r#"{{"model_type": "bert", "num_hidden_layers": 1, "num_attention_heads": 1, "hidden_size": 4,
             "intermediate_size": 4, "vocab_size": {embeddings}, "max_position_embeddings": 12}}"#
    );
    let path = folder.path().join("config.json");
    fs::write(&path, config).unwrap();
    let spec = Architecture::read(&path).unwrap();
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
    check_refused(
        "<s>\n</s>\n<unk>\nthe\n",
        17,
        "has no [CLS]; if the model's is called otherwise, name it as cls_token",
    );
    check_refused("", 17, "has no [CLS]");
    let (folder, spec) = folder(VOCABULARY, 17);
    fs::write(folder.path().join("tokenizer.json"), "{").unwrap();
    let error = told(&Tokenizer::read(folder.path(), &spec).unwrap_err());
    assert!(error.contains("cannot understand") && error.contains("tokenizer.json: EOF while parsing"), "{error}");
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    fs::remove_file(folder.path().join("vocab.txt")).unwrap();
    let error = Tokenizer::read(folder.path(), &spec).unwrap_err().to_string();
    assert!(error.contains("has no tokenizer.json or vocab.txt, nor vocab.json with merges.txt"), "{error}");
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
    let spec = Architecture::read(&model.join("config.json")).unwrap();
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

/// The ids that transformers makes of words with folders of every kind, made by `fixtures/tokenizer_folders.py`.
#[test]
fn folders_of_every_kind_tokenize_as_in_transformers() {
    let golden = fs::read_to_string(fixture("tokenizer_folders.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let sentences: Vec<Vec<&str>> = golden["sentences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sentence| sentence.as_str().unwrap().split(' ').filter(|word| !word.is_empty()).collect())
        .collect();
    let embeddings = golden["vocabulary"].as_u64().unwrap() as usize + 10;
    let (mut compared, mut different) = (0, Vec::new());
    for case in golden["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let (folder, spec) = folder("", embeddings);
        fs::remove_file(folder.path().join("vocab.txt")).unwrap();
        for (file, content) in case["files"].as_object().unwrap() {
            fs::write(folder.path().join(file), content.as_str().unwrap()).unwrap();
        }
        let positions = Positions::Learned { rows: 128, offset: 0 };
        let embedding = Embedding { positions, ..spec.embedding };
        let spec = Architecture { embedding, ..spec };
        let tokenizer =
            Tokenizer::read(folder.path(), &spec).unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        let special: Vec<&str> = case["special"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        for (words, expected) in sentences.iter().zip(case["sentences"].as_array().unwrap()) {
            // What is special stays text here.
            if words.iter().any(|word| special.iter().any(|special| word.contains(special))) {
                continue;
            }
            let pieces = tokenizer.words(words, 128).unwrap();
            let ids: Vec<u64> = expected[0].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
            let mut words_of: Vec<Option<u64>> = vec![None; pieces.len()];
            for (word, range) in pieces.alignment.words().iter().enumerate() {
                range.clone().for_each(|piece| words_of[piece] = Some(word as u64));
            }
            // Where transformers has no piece of a word, an unknown one stands here.
            let theirs: Vec<Option<u64>> = expected[1].as_array().unwrap().iter().map(Value::as_u64).collect();
            let kept = |piece: &usize| words_of[*piece].is_none_or(|word| theirs.contains(&Some(word)));
            let ours: Vec<usize> = (0..pieces.len()).filter(kept).collect();
            let ours_ids: Vec<u64> = ours.iter().map(|piece| u64::from(pieces.ids[*piece])).collect();
            let ours_words: Vec<Option<u64>> = ours.iter().map(|piece| words_of[*piece]).collect();
            if (&ours_ids, &ours_words) != (&ids, &theirs) {
                different.push(format!("{name}: {words:?} {ours_ids:?} {ours_words:?}, expected {ids:?} {theirs:?}"));
            }
            compared += 1;
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(compared > 900, "{compared}");
}

/// A folder with these files instead of a vocabulary.
#[track_caller]
fn read_files(files: &[(&str, String)]) -> Result<Tokenizer, LoadError> {
    let (folder, spec) = folder(VOCABULARY, 17);
    for (file, content) in files {
        fs::write(folder.path().join(file), content).unwrap();
    }
    Tokenizer::read(folder.path(), &spec)
}

fn tokenizer_json(normalizer: &Value) -> String {
    let vocabulary: serde_json::Map<String, Value> =
        VOCABULARY.lines().enumerate().map(|(id, piece)| (piece.to_owned(), id.into())).collect();
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": normalizer,
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    })
    .to_string()
}

#[test]
fn a_class_that_splits_text_by_code_of_its_own_is_refused_by_name() {
    let class = |class: &str| ("tokenizer_config.json", format!(r#"{{"tokenizer_class": "{class}"}}"#));
    let check = |files: &[(&str, String)], message: &str| {
        let error = told(&read_files(files).unwrap_err());
        assert!(error.contains(message), "{error}");
    };
    let json = || ("tokenizer.json", tokenizer_json(&Value::Null));
    check(
        &[class("BertJapaneseTokenizer")],
        "tokenizer_class is `BertJapaneseTokenizer`, supported: classes that split",
    );
    check(&[class("BertJapaneseTokenizer"), json()], "tokenizer_class is `BertJapaneseTokenizer`");
    check(&[class("HerbertTokenizerFast")], "tokenizer_class is `HerbertTokenizer`, supported: BertTokenizer; other");
    let config = r#"{"auto_map": {"AutoTokenizer": ["code.HouseTokenizer", null]}}"#.to_owned();
    check(&[("tokenizer_config.json", config.clone())], "other classes need their tokenizer.json");
    let tokenizer = read_files(&[("tokenizer_config.json", config), json()]).unwrap();
    assert!(tokenizer.warnings()[0].contains("code of its own"), "{:?}", tokenizer.warnings());
    // Where config.json names the class.
    let (folder, spec) = folder(VOCABULARY, 17);
    fs::write(folder.path().join("config.json"), r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#).unwrap();
    let error = told(&Tokenizer::read(folder.path(), &spec).unwrap_err());
    assert!(error.contains("config.json: tokenizer_class is `BertJapaneseTokenizer`"), "{error}");
}

/// A `tokenizer.json` of bytes whose post-processor is this one.
fn of_bytes(post_processor: &Value) -> String {
    serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": post_processor, "decoder": null,
        "model": {"type": "BPE", "vocab": {"<s>": 0, "</s>": 1, "a": 2, "Ġ": 3, "b": 4, "Ġa": 5}, "merges": [["Ġ", "a"]]},
    })
    .to_string()
}

#[test]
fn special_pieces_of_another_vocabulary_are_refused_by_name() {
    let fast =
        |more: &str| ("tokenizer_config.json", format!(r#"{{"tokenizer_class": "PreTrainedTokenizerFast"{more}}}"#));
    let around = |first: u32, last: u32| {
        serde_json::json!({"type": "RobertaProcessing", "cls": ["<s>", first], "sep": ["</s>", last],
                           "trim_offsets": true, "add_prefix_space": false})
    };
    let read = |config, around: &Value| read_files(&[config, ("tokenizer.json", of_bytes(around))]);
    let tokenizer = read(fast(""), &around(0, 1)).unwrap();
    assert_eq!(spelled(&tokenizer, &tokenizer.words(&["a", "a", "ba"], 12).unwrap().ids), "<s> a Ġa Ġ b a </s>");
    assert_eq!((tokenizer.special().cls, tokenizer.special().sep, tokenizer.special().unk), (Some(0), Some(1), None));
    let check = |tokenizer: Result<Tokenizer, LoadError>, message: &str| {
        let error = told(&tokenizer.unwrap_err());
        assert!(error.contains(message), "{error}");
    };
    check(read(fast(""), &around(0, 4)), "it puts `</s>` with id 4 around a text, but its vocabulary has `b` there");
    check(
        read(fast(""), &around(9, 1)),
        "it puts `<s>` with id 9 around a text, but its vocabulary has no piece there",
    );
    check(
        read(fast(r#", "add_bos_token": true, "bos_token": "<bos>""#), &Value::Null),
        "its vocabulary has no <bos>, which tokenizer_config.json has around a text",
    );
    // RoBERTa's own pieces, whatever the file says.
    let roberta = |more: &str| ("tokenizer_config.json", format!(r#"{{"tokenizer_class": "RobertaTokenizer"{more}}}"#));
    assert!(read(roberta(""), &Value::Null).is_ok());
    check(read(roberta(r#", "sep_token": "<sep>""#), &around(0, 1)), "its vocabulary has no <sep>; if the model's is");
    // A word without a piece, and no unknown one to stand for it.
    let bare = read(fast(""), &around(0, 1)).unwrap();
    assert_eq!(bare.words(&["zz", "a"], 12), Err(Skip::Untokenizable));
}

#[test]
fn plain_files_of_a_class_that_needs_more_are_refused() {
    let class = |class: &str| ("tokenizer_config.json", format!(r#"{{"tokenizer_class": "{class}"}}"#));
    let check = |files: &[(&str, &str)], config: (&str, String), message: &str| {
        let (folder, spec) = folder("", 17);
        fs::remove_file(folder.path().join("vocab.txt")).unwrap();
        for (file, content) in files.iter().copied().chain([(config.0, config.1.as_str())]) {
            fs::write(folder.path().join(file), content).unwrap();
        }
        let error = told(&Tokenizer::read(folder.path(), &spec).unwrap_err());
        assert!(error.contains(message), "{error}");
    };
    let pieces =
        [("vocab.json", r#"{"<s>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4, "ab": 5}"#), ("merges.txt", "a b\n")];
    check(
        &pieces,
        class("HerbertTokenizer"),
        "tokenizer_class is `HerbertTokenizer`, supported: RobertaTokenizer, GPT2",
    );
    check(
        &pieces[..1],
        class("RobertaTokenizer"),
        "has no tokenizer.json or vocab.txt, nor vocab.json with merges.txt",
    );
    let broken = [pieces[0], ("merges.txt", "#version: 0.2\na b\nab\n")];
    check(&broken, class("RobertaTokenizer"), "merges.txt: line 3: `ab` are not two pieces to merge");
    let foreign = [pieces[0], ("merges.txt", "a c\n")];
    check(&foreign, class("RobertaTokenizer"), "vocab.json: not a tokenizer");
    let model = [("sentencepiece.bpe.model", "")];
    check(
        &model,
        class("XLMRobertaTokenizer"),
        "`XLMRobertaTokenizer`, supported: DebertaV2Tokenizer where only a model",
    );
    check(&model, class("DebertaV2Tokenizer"), "it is no model of SentencePiece that is read here");
}

#[test]
fn settings_that_overrule_tokenizer_json_are_told() {
    let bert = serde_json::json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                                  "strip_accents": null, "lowercase": false});
    let warnings = |config: &str| {
        let files = [("tokenizer.json", tokenizer_json(&bert)), ("tokenizer_config.json", config.to_owned())];
        read_files(&files).unwrap().warnings().to_vec()
    };
    assert!(warnings(r#"{"do_lower_case": false}"#).is_empty());
    assert_eq!(
        warnings(r#"{"strip_accents": false}"#),
        [
            "tokenizer.json has lowercase = false, but do_lower_case is true by default: tokenizer_config.json and its class \
          hold, as in transformers"
        ]
    );
    assert!(warnings(r#"{"tokenizer_class": "PreTrainedTokenizerFast", "strip_accents": true}"#).is_empty());
}

#[test]
fn a_normalizer_that_blows_text_up_is_refused_before_it_does() {
    let class = || ("tokenizer_config.json", r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#.to_owned());
    let twice = |times: usize| {
        let one = serde_json::json!({"type": "Replace", "pattern": {"String": "t"}, "content": "tt"});
        ("tokenizer.json", tokenizer_json(&serde_json::json!({"type": "Sequence", "normalizers": vec![one; times]})))
    };
    let error = told(&read_files(&[class(), twice(40)]).unwrap_err());
    assert!(error.contains("its normalizer may make 1099511627776 characters of one, more than 65536"), "{error}");
    let tokenizer = read_files(&[class(), twice(16)]).unwrap();
    assert_eq!(tokenizer.ids(&"x".repeat(1025)), Err(Skip::Untokenizable));
    assert_eq!(tokenizer.ids(&"x".repeat(1024)), Ok(vec![tokenizer.special().unk.unwrap()]));
    let dropout = r#"{"model": {"type": "BPE", "dropout": 0.1, "vocab": {}, "merges": []}}"#.to_owned();
    let error = told(&read_files(&[class(), ("tokenizer.json", dropout)]).unwrap_err());
    assert!(error.contains("model.dropout is 0.1"), "{error}");
}

#[test]
fn a_cased_vocabulary_under_a_lower_casing_tokenizer_is_told() {
    let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nThe\nHead\nhead\n";
    let warnings = |config: &str| {
        let (folder, spec) = folder(vocabulary, 17);
        fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
        Tokenizer::read(folder.path(), &spec).unwrap().warnings().to_vec()
    };
    let [warning] = &warnings("{}")[..] else { panic!() };
    assert!(warning.contains("2 of its 4 pieces that begin words are capitalised"), "{warning}");
    // The space of a byte-level piece is written with a capital letter, and is none.
    let spaced = vocabulary.replace("The", "Ġthe").replace("Head", "Ġhead");
    let (folder, spec) = folder(&spaced, 17);
    assert_eq!(Tokenizer::read(folder.path(), &spec).unwrap().warnings(), [""; 0]);
    assert!(warnings(r#"{"do_lower_case": false}"#).is_empty());
}

#[test]
fn words_that_a_model_cannot_make_out_are_counted() {
    let tokenizer = tokenizer();
    let counts = |pieces: headlight_bert::Pieces| {
        let Legibility { words, unknown, unpieced, shared } = pieces.legibility(tokenizer.special());
        [words, unknown, unpieced, shared]
    };
    // Known, in part unknown, unknown, without a character that is read.
    let words = ["heads", "the-zebra", "zebra", "\u{200b}"];
    assert_eq!(counts(tokenizer.words(&words, 128).unwrap()), [4, 2, 1, 0]);
    // "del" is one token of two words; the zero-width spaces of one place are one piece.
    let text = tokenizer.text("la del \u{200b}", &[0..2, 3..6, 3..6, 7..8], 128).unwrap();
    assert_eq!(counts(text), [4, 3, 1, 1]);
}

/// A tokenizer of SentencePiece writes the space before a word that it does not know as a piece of its own.
#[test]
fn a_space_before_an_unknown_word_does_not_make_it_known() {
    let unigram = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
        "post_processor": null, "decoder": null,
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
                  "vocab": [["<unk>", 0.0], ["▁", -3.0], ["a", -2.0], ["▁a", -1.0]]},
    });
    let class = ("tokenizer_config.json", r#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#.to_owned());
    let tokenizer = read_files(&[class, ("tokenizer.json", unigram.to_string())]).unwrap();
    let pieces = tokenizer.words(&["a", "ж", "aж"], 12).unwrap();
    assert_eq!(spelled(&tokenizer, &pieces.ids), "▁a ▁ <unk> ▁a <unk>");
    assert_eq!(pieces.legibility(tokenizer.special()).unknown, 1);
}
