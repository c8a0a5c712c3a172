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

    fn get(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    /// A size, which is a positive number.
    pub fn size(&self, key: &str) -> Result<usize, LoadError> {
        match self.get(key) {
            Some(_) => self.size_or(key, 0),
            None => self.wrong(format!("{key} is missing")),
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
        match self.text(key, "gelu")? {
            "gelu" => Ok(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Activation::GeluTanh),
            "relu" => Ok(Activation::Relu),
            other => self.unsupported(key, other, "gelu, gelu_new, gelu_pytorch_tanh, relu"),
        }
    }
}
