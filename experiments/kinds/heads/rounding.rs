//! What rounding changes: a device or a precision that rounds the factors of products, beside exact f32 on the processor.

use std::time::Instant;

use anyhow::{Result, anyhow};
use headlight_bert::{Device, Model, Pieces, Request, StreamError};
use headlight_heads::HeadPredictions;
use headlight_report::facts::Rounding;

use super::Predicted;
use crate::kinds::shared::predictions::Rows;
use crate::run::{Run, interrupted, pieces};

/// Predictions that were made twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Compared {
    sentences: u64,
    predictions: u64,
    different: u64,
}

/// Whether anything is rounded, and any of `sentences` is to be compared.
pub fn is_measured(run: &Run, sentences: usize) -> bool {
    let model = &run.settings().model;
    sentences > 0 && !Device::from(model.device).is_exact(model.precision.into())
}

/// Predicts the first `sentences` sentences that were encoded anew in exact f32. `None` where nothing was rounded or no
/// sentence is to be compared.
pub fn measure(run: &mut Run, predicted: &Predicted, rows: Rows, sentences: usize) -> Result<Option<Rounding>> {
    if !is_measured(run, sentences) {
        return Ok(None);
    }
    let config = run.settings().clone();
    let (device, precision) = (Device::from(config.model.device), config.model.precision);
    let clock = Instant::now();
    let trees = run.sentences(predicted.split)?;
    let exact = run.model()?.exact()?;
    let request = rows.request(&config);
    let encoded = trees.take(predicted.file.len()).enumerate().filter_map(|(number, sentence)| {
        let rounded = predicted.file.sentence(number).transpose()?;
        Some(sentence.and_then(|sentence| {
            let rounded = rounded?;
            interrupted()?;
            let pieces = pieces(&sentence, exact.tokenizer(), &config.treebank);
            Ok((rounded, pieces.map_err(|skip| anyhow!("a sentence was encoded before and is skipped now: {skip}"))?))
        }))
    });
    let compared = compare(&exact, &request, rows, encoded.take(sentences))?;
    run.note_stage("compare with exact f32", clock);
    let Compared { sentences, predictions, different } = compared;
    let (device, precision) = (device.to_string(), precision.to_string());
    Ok(Some(Rounding { device, precision, sentences, predictions, different }))
}

/// Predicts each input with the exact model, beside what was predicted before.
fn compare(
    exact: &Model,
    request: &Request,
    rows: Rows,
    inputs: impl Iterator<Item = Result<(HeadPredictions, Pieces)>> + Send,
) -> Result<Compared> {
    let mut compared = Compared::default();
    let streamed = exact.stream(
        inputs,
        request,
        |rounded, _, encoded| {
            let exact = rows.predictions(&encoded)?;
            Ok((exact.total(), exact.differences(&rounded)))
        },
        |sentence| {
            let sentence: Result<(u64, u64)> = sentence;
            let (predictions, different) = sentence?;
            compared.sentences += 1;
            compared.predictions += predictions;
            compared.different += different;
            Ok(())
        },
    );
    match streamed {
        Ok(()) => Ok(compared),
        Err(StreamError::Caller(error)) => Err(error),
        Err(other) => Err(anyhow!("{other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use headlight_attention::{AttentionPeaks, MergeRule};
    use headlight_bert::LoadOptions;

    use super::*;

    #[test]
    fn what_rounding_changed_is_counted() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/headlight-bert/tests/fixtures/tiny-bert");
        let model = Model::load(&folder, &LoadOptions::default()).unwrap();
        let request = Request { peaks: Some(MergeRule::Mean), ..Request::default() };
        let inputs = ["the old cat sat on a mat", "trees !"].map(|text| {
            let pieces = model.tokenizer().words(&text.split(' ').collect::<Vec<_>>(), 128).unwrap();
            let peaks = model.encode(&pieces, &request).unwrap().peaks.unwrap();
            // Two words have no other choice; of the longer sentence the first prediction is made another one.
            let mut places = peaks.places().to_vec();
            if peaks.words() > 2 {
                places[0] = if places[0] == 1 { 2 } else { 1 };
            }
            let rounded = AttentionPeaks::new(peaks.grid(), peaks.words(), places).unwrap();
            (HeadPredictions::from(rounded), pieces)
        });
        let compared = compare(&model, &request, Rows::Raw, inputs.into_iter().map(Ok)).unwrap();
        let predictions = 2 * 9 * (7 + 2);
        assert_eq!(compared, Compared { sentences: 2, predictions, different: 1 });
    }

    #[test]
    fn an_error_of_the_inputs_is_told() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/headlight-bert/tests/fixtures/tiny-bert");
        let model = Model::load(&folder, &LoadOptions::default()).unwrap();
        let inputs = std::iter::once(Err(anyhow!("no such file")));
        assert_eq!(compare(&model, &Request::default(), Rows::Raw, inputs).unwrap_err().to_string(), "no such file");
    }
}
