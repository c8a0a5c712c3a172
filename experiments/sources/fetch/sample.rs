//! The model that comes inside the binary, so that a first run needs no network: `data/model/`, made by `train.py` there.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::known::Model;

const FILES: [(&str, &[u8]); 4] = [
    ("config.json", include_bytes!("../../../data/model/config.json")),
    ("model.safetensors", include_bytes!("../../../data/model/model.safetensors")),
    ("tokenizer_config.json", include_bytes!("../../../data/model/tokenizer_config.json")),
    ("vocab.txt", include_bytes!("../../../data/model/vocab.txt")),
];

/// The model inside the binary. Its revision begins its checksum: another model has another place in the cache.
pub const SAMPLE: Model = Model {
    name: Cow::Borrowed("sample"),
    id: Cow::Borrowed("headlight/sample"),
    revision: Cow::Borrowed("ae16e09c"),
    about: "4 layers × 12 heads, English, comes with headlight: heads taught by minilm-l6, no subject of research",
    pinned: &[("model.safetensors", "ae16e09cca303576d699dc784b3b2081c52a7051a040c68e7109f6fe2a713621")],
    wheel: None,
    conversion: None,
};

/// Whether a folder holds the model, byte for byte.
pub fn is_whole(folder: &Path) -> bool {
    FILES.iter().all(|(name, content)| fs::read(folder.join(name)).is_ok_and(|found| found == *content))
}

/// Writes the model into a folder.
///
/// # Errors
/// Those of the file system.
pub fn unpack(folder: &Path) -> Result<()> {
    for (name, content) in FILES {
        let path = folder.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::fetch::sha256_of;

    #[test]
    fn the_pinned_checksum_is_that_of_the_weights_inside_and_begins_with_the_revision() {
        let (_, weights) = FILES.iter().find(|(name, _)| *name == SAMPLE.pinned[0].0).unwrap();
        let checksum = sha256_of(weights);
        assert_eq!(checksum, SAMPLE.pinned[0].1);
        assert_eq!(checksum[..8], SAMPLE.revision);
    }
}
