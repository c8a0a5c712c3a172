//! What is fuzzed. Each target takes bytes as a stranger might send them and panics where a promise is broken: a reader gives
//! what is right or an error, never a panic, a hang or more memory than the input is worth. `fuzz_targets/` runs them for as
//! long as you like; `tests/fuzz.rs` runs them on damaged good files in `cargo test`.
#![allow(dead_code, reason = "each fuzz binary uses one of them")]

#[path = "comparison.rs"]
mod comparison;

use std::cell::OnceCell;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use headlight_bert::{Architecture, BertWeights, Tokenizer};
use headlight_probe::{VectorFormat, Vocabulary, WordVectors};
use headlight_report::run::RunDirectory;
use headlight_report::tables::{BestHead, HeadScore, Prediction, Table, read_table};
use headlight_treebank::coreference::{Documents, HeadRule};
use headlight_treebank::{Format, Reader, write_conllu};
use tempfile::TempDir;

/// A folder of this thread with the tiny model of the tests, for targets that read files.
fn folder() -> PathBuf {
    thread_local!(static FOLDER: OnceCell<TempDir> = const { OnceCell::new() });
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
                let from = fixtures().join(file);
                if from.exists() {
                    fs::copy(from, folder.path().join(file)).expect("a copy");
                }
            }
            folder
        });
        folder.path().to_path_buf()
    })
}

fn fixtures() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if root.ends_with("fuzz") { root.parent().expect("a folder above") } else { root };
    root.join("crates/headlight-bert/tests/fixtures/tiny-bert")
}

fn sentences(bytes: &[u8], format: Format) {
    let Ok(reader) = Reader::new(Cursor::new(bytes.to_vec()), "fuzzed.conll", format) else { return };
    for read in reader {
        match read {
            Ok(sentence) => {
                let mut written = Vec::new();
                write_conllu(&sentence, &mut written).expect("memory takes it");
                if format == Format::Conllu {
                    let again = Reader::new(Cursor::new(written.clone()), "it", format).expect("it was read").next();
                    let again = again.expect("a sentence").expect("what is written is read");
                    // It stands on another line than in its file.
                    let mut rewritten = Vec::new();
                    write_conllu(&again, &mut rewritten).expect("memory takes it");
                    assert!(rewritten == written, "{} is not written as it was", sentence.sent_id());
                }
            }
            Err(error) => assert!(error.to_string().contains("fuzzed.conll"), "{error}"),
        }
    }
}

/// CoNLL-U: sentences that are written as they were read, or errors that name the file.
pub fn conllu(bytes: &[u8]) {
    sentences(bytes, Format::Conllu);
    sentences(bytes, Format::UnparsedConllu);
}

/// CoNLL-X.
pub fn conllx(bytes: &[u8]) {
    sentences(bytes, Format::Conllx);
}

fn documents(bytes: Vec<u8>, format: Format) {
    let Ok(reader) = Reader::new(Cursor::new(bytes), "it", format) else { return };
    for read in Documents::new(reader, HeadRule::default()) {
        let Ok(document) = read else { continue };
        for mention in &document.mentions {
            assert!(document.words(mention).count() > 0, "a mention has words");
            assert!(!document.text(mention).is_empty());
            document.head(mention);
        }
    }
}

/// CoNLL-2012: mentions that lie within their document, or errors.
pub fn conll2012(bytes: &[u8]) {
    documents(bytes.to_vec(), Format::Conll2012);
}

/// What stands behind `Entity=` of the words of a document in CoNLL-U, separated by spaces.
pub fn entities(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut file = "# newdoc id = d\n# global.Entity = eid-etype-head-other\n".to_owned();
    for (number, brackets) in text.split([' ', '\t', '\n', '\r']).take(50).enumerate() {
        let (id, governor) = (number + 1, usize::from(number > 0));
        let relation = if number == 0 { "root" } else { "dep" };
        let misc = if brackets.is_empty() { "_".to_owned() } else { format!("Entity={brackets}") };
        file += &format!("{id}\tw\t_\tNOUN\t_\t_\t{governor}\t{relation}\t_\t{misc}\n");
    }
    documents((file + "\n").into_bytes(), Format::Conllu);
}

/// Word vectors: the first byte says in which format, and whether packed.
pub fn vectors(bytes: &[u8]) {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let formats = [VectorFormat::Text, VectorFormat::Word2vecBinary];
    let path = folder().join(if first & 2 == 0 { "vectors" } else { "vectors.gz" });
    fs::write(&path, bytes).expect("a file");
    let mut vocabulary = Vocabulary::new();
    ["the", "of", "w", "Ω"].into_iter().for_each(|form| vocabulary.observe(form));
    if let Ok(vectors) = WordVectors::read(&path, Some(formats[usize::from(first & 1)]), &vocabulary) {
        for row in ["the", "of", "w", "Ω"].into_iter().filter_map(|form| vectors.find(form)) {
            assert_eq!(vectors.row(row).len(), vectors.width());
        }
    }
}

fn weights(file: &str, bytes: &[u8]) {
    thread_local!(static SPEC: Architecture =
        Architecture::read(&fixtures().join("config.json")).expect("the tiny model's"));
    let folder = folder();
    fs::write(folder.join(file), bytes).expect("a file");
    let read = SPEC.with(|spec| BertWeights::read(&folder, spec));
    fs::remove_file(folder.join(file)).expect("it was there");
    if let Err(error) = read {
        assert!(!error.to_string().is_empty());
    }
}

/// `model.safetensors` of the tiny model, and the same bytes as the header before that model's values.
pub fn safetensors(bytes: &[u8]) {
    thread_local!(static VALUES: Vec<u8> = {
        let mut file = fs::read(fixtures().join("model.safetensors")).expect("the tiny model's");
        file.split_off(header_length(&file))
    });
    weights("model.safetensors", bytes);
    VALUES.with(|values| weights("model.safetensors", &[bytes, values].concat()));
}

/// How long the header of a good file of safetensors is, with the eight bytes that say so.
pub fn header_length(file: &[u8]) -> usize {
    8 + u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize
}

/// `pytorch_model.bin`: bytes that begin as an archive are one; others are the pickle within a good one.
pub fn pytorch(bytes: &[u8]) {
    thread_local!(static ARCHIVE: Vec<u8> = {
        let file = fixtures().with_file_name("pytorch").join("pytorch_model-00002-of-00002.bin");
        fs::read(file).expect("an archive")
    });
    if bytes.starts_with(b"PK") {
        return weights("pytorch_model.bin", bytes);
    }
    let good = ARCHIVE.with(|archive| zip::ZipArchive::new(Cursor::new(archive.clone())).expect("a good archive"));
    let archive = with_pickle(good, bytes).expect("memory takes it");
    weights("pytorch_model.bin", &archive);
}

/// An archive of values with another pickle.
fn with_pickle(mut good: zip::ZipArchive<Cursor<Vec<u8>>>, pickle: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..good.len() {
        let file = good.by_index_raw(number)?;
        let name = file.name()?.into_owned();
        if name.ends_with("/data.pkl") {
            let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            archive.start_file(name, stored)?;
            archive.write_all(pickle)?;
        } else {
            archive.raw_copy_file(file)?;
        }
    }
    Ok(archive.finish()?.into_inner())
}

/// `config.json` of a checkpoint, whose sizes are held against those of the tiny model's tensors.
pub fn config_json(bytes: &[u8]) {
    let path = folder().join("fuzzed.json");
    fs::write(&path, bytes).expect("a file");
    if let Ok(spec) = Architecture::read(&path) {
        let _ = BertWeights::read(&fixtures(), &spec);
    }
}

/// Text and its words through the tiny model's tokenizer: pieces that lie within the sentence, or a reason to skip it.
pub fn tokenizer(bytes: &[u8]) {
    thread_local!(static TOKENIZER: OnceCell<Tokenizer> = const { OnceCell::new() });
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = text.split_whitespace().collect();
    TOKENIZER.with(|tokenizer| {
        let tokenizer = tokenizer.get_or_init(|| {
            let spec = Architecture::read(&fixtures().join("config.json")).expect("the tiny model's");
            Tokenizer::read(&fixtures(), &spec).expect("the tiny model's")
        });
        let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
        let ranges: Vec<_> = words.iter().map(|word| start(word)..start(word) + word.len()).collect();
        for pieces in [tokenizer.words(&words, 64), tokenizer.text(&text, &ranges, 64)].into_iter().flatten() {
            assert!(pieces.ids.len() <= 64 && pieces.ids.len() == pieces.segments.len());
            assert_eq!((pieces.alignment.words().len(), pieces.alignment.pieces()), (words.len(), pieces.ids.len()));
            assert!(pieces.alignment.words().iter().all(|word| word.start <= word.end && word.end <= pieces.ids.len()));
        }
    });
}

/// libFuzzer's hook ends the process at any panic, those of the reader of Parquet too, which `read_table` catches and makes errors of:
/// they pass it by.
pub fn let_caught_panics_pass() {
    let end = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !headlight_report::tables::is_reading() {
            end(panic);
        }
    }));
}

fn rows<T: Table>(bytes: &[u8]) {
    let folder = folder();
    fs::write(folder.join(format!("{}.parquet", T::NAME)), bytes).expect("a file");
    let _ = read_table::<T>(&folder);
}

/// The tables that `compare` and `report` read: the first byte says which one.
pub fn tables(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    match first % 3 {
        0 => rows::<HeadScore>(bytes),
        1 => rows::<BestHead>(bytes),
        _ => rows::<Prediction>(bytes),
    }
}

/// `report.json` of a run.
pub fn report_json(bytes: &[u8]) {
    let folder = folder().join("run");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("report.json"), bytes).expect("a file");
    assert!(RunDirectory::open(&folder).is_err(), "it has no manifest");
}

/// Two runs with arbitrary rows, and `compare`.
pub fn comparison(bytes: &[u8]) {
    comparison::comparison(bytes, &folder());
}

/// A target: what it is called, and what takes bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: [Target; 12] = [
    ("conllu", conllu),
    ("conllx", conllx),
    ("conll2012", conll2012),
    ("entities", entities),
    ("vectors", vectors),
    ("safetensors", safetensors),
    ("pytorch", pytorch),
    ("config_json", config_json),
    ("tokenizer", tokenizer),
    ("tables", tables),
    ("report_json", report_json),
    ("comparison", comparison),
];
