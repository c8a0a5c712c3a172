//! A model that has learned nothing but its embeddings: the random-init control of Clark et al. (2019, §5).

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Architecture, BertWeights, LayerNorm, Linear};

/// Keeps the embeddings (of words, positions, segments, and of distances) with their normalisation and draws everything else
/// anew, as BERT does before its training: weights from Normal(0, `initializer_range`), biases 0, normalisations with scale
/// 1 and shift 0. The same seed gives the same model on every machine.
pub(crate) fn redraw(weights: &mut BertWeights, spec: &Architecture, seed: u64) {
    let mut normal = Normal { rng: ChaCha8Rng::seed_from_u64(seed), deviation: f64::from(spec.initializer_range) };
    weights.embeddings.projection.iter_mut().for_each(|linear| normal.redraw(linear));
    for layer in &mut weights.layers {
        for linear in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.attention_output] {
            normal.redraw(linear);
        }
        let own = [&mut layer.relative_query, &mut layer.relative_key, &mut layer.gate];
        own.into_iter().flatten().for_each(|linear| normal.redraw(linear));
        normal.redraw(&mut layer.intermediate);
        normal.redraw(&mut layer.output);
        [&mut layer.query_norm, &mut layer.key_norm, &mut layer.attention_norm].into_iter().flatten().for_each(reset);
        reset(&mut layer.output_norm);
    }
    weights.final_norm.iter_mut().for_each(reset);
    if let Some(head) = &mut weights.masked_lm {
        if let Some(transform) = &mut head.transform {
            normal.redraw(&mut transform.linear);
            reset(&mut transform.norm);
        }
        head.bias.fill(0.0);
        if let Some(decoder) = &mut head.decoder {
            normal.fill(decoder);
        }
    }
}

struct Normal {
    rng: ChaCha8Rng,
    deviation: f64,
}

impl Normal {
    fn redraw(&mut self, linear: &mut Linear) {
        self.fill(&mut linear.weight);
        linear.bias.fill(0.0);
    }

    /// Box–Muller: two uniform numbers make two normal ones.
    fn fill(&mut self, values: &mut [f32]) {
        for pair in values.chunks_mut(2) {
            let (u, v): (f64, f64) = (1.0 - self.rng.random::<f64>(), self.rng.random());
            let radius = self.deviation * (-2.0 * u.ln()).sqrt();
            let drawn = [radius * (TAU * v).cos(), radius * (TAU * v).sin()];
            pair.iter_mut().zip(drawn).for_each(|(value, drawn)| *value = drawn as f32);
        }
    }
}

fn reset(norm: &mut LayerNorm) {
    norm.weight.fill(1.0);
    norm.bias.fill(0.0);
}
