//! A model that has learned nothing but its embeddings: the random-init control of Clark et al. (2019, §5).

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Architecture, BertWeights, LayerNorm, Linear};

/// Keeps the embeddings with their normalisation and draws everything else anew, as BERT does before its training:
/// weights from Normal(0, `initializer_range`), biases 0, LayerNorm scale 1 and shift 0. The same seed gives the same
/// model on every machine.
pub(crate) fn redraw(weights: &mut BertWeights, spec: &Architecture, seed: u64) {
    let mut normal = Normal { rng: ChaCha8Rng::seed_from_u64(seed), deviation: f64::from(spec.initializer_range) };
    for layer in &mut weights.layers {
        for linear in [
            &mut layer.query,
            &mut layer.key,
            &mut layer.value,
            &mut layer.attention_output,
            &mut layer.intermediate,
            &mut layer.output,
        ] {
            normal.redraw(linear);
        }
        reset(&mut layer.attention_norm);
        reset(&mut layer.output_norm);
    }
    if let Some(head) = &mut weights.masked_lm {
        normal.redraw(&mut head.transform);
        reset(&mut head.norm);
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
