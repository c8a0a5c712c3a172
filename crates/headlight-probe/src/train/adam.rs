//! Adam (Kingma & Ba 2015).

use multiversion::multiversion;
use serde::{Deserialize, Serialize};

const BETA_1: f32 = 0.9;
const BETA_2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// Adam's moments, laid out like the parameters.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Adam {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    /// Steps made.
    pub(crate) steps: u64,
}

impl Adam {
    pub(crate) fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], steps: 0 }
    }

    /// Moves the parameters against the gradient, and sets the gradient to 0.
    pub(crate) fn step(&mut self, parameters: &mut [f32], gradient: &mut [f32], learning_rate: f32) {
        self.steps += 1;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let first_correction = 1.0 - f64::from(BETA_1).powi(steps);
        let second_correction = (1.0 - f64::from(BETA_2).powi(steps)).sqrt();
        let rate = (f64::from(learning_rate) / first_correction) as f32;
        step(parameters, gradient, &mut self.first, &mut self.second, rate, (1.0 / second_correction) as f32);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn step(
    parameters: &mut [f32],
    gradient: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    rate: f32,
    second_scale: f32,
) {
    let values = parameters.iter_mut().zip(gradient).zip(first.iter_mut().zip(second));
    for ((parameter, gradient), (first, second)) in values {
        *first = BETA_1 * *first + (1.0 - BETA_1) * *gradient;
        *second = BETA_2 * *second + (1.0 - BETA_2) * *gradient * *gradient;
        *parameter -= rate * *first / (second.sqrt() * second_scale + EPSILON);
        *gradient = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.optim.Adam([1, -2], lr=0.1)` on the loss x² + 3y, four steps.
    #[test]
    fn steps_agree_with_pytorch() {
        let mut parameters = [1.0_f32, -2.0];
        let mut adam = Adam::new(2);
        for _ in 0..4 {
            let mut gradient = [2.0 * parameters[0], 3.0];
            adam.step(&mut parameters, &mut gradient, 0.1);
            assert_eq!(gradient, [0.0, 0.0]);
        }
        let expected = [0.603_939_1, -2.399_999_6];
        assert!(parameters.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{parameters:?}");
    }
}
