//! What a probe is: its form, and how its parameters are laid out.

use std::ops::Range;

use headlight_attention::{Frame, HeadGrid};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Units of the hidden layer of [`ProbeForm::DistanceWords`] in the paper.
pub const PAPER_HIDDEN: usize = 256;

/// The trainable probes of METHOD §5. The logit of governor i for dependent j is:
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeForm {
    /// Σ_k w_k·α^k_ij + u_k·α^k_ji over the attention heads k.
    AttentionOnly,
    /// The same with w_k = (W·(v_i ⊕ v_j))_k + b_k and u_k = (U·(v_i ⊕ v_j))_k + c_k, v being word vectors.
    AttentionWords,
    /// o·tanh(H·(distance features ⊕ v_i ⊕ v_j) + b): no attention. The features are the distance forwards and
    /// backwards divided by n, five indicators for i − j = −2..2, and one for ROOT.
    DistanceWords,
}

/// Where the score of ROOT comes from in probes that read attention.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootScore {
    /// ROOT is a position whose attention is c·`[CLS]` + s·`[SEP]` with two learned scalars c and s, one for each special
    /// piece of the frame; its word vector is zero. The paper's way.
    SpecialScalars,
    /// Every head has weights of its own for each special piece, in both directions, and there is a bias; with words, a
    /// vector product says how much the dependent itself looks like a root.
    #[default]
    OwnWeights,
}

/// Everything that fixes a probe's form, and with it the number of its parameters.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSpec {
    /// The form.
    pub form: ProbeForm,
    /// Layers of the model whose attention is read.
    pub layers: usize,
    /// Heads in each layer.
    pub heads: usize,
    /// The special pieces around the words, whose attention makes the score of ROOT. Probes that were saved before frames
    /// were written down are of BERT.
    #[serde(default = "Frame::bert")]
    pub frame: Frame,
    /// Width of the word vectors; not read by [`ProbeForm::AttentionOnly`].
    pub vector_width: usize,
    /// Units of the hidden layer; read by [`ProbeForm::DistanceWords`] only.
    #[serde(rename = "hidden")]
    pub breadth: usize,
    /// Where the score of ROOT comes from; not read by [`ProbeForm::DistanceWords`].
    pub root: RootScore,
    /// Whether [`ProbeForm::AttentionWords`] has a bias for every head: the released code has one, the paper's formula
    /// has none.
    pub bias: bool,
    /// Reproduces METHOD §8 slip 1 in [`ProbeForm::AttentionWords`]: the word vectors of candidates are off by one, so
    /// that ROOT has the vector of the first word, each word that of the next, and the last word none.
    pub shifted_candidate_vectors: bool,
}

impl ProbeSpec {
    /// A probe over the heads of `grid` within `frame` in its default form: ROOT with own weights, a bias, no slip.
    pub fn new(form: ProbeForm, grid: HeadGrid, frame: &Frame, vector_width: usize) -> Self {
        Self {
            form,
            layers: grid.layers,
            heads: grid.heads,
            frame: frame.clone(),
            vector_width: if form == ProbeForm::AttentionOnly { 0 } else { vector_width },
            breadth: PAPER_HIDDEN,
            root: RootScore::default(),
            bias: true,
            shifted_candidate_vectors: false,
        }
    }

    /// The probe of Clark et al. (2019): as [`ProbeSpec::new`], but ROOT by two scalars.
    pub fn clark2019(form: ProbeForm, grid: HeadGrid, frame: &Frame, vector_width: usize) -> Self {
        Self { root: RootScore::SpecialScalars, ..Self::new(form, grid, frame, vector_width) }
    }

    /// The attention heads.
    pub fn grid(&self) -> HeadGrid {
        HeadGrid { layers: self.layers, heads: self.heads }
    }

    /// Whether sentences must come with attention.
    pub fn reads_attention(&self) -> bool {
        self.form != ProbeForm::DistanceWords
    }

    /// Whether sentences must come with word vectors.
    pub fn reads_vectors(&self) -> bool {
        self.form != ProbeForm::AttentionOnly
    }

    /// The parameters' blocks, in the order in which they lie.
    pub(crate) fn layout(&self) -> Layout {
        let (heads, specials) = (self.grid().len(), self.frame.specials());
        let (width, breadth) = (self.vector_width, self.breadth);
        let mut layout = Layout::default();
        match self.form {
            ProbeForm::AttentionOnly => layout.add(Role::Heads, &[2, heads], Initial::Glorot(2 * heads, 2 * heads)),
            ProbeForm::AttentionWords => {
                layout.add(Role::Words, &[width, 4, heads], Initial::Glorot(2 * width, 2 * heads));
                if self.bias {
                    layout.add(Role::Heads, &[2, heads], Initial::Constant(0.0));
                }
            }
            ProbeForm::DistanceWords => {
                let limit = Initial::Glorot(2 * width + DISTANCE_FEATURES, breadth);
                layout.add(Role::Words, &[width, 2, breadth], limit);
                layout.add(Role::Distances, &[DISTANCE_FEATURES, breadth], limit);
                layout.add(Role::HiddenBias, &[breadth], Initial::Constant(0.0));
                layout.add(Role::Output, &[breadth], Initial::Glorot(breadth, 1));
            }
        }
        match self.root {
            _ if !self.reads_attention() => {}
            RootScore::SpecialScalars => layout.add(Role::RootScalars, &[specials], Initial::Constant(1.0)),
            RootScore::OwnWeights => {
                layout.add(Role::RootHeads, &[2 * specials, heads], Initial::Constant(0.0));
                layout.add(Role::RootWords, &[width], Initial::Constant(0.0));
                layout.add(Role::RootBias, &[1], Initial::Constant(0.0));
            }
        }
        layout
    }
}

/// Features of [`ProbeForm::DistanceWords`] beside the vectors: forwards, backwards, i − j = −2..2, ROOT.
pub(crate) const DISTANCE_FEATURES: usize = 8;
/// The distance feature that is 1 for ROOT alone.
pub(crate) const ROOT_FEATURE: usize = 7;

/// What a block of parameters does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// `[direction, head]`: w_k and u_k, or their bias where words give them. Direction 0 is candidate→dependent.
    Heads,
    /// With attention `[vector, part, head]`, parts being the candidate's share of w and of u, then the dependent's
    /// share of w and of u. With distances `[vector, part, breadth]`, parts being candidate and dependent.
    Words,
    /// `[special]`: the scalar of each special piece.
    RootScalars,
    /// `[part, head]`: attention from each special piece, then to each.
    RootHeads,
    /// `[vector]`: how much the dependent's vector speaks for ROOT.
    RootWords,
    /// `[1]`.
    RootBias,
    /// `[feature, breadth]`.
    Distances,
    /// `[breadth]`.
    HiddenBias,
    /// `[breadth]`.
    Output,
}

impl Role {
    /// The block's name in a saved probe.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Heads => "heads",
            Role::Words => "words",
            Role::RootScalars => "root_scalars",
            Role::RootHeads => "root_heads",
            Role::RootWords => "root_words",
            Role::RootBias => "root_bias",
            Role::Distances => "distances",
            Role::HiddenBias => "hidden_bias",
            Role::Output => "output",
        }
    }
}

/// How a block starts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Initial {
    Constant(f32),
    /// Uniform within ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010), what the released code got by default.
    Glorot(usize, usize),
}

/// One block of parameters, row-major.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Block {
    pub(crate) role: Role,
    pub(crate) shape: Vec<usize>,
    pub(crate) range: Range<usize>,
    initial: Initial,
}

/// Where each block lies in the flat vector of parameters.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Layout {
    blocks: Vec<Block>,
}

impl Layout {
    fn add(&mut self, role: Role, shape: &[usize], initial: Initial) {
        let start = self.len();
        let range = start..start + shape.iter().product::<usize>();
        if !range.is_empty() {
            self.blocks.push(Block { role, shape: shape.to_vec(), range, initial });
        }
    }

    /// Number of parameters.
    pub(crate) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.range.end)
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Where a block lies; an empty range when the probe has none of that role.
    pub(crate) fn range(&self, role: Role) -> Range<usize> {
        self.blocks.iter().find(|block| block.role == role).map_or(0..0, |block| block.range.clone())
    }

    /// Parameters to start from.
    pub(crate) fn initial(&self, seed: u64) -> Vec<f32> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut parameters = Vec::with_capacity(self.len());
        for block in &self.blocks {
            parameters.extend(block.range.clone().map(|_| match block.initial {
                Initial::Constant(value) => value,
                Initial::Glorot(inputs, outputs) => {
                    let limit = (6.0 / (inputs + outputs) as f32).sqrt();
                    random.random_range(-limit..limit)
                }
            }));
        }
        parameters
    }
}
