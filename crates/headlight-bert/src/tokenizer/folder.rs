//! The tokenizer of a checkpoint folder, put together from its files as transformers does: `tokenizer_config.json` has the
//! last word over `tokenizer.json` and `vocab.txt`, and tokens that were added later count wherever they are listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokenizers::{
    AddedToken, models::wordpiece::WordPiece, normalizers::BertNormalizer, pre_tokenizers::bert::BertPreTokenizer,
};

use super::{
    growth::growth,
    settings::{Class, Names, Settings},
};
use crate::{LoadError, files};

/// A character of text becomes at most this many: the longest decomposition times the longest lower case, or a Chinese
/// character with the spaces around it.
pub(super) const GROWTH_OF_BERT: usize = 12;

/// The largest growth of a normalizer that is taken. Those of published tokenizers stay far below.
const MOST_GROWTH: usize = 1 << 16;

/// A folder's tokenizer.
pub(super) struct Opened {
    /// The file that its vocabulary came from.
    pub path: PathBuf,
    pub inner: tokenizers::Tokenizer,
    pub names: Names,
    /// How many characters a character of text may become.
    pub growth: usize,
    /// What a reader of results should know.
    pub warnings: Vec<String>,
}

/// Reads the tokenizer of a folder.
pub(super) fn open(folder: &Path) -> Result<Opened, LoadError> {
    let settings = Settings::read(folder)?;
    let file = folder.join("tokenizer.json");
    let (mut warnings, names) = (Vec::new(), settings.names());
    let unknown = names.unk.clone().unwrap_or_default();
    let mut opened = if file.exists() {
        let mut description = files::read_json(&file)?;
        settings.check_class(true, &mut warnings)?;
        if settings.class()? == Class::Bert && model_type(&description) == "WordPiece" {
            warn_of_differences(&description, &settings, &mut warnings)?;
            let model = vocabulary(&file, &mut description, &unknown)?;
            let inner = of_bert(&file, model, &settings)?;
            Opened { path: file, inner, names, growth: GROWTH_OF_BERT, warnings }
        } else {
            whole(file, description, &settings, warnings)?
        }
    } else {
        settings.check_class(false, &mut warnings)?;
        let path = folder.join("vocab.txt");
        if !path.exists() {
            return Err(LoadError::MissingFile {
                folder: folder.to_owned(),
                wanted: "tokenizer.json or vocab.txt",
                hint: "copy the tokenizer of the model into its folder",
            });
        }
        let text = files::read_text(&path)?;
        // A blank last line is no piece.
        let model = WordPiece::read_bytes(text.trim_end().as_bytes())
            .and_then(|pieces| WordPiece::builder().vocab(pieces).unk_token(unknown).build())
            .map_err(|error| broken(&path, &*error))?;
        let inner = of_bert(&path, model, &settings)?;
        Opened { path, inner, names, growth: GROWTH_OF_BERT, warnings }
    };
    add_tokens(&mut opened, &settings)?;
    Ok(opened)
}

fn broken(path: &Path, error: &dyn std::error::Error) -> LoadError {
    LoadError::Tokenizer { path: path.to_owned(), problem: format!("not a tokenizer: {error}") }
}

/// The tokenizer that the class of BERT makes of a vocabulary.
fn of_bert(path: &Path, model: WordPiece, settings: &Settings) -> Result<tokenizers::Tokenizer, LoadError> {
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let (lower_case, strip_accents, chinese) = settings.normalization()?;
    let normalizer = BertNormalizer::new(true, chinese, strip_accents, lower_case);
    tokenizer.with_normalizer(Some(normalizer)).map_err(|error| broken(path, &*error))?;
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    Ok(tokenizer)
}

/// The model of that class from the vocabulary of a `tokenizer.json`.
fn vocabulary(path: &Path, description: &mut Value, unknown: &str) -> Result<WordPiece, LoadError> {
    let model = json!({
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": description["model"]["vocab"].take(),
    });
    // Its reader borrows from the text.
    serde_json::from_str(&model.to_string()).map_err(|error| broken(path, &error))
}

/// The kind of model in a `tokenizer.json`; old files do not name WordPiece.
fn model_type(description: &Value) -> &str {
    let model = &description["model"];
    match model["type"].as_str() {
        None if model["max_input_chars_per_word"].is_u64() => "WordPiece",
        kind => kind.unwrap_or_default(),
    }
}

/// A `tokenizer.json` as it stands.
fn whole(
    path: PathBuf,
    mut description: Value,
    settings: &Settings,
    warnings: Vec<String>,
) -> Result<Opened, LoadError> {
    let growth = growth(&description["normalizer"]);
    if growth > MOST_GROWTH {
        let problem = format!("its normalizer may make {growth} characters of one, more than {MOST_GROWTH}");
        return Err(LoadError::Tokenizer { path, problem });
    }
    if let Some(dropout) = description["model"]["dropout"].as_f64().filter(|dropout| *dropout > 0.0) {
        let problem = format!("model.dropout is {dropout}: it would split words differently each time; set it to null");
        return Err(LoadError::Tokenizer { path, problem });
    }
    let mut names = settings.names();
    let (before, after) = frame(&description["post_processor"]);
    names.cls = before.or(names.cls);
    names.sep = after.or(names.sep);
    let unknown = description["model"]["unk_token"].as_str();
    names.unk = unknown.map(ToOwned::to_owned).or(names.unk);
    let frame: BTreeSet<String> = names.all().map(ToOwned::to_owned).collect();
    for token in description["added_tokens"].as_array_mut().into_iter().flatten() {
        let of_frame = token["content"].as_str().is_some_and(|content| frame.contains(content));
        if let Some(special) = token.get_mut("special").filter(|_| !of_frame) {
            *special = false.into();
        }
    }
    let text = description.to_string();
    drop(description);
    let inner = tokenizers::Tokenizer::from_bytes(text).map_err(|error| broken(&path, &*error))?;
    Ok(Opened { path, inner, names, growth, warnings })
}

/// The pieces that a post-processor puts before and after a text, where it is one of each.
fn frame(post_processor: &Value) -> (Option<String>, Option<String>) {
    let name = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match post_processor["type"].as_str() {
        Some("BertProcessing" | "RobertaProcessing") => {
            (name(&post_processor["cls"][0]), name(&post_processor["sep"][0]))
        }
        Some("TemplateProcessing") => match post_processor["single"].as_array().map(Vec::as_slice) {
            Some([before, _, after]) => (name(&before["SpecialToken"]["id"]), name(&after["SpecialToken"]["id"])),
            _ => (None, None),
        },
        Some("Sequence") => {
            let all = post_processor["processors"].as_array().into_iter().flatten().map(frame);
            all.fold((None, None), |known, (before, after)| (known.0.or(before), known.1.or(after)))
        }
        _ => (None, None),
    }
}

/// Says where `tokenizer.json` would tokenize otherwise than the class does that reads only its vocabulary.
fn warn_of_differences(description: &Value, settings: &Settings, warnings: &mut Vec<String>) -> Result<(), LoadError> {
    let (lower_case, strip_accents, chinese) = settings.normalization()?;
    let normalizer = &description["normalizer"];
    let mut differences = Vec::new();
    let kind = |value: &Value| value["type"].as_str().unwrap_or("nothing").to_owned();
    if kind(normalizer) == "BertNormalizer" {
        let stripped = |strip: Option<bool>, lower_case| strip.unwrap_or(lower_case);
        let theirs = |key: &str| normalizer[key].as_bool();
        let their_case = theirs("lowercase").unwrap_or(true);
        let pairs = [
            ("do_lower_case", "lowercase", lower_case, their_case),
            (
                "strip_accents",
                "strip_accents",
                stripped(strip_accents, lower_case),
                stripped(theirs("strip_accents"), their_case),
            ),
            ("tokenize_chinese_chars", "handle_chinese_chars", chinese, theirs("handle_chinese_chars").unwrap_or(true)),
        ];
        let different = pairs.iter().filter(|(_, _, ours, theirs)| ours != theirs);
        differences.extend(different.map(|(key, json, ours, theirs)| {
            let said = if settings.has(key) { "" } else { " by default" };
            format!("{json} = {theirs}, but {key} is {ours}{said}")
        }));
    } else {
        differences.push(format!("the normalizer {}", kind(normalizer)));
    }
    let splitter = kind(&description["pre_tokenizer"]);
    if splitter != "BertPreTokenizer" {
        differences.push(format!("the pre-tokenizer {splitter}"));
    }
    let prefix = description["model"]["continuing_subword_prefix"].as_str().unwrap_or("##");
    if prefix != "##" {
        differences.push(format!("the prefix {prefix} of pieces within a word"));
    }
    if !differences.is_empty() {
        warnings.push(format!(
            "tokenizer.json has {}: tokenizer_config.json and its class hold, as in transformers",
            differences.join("; ")
        ));
    }
    Ok(())
}

/// Adds the tokens that were added to the vocabulary later. Those of the frame stay special, which keeps them from being
/// found in text; all others are found there, as transformers finds them.
fn add_tokens(opened: &mut Opened, settings: &Settings) -> Result<(), LoadError> {
    let known: BTreeMap<u32, AddedToken> = opened.inner.get_added_tokens_decoder().into_iter().collect();
    let mut tokens = settings.added_tokens(&opened.path)?;
    let mut names: BTreeSet<String> = known.values().map(|token| token.content.clone()).collect();
    names.extend(tokens.iter().map(|(_, token)| token.content.clone()));
    let of_frame = settings.named_tokens(&opened.names).into_iter().chain(settings.extra_tokens()?);
    let frame: BTreeSet<&str> = opened.names.all().collect();
    for token in of_frame {
        // transformers would give a special piece that the vocabulary lacks an id without an embedding.
        let lacking = frame.contains(&*token.content) && opened.inner.token_to_id(&token.content).is_none();
        if !lacking && names.insert(token.content.clone()) {
            tokens.push((None, token));
        }
    }
    let listed: Vec<(Option<u32>, String)> = tokens.iter().map(|(id, token)| (*id, token.content.clone())).collect();
    let tokens = tokens.into_iter().map(|(_, token)| AddedToken { special: frame.contains(&*token.content), ..token });
    let added = opened.inner.add_tokens(tokens);
    added.map_err(|error| broken(&opened.path, &*error))?;
    for (id, content) in listed {
        let (Some(said), Some(given)) = (id, opened.inner.token_to_id(&content)) else { continue };
        if said != given {
            opened.warnings.push(format!(
                "the added token `{content}` is listed with id {said} and gets id {given}, the next free one, as in \
                 transformers"
            ));
        }
    }
    Ok(())
}
