//! The probes: their forms, their scores and their gradients.

#[cfg(test)]
mod autodiff;
mod combination;
mod distance;
mod kernels;
mod softmax;
mod spec;

use headlight_attention::AttentionHead;

pub(crate) use spec::{Layout, Role};
pub use spec::{PAPER_HIDDEN, ProbeForm, ProbeSpec, RootScore};

use crate::{ArcScores, SentenceWords, WordVectors};

/// A probe and the values of its parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct Probe {
    spec: ProbeSpec,
    layout: Layout,
    parameters: Vec<f32>,
}

/// One sentence as a probe reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// The words.
    pub(crate) words: &'a SentenceWords,
    /// `[head, from, to]`; empty for probes that read no attention.
    pub(crate) attention: &'a [f32],
    /// The vectors that the words' rows point into; `None` for probes that read none.
    pub(crate) vectors: Option<&'a WordVectors>,
}

impl<'a> Input<'a> {
    /// Number of words, n.
    pub(crate) fn words(&self) -> usize {
        self.words.words()
    }

    /// The vector of a word, `None` when it is unknown.
    pub(crate) fn vector(&self, word: usize) -> Option<&'a [f32]> {
        let row = self.words.vectors()[word]?;
        self.vectors.map(|vectors| vectors.row(row))
    }
}

/// Buffers that live from sentence to sentence; one for each thread.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    combination: combination::Buffers,
    distance: distance::Buffers,
}

impl Probe {
    /// An untrained probe, its parameters drawn from `seed`.
    pub fn new(spec: ProbeSpec, seed: u64) -> Self {
        let layout = spec.layout();
        let parameters = layout.initial(seed);
        Self { spec, layout, parameters }
    }

    /// `None` when there are more or fewer parameters than the form has.
    pub(crate) fn from_parameters(spec: ProbeSpec, parameters: Vec<f32>) -> Option<Self> {
        let layout = spec.layout();
        (parameters.len() == layout.len()).then_some(Self { spec, layout, parameters })
    }

    /// The probe's form.
    pub fn spec(&self) -> &ProbeSpec {
        &self.spec
    }

    /// All parameters, block after block.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Where each block of parameters lies.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The parameters of one role; none when the form has no such block.
    fn block(&self, role: Role) -> &[f32] {
        &self.parameters[self.layout.range(role)]
    }

    pub(crate) fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    /// The same probe without some attention heads: their weights are zero, as if nothing attended there. What a probe
    /// uses is shown by this, not by reading its weights (METHOD §5). No effect on a probe that reads no attention.
    pub fn without_heads(&self, heads: impl IntoIterator<Item = AttentionHead>) -> Self {
        let mut probe = self.clone();
        if !self.spec.reads_attention() {
            return probe;
        }
        let grid = self.spec.grid();
        for head in heads {
            for role in [Role::Heads, Role::Words, Role::RootHeads] {
                let block = &mut probe.parameters[self.layout.range(role)];
                block.iter_mut().skip(grid.number(head)).step_by(grid.len()).for_each(|weight| *weight = 0.0);
            }
        }
        probe
    }

    /// The scores of every candidate governor for every word.
    pub(crate) fn score(&self, input: &Input<'_>, workspace: &mut Workspace) -> Option<ArcScores> {
        let logits = match self.spec.form {
            ProbeForm::AttentionOnly | ProbeForm::AttentionWords => {
                combination::logits(self, input, &mut workspace.combination)
            }
            ProbeForm::DistanceWords => distance::logits(self, input, &mut workspace.distance),
        };
        ArcScores::new(input.words(), logits)
    }

    /// The loss of a sentence in nats, summed over its words; adds its gradient, derived by hand, to `gradient`, which
    /// is laid out like the parameters.
    pub(crate) fn accumulate(&self, input: &Input<'_>, gradient: &mut [f32], workspace: &mut Workspace) -> f64 {
        match self.spec.form {
            ProbeForm::AttentionOnly | ProbeForm::AttentionWords => {
                combination::accumulate(self, input, gradient, &mut workspace.combination)
            }
            ProbeForm::DistanceWords => distance::accumulate(self, input, gradient, &mut workspace.distance),
        }
    }
}
