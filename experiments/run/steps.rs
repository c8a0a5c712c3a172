//! Steps of long work that are done once: what a step made is kept in the run's work folder, and an interrupted run that
//! comes to the same step takes it from there.
//!
//! A step is named by what it depends on: the resolved config, the files read so far with their checksums, and its own
//! name. A damaged one is done again (see [`super::checked`]).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::Run;
use super::checked::{self, Found};
use super::identity::add;
use crate::cli::interrupt;
use crate::config::{CacheConfig, SubmitConfig};
use headlight_report::run::hex;

/// Where the steps of one experiment are kept. It borrows nothing, so that work on a borrowed model can keep steps too.
#[derive(Clone, Debug)]
pub struct Steps {
    folder: PathBuf,
    /// Hash of what every step depends on.
    base: Sha256,
}

impl Run {
    /// Where steps of the experiment that is at work are kept. Everything that results depend on besides the config has to
    /// be read (noted as an input) before: the model, the splits.
    ///
    /// # Errors
    /// When the work folder cannot be created.
    pub fn steps(&self) -> Result<Steps> {
        let Steps { folder, mut base } = self.steps_of_identities()?;
        let mut config = self.config.clone();
        // None of them changes a digit.
        (config.name, config.threads) = (String::new(), 0);
        (config.cache, config.submit) = (CacheConfig::default(), SubmitConfig::default());
        add(&mut base, &config.to_toml());
        add(&mut base, &self.experiments);
        add(&mut base, &self.at_work.to_string());
        add(&mut base, &format!("{:?}", self.draw));
        let mut inputs: Vec<&str> = self.inputs.iter().map(|input| input.sha256.as_str()).collect();
        inputs.sort_unstable();
        inputs.iter().for_each(|sha256| add(&mut base, sha256));
        Ok(Steps { folder, base })
    }

    /// Where steps are kept that depend on nothing but what they are called by: an identity.
    ///
    /// # Errors
    /// When the work folder cannot be created.
    pub fn steps_of_identities(&self) -> Result<Steps> {
        let folder = self.work_folder()?.join("steps");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut base = Sha256::new();
        add(&mut base, env!("CARGO_PKG_VERSION"));
        Ok(Steps { folder, base })
    }
}

impl Steps {
    /// Steps that depend on nothing but their names.
    #[cfg(test)]
    pub fn in_folder(folder: &std::path::Path) -> Self {
        Self { folder: folder.to_owned(), base: Sha256::new() }
    }

    /// The same, for steps of a part that has this name: `steps.of("random weights, draw 2")`.
    pub fn of(&self, part: &str) -> Self {
        let mut steps = self.clone();
        add(&mut steps.base, part);
        steps
    }

    /// What `work` makes, or made in an earlier, interrupted call. Stops with [`crate::cli::Interrupted`] before work begins where
    /// Ctrl-C was pressed, so that a loop over steps needs no check of its own.
    ///
    /// # Errors
    /// Ctrl-C; those of `work`; a disk that does not take the result.
    pub fn once<T: Serialize + DeserializeOwned>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(done) = self.kept(name) {
            return Ok(done);
        }
        interrupt::check()?;
        let made = work()?;
        self.keep(name, &made)?;
        Ok(made)
    }

    /// What an earlier call made of the step; `None` where it did not come so far or the file is damaged.
    pub fn kept<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        match checked::read(&self.path(name)) {
            Found::Whole(value) => Some(value),
            Found::Nothing => None,
            Found::Damaged => {
                tracing::warn!("a finished step of the interrupted run is damaged and is done again: {name}");
                None
            }
        }
    }

    /// Keeps what a step made. The file gets its name when it is complete.
    ///
    /// # Errors
    /// A disk that does not take it.
    pub fn keep<T: Serialize>(&self, name: &str, made: &T) -> Result<()> {
        checked::write(&self.path(name), made)
    }

    fn path(&self, name: &str) -> PathBuf {
        let mut hasher = self.base.clone();
        add(&mut hasher, name);
        self.folder.join(format!("{}.step", hex(&hasher.finalize()[..16])))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_step_is_done_once_and_comes_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let made = (vec![0.1_f64 + 0.2, f64::MIN_POSITIVE, -0.0], "obj".to_owned());
        assert_eq!(Steps::in_folder(folder.path()).once("a", || Ok(made.clone())).unwrap(), made);
        let again = Steps::in_folder(folder.path())
            .once("a", || -> Result<(Vec<f64>, String)> { panic!("done twice") })
            .unwrap();
        assert_eq!(again, made);
        assert!(again.0[2].is_sign_negative());
        // Another name and another part are other steps.
        assert_eq!(Steps::in_folder(folder.path()).kept::<(Vec<f64>, String)>("b"), None);
        assert_eq!(Steps::in_folder(folder.path()).of("part").kept::<(Vec<f64>, String)>("a"), None);
    }

    #[test]
    fn a_damaged_step_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let steps = Steps::in_folder(folder.path());
        steps.keep("a", &[1.5_f64, 2.5]).unwrap();
        let path = steps.path("a");
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            assert_eq!(steps.kept::<Vec<f64>>("a"), None, "byte {at}");
            fs::write(&path, &good[..at]).unwrap();
            assert_eq!(steps.kept::<Vec<f64>>("a"), None, "cut at {at}");
        }
        assert_eq!(steps.once("a", || Ok(vec![3.5])).unwrap(), [3.5]);
    }

    #[test]
    fn work_that_fails_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let failed = Steps::in_folder(folder.path()).once("a", || -> Result<u32> { Err(anyhow!("no")) });
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert_eq!(Steps::in_folder(folder.path()).kept::<u32>("a"), None);
    }
}
