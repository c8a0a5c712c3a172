//! Universal Dependencies treebanks by name, from their official releases: one file from the release's tag in the
//! treebank's own repository, or, where that cannot be reached, out of the archive of the whole release at LINDAT.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use flate2::read::MultiGzDecoder;

use super::content;
use super::download::{self, Request};
use super::languages::LANGUAGES;
use super::place::with_suffix;
use crate::cli::nearest::nearest;
use crate::cli::progress::{Amount, Counted, Progress};

/// Releases whose archive has a known place at LINDAT, newest first: (release, handle).
pub const RELEASES: &[(&str, &str)] = &[("2.16", "11234/1-5901"), ("2.15", "11234/1-5787")];

/// Where treebanks' repositories are; `HEADLIGHT_UD_ENDPOINT` names a mirror.
const REPOSITORIES: &str = "https://raw.githubusercontent.com/UniversalDependencies";
/// Where archives are; `HEADLIGHT_UD_ARCHIVE` names a mirror.
const ARCHIVES: &str = "https://lindat.mff.cuni.cz/repository/xmlui/bitstream/handle";

/// A part of a treebank's release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// `-ud-train.conllu`
    Train,
    /// `-ud-dev.conllu`
    Dev,
    /// `-ud-test.conllu`
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Split; 3] = [Split::Train, Split::Dev, Split::Test];

    /// As file names write it.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Dev => "dev",
            Split::Test => "test",
        }
    }
}

/// A treebank in a release of Universal Dependencies: `UD_English-EWT` or `UD_English-EWT@2.15`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreebankName {
    /// Its repository, `UD_English-EWT`.
    pub repository: String,
    /// The release, `2.16`.
    pub release: String,
    /// What its files begin with, `en_ewt`.
    prefix: String,
}

impl TreebankName {
    /// The name of a split's file: `en_ewt-ud-dev.conllu`.
    pub fn file(&self, split: Split) -> String {
        format!("{}-ud-{}.conllu", self.prefix, split.name())
    }
}

impl fmt::Display for TreebankName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.release)
    }
}

impl FromStr for TreebankName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (repository, release) = text.split_once('@').unwrap_or((text, RELEASES[0].0));
        let parts = repository.strip_prefix("UD_").and_then(|rest| rest.split_once('-'));
        let plain = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || more.contains(char))
        };
        let (language, treebank) = parts
            .filter(|(language, treebank)| plain(language, "_") && plain(treebank, ""))
            .ok_or_else(|| anyhow!("{text} is not the name of a UD treebank, such as UD_English-EWT"))?;
        ensure!(plain(release, "."), "{text}: {release:?} is not a release, such as {}", RELEASES[0].0);
        let spoken = language.replace('_', " ");
        let code = LANGUAGES.iter().find(|(name, _)| *name == spoken).map(|(_, code)| *code).ok_or_else(|| {
            let near = nearest(&spoken, LANGUAGES.iter().map(|(name, _)| *name));
            let hint = near.map(|near| format!("; did you mean UD_{}-{treebank}?", near.replace(' ', "_")));
            anyhow!("{text}: no language is known as {spoken}{}", hint.unwrap_or_default())
        })?;
        Ok(Self {
            repository: repository.to_owned(),
            release: release.to_owned(),
            prefix: format!("{code}_{}", treebank.to_lowercase()),
        })
    }
}

fn endpoint(variable: &str, default: &str) -> String {
    let set = env::var(variable).ok().filter(|value| !value.is_empty());
    set.as_deref().unwrap_or(default).trim_end_matches('/').to_owned()
}

/// Downloads one file from the release's tag.
///
/// # Errors
/// When the host cannot be reached, or has no such treebank, release or split.
pub fn download_file(name: &TreebankName, file: &str, place: &Path) -> Result<()> {
    let base = endpoint("HEADLIGHT_UD_ENDPOINT", REPOSITORIES);
    let url = format!("{base}/{}/refs/tags/r{}/{file}", name.repository, name.release);
    download::download(&Request { url, token: None }, place, None)
}

/// Reads the archive of the whole release up to the wanted file.
///
/// # Errors
/// When the host cannot be reached, or the archive is damaged or has no such file.
pub fn extract_from_archive(name: &TreebankName, file: &str, place: &Path) -> Result<()> {
    let Some((release, handle)) = RELEASES.iter().find(|(release, _)| *release == name.release) else {
        let known = RELEASES.iter().map(|(release, _)| *release).collect::<Vec<_>>().join(", ");
        bail!("the place of release {} is not known; known: {known}", name.release);
    };
    let base = endpoint("HEADLIGHT_UD_ARCHIVE", ARCHIVES);
    let url = format!("{base}/{handle}/ud-treebanks-v{release}.tgz");
    let (body, length) = download::stream(&Request { url: url.clone(), token: None })?;
    let url = download::shown(&url);
    let progress = Progress::start(format!("ud-treebanks-v{release}.tgz"), Amount::Bytes, length);
    let mut archive = tar::Archive::new(MultiGzDecoder::new(Counted::new(body, &progress)));
    let wanted = Path::new(&name.repository).join(file);
    let part = with_suffix(place, ".part");
    for entry in archive.entries().with_context(|| url.clone())? {
        let mut entry = entry.with_context(|| url.clone())?;
        if !entry.path().with_context(|| url.clone())?.ends_with(&wanted) {
            continue;
        }
        let mut out = File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let most = content::most(file);
        let copied = io::copy(&mut entry.by_ref().take(most + 1), &mut out);
        let copied = copied.with_context(|| format!("cannot copy {url} to {}", part.display()))?;
        ensure!(copied <= most, "{url}: {file} has more than {most} bytes");
        progress.finish();
        content::check(file, &part).with_context(|| url.clone())?;
        return fs::rename(&part, place).with_context(|| format!("cannot rename {}", part.display()));
    }
    bail!("{url} has no {}", wanted.display())
}
