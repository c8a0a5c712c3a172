//! `[submit]`: what `headlight submit` asks of a cluster. No number depends on it.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// `[submit]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SubmitConfig {
    /// Parts that the passes of each run are encoded in.
    pub shards: usize,
    /// Processors of each part, and of the job that computes statistics.
    pub cpus: usize,
    /// Memory of each.
    pub memory: String,
    /// GPUs of each.
    pub gpus: usize,
    /// Longest time of each; empty is the cluster's own limit.
    pub time: String,
    /// How often a part that failed is tried again.
    pub retries: usize,
    /// The partition; empty is the cluster's own.
    pub partition: String,
    /// Who pays.
    pub account: String,
    /// Lines of shell before headlight is called.
    pub setup: Vec<String>,
    /// More options of sbatch.
    pub options: Vec<String>,
    /// Kubernetes: the image that has headlight.
    pub image: String,
    /// The PersistentVolumeClaim that cache and runs lie on.
    pub volume: String,
    /// Where it is mounted.
    pub mount: String,
    /// The namespace; empty is kubectl's own.
    pub namespace: String,
    /// Most pods of the array at a time; 0: all.
    pub parallelism: usize,
    /// An object store's path that is copied to `/inputs` of every pod.
    pub inputs: String,
    /// And one that finished runs are copied to.
    pub results: String,
    /// The image that copies: rclone's.
    pub copier: String,
    /// The Secret that it gets its configuration from, as environment variables.
    pub secret: String,
}

/// More parts than any array of a cluster takes.
pub const MOST_SHARDS: usize = 100_000;

impl SubmitConfig {
    /// Checks what would end up in scripts.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<()> {
        ensure!(
            (1..=MOST_SHARDS).contains(&self.shards),
            "`submit.shards` is {}; there are 1 to {MOST_SHARDS} parts",
            self.shards
        );
        ensure!(self.cpus > 0, "`submit.cpus` is 0; a part takes at least one");
        ensure!(
            self.mount.starts_with('/') && self.mount.len() > 1 && !self.mount.ends_with('/'),
            "`submit.mount` is {:?}; it is an absolute path such as \"/data\"",
            self.mount
        );
        let texts = [
            &self.memory,
            &self.time,
            &self.partition,
            &self.account,
            &self.image,
            &self.volume,
            &self.mount,
            &self.namespace,
            &self.inputs,
            &self.results,
            &self.copier,
            &self.secret,
        ];
        let names = [
            "memory",
            "time",
            "partition",
            "account",
            "image",
            "volume",
            "mount",
            "namespace",
            "inputs",
            "results",
            "copier",
            "secret",
        ];
        let lists = [("setup", &self.setup), ("options", &self.options)];
        let texts = texts.into_iter().zip(names).map(|(text, name)| (name, text));
        for (name, text) in texts.chain(lists.iter().flat_map(|(name, list)| list.iter().map(|it| (*name, it)))) {
            ensure!(!text.contains(['\n', '\r', '\0']), "`submit.{name}` holds a line break: {text:?}");
        }
        for option in &self.options {
            ensure!(
                option.starts_with('-'),
                "`submit.options` holds {option:?}, which is no option: \"--qos=low\" is one"
            );
        }
        Ok(())
    }
}
