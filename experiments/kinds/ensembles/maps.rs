//! The maps of a split's sentences out of the attention store, in order and on many threads.

use std::path::Path;

use anyhow::{Result, ensure};
use headlight_attention::store::{Bits, Store};
use headlight_attention::{HeadGrid, WordAttention};
use headlight_treebank::Sentence;
use rayon::prelude::*;

use crate::config::Split;
use crate::kinds::shared::stored::StoredAttention;
use crate::run::{Run, interrupted};

/// Sentences whose maps are in memory at a time.
const AT_A_TIME: usize = 64;

/// A split and its attention.
pub struct Maps {
    split: Split,
    store: Store,
}

/// The attention of a split, as the encoder gave it.
///
/// # Errors
/// When there is no place for a cache.
pub fn stored(run: &Run, split: Split) -> Result<StoredAttention> {
    StoredAttention::new(run, split, run.settings().treebank.merge_rule(), Bits::F32, Path::new(""))
}

impl Maps {
    /// The maps of a split; the encoder runs where they are not stored yet.
    ///
    /// # Errors
    /// Those of the encoder's pass and of the store.
    pub fn read(run: &mut Run, split: Split) -> Result<Self> {
        Ok(Self { split, store: stored(run, split)?.read(run)? })
    }

    /// Layers and heads.
    pub fn grid(&self) -> HeadGrid {
        self.store.grid()
    }

    /// Takes, in order, what `make` makes of each sentence that counts and that the encoder did not skip.
    ///
    /// # Errors
    /// Those of the treebank, and Ctrl-C.
    pub fn each<R: Send>(
        &self,
        run: &mut Run,
        counts: impl Fn(&Sentence) -> bool + Sync,
        make: impl Fn(&Sentence, &WordAttention) -> R + Sync,
        mut take: impl FnMut(R),
    ) -> Result<()> {
        let mut sentences = run.sentences(self.split)?.enumerate();
        loop {
            interrupted()?;
            let next = sentences.by_ref().take(AT_A_TIME).map(|(number, sentence)| Ok((number, sentence?)));
            let next: Vec<(usize, Sentence)> = next.collect::<Result<_>>()?;
            if next.is_empty() {
                return Ok(());
            }
            for (number, sentence) in &next {
                let is_known =
                    *number < self.store.len() && self.store.words(*number).is_none_or(|words| words == sentence.len());
                ensure!(is_known, "the treebank changed while it was read");
            }
            let of_sentence = |(number, sentence): &(usize, Sentence)| {
                let attention = if counts(sentence) { self.store.word_attention(*number) } else { None };
                attention.map(|attention| make(sentence, &attention))
            };
            let made: Vec<Option<R>> = next.par_iter().map(of_sentence).collect();
            made.into_iter().flatten().for_each(&mut take);
        }
    }
}
