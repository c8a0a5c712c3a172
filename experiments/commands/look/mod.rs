//! `headlight look`: the heads of sentences of one's own, in one page.

mod asked;
mod pieces;
mod seen;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use headlight_report::look::Look;

use crate::cli::{LookArgs, output};
use crate::sources::fetch;
use asked::Asked;

/// Where pages go that no `--out` names.
const FOLDER: &str = "looks";

/// Writes the page and prints where it is.
pub fn look(args: &LookArgs) -> Result<()> {
    let asked = Asked::of(args)?;
    let page = seen::page(args, &asked)?;
    let html = page.to_html();
    let place = args.out.clone().unwrap_or_else(|| default_place(&page, &html));
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(&place, html).with_context(|| format!("cannot write {}", place.display()))?;
    output::print(&format!("{}\n", place.display()))?;
    if args.open {
        open(&place);
    }
    Ok(())
}

/// `looks/the-dog-sleeps-1a2b3c.html`: pages that differ have names that differ.
fn default_place(page: &Look, html: &str) -> PathBuf {
    const LONGEST: usize = 40;
    let mut slug = String::new();
    for character in page.title.to_lowercase().chars() {
        match character.is_alphanumeric() {
            true => slug.push(character),
            false if !slug.ends_with('-') => slug.push('-'),
            false => {}
        }
    }
    let slug: String = slug.chars().take(LONGEST).collect();
    let checksum = fetch::sha256_of(html.as_bytes());
    Path::new(FOLDER).join(format!("{}-{}.html", slug.trim_matches('-'), &checksum[..6]))
}

/// Shows a file in the program that the user reads pages with.
fn open(place: &Path) {
    let program = match () {
        () if cfg!(target_os = "macos") => "open",
        () if cfg!(windows) => "explorer",
        () => "xdg-open",
    };
    let mut command = Command::new(program);
    command.arg(place).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        tracing::warn!("--open: {program} does not start ({error}); open {} by hand", place.display());
    }
}
