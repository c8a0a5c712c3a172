//! The tokenizer of a checkpoint folder, put together from its files as transformers does: `tokenizer_config.json` has the
//! last word over `tokenizer.json` and `vocab.txt`, and tokens that were added later count wherever they are listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tokenizers::{
    AddedToken,
    models::wordpiece::WordPiece,
    normalizers::BertNormalizer,
    pre_tokenizers::bert::BertPreTokenizer,
    processors::{roberta::RobertaProcessing, template::TemplateProcessing},
};

use super::{
    around::Around,
    classes::{Class, Surroundings, Way},
    growth::growth,
    merges, sentencepiece,
    settings::{Names, Settings, Vocabulary},
};
use crate::{LoadError, files};

/// A character of text becomes at most this many: the longest decomposition times the longest lower case, or a Chinese
/// character with the spaces around it.
pub(super) const GROWTH_OF_BERT: usize = 12;

/// The largest growth of a normalizer that is taken. Those of published tokenizers stay far below.
const MOST_GROWTH: usize = 1 << 16;

/// What stands around a text.
pub(super) enum Found {
    /// What a file says.
    Said(Around),
    /// What the class has, by the names of its pieces.
    OfClass(Surroundings),
}

/// A folder's tokenizer.
pub(super) struct Opened {
    /// The file that its vocabulary came from.
    pub path: PathBuf,
    pub inner: tokenizers::Tokenizer,
    pub names: Names,
    /// What stands around a text.
    pub around: Found,
    /// How many characters a character of text may become.
    pub growth: usize,
    /// What a reader of results should know.
    pub warnings: Vec<String>,
}

/// Models of SentencePiece, by the names that they have in folders.
const OF_SENTENCEPIECE: [&str; 5] =
    ["spm.model", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "sentencepiece.model"];

/// Reads the tokenizer of a folder.
pub(super) fn open(folder: &Path) -> Result<Opened, LoadError> {
    let settings = Settings::read(folder)?;
    let [json, txt, pieces, merges] =
        ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt"].map(|file| folder.join(file));
    let mut warnings = Vec::new();
    let mut opened = if json.exists() {
        let mut description = files::read_json(&json)?;
        let class = settings.class(Vocabulary::Json, &mut warnings)?;
        if class.way == Way::Bert && model_type(&description) == "WordPiece" {
            warn_of_differences(&description, &settings, &mut warnings)?;
            let names = settings.names(class);
            let model = vocabulary(&json, &mut description, names.unk.as_deref().unwrap_or_default())?;
            let inner = of_bert(&json, model, &settings)?;
            let around = Found::OfClass(class.around);
            Opened { path: json, inner, names, around, growth: GROWTH_OF_BERT, warnings }
        } else {
            if let (Way::WholeOrMerges(_), "ByteLevel") =
                (class.way, description["pre_tokenizer"]["type"].as_str().unwrap_or_default())
            {
                description["pre_tokenizer"]["add_prefix_space"] = settings.add_prefix_space()?.unwrap_or(false).into();
            }
            whole(json, description, &settings, class, warnings)?
        }
    } else if txt.exists() {
        let class = settings.class(Vocabulary::Txt, &mut warnings)?;
        let names = settings.names(class);
        let text = files::read_text(&txt)?;
        let unknown = names.unk.clone().unwrap_or_default();
        // A blank last line is no piece.
        let model = WordPiece::read_bytes(text.trim_end().as_bytes())
            .and_then(|pieces| WordPiece::builder().vocab(pieces).unk_token(unknown).build())
            .map_err(|error| broken(&txt, &*error))?;
        let inner = of_bert(&txt, model, &settings)?;
        let around = Found::OfClass(class.around);
        Opened { path: txt, inner, names, around, growth: GROWTH_OF_BERT, warnings }
    } else if pieces.exists() && merges.exists() {
        let class = settings.class(Vocabulary::Merges, &mut warnings)?;
        let Way::WholeOrMerges(splits) = class.way else { return Err(no_vocabulary(folder)) };
        let description = merges::describe(&pieces, &merges, splits, settings.add_prefix_space()?.unwrap_or(false))?;
        whole(pieces, description, &settings, class, warnings)?
    } else if let Some(model) =
        OF_SENTENCEPIECE.map(|model| folder.join(model)).into_iter().find(|model| model.exists())
    {
        let class = settings.class(Vocabulary::Model, &mut warnings)?;
        let [lower_case, split_by_punct] = [settings.is_on("do_lower_case")?, settings.is_on("split_by_punct")?];
        let spaced = settings.add_prefix_space()?.unwrap_or(true);
        let description = sentencepiece::describe(&model, &settings.names(class), lower_case, split_by_punct, spaced)?;
        whole(model, description, &settings, class, warnings)?
    } else {
        return Err(no_vocabulary(folder));
    };
    add_tokens(&mut opened, &settings)?;
    Ok(opened)
}

fn no_vocabulary(folder: &Path) -> LoadError {
    LoadError::MissingFile {
        folder: folder.to_owned(),
        wanted: "tokenizer.json or vocab.txt, nor vocab.json with merges.txt",
        hint: "copy the tokenizer of the model into its folder",
    }
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
    class: Class,
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
    let mut names = settings.names(class);
    names_around(&description["post_processor"], &mut names.around);
    let model = &description["model"];
    let unknown = model["unk_token"].as_str().or_else(|| {
        let number = usize::try_from(model["unk_id"].as_u64()?).ok()?;
        model["vocab"][number][0].as_str()
    });
    names.unk = unknown.map(ToOwned::to_owned).or(names.unk);
    let special: BTreeSet<String> = names.all().map(ToOwned::to_owned).collect();
    for token in description["added_tokens"].as_array_mut().into_iter().flatten() {
        let is_special = token["content"].as_str().is_some_and(|content| special.contains(content));
        if let Some(flag) = token.get_mut("special").filter(|_| !is_special) {
            *flag = false.into();
        }
    }
    let has_post_processor = !description["post_processor"].is_null();
    let text = description.to_string();
    drop(description);
    let mut inner = tokenizers::Tokenizer::from_bytes(text).map_err(|error| broken(&path, &*error))?;
    let wrong = |problem: String| LoadError::Tokenizer { path: path.clone(), problem };
    let of_roberta = class.around == Surroundings::Roberta && matches!(class.way, Way::WholeOrMerges(_));
    let around = match settings.beginning_and_end(class)? {
        _ if of_roberta => {
            // transformers puts its own in the place of the file's.
            let piece = |role: &str, name: &Option<String>| {
                let name = name.clone().unwrap_or_default();
                let id = inner.token_to_id(&name).ok_or_else(|| wrong(lacking(role, &name)))?;
                Ok::<_, LoadError>((name, id))
            };
            let processor = RobertaProcessing::new(piece("sep_token", &names.sep)?, piece("cls_token", &names.cls)?)
                .add_prefix_space(settings.add_prefix_space()?.unwrap_or(false));
            inner.with_post_processor(Some(processor));
            Found::Said(Around::of(&inner).map_err(wrong)?)
        }
        Some((begins, ends)) => {
            let processor = beginning_and_end(&inner, begins, ends).map_err(wrong)?;
            inner.with_post_processor(Some(processor));
            Found::Said(Around::of(&inner).map_err(wrong)?)
        }
        None if !has_post_processor && class.around != Surroundings::Nothing => Found::OfClass(class.around),
        None => Found::Said(Around::of(&inner).map_err(wrong)?),
    };
    Ok(Opened { path, inner, names, around, growth, warnings })
}

/// What to say of a special piece that a vocabulary lacks.
pub(super) fn lacking(role: &str, piece: &str) -> String {
    format!(
        "its vocabulary has no {piece}; if the model's is called otherwise, name it as {role} in tokenizer_config.json"
    )
}

/// Puts these pieces at the beginning and the end of a text, as transformers does by `add_bos_token` and `add_eos_token`.
fn beginning_and_end(
    tokenizer: &tokenizers::Tokenizer,
    begins: Option<String>,
    ends: Option<String>,
) -> Result<TemplateProcessing, String> {
    let around = |text: &str, segment: u32| -> Vec<String> {
        let [begins, ends] = [&begins, &ends].map(|name| name.as_ref().map(|name| format!("{name}:{segment}")));
        begins.into_iter().chain([format!("${text}:{segment}")]).chain(ends).collect()
    };
    let id = |name: &String| {
        let id = tokenizer.token_to_id(name);
        let id =
            id.ok_or_else(|| format!("its vocabulary has no {name}, which tokenizer_config.json has around a text"))?;
        Ok((name.clone(), id))
    };
    let special = [&begins, &ends].into_iter().flatten().map(id).collect::<Result<Vec<_>, String>>()?;
    let single = around("A", 0);
    let pair = [single.clone(), around("B", 1)].concat();
    TemplateProcessing::builder()
        .try_single(single)
        .and_then(|builder| builder.try_pair(pair))
        .map_err(|error| error.to_string())?
        .special_tokens(special)
        .build()
        .map_err(|error| error.to_string())
}

/// The pieces that a post-processor names.
fn names_around(post_processor: &Value, names: &mut Vec<String>) {
    match post_processor["type"].as_str() {
        Some("BertProcessing" | "RobertaProcessing") => {
            let pieces = ["cls", "sep"].map(|key| post_processor[key][0].as_str());
            names.extend(pieces.into_iter().flatten().map(ToOwned::to_owned));
        }
        Some("TemplateProcessing") => {
            let parts = ["single", "pair"].into_iter().filter_map(|key| post_processor[key].as_array()).flatten();
            names.extend(parts.filter_map(|part| Some(part["SpecialToken"]["id"].as_str()?.to_owned())));
        }
        Some("Sequence") => {
            let all = post_processor["processors"].as_array().into_iter().flatten();
            all.for_each(|part| names_around(part, names));
        }
        _ => {}
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
