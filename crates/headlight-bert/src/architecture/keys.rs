//! The keys of a `config.json`, each read once with what may stand there.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Activation;
use crate::LoadError;

/// No real model comes near; beyond it, products of sizes overflow.
const MOST: u64 = 1 << 28;

/// The keys of a `config.json`.
pub(crate) struct Keys {
    path: PathBuf,
    keys: Map<String, Value>,
}

impl Keys {
    pub fn new(path: &Path, keys: Map<String, Value>) -> Self {
        Self { path: path.to_owned(), keys }
    }

    /// Sizes that contradict each other.
    pub fn wrong<T>(&self, problem: String) -> Result<T, LoadError> {
        Err(LoadError::Config { path: self.path.clone(), problem })
    }

    /// A choice that is not computed.
    pub fn unsupported<T>(&self, key: &'static str, found: &str, supported: &'static str) -> Result<T, LoadError> {
        Err(LoadError::Unsupported { path: self.path.clone(), key, found: found.to_owned(), supported })
    }

    /// A flag that has to be as a family has it.
    pub fn expect_flag(&self, key: &'static str, expected: bool) -> Result<(), LoadError> {
        if self.flag(key, expected)? == expected {
            return Ok(());
        }
        let [found, supported] = if expected { ["false", "true"] } else { ["true", "false"] };
        self.unsupported(key, found, supported)
    }

    /// The keys within one of these keys, the first that is there; none where none is.
    pub fn within(&self, names: &[&str]) -> Result<Self, LoadError> {
        let Some((name, value)) = names.iter().find_map(|name| Some((name, self.get(name)?))) else {
            return Ok(Self { path: self.path.clone(), keys: Map::new() });
        };
        match value.as_object() {
            Some(keys) => Ok(Self { path: self.path.clone(), keys: keys.clone() }),
            None => self.wrong(format!("{name} is {value}, not an object of keys")),
        }
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&str>>, LoadError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let texts = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        if texts.is_none() {
            return self.wrong(format!("{key} is {value}, not a list of texts"));
        }
        Ok(texts)
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    /// A size, which is a positive number.
    pub fn size(&self, key: &str) -> Result<usize, LoadError> {
        match self.get(key) {
            Some(_) => self.size_or(key, 0),
            None => self.wrong(match self.get("model_type").and_then(Value::as_str) {
                Some(family) => format!("model_type is `{family}`, whose {key} is missing"),
                None => format!("model_type is not given, so that it is read as `bert`, whose {key} is missing"),
            }),
        }
    }

    /// A size that has a default.
    pub fn size_or(&self, key: &str, default: usize) -> Result<usize, LoadError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_u64() {
            Some(0) => self.wrong(format!("{key} is 0")),
            Some(size) if size > MOST => self.wrong(format!("{key} is {size}, which no model has")),
            Some(size) => Ok(size as usize),
            None => self.wrong(format!("{key} is {value}, not a whole number")),
        }
    }

    /// A number that may be 0.
    pub fn index(&self, key: &str, default: usize) -> Result<usize, LoadError> {
        if self.get(key).is_some_and(|value| value.as_u64() == Some(0)) { Ok(0) } else { self.size_or(key, default) }
    }

    /// A size; none where the key is absent or below 1.
    pub fn size_unless_negative(&self, key: &str) -> Result<Option<usize>, LoadError> {
        match self.get(key) {
            Some(value) if value.as_i64().is_none_or(|size| size > 0) => self.size(key).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether the key is there and says something.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether the key is there and says nothing.
    pub fn is_null(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(Value::is_null)
    }

    /// A positive number.
    pub fn positive(&self, key: &str, default: f32) -> Result<f32, LoadError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_f64().map(|number| number as f32) {
            Some(number) if number.is_finite() && number > 0.0 => Ok(number),
            _ => self.wrong(format!("{key} is {value}, not a positive number")),
        }
    }

    /// A text.
    pub fn text<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str, LoadError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_str() {
            Some(text) => Ok(text),
            None => self.wrong(format!("{key} is {value}, not a text")),
        }
    }

    /// A list of texts, or one text in which they are separated.
    pub fn text_or_texts(&self, key: &str, separator: char) -> Result<Vec<String>, LoadError> {
        if self.get(key).is_some_and(Value::is_string) {
            let text = self.text(key, "")?.to_lowercase();
            return Ok(text.split(separator).map(|part| part.trim().to_owned()).collect());
        }
        Ok(self.texts(key)?.unwrap_or_default().into_iter().map(ToOwned::to_owned).collect())
    }

    /// Yes or no.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, LoadError> {
        let Some(value) = self.get(key) else { return Ok(default) };
        match value.as_bool() {
            Some(flag) => Ok(flag),
            None => self.wrong(format!("{key} is {value}, not true or false")),
        }
    }

    /// The name of an activation.
    pub fn activation(&self, key: &'static str) -> Result<Activation, LoadError> {
        self.activation_or(key, "gelu")
    }

    /// The name of an activation that has another default.
    pub fn activation_or(&self, key: &'static str, default: &'static str) -> Result<Activation, LoadError> {
        match self.text(key, default)? {
            "gelu" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
            "relu" => Ok(Activation::Relu),
            "silu" | "swish" => Ok(Activation::Silu),
            other => self.unsupported(key, other, "gelu, gelu_new, gelu_pytorch_tanh, gelu_fast, relu, silu, swish"),
        }
    }
}
