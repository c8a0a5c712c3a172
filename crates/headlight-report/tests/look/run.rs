//! A run directory with every table, of made-up numbers.

use std::collections::BTreeMap;
use std::path::Path;

use headlight_attention::{Frame, HeadGrid, Visibility, WordAttention};
use headlight_report::explorer::{Explorer, ExplorerSample, ExplorerSentence};
use headlight_report::run::*;
use headlight_report::tables::*;
use headlight_treebank::{Governor, Granularity, Relation, Sentence, SentenceParts, Word, WordIdx};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Texts that would do harm if anything took them for markup.
pub const HOSTILE: [&str; 7] = [
    "<script>window.harmed = 1</script>",
    "</script><img src=x onerror=\"window.harmed = 2\">",
    "<!--",
    "\"'><b onmouseover=alert(1)>&amp;",
    "{data}{{title}}",
    "\u{2028}\u{0}`${1}`",
    "שלום \u{202e}مرحبا",
];

/// How large a run is, and whether its texts are hostile.
#[derive(Clone, Copy)]
pub struct Size {
    pub layers: u32,
    pub heads: u32,
    pub sentences: usize,
    pub hostile: bool,
}

const RELATIONS: [&str; 50] = [
    "case",
    "det",
    "nsubj",
    "advmod",
    "obj",
    "obl",
    "amod",
    "conj",
    "nmod",
    "mark",
    "cc",
    "aux",
    "compound",
    "cop",
    "advcl",
    "nmod:poss",
    "xcomp",
    "ccomp",
    "parataxis",
    "acl:relcl",
    "flat",
    "acl",
    "appos",
    "nummod",
    "aux:pass",
    "nsubj:pass",
    "discourse",
    "expl",
    "list",
    "compound:prt",
    "fixed",
    "obl:tmod",
    "obl:npmod",
    "goeswith",
    "iobj",
    "vocative",
    "orphan",
    "csubj",
    "det:predet",
    "cc:preconj",
    "dislocated",
    "reparandum",
    "nmod:npmod",
    "nmod:tmod",
    "flat:foreign",
    "csubj:pass",
    "dep",
    "obl:agent",
    "nsubj:outer",
    "advcl:relcl",
];

impl Size {
    pub fn relation(&self, number: usize) -> String {
        match HOSTILE.get(number) {
            Some(text) if self.hostile => (*text).to_owned(),
            _ => RELATIONS[number].to_owned(),
        }
    }

    pub fn text(&self, text: &str) -> String {
        if self.hostile { format!("{text} {}", HOSTILE.concat()) } else { text.to_owned() }
    }

    /// Writes the run.
    pub fn write(&self, folder: &Path) {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let best = self.write_scores(folder, &mut random);
        self.write_surface(folder, &mut random);
        self.write_kinds(folder);
        self.write_beyond(folder, &best, &mut ChaCha8Rng::seed_from_u64(3));
        self.write_explorer(folder, &mut random);
        write_table::<BestHead>(folder, &best).unwrap();
        write_manifest(folder, &self.manifest()).unwrap();
        write_report(folder, &self.report(Vec::new())).unwrap();
        let told = headlight_report::told(&RunDirectory::open(folder).unwrap()).unwrap();
        write_report(folder, &self.report(told[0].findings.clone())).unwrap();
    }

    /// Writes only what a run without any experiment has.
    pub fn write_summary(&self, folder: &Path) {
        write_report(folder, &Report { experiments: Vec::new(), ..self.report(Vec::new()) }).unwrap();
        write_manifest(folder, &self.manifest()).unwrap();
    }

    fn write_scores(&self, folder: &Path, random: &mut ChaCha8Rng) -> Vec<BestHead> {
        let mut table = TableWriter::<HeadScore>::create(folder).unwrap();
        let mut best = Vec::new();
        let names: Vec<String> =
            (0..RELATIONS.len()).map(|at| self.relation(at)).chain(["all".into(), "all-nopunct".into()]).collect();
        for (at, relation) in names.into_iter().enumerate() {
            let all = at >= RELATIONS.len();
            let total = match at {
                _ if all => 21_000,
                // The last ones are rare.
                46.. => 7,
                at => 2_400 / (1 + at as u64) + 3,
            };
            let peak = (random.random_range(0..self.layers), random.random_range(0..self.heads));
            let strength = if all { 0.41 } else { random.random_range(0.3..0.92) };
            for direction in [Direction::DependentToGovernor, Direction::GovernorToDependent] {
                for (layer_index, head_index) in self.grid().iter().map(|head| (head.layer as u32, head.index as u32)) {
                    let near = (layer_index, head_index) == peak && direction == Direction::DependentToGovernor;
                    let share = if near { strength } else { strength * random.random_range(0.02..0.7_f64).powi(2) };
                    let correct = (share * total as f64) as u64;
                    let (treebank, split) = (self.text("en_ewt"), Split::Evaluate);
                    let row = HeadScore {
                        treebank,
                        split,
                        layer_index,
                        head_index,
                        direction,
                        relation: relation.clone(),
                        correct,
                        total,
                        reachable: None,
                    };
                    table.push(&row).unwrap();
                }
            }
            let correct = (strength * total as f64) as u64;
            let accuracy = correct as f64 / total as f64;
            let baseline_accuracy = (accuracy + random.random_range(-0.5..0.04_f64)).max(0.04);
            let spread = 0.9 / (total as f64).sqrt();
            let p = if accuracy - spread > baseline_accuracy { 1e-5 } else { 0.4 };
            best.push(BestHead {
                relation,
                layer: Some(peak.0 + 1),
                head: Some(peak.1 + 1),
                direction: Some(Direction::DependentToGovernor),
                selected_on: SelectedOn::Select,
                evaluated_on: EvaluatedOn::Evaluate,
                correct,
                total,
                accuracy,
                ci_low: Some((accuracy - spread).max(0.0)),
                ci_high: Some((accuracy + spread).min(1.0)),
                baseline: Some(BaselineKind::Offset),
                baseline_accuracy,
                p_value: Some(p),
                p_adjusted: Some(p),
                baseline_offset: Some(if at % 3 == 0 { -2 } else { 1 }),
                baseline_correct: (baseline_accuracy * total as f64) as u64,
                difference_ci_low: Some(accuracy - baseline_accuracy - spread),
                difference_ci_high: Some(accuracy - baseline_accuracy + spread),
                ..BestHead::default()
            });
        }
        table.finish().unwrap();
        best
    }

    fn write_surface(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let (mut surface, mut clusters) = (Vec::new(), Vec::new());
        for head in self.grid().iter() {
            let depth = head.layer as f64 / f64::from(self.layers);
            let mut put = |measure: SurfaceMeasure, value: f64| {
                surface.push(Surface {
                    corpus: self.text("en_ewt"),
                    layer_index: head.layer as u32,
                    head_index: Some(head.index as u32),
                    measure,
                    value,
                    sequences: 516,
                });
            };
            let noise = random.random_range(0.0..1.0_f64);
            put(SurfaceMeasure::Previous, 0.8 * noise.powi(4));
            put(SurfaceMeasure::Next, 0.8 * (1.0_f64 - noise).powi(4));
            put(SurfaceMeasure::Current, 0.2 * noise * (1.0 - depth));
            put(SurfaceMeasure::Cls, 0.5 * (1.0 - depth) * noise.powi(2));
            put(SurfaceMeasure::Sep, (0.9 * depth * (1.0 - noise.powi(3))).min(1.0));
            put(SurfaceMeasure::Punctuation, 0.25 * noise);
            put(SurfaceMeasure::Entropy, 4.2 - 2.5 * noise - depth);
            put(SurfaceMeasure::ClsEntropy, 4.0 - 2.0 * noise);
            let behaviours = [
                Some(Behaviour::Next),
                Some(Behaviour::Previous),
                Some(Behaviour::Sep),
                Some(Behaviour::Broad),
                Some(Behaviour::Punctuation),
                None,
            ];
            let cluster = (noise * 6.0) as usize;
            let angle = cluster as f64 + random.random_range(-0.3..0.3);
            clusters.push(Cluster {
                layer_index: head.layer as u32,
                head_index: head.index as u32,
                x: angle.cos() + random.random_range(-0.2..0.2),
                y: angle.sin() + 0.6 * depth,
                behaviour: behaviours[cluster],
                role: (cluster == 5 && noise > 0.93).then_some(Role::Syntactic),
                cluster: Some(cluster as u32),
            });
        }
        for layer_index in 0..self.layers {
            let (corpus, measure) = (self.text("en_ewt"), SurfaceMeasure::UniformEntropy);
            surface.push(Surface { corpus, layer_index, head_index: None, measure, value: 4.4, sequences: 516 });
        }
        write_table(folder, &surface).unwrap();
        write_table(folder, &clusters).unwrap();
    }

    /// A name that is markup, and no special piece after the words, where the run is hostile.
    fn frame(&self) -> Frame {
        if self.hostile { Frame::new(["<bos>"], []) } else { Frame::bert() }
    }

    fn write_explorer(&self, folder: &Path, random: &mut ChaCha8Rng) {
        let mut sample = ExplorerSample::new(self.grid(), &self.frame());
        let mut explored = Vec::new();
        for number in 0..self.sentences {
            let sentence = self.sentence(number, 4 + random.random_range(0..22), random);
            let attention = attention(&sentence, self.grid(), &self.frame(), random);
            sample.offer(number, &sentence, || true);
            explored.push(ExplorerSentence::new(&sentence, &attention, Granularity::Full).unwrap());
        }
        let numbers = sample.numbers();
        let shown = explored.into_iter().enumerate().filter(|(number, _)| numbers.contains(number));
        let shown = shown.map(|(_, sentence)| sentence).collect();
        Explorer::new("evaluate", self.grid(), &self.frame(), sample.eligible(), shown).write(folder).unwrap();
    }

    fn sentence(&self, number: usize, length: usize, random: &mut ChaCha8Rng) -> Sentence {
        const FORMS: [&str; 12] = [
            "the",
            "small",
            "observatory",
            "records",
            "quiet",
            "signals",
            "from",
            "distant",
            "stars",
            "and",
            "nobody",
            "complains",
        ];
        let words = (0..length).map(|at| {
            // Everybody hangs on a neighbour towards word 3, which is the root: a tree.
            let governor = match at.cmp(&2) {
                std::cmp::Ordering::Less => Governor::Word(WordIdx::new(random.random_range(at + 1..=2))),
                std::cmp::Ordering::Equal => Governor::Root,
                std::cmp::Ordering::Greater => {
                    Governor::Word(WordIdx::new(random.random_range(at.saturating_sub(3).max(2)..at)))
                }
            };
            let relation = if at == 2 { "root".to_owned() } else { self.relation(random.random_range(0..22)) };
            let form = FORMS[(at * 7 + number) % FORMS.len()];
            Word {
                form: if at % 5 == 4 { self.text(form) } else { form.to_owned() },
                lemma: None,
                upos: Some("NOUN".into()),
                xpos: None,
                features: None,
                governor,
                relation: Relation::new(&relation),
                deps: None,
                misc: None,
            }
        });
        let parts = SentenceParts {
            sent_id: self.text(&format!("weblog-{number}")),
            words: words.collect(),
            ..Default::default()
        };
        Sentence::new(parts).unwrap()
    }

    pub fn grid(&self) -> HeadGrid {
        HeadGrid { layers: self.layers as usize, heads: self.heads as usize }
    }

    fn report(&self, findings: Vec<String>) -> Report {
        let split = |split: &str, sentences, words, skipped| SplitSummary {
            split: split.into(),
            files: vec![self.text(&format!("en_ewt-ud-{split}.conllu"))],
            sentences,
            words,
            skipped,
            reading: Reading { pieces: words + words / 4, unknown_words: words / 40, ..Reading::default() },
            ..SplitSummary::default()
        };
        let skipped = BTreeMap::from([(self.text("over the piece limit"), 3)]);
        Report {
            format_version: REPORT_VERSION,
            name: self.text("ewt-minilm"),
            model: ModelSummary {
                name: self.text("minilm-l6"),
                architecture: "bert".into(),
                layers: self.layers,
                heads: self.heads,
                hidden_size: 384,
                random_weights: false,
                frame: Frame::bert(),
                visibility: Visibility::Full,
            },
            treebank: TreebankSummary {
                name: self.text("en_ewt"),
                splits: vec![
                    split("select", 12_544, 204_579, BTreeMap::new()),
                    split("evaluate", 1_998, 24_890, skipped),
                ],
                overlaps: vec![Overlap { split: "evaluate".into(), with: "select".into(), sentences: 72, words: 146 }],
            },
            conventions: Conventions {
                granularity: "full".into(),
                punctuation: "excluded".into(),
                merge_rule: "mean".into(),
                selection: headlight_report::Selection::Separate,
                unit: headlight_stats::Unit::Sentence,
                input: "words".into(),
                attention: "weights".into(),
                rows: "raw".into(),
                precision: "f32".into(),
                piece_limit: 128,
                packing: None,
            },
            statistics: StatisticsSummary { resamples: 2000, confidence: 0.95, seed: 1 },
            experiments: vec![ExperimentSummary {
                kind: "heads".into(),
                tables: ["head_scores", "best_heads", "surface", "clusters", "probe_scores"].map(Into::into).into(),
                facts: BTreeMap::from([("stress_1".into(), 0.214.into())]),
            }],
            findings: findings.into_iter().map(|finding| self.text(&finding)).collect(),
            warnings: vec![self.text("3 sentences were longer than 128 pieces and left out.")],
        }
    }

    fn manifest(&self) -> Manifest {
        Manifest {
            format_version: MANIFEST_VERSION,
            headlight_version: "0.1.0".into(),
            git_revision: Some("63dd755".into()),
            device: "cpu".into(),
            precision: "f32".into(),
            seed: 1,
            threads: 2,
            inputs: vec![Input {
                role: "model".into(),
                path: self.text("model.safetensors"),
                bytes: 90_868_376,
                sha256: "5".repeat(64),
            }],
            skipped: Vec::new(),
            unread: Vec::new(),
            started: "2026-11-23T14:00:00Z".into(),
            finished: "2026-11-23T14:00:31Z".into(),
            seconds: 31.4,
            stages: Vec::new(),
            peak_memory_bytes: Some(240 << 20),
            machine: Machine {
                os: "linux".into(),
                architecture: "x86_64".into(),
                processor: Some(self.text("processor")),
                cores: 2,
                memory_bytes: None,
                accelerator: None,
            },
            files: Vec::new(),
        }
    }
}

/// Heads with habits: one looks to the next word, one to the previous, one to the governor, the rest to the last piece and
/// about.
fn attention(sentence: &Sentence, grid: HeadGrid, frame: &Frame, random: &mut ChaCha8Rng) -> WordAttention {
    let n = sentence.words().len();
    let positions = frame.positions(n);
    let mut weights = Vec::new();
    for head in 0..grid.len() {
        for from in 0..positions {
            let favourite = match head % 4 {
                0 => from + 1,
                1 => from.saturating_sub(1),
                2 => sentence
                    .words()
                    .get(from.wrapping_sub(frame.position(0)))
                    .and_then(|word| word.governor.word())
                    .map_or(0, |governor| frame.position(governor.index())),
                _ => positions - 1,
            };
            let row: Vec<f32> = (0..positions)
                .map(|to| {
                    random.random_range(0.0..0.3_f32)
                        + if to == favourite { random.random_range(0.0..4.0) } else { 0.0 }
                })
                .collect();
            let sum: f32 = row.iter().sum();
            weights.extend(row.iter().map(|weight| weight / sum));
        }
    }
    WordAttention::new(grid, frame, n, weights).unwrap()
}
