//! The keys of `kind = "probe"` and what they mean to the library.

use anyhow::{Result, bail, ensure};
use headlight_attention::{Frame, HeadGrid, MergeRule};
use headlight_probe::{Ablation, ProbeForm, ProbeSpec, RootScore, TrainOptions};
use headlight_report::RIGHT_BRANCHING;

use super::Probe;
use crate::config::choice;
use crate::kinds::shared::{check_bootstrap, repeated};

choice! {
    /// A probe, or an untrained baseline.
    #[derive(PartialOrd, Ord, Hash)]
    Variant {
        Attention = "attention",
        AttentionWords = "attention+words",
        DistanceWords = "distance+words",
        RandomInit = "random-init",
        RandomInitWords = "random-init+words",
        RightBranching = "right-branching",
    }
}
choice! {
    /// How probes are trained.
    Regime { Default = "default", Clark2019 = "clark2019" }
}
choice! {
    /// Where the score of ROOT comes from.
    Root { Regime = "regime", SpecialScalars = "special-scalars", OwnWeights = "own-weights" }
}
choice! {
    /// A slip of the released code (METHOD §8).
    Slip {
        ShiftedVectors = "shifted-vectors",
        FirstPiece = "first-piece",
        FileOrder = "file-order",
        FlooredScores = "floored-scores",
    }
}
choice! {
    /// Bits of a weight in the store.
    Bits => headlight_attention::store::Bits { F16 = "f16", F32 = "f32" }
}
choice! {
    /// What is taken away from a trained probe, a part at a time.
    Taken => Ablation {
        Heads = "heads",
        Layers = "layers",
        AllButOneHead = "all-but-one-head",
        AllButOneLayer = "all-but-one-layer",
    }
}

impl Variant {
    /// As configs, tables and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Attention => "attention",
            Variant::AttentionWords => "attention+words",
            Variant::DistanceWords => "distance+words",
            Variant::RandomInit => "random-init",
            Variant::RandomInitWords => "random-init+words",
            Variant::RightBranching => RIGHT_BRANCHING,
        }
    }

    /// The probe's form; `None` for a baseline that is not trained.
    pub fn form(self) -> Option<ProbeForm> {
        match self {
            Variant::Attention | Variant::RandomInit => Some(ProbeForm::AttentionOnly),
            Variant::AttentionWords | Variant::RandomInitWords => Some(ProbeForm::AttentionWords),
            Variant::DistanceWords => Some(ProbeForm::DistanceWords),
            Variant::RightBranching => None,
        }
    }

    /// Whether it reads attention of a model that has learned nothing but its embeddings.
    pub fn is_random(self) -> bool {
        matches!(self, Variant::RandomInit | Variant::RandomInitWords)
    }

    /// Whether it reads attention.
    pub fn reads_attention(self) -> bool {
        matches!(self.form(), Some(ProbeForm::AttentionOnly | ProbeForm::AttentionWords))
    }

    /// Whether it reads word vectors.
    pub fn reads_vectors(self) -> bool {
        matches!(self.form(), Some(ProbeForm::AttentionWords | ProbeForm::DistanceWords))
    }
}

impl Regime {
    /// How it trains.
    pub fn options(self, seed: u64) -> TrainOptions {
        match self {
            Regime::Default => TrainOptions::until_best(seed),
            Regime::Clark2019 => TrainOptions::clark2019(seed),
        }
    }

    /// Where its score of ROOT comes from.
    pub fn root(self) -> RootScore {
        match self {
            Regime::Default => RootScore::OwnWeights,
            Regime::Clark2019 => RootScore::SpecialScalars,
        }
    }
}

impl Probe {
    /// Names of the trainings of a variant, each with its seed and the number of its draw of random weights: those of the
    /// first draw are named by their seed alone.
    pub fn trainings(&self, variant: Variant, run: u64) -> Vec<(String, u64, Option<usize>)> {
        let draws: Vec<Option<usize>> =
            if variant.is_random() { (0..self.draws).map(Some).collect() } else { vec![None] };
        let name = self.name_of(variant);
        let mut trainings = Vec::new();
        for draw in draws {
            let drawn = draw.filter(|draw| *draw > 0).map(|draw| format!("-draw{}", draw + 1)).unwrap_or_default();
            let seeds = self.training_seeds(run).into_iter();
            trainings.extend(seeds.map(|seed| (format!("{name}{drawn}-seed{seed}"), seed, draw)));
        }
        trainings
    }

    /// What tables and files call a variant in this experiment.
    pub fn name_of(&self, variant: Variant) -> String {
        match self.label.as_str() {
            "" => variant.name().to_owned(),
            label => format!("{}-{label}", variant.name()),
        }
    }

    pub fn has(&self, slip: Slip) -> bool {
        self.slips.contains(&slip)
    }

    /// The training seeds: `seeds`, or the run's.
    pub fn training_seeds(&self, run: u64) -> Vec<u64> {
        if self.seeds.is_empty() { vec![run] } else { self.seeds.clone() }
    }

    /// How the pieces of a word are merged, which the treebank's key says unless a slip does.
    pub fn merge(&self, treebank: MergeRule) -> MergeRule {
        if self.has(Slip::FirstPiece) { MergeRule::First } else { treebank }
    }

    /// The form of a probe over the heads of `grid`.
    pub fn spec(&self, form: ProbeForm, grid: HeadGrid, frame: &Frame, vector_width: usize) -> ProbeSpec {
        ProbeSpec {
            root: match self.root {
                Root::SpecialScalars => RootScore::SpecialScalars,
                Root::OwnWeights => RootScore::OwnWeights,
                Root::Regime => self.regime.root(),
            },
            bias: self.bias,
            shifted_candidate_vectors: self.has(Slip::ShiftedVectors),
            ..ProbeSpec::new(form, grid, frame, vector_width)
        }
    }

    /// How a probe is trained.
    pub fn options(&self, seed: u64) -> TrainOptions {
        let regime = self.regime.options(seed);
        TrainOptions {
            epochs: if self.epochs == 0 { regime.epochs } else { self.epochs },
            shuffle: regime.shuffle && !self.has(Slip::FileOrder),
            ..regime
        }
    }

    /// What is wrong with the keys alone.
    pub fn check_keys(&self) -> Result<()> {
        ensure!(!self.probes.is_empty(), "`probes` is empty: name at least one, such as \"attention\"");
        if let Some(twice) = repeated(&self.probes) {
            bail!("`probes` names {twice} twice");
        }
        if let Some(twice) = repeated(&self.seeds) {
            bail!("`seeds` holds {twice} twice");
        }
        ensure!(
            self.label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'),
            "`label` is {:?}; use letters, digits, - and _, since it is part of names",
            self.label
        );
        let wants_vectors = self.probes.iter().find(|variant| variant.reads_vectors());
        if let (Some(variant), true) = (wants_vectors, self.vectors.as_os_str().is_empty()) {
            bail!(
                "the probe {variant} reads word vectors, but `vectors` is empty: name a file of GloVe, word2vec or \
                 fastText vectors, for example by --set probe.vectors=glove.6B.50d.txt"
            );
        }
        let drawn = self.control_task || self.probes.iter().any(|variant| variant.is_random());
        ensure!(
            self.draws > 0 || !drawn,
            "`draws` is 0, but random weights and control tasks need at least 1; 3 or more show how far they spread"
        );
        check_bootstrap(self.resamples, self.confidence)
    }
}
