//! The tables of the kinds beside heads, surface and clusters, of made-up numbers.

use std::path::Path;

use headlight_report::tables::*;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::run::Size;

impl Size {
    /// Writes every one of them.
    pub fn write_kinds(&self, folder: &Path) {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        self.write_importance(folder, &mut random);
        self.write_pruning(folder, &mut random);
        self.write_trees(folder, &mut random);
        self.write_ensembles(folder, &mut random);
        self.write_coreference(folder, &mut random);
        self.write_probes(folder, &mut random);
        self.write_differences(folder, &mut random);
        self.write_pairs(folder);
    }

    fn write_pairs(&self, folder: &Path) {
        let phenomena = ["island_effects", "anaphor_agreement", "npi_licensing", "filler_gap_dependency"];
        let groups: Vec<(PairLevel, Option<String>)> = [(PairLevel::Whole, None)]
            .into_iter()
            .chain([(PairLevel::Field, Some(self.text("syntax")))])
            .chain(phenomena.map(|name| (PairLevel::Phenomenon, Some(self.text(name)))))
            .chain(phenomena.map(|name| (PairLevel::Paradigm, Some(self.text(&format!("{name}_1"))))))
            .collect();
        let (mut rows, mut masked) = (Vec::new(), Vec::new());
        for (number, (level, group)) in groups.into_iter().enumerate() {
            let share = 0.55 + 0.04 * number as f64;
            let several = level != PairLevel::Paradigm;
            rows.push(PairAccuracy {
                pairs: self.text("blimp"),
                score: SentenceScore::WithinWordL2r,
                level,
                group: group.clone(),
                paradigms: if several { 3 } else { 1 },
                correct: (1000.0 * share) as u64,
                ties: 1,
                total: 1000,
                ci_low: Some(share - 0.03),
                ci_high: Some(share + 0.03),
                macro_mean: several.then_some(share - 0.01),
                macro_ci_low: several.then_some(share - 0.04),
                macro_ci_high: several.then_some(share + 0.02),
            });
            let steps = [(MaskedHeads::None, None, 0)].into_iter();
            let steps = steps.chain((1..4).map(|step| (MaskedHeads::Chosen, None, step)));
            let steps =
                steps.chain((0..5).flat_map(|draw| (1..4).map(move |step| (MaskedHeads::Random, Some(draw), step))));
            masked.extend(steps.map(|(heads, draw, step)| PairMasking {
                pairs: self.text("blimp"),
                score: SentenceScore::WithinWordL2r,
                masking: Masking::Zero,
                masked: heads,
                draw,
                step,
                heads: ["", "1-1", "1-1 2-1", "1-1 2-1 2-2"][step as usize].into(),
                level,
                group: group.clone(),
                correct: (100.0 * share) as u64 - u64::from(step) * if draw.is_some() { 1 } else { 4 },
                ties: 0,
                total: 100,
                ci_low: (step > 0).then_some(-0.08),
                ci_high: (step > 0).then_some(0.01),
            }));
        }
        write_table(folder, &rows).unwrap();
        write_table(folder, &masked).unwrap();
    }

    fn write_differences(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let row = |experiment, measure, group: Option<String>, a: &str, b: &str, values: (f64, f64)| {
            let difference = values.0 - values.1;
            Difference {
                experiment,
                measure,
                group,
                a: self.text(a),
                b: self.text(b),
                value_a: values.0,
                value_b: values.1,
                difference,
                ci_low: Some(difference - 0.02),
                ci_high: Some(difference + 0.02),
                p_value: Some(if difference.abs() > 0.02 { 1e-4 } else { 0.4 }),
                p_adjusted: Some(if difference.abs() > 0.02 { 0.002 } else { 1.0 }),
                unit: headlight_stats::Unit::Sentence,
                units: 2_001,
            }
        };
        let mut rows = vec![
            row(ComparingKind::Trees, ComparedMeasure::Uuas, None, "head 1-3 undirected", "chain", (0.55, 0.43)),
            row(
                ComparingKind::Trees,
                ComparedMeasure::UasGivenRoot,
                None,
                "head 1-3 dep_to_gov",
                "chain",
                (0.31, 0.32),
            ),
            row(
                ComparingKind::Structural,
                ComparedMeasure::DistanceSpearman,
                None,
                "attention",
                "right-branching",
                (0.81, 0.42),
            ),
        ];
        for number in 0..12 {
            let values = (random.random_range(0.3..0.7), random.random_range(0.3..0.7));
            let (kind, measure) = (ComparingKind::Ensembles, ComparedMeasure::ArcsFound);
            rows.push(row(kind, measure, Some(self.relation(number)), "ensemble", "first head", values));
        }
        write_table(folder, &rows).unwrap();
    }

    fn places(&self) -> Vec<(u32, u32)> {
        self.grid().iter().map(|head| (head.layer as u32, head.index as u32)).collect()
    }

    fn write_importance(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let mut rows = Vec::new();
        for (measure, size) in ImportanceMeasure::ALL.into_iter().zip([2e-4, 6e-4, 9e-4, 0.02]) {
            let mut put = |layer_index: u32, head_index: Option<u32>, value: f64| {
                rows.push(Importance {
                    corpus: self.text("en_ewt"),
                    layer_index,
                    head_index,
                    measure,
                    value,
                    standard_error: Some(value / 20.0),
                    sequences: 516,
                    ci_low: Some(0.9 * value),
                    ci_high: Some(1.1 * value),
                });
            };
            for layer in 0..self.layers {
                put(layer, None, size * (1.0 + f64::from(layer)));
                (0..self.heads).for_each(|head| put(layer, Some(head), size * random.random_range(0.0..9.0)));
            }
        }
        write_table(folder, &rows).unwrap();
    }

    fn write_pruning(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let (mut alone, mut curves) = (Vec::new(), Vec::new());
        for (measure, intact, harm) in [(MaskingMeasure::MaskedLm, 2.4, 1.0), (MaskingMeasure::ProbeUas, 0.61, -1.0)] {
            for (layer_index, head_index) in self.places() {
                alone.push(Ablation {
                    corpus: self.text("en_ewt"),
                    layer_index,
                    head_index,
                    masking: Masking::Zero,
                    measure,
                    value: intact + harm * random.random_range(-0.01..0.04),
                    intact,
                    standard_error: Some(0.002),
                    correct: None,
                    total: None,
                    sequences: 100,
                    ci_low: None,
                    ci_high: None,
                });
            }
            let orders = [
                (PruningOrder::Importance, None, 0.2),
                (PruningOrder::Greedy, None, 0.1),
                (PruningOrder::Random, Some(1), 0.8),
                (PruningOrder::Random, Some(2), 0.6),
            ];
            for (order, draw, steepness) in orders {
                let heads = [None].into_iter().chain(self.places().into_iter().map(Some));
                let share = |step: usize| step as f64 / self.places().len() as f64;
                curves.extend(heads.enumerate().map(|(step, head)| Pruning {
                    corpus: self.text("en_ewt"),
                    order,
                    masking: Masking::Zero,
                    measure,
                    step: step as u32,
                    layer_index: head.map(|head| head.0),
                    head_index: head.map(|head| head.1),
                    value: intact + harm * 0.5 * (steepness * share(step) + share(step).powi(4)),
                    standard_error: Some(0.01),
                    correct: None,
                    total: None,
                    sequences: 100,
                    draw,
                    ci_low: None,
                    ci_high: None,
                }));
            }
        }
        write_table(folder, &alone).unwrap();
        write_table(folder, &curves).unwrap();
    }

    fn write_trees(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let mut rows = Vec::new();
        for tree in TreeShape::ALL {
            let row = |predictor: TreePredictor,
                       head: Option<(u32, u32)>,
                       correct: u64,
                       interval: Option<(f64, f64)>| HeadTree {
                treebank: self.text("en_ewt"),
                split: Split::Evaluate,
                predictor,
                layer_index: head.map(|head| head.0),
                head_index: head.map(|head| head.1),
                tree,
                measure: TreeMeasure::Uuas,
                correct,
                total: 20_000,
                ci_low: interval.map(|interval| interval.0),
                ci_high: interval.map(|interval| interval.1),
            };
            rows.push(row(TreePredictor::Head, Some((1, 2)), 10_400, Some((0.51, 0.53))));
            rows.push(row(TreePredictor::Chain, None, 9_000, Some((0.44, 0.46))));
            rows.extend(
                self.places()
                    .into_iter()
                    .map(|head| row(TreePredictor::EachHead, Some(head), random.random_range(4000..10_400), None)),
            );
        }
        write_table(folder, &rows).unwrap();
    }

    fn write_ensembles(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let mut rows = Vec::new();
        for number in 0..12 {
            for direction in [Direction::DependentToGovernor, Direction::GovernorToDependent] {
                let total = 2_400 / (1 + number as u64) + 50;
                let (alone, gain) = (random.random_range(0.2..0.7), random.random_range(-0.02..0.1));
                rows.push(Ensemble {
                    treebank: self.text("en_ewt"),
                    relation: self.relation(number),
                    direction,
                    heads: "2-3 1-1 2-2".into(),
                    selected_correct: random.random_range(100..900),
                    selected_total: 1000,
                    correct: ((alone + gain) * total as f64) as u64,
                    total,
                    ci_low: Some(alone + gain - 0.03),
                    ci_high: Some(alone + gain + 0.03),
                    single_head: "2-3".into(),
                    single_correct: (alone * total as f64) as u64,
                    difference_ci_low: Some(gain - 0.01),
                    difference_ci_high: Some(gain + 0.01),
                    best_head: "1-2".into(),
                    best_direction: Some(Direction::DependentToGovernor),
                    best_correct: (alone * total as f64) as u64,
                });
            }
        }
        write_table(folder, &rows).unwrap();
    }

    fn write_coreference(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let (mut rows, mut heads) = (Vec::new(), Vec::new());
        for (mention_type, total) in MentionType::ALL.into_iter().zip([2_000, 900, 400, 700]) {
            for (predictor, found) in AntecedentPredictor::ALL.into_iter().zip([0.61, 0.3, 0.42, 0.58]) {
                let of_head = predictor == AntecedentPredictor::Head;
                rows.push(Coreference {
                    corpus: self.text("en_gum"),
                    split: Split::Evaluate,
                    predictor,
                    layer_index: of_head.then_some(1),
                    head_index: of_head.then_some(2),
                    direction: of_head.then_some(Direction::GovernorToDependent),
                    mention_type,
                    correct: (found * total as f64) as u64,
                    total,
                    ci_low: Some(found - 0.04),
                    ci_high: Some(found + 0.04),
                });
            }
            for direction in [Direction::DependentToGovernor, Direction::GovernorToDependent] {
                heads.extend(self.places().into_iter().map(|(layer_index, head_index)| CoreferenceHead {
                    corpus: self.text("en_gum"),
                    split: Split::Evaluate,
                    layer_index,
                    head_index,
                    direction,
                    mention_type,
                    correct: random.random_range(0..total * 6 / 10),
                    total,
                }));
            }
        }
        write_table(folder, &rows).unwrap();
        write_table(folder, &heads).unwrap();
    }

    fn write_probes(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let row = |probe: &str,
                   decoding: Option<Decoding>,
                   measure: &str,
                   group: Option<(ProbeGroup, String)>,
                   value: f64| {
            let (group, group_value) = group.unzip();
            ProbeScore {
                probe: self.text(probe),
                decoding,
                treebank: "en_ewt".into(),
                split: Split::Evaluate,
                seed: Some(1),
                measure: measure.into(),
                group,
                group_value,
                correct: None,
                total: Some(1000),
                value,
                ci_low: Some(value - 0.008),
                ci_high: Some(value + 0.008),
                draw: None,
            }
        };
        let mut rows = Vec::new();
        for (probe, uas) in
            [("attention", 0.571), ("attention+words", 0.683), ("distance+words", 0.61), ("random-init", 0.13)]
        {
            rows.push(row(probe, Some(Decoding::Argmax), "uas", None, uas));
            rows.push(row(probe, Some(Decoding::Tree), "uas", None, uas + 0.01));
            rows.push(row(probe, Some(Decoding::Tree), "uuas", None, uas + 0.07));
            for (number, length) in ["1", "2", "3-6", "7+"].iter().enumerate() {
                let value = uas - 0.1 * number as f64;
                rows.push(row(
                    probe,
                    Some(Decoding::Tree),
                    "uas",
                    Some((ProbeGroup::Length, (*length).to_owned())),
                    value,
                ));
            }
            for number in 0..6 {
                rows.push(row(
                    probe,
                    Some(Decoding::Tree),
                    "uas",
                    Some((ProbeGroup::Relation, self.relation(number))),
                    uas,
                ));
            }
        }
        for layer in 1..=self.layers {
            let group = |name| Some((name, layer.to_string()));
            rows.push(row(
                "attention",
                Some(Decoding::Argmax),
                "uas",
                group(ProbeGroup::WithoutLayer),
                0.55 - 0.01 * f64::from(layer % 3),
            ));
        }
        for (layer, head) in self.places() {
            let group = Some((ProbeGroup::WithoutHead, format!("{}-{}", layer + 1, head + 1)));
            rows.push(row(
                "attention",
                Some(Decoding::Argmax),
                "uas",
                group,
                0.571 - random.random_range(-0.002..0.02),
            ));
        }
        for (probe, measures) in [
            ("structural_distance", ["uuas", "distance_spearman"]),
            ("structural_depth", ["root_accuracy", "norm_spearman"]),
        ] {
            for measure in measures {
                let of_layer = |layer: u32| 0.4 + 0.3 * (f64::from(layer) / f64::from(self.layers)).sqrt();
                rows.extend((0..=self.layers).map(|layer| {
                    row(probe, None, measure, Some((ProbeGroup::Layer, layer.to_string())), of_layer(layer))
                }));
                rows.push(row(probe, None, measure, None, of_layer(self.layers - 1)));
            }
        }
        write_table(folder, &rows).unwrap();
    }
}
