use super::*;
use crate::kinds::heads::best;
use crate::run::{tests, write_manifest, write_report};
use crate::tables::{
    AntecedentPredictor, Coreference, Decoding, MentionType, ProbeScore, Split, Surface, SurfaceMeasure, write_table,
};

fn probe_score(seed: i64, measure: &str, value: f64) -> ProbeScore {
    ProbeScore {
        probe: "attention".into(),
        decoding: Some(Decoding::Tree),
        treebank: "en_ewt".into(),
        split: Split::Evaluate,
        seed: Some(seed),
        measure: measure.into(),
        group: None,
        group_value: None,
        correct: None,
        total: None,
        value,
        ci_low: None,
        ci_high: None,
        draw: None,
    }
}

#[test]
fn a_run_in_one_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut report = tests::report();
    report.name = "<script>alert(1)</script>".into();
    report.experiments[0].tables = ["best_heads", "probe_scores", "surface", "coreference"].map(String::from).into();
    write_report(path, &report).unwrap();
    write_manifest(path, &tests::manifest()).unwrap();
    write_table(path, &best::tests::rows()).unwrap();
    let probes = [
        probe_score(1, "uuas", 0.6),
        probe_score(1, "uas", 0.55),
        probe_score(2, "uas", 0.57),
        ProbeScore { decoding: None, ..probe_score(1, "mdl_bits", 1234.5) },
        ProbeScore { decoding: None, ..probe_score(1, "selectivity", -0.25) },
    ];
    write_table(path, &probes).unwrap();
    let surface = |layer_index, head_index, value| Surface {
        corpus: "en_ewt".into(),
        layer_index,
        head_index: Some(head_index),
        measure: SurfaceMeasure::SepToSep,
        value,
        sequences: 2001,
    };
    write_table(path, &[surface(0, 0, 0.25), surface(0, 1, 0.5), surface(1, 0, 1.0)]).unwrap();
    let coreference = Coreference {
        corpus: "en_gum".into(),
        split: Split::Evaluate,
        predictor: AntecedentPredictor::HeadMatch,
        layer_index: None,
        head_index: None,
        direction: None,
        mention_type: MentionType::Pronoun,
        correct: 52,
        total: 100,
        ci_low: None,
        ci_high: None,
    };
    write_table(path, [&coreference]).unwrap();
    let run = RunDirectory::open(path).unwrap();
    insta::assert_snapshot!(markdown_report(&run).unwrap(), @r"
    # \<script>alert(1)\</script>

    Model **minilm-l6** (bert, 6 layers × 12 heads) on treebank **en\_ewt**.

    | split | files | sentences | words | pieces | not read | left out |
    | --- | --- | ---: | ---: | ---: | --- | --- |
    | evaluate | en\_ewt-ud-dev.conllu | 2,001 | 25,147 | 27,011 (1.07 a word) | 12 unknown words | 3 over the piece limit |

    ## Findings

    - Head 4-5 finds the noun of 80.8 % of all determiners.

    ## Before trusting the numbers

    - 3 sentences were longer than 128 pieces

    ## Best heads

    | relation | words | head | attends | accuracy (95 %) | baseline | points |
    | --- | ---: | --- | --- | ---: | --- | --- |
    | all-nopunct | 20,000 | 3-11 | dep→gov | **41.3 (39.7–42.9)** | 31.4 right |  +9.9 \*\*\* |
    | all-nopunct-noroot | 18,000 | 3-11 | dep→gov | **45.9 (44.3–47.4)** | 34.9 right | +11.0 |
    | obj | 1,100 | 4-10 | gov→dep | **67.3 (65.7–68.8)** | 32.5 −2 | +34.7 \*\* |
    | det | 1,000 | 4-5 | dep→gov | **80.8 (79.2–82.3)** | 59.6 +1 | +21.2 \*\*\* |
    | nmod:poss | 400 | 12-12 | dep→gov | 74.8 (73.2–76.3) | **77.5 +1** |  −2.7 |

    Share of a relation's words whose governor is found, in %. dep→gov: it is the word that the dependent attends to most; gov→dep: the word that attends to the dependent most. Baselines: the best of all offsets to the governor and of right-branching (\`right\`: the next word; the last word is the root). A head predicts words, so \`root\` has no row.

    Intervals: 95 %, 1,000 bootstrap resamples of 2,001 sentences; Wilson's where all or none are right. Difference in points to the baseline; exact paired sign-flip test over sentences, Holm-corrected over relations: \* p \< 0.05, \*\* p \< 0.01, \*\*\* p \< 0.001.

    Heads and baselines were chosen on other sentences than they are scored on.

    ## Coreference

    | predictor | head | mentions | accuracy | n |
    | --- | --- | --- | ---: | ---: |
    | head match |  | pronoun | 52.0 | 100 |

    Mentions whose antecedent is found, in % of those that have one in their window.

    ## Surface patterns

    | layer | sep sep |
    | ---: | ---: |
    | 1 | 0.375 |
    | 2 | 1.000 |

    Mean over the layer's heads; entropies in nats, the rest as shares of attention.

    ## Probes

    | probe | decoding | uas | uuas |
    | --- | --- | ---: | ---: |
    | attention | tree | 56.0 ±1.4 | 60.0 |

    Shares of words in %. With several seeds: mean ± standard deviation; over draws of random weights or control tasks where said.

    ## What probes cost and memorise

    | probe | decoding | mdl bits | selectivity |
    | --- | --- | ---: | ---: |
    | attention |  | 1234.500 | −25.0 |

    Shares of words in %. With several seeds: mean ± standard deviation; over draws of random weights or control tasks where said.

    ## Conventions

    | convention | value |
    | --- | --- |
    | granularity | full |
    | punctuation | excluded |
    | merge rule | mean |
    | selection | separate |
    | unit | sentence |
    | input | words |
    | attention | weights |
    | rows of maps | raw |
    | precision | f32 |
    | piece limit | 128 |
    | packing | none |

    Made by headlight 0.1.0 on 2026-11-23T14:00:03Z, device cpu, 2 threads, seed 1, in 3.0 s. Tables, each as CSV and Parquet: `best_heads`, `probe_scores`, `surface`, `coreference`. `config.toml` repeats the run; `manifest.json` has the checksums of everything it read.
    ");
}
