//! What a store is named by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::MergeRule;
use crate::store::index::VERSION;

/// How weights are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bits {
    /// 16 bits: each weight within 2⁻¹⁰ of itself (from 6·10⁻⁵ down, within 6·10⁻⁸), each row's sum as in f32.
    #[default]
    F16,
    /// 32 bits: bit for bit what was pushed.
    F32,
}

impl Bits {
    /// As keys and configs write it: `f16` or `f32`.
    pub fn name(self) -> &'static str {
        match self {
            Bits::F16 => "f16",
            Bits::F32 => "f32",
        }
    }

    /// Bytes a weight.
    pub(super) fn bytes(self) -> usize {
        match self {
            Bits::F16 => 2,
            Bits::F32 => 4,
        }
    }
}

/// Everything that stored attention depends on, as names and values. Two keys that differ in any of them, or in the
/// version of the format, have different ids, so that a store is never used for what it was not made for. Labels tell people
/// what a store holds and have no part in the id.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct StoreKey {
    precision: Bits,
    parts: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
}

impl StoreKey {
    /// The key of a model's attention on a treebank, both given by a hash of all that they are. Whatever else changes
    /// the weights (attention kind, input mode, piece limit, …) is added by [`StoreKey::with`].
    pub fn new(model: &str, treebank: &str, rule: MergeRule, precision: Bits) -> Self {
        Self { precision, parts: BTreeMap::new(), labels: BTreeMap::new() }
            .with("model", model)
            .with("treebank", treebank)
            .with("merge", rule.name())
    }

    /// The key with another part. A name given before gets the new value.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parts.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The key with another label, such as the name of the model. A name given before gets the new value.
    pub fn labelled(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// What people call a part of it; `None` where nobody gave that label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }

    /// How weights are kept.
    pub fn precision(&self) -> Bits {
        self.precision
    }

    /// The parts' names and values, by name.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The SHA-256 of the key, 64 hexadecimal digits: the name of the store's folder.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        let version = VERSION.to_string();
        for (name, value) in
            [("version", version.as_str()), ("precision", self.precision.name())].into_iter().chain(self.parts())
        {
            // Lengths keep `ab`, `c` apart from `a`, `bc`.
            for text in [name, value] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        }
        hex(&hash.finalize())
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_id() {
        let key = StoreKey::new("m", "t", MergeRule::Mean, Bits::F16);
        let others = [
            StoreKey::new("n", "t", MergeRule::Mean, Bits::F16),
            StoreKey::new("m", "u", MergeRule::Mean, Bits::F16),
            StoreKey::new("m", "t", MergeRule::First, Bits::F16),
            StoreKey::new("m", "t", MergeRule::Mean, Bits::F32),
            StoreKey::new("t", "m", MergeRule::Mean, Bits::F16),
            key.clone().with("limit", "128"),
            key.clone().with("limi", "t128"),
        ];
        let ids: std::collections::BTreeSet<String> = others.iter().chain([&key]).map(StoreKey::id).collect();
        assert_eq!(ids.len(), others.len() + 1);
        assert_eq!(key.id(), StoreKey::new("m", "t", MergeRule::Mean, Bits::F16).id());
        // What people call it is another matter.
        assert_eq!(key.id(), key.clone().labelled("model", "a name").id());
        assert_eq!(key.clone().labelled("model", "a name").label("model"), Some("a name"));
        assert!(key.id().len() == 64 && key.id().bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn the_order_of_parts_does_not_matter() {
        let key = || StoreKey::new("m", "t", MergeRule::Mean, Bits::F16);
        assert_eq!(key().with("a", "1").with("b", "2"), key().with("b", "2").with("a", "1"));
    }
}
