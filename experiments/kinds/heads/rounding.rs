//! What rounding changes: a device or a precision that rounds the factors of products, beside exact f32 on the processor.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use headlight_bert::{Request, StreamError};
use headlight_heads::HeadPredictions;
use headlight_report::format::count;
use serde_json::{Value, json};

use super::Predicted;
use crate::run::{Run, interrupted, merge_rule, pieces, request};

/// How many predictions rounding changed.
pub struct Rounding {
    device: String,
    precision: String,
    sentences: u64,
    predictions: u64,
    different: u64,
}

impl Rounding {
    /// Predicts the first `sentences` sentences that were encoded anew in exact f32. `None` where nothing was rounded or no
    /// sentence is to be compared.
    pub fn measure(run: &mut Run, predicted: &Predicted, sentences: usize) -> Result<Option<Self>> {
        let config = run.config().clone();
        let (device, precision) = (config.model.device(), config.model.precision());
        if sentences == 0 || device.is_exact(precision) {
            return Ok(None);
        }
        let clock = Instant::now();
        let trees = run.sentences(predicted.split)?;
        let exact = run.model()?.exact()?;
        let request = Request { attention: None, peaks: Some(merge_rule(&config)), ..request(&config) };
        let encoded = trees.take(predicted.file.len()).enumerate().filter_map(|(number, sentence)| {
            let rounded = predicted.file.sentence(number)?;
            Some(sentence.and_then(|sentence| {
                interrupted()?;
                let pieces = pieces(&sentence, exact.tokenizer(), &config.treebank);
                Ok((rounded, pieces.map_err(|skip| anyhow!("a sentence was encoded before and is skipped now: {skip}"))?))
            }))
        });
        let mut rounding = Self {
            device: device.to_string(),
            precision: precision.to_string(),
            sentences: 0,
            predictions: 0,
            different: 0,
        };
        let streamed = exact.stream(
            encoded.take(sentences),
            &request,
            |rounded: HeadPredictions, _, encoded| {
                let exact = HeadPredictions::from(encoded.peaks?);
                Some((exact.total(), exact.differences(&rounded)))
            },
            |compared| {
                let (predictions, different) = compared.context("the encoder gave no peaks of attention")?;
                rounding.sentences += 1;
                rounding.predictions += predictions;
                rounding.different += different;
                Ok(())
            },
        );
        streamed.map_err(|error| match error {
            StreamError::Caller(error) => error,
            other => anyhow!("{other}"),
        })?;
        run.note_stage("compare with exact f32", clock);
        Ok(Some(rounding))
    }

    /// For `report.json`.
    pub fn fact(&self) -> (String, Value) {
        let Self { device, precision, sentences, predictions, different } = self;
        let fact = json!({
            "device": device,
            "precision": precision,
            "sentences": sentences,
            "predictions": predictions,
            "different": different,
        });
        ("rounding".to_owned(), fact)
    }

    /// For people; `None` where no prediction changed.
    pub fn warning(&self) -> Option<String> {
        (self.different > 0).then(|| {
            format!(
                "Products were rounded ({} on {}): of the {} predictions of all heads for the first {} sentences, {} ({:.2} %) \
                 are not those of exact f32.",
                self.precision,
                self.device,
                count(self.predictions),
                count(self.sentences),
                count(self.different),
                100.0 * self.different as f64 / self.predictions as f64,
            )
        })
    }
}
