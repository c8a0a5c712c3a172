//! The Hugging Face Hub and the cache that its own tools fill.
//!
//! `hf-hub` knows where that cache is and how it is laid out. Its client has no time limits, so that a cluster node
//! without a way out would hang for minutes: downloads are made by [`super::download`].

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use hf_hub::{Cache, Repo, RepoType};

use super::download::{self, Absent, Request};
use super::known::Model;

const ENDPOINT: &str = "https://huggingface.co";

/// The cache of `huggingface_hub`: `HF_HUB_CACHE`, else `HF_HOME/hub`, else `~/.cache/huggingface/hub`.
fn cache() -> Cache {
    env::var_os("HF_HUB_CACHE").map_or_else(Cache::from_env, |folder| Cache::new(folder.into()))
}

/// The snapshot of a model in the cache of other tools, when it is complete.
pub fn cached(model: &Model) -> Option<PathBuf> {
    let repo = Repo::with_revision(model.id.to_string(), RepoType::Model, model.revision.to_string());
    let repo = cache().repo(repo);
    let folder = repo.get("config.json")?.parent()?.to_path_buf();
    super::is_checkpoint(&folder).then_some(folder)
}

/// Downloads the files of a checkpoint into a folder.
///
/// # Errors
/// When the Hub cannot be reached or may not be (`HF_HUB_OFFLINE`), or has no such checkpoint.
pub fn download(model: &Model, folder: &Path) -> Result<()> {
    ensure!(!super::is_set("HF_HUB_OFFLINE"), "HF_HUB_OFFLINE is set");
    let endpoint = env::var("HF_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
    let endpoint = endpoint.as_deref().unwrap_or(ENDPOINT).trim_end_matches('/');
    let shown = download::shown(endpoint);
    let token = env::var("HF_TOKEN").ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    let token = token.or_else(|| cache().token());
    let get_at = |revision: &str, file: &str| -> Result<Option<()>> {
        let place = folder.join(file);
        if place.is_file() {
            return Ok(Some(()));
        }
        let request = Request {
            url: format!("{endpoint}/{}/resolve/{}/{file}", model.id, revision.replace('/', "%2F")),
            token: token.as_deref(),
        };
        let pinned = model.pinned.iter().find(|(name, _)| *name == file).map(|(_, sha256)| *sha256);
        match download::download(&request, &place, pinned) {
            Ok(()) => Ok(Some(())),
            Err(error) if error.is::<Absent>() => {
                tracing::debug!("{error:#}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    };
    let get = |file: &str| get_at(&model.revision, file);
    let id = &model.id;
    if get("config.json")?.is_none() {
        bail!(
            "{shown} has no repository {id} with a config.json, or does not show it: a private or gated one needs HF_TOKEN"
        );
    }
    let mut tokenizer = false;
    for files in super::TOKENIZERS {
        // The second file of two counts with the first alone.
        tokenizer = get(files[0])?.is_some()
            && files[1..].iter().try_fold(true, |all, file| Ok::<_, anyhow::Error>(all && get(file)?.is_some()))?;
        if tokenizer {
            break;
        }
    }
    if !tokenizer {
        bail!(
            "{shown}/{id} has neither tokenizer.json nor vocab.txt, nor vocab.json with merges.txt, nor spm.model; where \
             it has a model of SentencePiece under another name, {}",
            converted(id)
        );
    }
    for settings in ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"] {
        get(settings)?;
    }
    for (whole, index) in super::WEIGHTS {
        if get(whole)?.is_some() {
            return Ok(());
        }
        if get(index)?.is_some() {
            for shard in shards(&folder.join(index))? {
                ensure!(get(&shard)?.is_some(), "{shown}/{id} has no {shard}, which its index names");
            }
            return Ok(());
        }
        // A conversion that is gone is none: the weights are read as they are.
        if let Some(conversion) = model.conversion
            && get_at(conversion, whole)?.is_some()
        {
            tracing::info!("{id}: weights as safetensors are those of {conversion}, the Hub's conversion");
            return Ok(());
        }
    }
    bail!(
        "{shown}/{id} has neither model.safetensors nor pytorch_model.bin; where it has weights of another format, {}",
        converted(id)
    )
}

/// How to make a folder of files that are read.
fn converted(id: &str) -> String {
    format!(
        "convert it once: python3 -c \"from transformers import AutoModel, AutoTokenizer as T; \
         AutoModel.from_pretrained('{id}').save_pretrained('FOLDER'); T.from_pretrained('{id}').save_pretrained('FOLDER')\" \
         and set `model.path` to FOLDER"
    )
}

/// The files that an index of shards names.
fn shards(index: &Path) -> Result<BTreeSet<String>> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let named = || format!("{}", index.display());
    let index: Index = serde_json::from_slice(&fs::read(index).with_context(named)?).with_context(named)?;
    let shards: BTreeSet<String> = index.weight_map.into_values().collect();
    for shard in &shards {
        let plain = Path::new(shard).components().count() == 1 && !shard.starts_with('.');
        ensure!(plain, "{shard:?} is not the plain name of a shard");
    }
    Ok(shards)
}
