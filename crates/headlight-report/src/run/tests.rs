use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use headlight_attention::{Frame, Visibility};

use crate::tables::{Baseline, HeadScore, write_table};

pub(crate) fn report() -> Report {
    Report {
        format_version: REPORT_VERSION,
        name: "ewt-minilm".into(),
        model: ModelSummary {
            name: "minilm-l6".into(),
            architecture: "bert".into(),
            layers: 6,
            heads: 12,
            hidden_size: 384,
            random_weights: false,
            frame: Frame::bert(),
            visibility: Visibility::Full,
        },
        treebank: TreebankSummary {
            name: "en_ewt".into(),
            splits: vec![SplitSummary {
                split: "evaluate".into(),
                files: vec!["en_ewt-ud-dev.conllu".into()],
                sentences: 2001,
                words: 25_147,
                skipped: BTreeMap::from([("over the piece limit".into(), 3)]),
                repeated: Repeated { sentences: 92, words: 251, names: 0 },
                repaired: 4,
                reading: Reading { pieces: 27_011, unknown_words: 12, ..Reading::default() },
                unaligned: vec![Unaligned { sent_id: "s7".into(), problem: "word 3 does not lie in the text".into() }],
            }],
            overlaps: vec![Overlap { split: "evaluate".into(), with: "select".into(), sentences: 0, words: 0 }],
        },
        conventions: Conventions {
            granularity: "full".into(),
            punctuation: "excluded".into(),
            merge_rule: "mean".into(),
            selection: crate::Selection::Separate,
            unit: headlight_stats::Unit::Sentence,
            input: "words".into(),
            attention: "weights".into(),
            rows: "raw".into(),
            precision: "f32".into(),
            piece_limit: 128,
            packing: None,
        },
        statistics: StatisticsSummary { resamples: 1000, confidence: 0.95, seed: 1 },
        experiments: vec![ExperimentSummary {
            kind: "heads".into(),
            tables: vec!["baselines".into()],
            facts: BTreeMap::from([("heads_scored".into(), json!(72))]),
        }],
        findings: vec!["Head 4-5 finds the noun of 80.8 % of all determiners.".into()],
        warnings: vec!["3 sentences were longer than 128 pieces".into()],
    }
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        format_version: MANIFEST_VERSION,
        headlight_version: "0.1.0".into(),
        git_revision: None,
        device: "cpu".into(),
        precision: "f32".into(),
        seed: 1,
        threads: 2,
        inputs: vec![Input { role: "config".into(), path: "a.toml".into(), bytes: 12, sha256: "0".repeat(64) }],
        skipped: vec![SkippedSentences {
            split: "evaluate".into(),
            reason: "over the piece limit".into(),
            sentences: 3,
        }],
        unread: vec![UnreadWords { split: "evaluate".into(), reason: "unknown to the model".into(), words: 12 }],
        started: "2026-11-23T14:00:00Z".into(),
        finished: "2026-11-23T14:00:03Z".into(),
        seconds: 3.0,
        stages: vec![Stage { name: "heads".into(), seconds: 2.5 }],
        peak_memory_bytes: Some(1 << 28),
        machine: Machine {
            os: "linux".into(),
            architecture: "x86_64".into(),
            processor: None,
            cores: 2,
            memory_bytes: None,
            accelerator: None,
        },
        files: Vec::new(),
    }
}

fn write_run(folder: &Path) {
    write_report(folder, &report()).unwrap();
    write_manifest(folder, &manifest()).unwrap();
    write_table::<Baseline>(folder, []).unwrap();
}

#[test]
fn a_run_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let run = RunDirectory::open(folder.path()).unwrap();
    assert_eq!(run.report(), &report());
    assert_eq!(run.manifest(), &manifest());
    assert_eq!(run.table::<Baseline>().unwrap(), []);
    assert_eq!(run.table_or_empty::<HeadScore>().unwrap(), []);
}

fn open_error(folder: &Path) -> String {
    RunDirectory::open(folder).unwrap_err().to_string().replace(&folder.display().to_string(), "RUN")
}

#[test]
fn what_is_no_complete_run_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(open_error(&path.join("absent")), "there is no run at RUN; `headlight run CONFIG` makes one");
    assert_eq!(open_error(path), "RUN is not a run: it has no report.json");

    fs::write(path.join("config.toml"), "").unwrap();
    assert_eq!(open_error(path), "the run at RUN is incomplete: it has no report.json; start it again to resume it");

    write_run(path);
    fs::remove_file(path.join("baselines.parquet")).unwrap();
    assert_eq!(
        open_error(path),
        "the run at RUN is incomplete: it has no baselines.parquet; start it again to resume it"
    );

    fs::write(path.join("report.json"), r#"{"format_version": 2, "shape": "unknown"}"#).unwrap();
    assert_eq!(
        open_error(path),
        "RUN/report.json has format version 2, but this headlight reads versions up to 1; update headlight"
    );

    fs::write(path.join("report.json"), r#"{"format_version": 1, "name": 3}"#).unwrap();
    assert_eq!(open_error(path), "cannot understand RUN/report.json; repeat the run to write it anew");
}

#[test]
fn a_table_of_another_experiment_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let run = RunDirectory::open(folder.path()).unwrap();
    let error = run.table::<HeadScore>().unwrap_err().to_string().replace(&folder.path().display().to_string(), "RUN");
    assert_eq!(error, "the run at RUN has no table `head_scores`; add an experiment that fills it to its config");
}

const SCHEMA: &str = include_str!("../../../../schemas/report.schema.json");

/// Problems of `value` under `schema`: the keywords that report.schema.json uses, and no others. A field that the
/// schema does not describe is a problem too, so that schema and [`Report`] cannot drift apart.
fn problems(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    let keywords = schema.as_object().expect("a schema is an object");
    for (keyword, rule) in keywords {
        match keyword.as_str() {
            "$ref" => {
                let target =
                    root.pointer(rule.as_str().unwrap().trim_start_matches('#')).expect("the $ref leads somewhere");
                found.extend(problems(root, target, value, at));
            }
            "type" => {
                let fits = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "number" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    other => panic!("unknown type {other}"),
                };
                if !fits {
                    found.push(format!("{at} is no {rule}"));
                }
            }
            "const" if rule != value => found.push(format!("{at} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => found.push(format!("{at} is none of {rule}")),
            "minimum" if value.as_f64() < rule.as_f64() => found.push(format!("{at} is below {rule}")),
            "required" => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                found.extend(
                    names.filter(|name| value.get(name).is_none()).map(|name| format!("{at}.{name} is absent")),
                );
            }
            "properties" => {
                for (name, child) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(rule) => found.extend(problems(root, rule, child, &format!("{at}.{name}"))),
                        None => found.push(format!("{at}.{name} is not described")),
                    }
                }
            }
            "additionalProperties" => {
                for (name, child) in value.as_object().into_iter().flatten() {
                    found.extend(problems(root, rule, child, &format!("{at}.{name}")));
                }
            }
            "items" => {
                for (index, child) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(problems(root, rule, child, &format!("{at}[{index}]")));
                }
            }
            "const" | "enum" | "minimum" | "$schema" | "$defs" | "title" | "description" => {}
            other => panic!("unknown keyword {other}"),
        }
    }
    found
}

fn schema_problems(report: &Value) -> Vec<String> {
    let schema = serde_json::from_str(SCHEMA).unwrap();
    problems(&schema, &schema, report, "report")
}

#[test]
fn the_schema_describes_every_field_of_a_report() {
    assert_eq!(schema_problems(&serde_json::to_value(report()).unwrap()), [""; 0]);
}

#[test]
fn the_schema_refuses_what_reading_refuses() {
    for pointer in ["/name", "/model/layers", "/conventions/selection", "/treebank/splits/0/skipped", "/findings"] {
        let mut broken = serde_json::to_value(report()).unwrap();
        *broken.pointer_mut(pointer).unwrap() = json!({"not": [-1]});
        assert_ne!(schema_problems(&broken), [""; 0], "{pointer}");
        assert!(serde_json::from_value::<Report>(broken).is_err(), "{pointer}");
    }
    let mut fewer = serde_json::to_value(report()).unwrap();
    fewer.as_object_mut().unwrap().remove("conventions");
    assert_eq!(schema_problems(&fewer), ["report.conventions is absent"]);
    assert!(serde_json::from_value::<Report>(fewer).is_err());
}

#[test]
fn texts_in_the_terms_of_bert_are_said_in_those_of_the_model() {
    let text = "attention to [SEP] from [CLS]; SEP→SEP; the masked-language-model loss per hidden piece";
    let bert = report().model;
    assert_eq!(bert.named(text), text);
    let roberta = ModelSummary { frame: Frame::new(["<s>"], ["</s>"]), ..bert.clone() };
    assert_eq!(
        roberta.named(text),
        "attention to </s> from <s>; </s>→</s>; the masked-language-model loss per hidden piece"
    );
    let gpt2 = ModelSummary { frame: Frame::none(), visibility: Visibility::Causal, ..bert };
    assert_eq!(
        gpt2.named("attention to [SEP]; the masked-language-model loss per hidden piece"),
        "attention to the last special piece; the language-model loss per piece"
    );
}
