//! Passes that go on where they were interrupted: what a pass added up is kept now and then, and when it is interrupted,
//! together with how far it came.

use std::time::{Duration, Instant};

use anyhow::Result;
use headlight_bert::{Encoded, Pieces};
use headlight_treebank::Sentence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Pass, Run, Steps};

/// Most work that a killed process loses.
const EVERY: Duration = Duration::from_secs(10);

/// The name of the one step that a pass keeps.
const SO_FAR: &str = "so far";

/// What a pass added up.
#[derive(Serialize, Deserialize)]
struct SoFar<S> {
    /// Inputs that are in it.
    inputs: usize,
    sum: S,
}

/// The sum of a pass in work.
pub(super) struct Kept<S> {
    steps: Steps,
    so_far: SoFar<S>,
    last: Instant,
    /// A sum that failed to take an input is not kept.
    failed: bool,
}

impl<S: Serialize + DeserializeOwned> Kept<S> {
    /// What an interrupted call left, or `start`.
    pub fn new(steps: Steps, start: S) -> Self {
        let so_far: SoFar<S> = steps.kept(SO_FAR).unwrap_or(SoFar { inputs: 0, sum: start });
        if so_far.inputs > 0 {
            tracing::info!("going on after {} that the interrupted run has added up", so_far.inputs);
        }
        Self { steps, so_far, last: Instant::now(), failed: false }
    }

    /// Inputs that need not be looked at again.
    pub fn inputs(&self) -> usize {
        self.so_far.inputs
    }

    /// Adds the next input.
    ///
    /// # Errors
    /// Those of `add`; a disk that does not take the sum.
    pub fn add(&mut self, add: impl FnOnce(&mut S) -> Result<()>) -> Result<()> {
        let added = add(&mut self.so_far.sum);
        self.failed |= added.is_err();
        added?;
        self.so_far.inputs += 1;
        if self.last.elapsed() >= EVERY {
            self.steps.keep(SO_FAR, &self.so_far)?;
            self.last = Instant::now();
        }
        Ok(())
    }

    /// The whole sum, when the pass has ended well; else it is kept for the next call.
    ///
    /// # Errors
    /// The one that ended the pass; a disk that does not take the sum.
    pub fn finish<T>(self, ended: Result<T>) -> Result<(T, S)> {
        if !self.failed {
            self.steps.keep(SO_FAR, &self.so_far)?;
        }
        Ok((ended?, self.so_far.sum))
    }
}

impl Run {
    /// Adds up what the encoder says about the sentences of a split, whether they have trees or not, as
    /// [`Run::encode_words`] does; an interrupted pass of this `part` goes on after the last sentence that it added. `add`
    /// gets `None` for skipped sentences.
    ///
    /// # Errors
    /// As [`Run::encode_words`].
    pub fn add_up<S: Serialize + DeserializeOwned, R: Send>(
        &mut self,
        part: &str,
        pass: &Pass<'_>,
        start: S,
        map: impl Fn(&Sentence, &Pieces, Encoded) -> R + Sync,
        mut add: impl FnMut(&mut S, &Sentence, Option<R>) -> Result<()>,
    ) -> Result<S> {
        self.model()?;
        self.treebank(pass.split)?;
        let mut kept = Kept::new(self.steps()?.of(part), start);
        let pass = Pass { from: kept.inputs(), ..*pass };
        let ended = self.encode_words(&pass, map, |sentence, said| kept.add(|sum| add(sum, sentence, said)));
        Ok(kept.finish(ended)?.1)
    }
}
