//! Hidden states of a split, written by one pass of the encoder.

use std::path::Path;

use anyhow::{Context, Result};
use headlight_bert::Request;
use headlight_probe::SentenceWords;
use headlight_probe::structural::{StateFile, StateWriter};

use crate::cli::progress;
use crate::config::Split;
use crate::run::{Pass, Run, Units};
use crate::sources::input;

/// The states of a split, and the units of its sentences.
pub struct States {
    pub states: StateFile,
    pub units: Units,
}

/// What a finished pass leaves beside its files: which sentences were not skipped, and the files' checksums.
type Finished = (Vec<bool>, Vec<String>);

/// Keeps the states of `layers` (0 is the embeddings) in the run's work folder, in the order given. Skipped sentences
/// have none. What an interrupted call left is taken when it was complete and is as it was written.
///
/// # Errors
/// Those of the encoder's pass and of the disk.
pub fn kept(run: &mut Run, split: Split, layers: &[usize]) -> Result<States> {
    let width = run.model()?.model.spec().hidden;
    run.treebank(split)?;
    let steps = run.steps()?;
    let step = format!("hidden states of {}", split.name());
    let folder = run.work_folder()?.join(format!("states-{}", split.name()));
    if let Some((encoded, checksums)) = steps.kept::<Finished>(&step) {
        if checksums_of(&folder, layers.len()).is_ok_and(|found| found == checksums) {
            tracing::info!("{}: hidden states of an interrupted run", split.name());
            return taken(run, split, &folder, (layers.len(), width), &encoded);
        }
        tracing::warn!("hidden states of the interrupted run are damaged and are computed again");
    }
    progress::say(&format!(
        "hidden states of {} are kept when their pass is complete: interrupted within it, it starts again",
        split.name()
    ));
    let mut writer = StateWriter::create(&folder, layers.len(), width)?;
    let (mut units, mut encoded) = (run.units(), Vec::new());
    let request = Request { hidden_states: true, ..Request::default() };
    let pass = Pass { split, from: 0, request: &request };
    run.encode(
        &pass,
        |_, pieces, encoded| {
            let hidden = encoded.hidden?;
            Some(layers.iter().map(|layer| hidden.words(*layer, &pieces.alignment)).collect::<Vec<_>>())
        },
        |sentence, states| {
            encoded.push(states.is_some());
            match states {
                Some(states) => {
                    let states = states.context("the encoder gave no hidden states")?;
                    units.push(sentence);
                    Ok(writer.push(SentenceWords::new(sentence, None), &states)?)
                }
                None => Ok(()),
            }
        },
    )?;
    let states = writer.finish()?;
    steps.keep(&step, &(encoded, checksums_of(&folder, layers.len())?))?;
    Ok(States { states, units })
}

/// The states that an interrupted call left.
fn taken(
    run: &mut Run,
    split: Split,
    folder: &Path,
    (layers, width): (usize, usize),
    encoded: &[bool],
) -> Result<States> {
    run.note_sentences(split)?;
    let (mut units, mut words) = (run.units(), Vec::new());
    for (sentence, encoded) in run.sentences(split)?.zip(encoded) {
        let sentence = sentence?;
        if *encoded {
            units.push(&sentence);
            words.push(SentenceWords::new(&sentence, None));
        }
    }
    Ok(States { states: StateFile::open(folder, layers, width, words)?, units })
}

fn checksums_of(folder: &Path, layers: usize) -> Result<Vec<String>> {
    let files = (0..layers).map(|layer| StateFile::path(folder, layer));
    files.map(|path| Ok(input("hidden states", &path)?.sha256)).collect()
}
