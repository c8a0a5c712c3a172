//! `--engine kubernetes`: an Indexed Job that encodes, an index a shard, and a Job that waits for all of them and computes
//! statistics.
//!
//! Kubernetes has no dependencies between Jobs, and an operator for them is more than headlight may ask of a cluster. So the
//! second Job's first container waits for marks that indices leave on the volume when they are done, as elements of a Slurm
//! array do. It needs no rights in the cluster; it keeps the place of the statistics while it waits, which `kubectl apply -f
//! encode.json` by hand, and `run.json` later, does not.

mod manifests;
mod units;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail, ensure};
use headlight_report::run::hex;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Submission, put};
use crate::cli::progress::say;
use crate::commands::Usage;
use crate::config::Source;

const CONFIG: &str = "config.json";
const ENCODE: &str = "encode.json";
const RUN: &str = "run.json";

/// What is written for a cluster.
struct Manifests {
    config: ConfigMap,
    encode: Job,
    run: Job,
}

/// Writes the jobs of a Kubernetes cluster; with `go` gives them to it.
pub(super) fn submit(submission: &Submission, go: bool) -> Result<()> {
    let keys = &submission.keys;
    let lacking = |key: &str, what: &str| Usage(anyhow!("--engine kubernetes needs `submit.{key}`, {what}"));
    ensure!(!keys.image.is_empty(), lacking("image", "the image that has headlight: see the Dockerfile"));
    ensure!(!keys.volume.is_empty(), lacking("volume", "a PersistentVolumeClaim that all pods can write"));
    let manifests = manifests::of(submission, &Text::of(submission)?)?;
    submission.claim("kubernetes")?;
    let folder = submission.folder();
    write(submission, CONFIG, &manifests.config)?;
    write(submission, ENCODE, &manifests.encode)?;
    write(submission, RUN, &manifests.run)?;
    say(&format!(
        "{}: {CONFIG}, {ENCODE}, an Indexed Job of {} indices ({} shards of {} runs), and {RUN}, which follows it",
        folder.display(),
        submission.elements(),
        submission.shards,
        submission.configs.len()
    ));
    if !go {
        say("nothing is submitted; --go submits them");
        return Ok(());
    }
    let mut command = Command::new("kubectl");
    command.arg("apply");
    for file in [CONFIG, ENCODE, RUN] {
        command.arg("-f").arg(folder.join(file));
    }
    let output = command.output().context(
        "cannot call kubectl: is this a machine from which a Kubernetes cluster is used? Without --go jobs are only written",
    )?;
    if !output.status.success() {
        bail!("kubectl failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8_lossy(&output.stdout).lines().for_each(say);
    Ok(())
}

fn write(submission: &Submission, file: &str, manifest: &impl Serialize) -> Result<()> {
    put(&submission.folder().join(file), &(serde_json::to_string_pretty(manifest)? + "\n"))
}

/// The config as pods get it.
struct Text {
    /// The file's text, and the path under which pods see it: its own, so that what is relative to it stays so. `None` for a
    /// config that is in the binary.
    file: Option<(String, String)>,
    /// What tells the jobs of this config from those of every other.
    id: String,
}

/// What a ConfigMap can hold, with some room for what surrounds it.
const MOST_BYTES: usize = 1_000_000;

impl Text {
    fn of(submission: &Submission) -> Result<Self> {
        let path = &submission.arguments[0];
        let file = match Source::find(path)? {
            Source::File(file) => {
                let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                Some((text, path.clone()))
            }
            // `find` gives no others.
            Source::Bundled(..) | Source::Given(..) => None,
        };
        let resolved = submission.config();
        let bytes = resolved.len() + file.as_ref().map_or(0, |(text, _)| text.len());
        ensure!(
            bytes <= MOST_BYTES,
            "the config and its {} runs take {bytes} bytes, and a ConfigMap holds {MOST_BYTES}: sweep fewer values at a time",
            submission.configs.len()
        );
        let id = hex(&Sha256::digest(format!("{resolved}\n{}\n", submission.shards)));
        Ok(Self { file, id: id[..8].to_owned() })
    }
}
