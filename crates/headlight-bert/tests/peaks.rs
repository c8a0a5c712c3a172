//! Peaks found inside the encoders, on models from checkpoints.

use std::{num::NonZeroUsize, path::Path};

use crate::support::{differing, encode_all, fixture, real_sentences, shared};
use headlight_attention::{AttentionPeaks, MergeRule, peaks};
use headlight_bert::{Device, Level, LoadOptions, Model, Pieces, Request};

const DEVICES: [Device; 2] = [Device::Cpu, Device::Ndarray];

fn model(folder: &Path, device: Device, threads: usize) -> Model {
    Model::load(folder, &LoadOptions { device, threads: NonZeroUsize::new(threads), ..Default::default() }).unwrap()
}

/// The peaks of all inputs, found in the encoder or here in the maps that it hands over.
fn peaks_of(model: &Model, inputs: &[Pieces], in_the_encoder: bool) -> Vec<AttentionPeaks> {
    let rule = MergeRule::Mean;
    let request = match in_the_encoder {
        true => Request { peaks: Some(rule), ..Request::default() },
        false => Request { attention: Some(Level::Words(rule)), ..Request::default() },
    };
    encode_all(model, inputs, &request, |encoded| encoded.peaks.unwrap_or_else(|| peaks(&encoded.words.unwrap())))
}

/// The same wherever they are found, on any number of threads, and nearly the same on any device.
fn check(folder: &Path, inputs: impl Fn(&Model) -> Vec<Pieces>) {
    let mut first: Option<Vec<AttentionPeaks>> = None;
    for device in DEVICES {
        let one = model(folder, device, 1);
        let inputs = inputs(&one);
        let found = peaks_of(&one, &inputs, true);
        assert!(found == peaks_of(&one, &inputs, false), "{device}: other peaks than those of the maps");
        for threads in [2, 3] {
            let many = model(folder, device, threads);
            assert!(found == peaks_of(&many, &inputs, true), "{device}: other peaks on {threads} threads");
        }
        // Encoders round differently, which decides where two weights are almost equal.
        let share = first.as_ref().map_or(0.0, |first| differing(first, &found));
        assert!(share < 1e-3, "{device}: {share} of the predictions differ from those of the first device");
        first.get_or_insert(found);
    }
}

#[test]
fn peaks_of_the_fixture_model_are_the_same_everywhere() {
    check(&fixture("tiny-bert"), |model| {
        let sentences = ["the old cat sat on a mat .", "her dog was reading that book", "trees !"];
        let words = |text: &&str| model.tokenizer().words(&text.split(' ').collect::<Vec<_>>(), 128).unwrap();
        sentences.iter().map(words).cycle().take(400).collect()
    });
}

const TREEBANK: &str = "data/ud-english-ewt/en_ewt-ud-dev.conllu";

#[test]
fn peaks_of_a_real_model_are_the_same_everywhere() {
    let (Some(folder), Some(treebank)) = (shared("data/minilm-l6"), shared(TREEBANK)) else { return };
    check(&folder, |model| real_sentences(model, &treebank, 80));
}
