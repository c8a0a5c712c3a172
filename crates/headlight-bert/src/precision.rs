//! In which numbers an encoder multiplies.

use std::fmt;

use burn::tensor::FloatDType;

/// The numbers of an encoder's matrix products. Everything between the products (embeddings, sums, softmax, activations,
/// layer normalisation, merging to words) is computed in f32 whatever this says, and so are attention and hidden states.
///
/// On CUDA, burn hands products of f32 to tensor cores, and those round their factors to TF32: 8 bits of exponent and, as in f16,
/// 10 of mantissa. Exact f32 is what a processor computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Precision {
    /// 8 bits of exponent, 23 of mantissa.
    #[default]
    F32,
    /// 5 bits of exponent, 10 of mantissa: nothing beyond 65504.
    F16,
    /// 8 bits of exponent, 7 of mantissa.
    Bf16,
}

impl Precision {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// burn's name.
    pub(crate) fn float(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::F16 => FloatDType::F16,
            Self::Bf16 => FloatDType::BF16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}
