//! Hidden states of a split, written by one pass of the encoder.

use anyhow::{Context, Result};
use headlight_bert::Request;
use headlight_probe::SentenceWords;
use headlight_probe::structural::{StateFile, StateWriter};

use crate::config::Split;
use crate::run::{Pass, Run};

/// Keeps the states of `layers` (0 is the embeddings) in the run's work folder, in the order given. Skipped sentences
/// have none.
///
/// # Errors
/// Those of the encoder's pass and of the disk.
pub fn kept(run: &mut Run, split: Split, layers: &[usize]) -> Result<StateFile> {
    let width = run.model()?.model.spec().hidden;
    let folder = run.work_folder()?.join(format!("states-{}", split.name()));
    let mut writer = StateWriter::create(&folder, layers.len(), width)?;
    let request = Request { hidden_states: true, ..Request::default() };
    let pass = Pass { split, from: 0, request: &request };
    run.encode(
        &pass,
        |_, pieces, encoded| {
            let hidden = encoded.hidden?;
            Some(layers.iter().map(|layer| hidden.words(*layer, &pieces.alignment)).collect::<Vec<_>>())
        },
        |sentence, states| match states {
            Some(states) => {
                let states = states.context("the encoder gave no hidden states")?;
                Ok(writer.push(SentenceWords::new(sentence, None), &states)?)
            }
            None => Ok(()),
        },
    )?;
    Ok(writer.finish()?)
}
