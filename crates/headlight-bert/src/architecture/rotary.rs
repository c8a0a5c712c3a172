//! Rotary embeddings as a `config.json` describes them: `rope_theta` and `rope_scaling`, or `rope_parameters`.

use std::f32::consts::TAU;

use super::{Keys, Rotary};
use crate::LoadError;

/// No real head comes near.
const WIDEST: usize = 1 << 12;

impl Rotary {
    /// For the first `width` columns of a head, with the base that is given where neither `parameters` nor a key of the file
    /// names one. Scaled frequencies are read from `parameters`, which is `rope_parameters` or `rope_scaling`.
    pub(super) fn read(keys: &Keys, parameters: &Keys, theta: f32, width: usize) -> Result<Self, LoadError> {
        if width > WIDEST {
            return keys.wrong(format!("heads of width {width}, which no model has"));
        }
        let theta = parameters.positive("rope_theta", keys.positive("rope_theta", theta)?)?;
        // In f32, as torch computes them.
        let frequency = |pair: usize| 1.0 / theta.powf((2 * pair) as f32 / width as f32);
        let mut frequencies: Vec<f32> = (0..width / 2).map(frequency).collect();
        match parameters.text("rope_type", parameters.text("type", "default")?)? {
            "default" => {}
            "linear" => {
                let factor = parameters.positive("factor", 1.0)?;
                frequencies.iter_mut().for_each(|frequency| *frequency /= factor);
            }
            "llama3" => {
                let scaling = Llama3 {
                    factor: parameters.positive("factor", 8.0)?,
                    low: parameters.positive("low_freq_factor", 1.0)?,
                    high: parameters.positive("high_freq_factor", 4.0)?,
                    context: parameters.size_or("original_max_position_embeddings", 8192)? as f32,
                };
                frequencies.iter_mut().for_each(|frequency| *frequency = scaling.scaled(*frequency));
            }
            other => return keys.unsupported("rope_type", other, "default, linear, llama3"),
        }
        Ok(Self { frequencies })
    }
}

/// Llama 3.1 divides the frequencies whose waves are longer than its first training's context, and some of the others in part.
struct Llama3 {
    factor: f32,
    low: f32,
    high: f32,
    context: f32,
}

impl Llama3 {
    fn scaled(&self, frequency: f32) -> f32 {
        let wave = TAU / frequency;
        if wave < self.context / self.high {
            return frequency;
        }
        if wave > self.context / self.low {
            return frequency / self.factor;
        }
        let kept = (self.context / wave - self.low) / (self.high - self.low);
        (1.0 - kept) * frequency / self.factor + kept * frequency
    }
}
