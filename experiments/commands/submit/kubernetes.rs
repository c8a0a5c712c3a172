//! `--engine kubernetes`

use anyhow::{Result, bail};

use super::Submission;

/// Writes the jobs of a Kubernetes cluster.
pub(super) fn submit(_submission: &Submission, _go: bool) -> Result<()> {
    bail!("--engine kubernetes cannot be had yet; --engine slurm can")
}
