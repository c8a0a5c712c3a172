//! What the small files beside a vocabulary say: `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::AddedToken;

use super::classes::{Class, Way};
use crate::{LoadError, files};

/// The keys of special tokens, in the order in which transformers adds them.
const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The names of the pieces with a role of their own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Names {
    pub cls: Option<String>,
    pub sep: Option<String>,
    pub unk: Option<String>,
    pub mask: Option<String>,
    pub pad: Option<String>,
    /// Others that stand around a text: what begins and ends it, what a post-processor names.
    pub around: Vec<String>,
}

/// The special pieces that begin and end a text, where one does.
pub type BeginAndEnd = (Option<String>, Option<String>);

impl Names {
    /// All that there are.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let roles = [&self.cls, &self.sep, &self.unk, &self.mask, &self.pad].into_iter().filter_map(Option::as_deref);
        roles.chain(self.around.iter().map(String::as_str))
    }
}

/// The file that a vocabulary stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vocabulary {
    /// `tokenizer.json`
    Json,
    /// `vocab.txt`
    Txt,
    /// `vocab.json`, with `merges.txt`
    Merges,
    /// A model of SentencePiece
    Model,
}

/// The settings of a tokenizer.
pub(super) struct Settings {
    folder: PathBuf,
    /// `tokenizer_config.json`, with `special_tokens_map.json` where that counts.
    keys: Map<String, Value>,
    /// Additional special tokens of `special_tokens_map.json`, which come after all others.
    of_map: Option<Value>,
    /// The name of the tokenizer's class without `Fast`, and where it stands.
    named: (String, PathBuf),
    /// `None` where it splits text by code of its own.
    class: Option<Class>,
}

impl Settings {
    /// Reads the settings in a folder; without any file they are the defaults.
    pub fn read(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("tokenizer_config.json");
        let mut keys: Map<String, Value> = files::read_json_if_any(&path)?.unwrap_or_default();
        let mut of_map = None;
        if !keys.contains_key("added_tokens_decoder") {
            let map: Option<Map<String, Value>> = files::read_json_if_any(&folder.join("special_tokens_map.json"))?;
            let mut map = map.unwrap_or_default();
            of_map = map.remove("additional_special_tokens");
            keys.extend(map);
        }
        let config = folder.join("config.json");
        let model: Option<Map<String, Value>> = files::read_json_if_any(&config)?;
        let named = |keys: &Map<String, Value>, path: &PathBuf| {
            let class = keys.get("tokenizer_class")?.as_str()?;
            let stem = if class == "PreTrainedTokenizerFast" { class } else { class.trim_end_matches("Fast") };
            Some((stem.to_owned(), path.clone()))
        };
        let of_model = |model: &Map<String, Value>| {
            let class = Class::of_model(model.get("model_type")?.as_str()?)?;
            Some((class.to_owned(), config.clone()))
        };
        let model = model.unwrap_or_default();
        let found = named(&keys, &path).or_else(|| named(&model, &config)).or_else(|| of_model(&model));
        let class = found.as_ref().map_or(Some(Class::BERT), |(name, _)| Class::find(name));
        let named = found.unwrap_or_else(|| ("BertTokenizer".to_owned(), path));
        Ok(Self { folder: folder.to_owned(), keys, of_map, named, class })
    }

    /// How the files are to be read. Refuses a class whose work no file describes, or not the files that are there.
    pub fn class(&self, there: Vocabulary, warnings: &mut Vec<String>) -> Result<Class, LoadError> {
        let own_code = self.keys.get("auto_map").is_some_and(|map| map.is_array() || map["AutoTokenizer"].is_array());
        let (name, path) = &self.named;
        let unsupported = |supported| {
            let (path, found) = (path.clone(), name.clone());
            Err(LoadError::Unsupported { path, key: "tokenizer_class", found, supported })
        };
        let Some(class) = self.class else {
            return unsupported(
                "classes that split text as tokenizer.json or vocab.txt say, without code of their own",
            );
        };
        let suffices = match there {
            Vocabulary::Json => true,
            Vocabulary::Txt => !own_code && matches!(class.way, Way::Bert | Way::WholeOrTxt),
            Vocabulary::Merges => !own_code && matches!(class.way, Way::WholeOrMerges(_)),
            Vocabulary::Model => !own_code && class.way == Way::WholeOrModel,
        };
        match there {
            _ if suffices => {}
            Vocabulary::Merges => {
                return unsupported(
                    "RobertaTokenizer, GPT2Tokenizer and Qwen2Tokenizer; other classes need their tokenizer.json, which the \
                     folder lacks",
                );
            }
            Vocabulary::Model => {
                return unsupported(
                    "DebertaV2Tokenizer where only a model of SentencePiece is there; for other classes write tokenizer.json \
                     with transformers: `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`",
                );
            }
            _ => return unsupported("BertTokenizer; other classes need their tokenizer.json, which the folder lacks"),
        }
        if own_code {
            warnings.push(format!(
                "the tokenizer brings code of its own ({name}, auto_map in tokenizer_config.json), which is not run: text is \
                 split as tokenizer.json says"
            ));
        }
        Ok(class)
    }

    /// Whether a key is given.
    pub fn has(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether text becomes lower case, loses its accents (`None`: with its case), and has Chinese characters apart.
    pub fn normalization(&self) -> Result<(bool, Option<bool>, bool), LoadError> {
        let lower_case = self.flag("do_lower_case")?.unwrap_or(true);
        let chinese = self.flag("tokenize_chinese_chars")?.unwrap_or(true);
        Ok((lower_case, self.flag("strip_accents")?, chinese))
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, LoadError> {
        match self.keys.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(format!("{key} is {other}, not true or false"))),
        }
    }

    fn wrong(&self, problem: String) -> LoadError {
        LoadError::Tokenizer { path: self.folder.join("tokenizer_config.json"), problem }
    }

    /// Whether the first word of a text gets a space before it, where that is said.
    pub fn add_prefix_space(&self) -> Result<Option<bool>, LoadError> {
        self.flag("add_prefix_space")
    }

    /// A key that is off where nothing is said.
    pub fn is_on(&self, key: &str) -> Result<bool, LoadError> {
        Ok(self.flag(key)?.unwrap_or(false))
    }

    /// What begins and ends a text, where the settings say whether something does.
    pub fn beginning_and_end(&self, class: Class) -> Result<Option<BeginAndEnd>, LoadError> {
        let (begins, ends) = (self.flag("add_bos_token")?, self.flag("add_eos_token")?);
        if begins.is_none() && ends.is_none() {
            return Ok(None);
        }
        let name = |wanted: Option<bool>, key, place: usize| {
            wanted.unwrap_or(false).then(|| self.name(key, class.names[place])).flatten()
        };
        Ok(Some((name(begins, "bos_token", 5), name(ends, "eos_token", 6))))
    }

    /// The names of the special pieces; those of the class where nothing else is said.
    pub fn names(&self, class: Class) -> Names {
        let [cls, sep, unk, mask, pad, bos, eos] = class.names;
        let around = match class.way {
            Way::Bert => Vec::new(),
            _ => [self.name("bos_token", bos), self.name("eos_token", eos)].into_iter().flatten().collect(),
        };
        Names {
            cls: self.name("cls_token", cls),
            sep: self.name("sep_token", sep),
            unk: self.name("unk_token", unk),
            mask: self.name("mask_token", mask),
            pad: self.name("pad_token", pad),
            around,
        }
    }

    fn name(&self, key: &str, default: Option<&str>) -> Option<String> {
        let given = self.keys.get(key).and_then(|value| Some(token(value, true)?.content));
        given.or_else(|| default.map(ToOwned::to_owned))
    }

    /// Tokens that are listed with their ids, in the order of these.
    pub fn added_tokens(&self, tokenizer_file: &Path) -> Result<Vec<(Option<u32>, AddedToken)>, LoadError> {
        /// The other keys hold a vocabulary of some megabytes.
        #[derive(Deserialize)]
        struct Description {
            #[serde(default)]
            added_tokens: Value,
        }

        let mut tokens: BTreeMap<u64, AddedToken> = BTreeMap::new();
        if let Some(decoder) = self.keys.get("added_tokens_decoder") {
            let decoder = decoder.as_object().ok_or_else(|| self.wrong("added_tokens_decoder is no object".into()))?;
            for (id, value) in decoder {
                let parsed = id.parse().ok().zip(token(value, false));
                let (id, token) =
                    parsed.ok_or_else(|| self.wrong(format!("added_tokens_decoder: `{id}` is no added token")))?;
                tokens.insert(id, token);
            }
        } else {
            let path = self.folder.join("added_tokens.json");
            let listed: Option<BTreeMap<String, u64>> = files::read_json_if_any(&path)?;
            let special: Vec<String> = NAMED
                .iter()
                .filter_map(|key| Some(token(self.keys.get(*key)?, true)?.content))
                .chain(self.listed_in_config()?.into_iter().map(|token| token.content))
                .collect();
            for (content, id) in listed.into_iter().flatten() {
                let is_special = special.contains(&content);
                tokens.insert(id, AddedToken::from(content, is_special));
            }
            if tokenizer_file.ends_with("tokenizer.json") {
                let Description { added_tokens } = files::read_json(tokenizer_file)?;
                for value in added_tokens.as_array().into_iter().flatten() {
                    if let Some((id, token)) = value["id"].as_u64().zip(token(value, false)) {
                        tokens.insert(id, token);
                    }
                }
            }
        }
        Ok(tokens.into_iter().map(|(id, token)| (u32::try_from(id).ok(), token)).collect())
    }

    /// Tokens with a role: those of the frame and others that are named by a key of their own.
    pub fn named_tokens(&self, frame: &Names) -> Vec<AddedToken> {
        let of_frame = |key: &str| match key {
            "unk_token" => frame.unk.as_deref(),
            "sep_token" => frame.sep.as_deref(),
            "pad_token" => frame.pad.as_deref(),
            "cls_token" => frame.cls.as_deref(),
            "mask_token" => frame.mask.as_deref(),
            _ => None,
        };
        let given = |key: &str| self.keys.get(key).and_then(|value| token(value, true));
        let named = NAMED
            .iter()
            .filter_map(|key| given(key).or_else(|| of_frame(key).map(|name| AddedToken::from(name, true))));
        let own = self.keys.keys().filter(|key| key.ends_with("_token") && !NAMED.contains(&key.as_str()));
        let own = own.filter_map(|key| given(key));
        let by_name = self.keys.get("extra_special_tokens").and_then(Value::as_object).into_iter().flatten();
        named.chain(own).chain(by_name.filter_map(|(_, value)| token(value, true))).collect()
    }

    /// Tokens that are only listed.
    pub fn extra_tokens(&self) -> Result<Vec<AddedToken>, LoadError> {
        let listed = self.listed_in_config()?;
        if listed.is_empty() { self.tokens(self.of_map.as_ref()) } else { Ok(listed) }
    }

    fn listed_in_config(&self) -> Result<Vec<AddedToken>, LoadError> {
        let extra = self.tokens(self.keys.get("extra_special_tokens"))?;
        if extra.is_empty() { self.tokens(self.keys.get("additional_special_tokens")) } else { Ok(extra) }
    }

    fn tokens(&self, listed: Option<&Value>) -> Result<Vec<AddedToken>, LoadError> {
        let parse = |value: &Value| {
            token(value, true).ok_or_else(|| self.wrong(format!("additional_special_tokens: {value} is no token")))
        };
        listed.and_then(Value::as_array).into_iter().flatten().map(parse).collect()
    }
}

/// An added token as JSON has it: its text, or an object.
fn token(value: &Value, special: bool) -> Option<AddedToken> {
    if let Some(content) = value.as_str() {
        return Some(AddedToken::from(content, special));
    }
    let flag = |key: &str, default: bool| value[key].as_bool().unwrap_or(default);
    let special = flag("special", special);
    Some(AddedToken {
        content: value["content"].as_str()?.to_owned(),
        single_word: flag("single_word", false),
        lstrip: flag("lstrip", false),
        rstrip: flag("rstrip", false),
        normalized: flag("normalized", !special),
        special,
    })
}
