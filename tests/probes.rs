//! Probes from the command line: `kind = "probe"`, `kind = "structural"`, `headlight parse` and `headlight store`, on the
//! tiny model and the sample treebank.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ran, World, root, tiny_bert};

/// Word vectors of four numbers for words of the sample treebank.
const VECTORS: &str = "the 0.1 0.2 -0.3 0.4\nof -0.5 0.6 0.7 -0.8\na 0.9 -1.0 1.1 1.2\n. 0.0 0.3 0.2 -0.1\n";

/// A config of experiments on the tiny model; `experiments` follow.
fn config(experiments: &str) -> String {
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\n\
         evaluate = [\"sample:evaluate\"]\n[probe]\nvectors = \"vectors.txt\"\nresamples = 1000\nepochs = 2\n{experiments}",
        tiny_bert()
    )
}

/// A world in which a config of this name was run.
fn ran(name: &str, experiments: &str) -> World {
    let world = World::new();
    world.write("vectors.txt", VECTORS);
    world.write(&format!("{name}.toml"), config(experiments));
    world.succeed(&["run", &format!("{name}.toml")]);
    world
}

const TWO_PROBES: &str = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"attention+words\"]\n";

/// Rows of `probe_scores` as (probe, decoding, seed, measure, group, group value, value).
fn scores(world: &World, run: &str) -> Vec<[String; 7]> {
    let table = world.read(&format!("runs/{run}/probe_scores.csv"));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        [0, 1, 4, 5, 6, 7, 10].map(|column| fields[column].to_owned())
    };
    table.lines().skip(1).map(row).collect()
}

#[test]
fn a_run_scores_every_probe_in_every_way() {
    let experiment = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"attention+words\", \"distance+words\", \
                      \"random-init\", \"random-init+words\", \"right-branching\"]\nseeds = [3, 4]\n\
                      control_task = true\ndescription_length = true\nablation = [\"layers\", \"all-but-one-head\"]\n\
                      slips = [\"floored-scores\"]\n";
    let world = ran("all", experiment);
    let scores = scores(&world, "all");
    let trained = ["attention", "attention+words", "distance+words", "random-init", "random-init+words"];
    let has = |wanted: [&str; 6]| {
        let found = scores.iter().any(|row| row[..6].iter().zip(wanted).all(|(field, wanted)| field == wanted));
        assert!(found, "{wanted:?}");
    };
    for probe in trained {
        for seed in ["3", "4"] {
            for measure in ["uas", "uas_with_punct", "uuas", "root_accuracy", "uas_floored"] {
                has([probe, "argmax", seed, measure, "", ""]);
                has([probe, "tree", seed, measure, "", ""]);
            }
            has([probe, "mst", seed, "uuas", "", ""]);
            has([probe, "tree", seed, "uas", "relation", "nsubj"]);
            has([probe, "tree", seed, "uas", "length", "3-6"]);
            for measure in ["control_accuracy", "selectivity", "mdl_bits", "mdl_uniform_bits", "mdl_compression"] {
                has([probe, "", seed, measure, "", ""]);
            }
            assert!(world.path(&format!("runs/all/probes/{probe}-seed{seed}.safetensors")).exists());
        }
        let predicted = world.read(&format!("runs/all/predictions-{probe}.conllu"));
        assert_eq!(predicted.matches("# sent_id").count(), 120, "all sentences but one that is too long");
    }
    has(["attention", "argmax", "3", "uas", "without_layer", "2"]);
    has(["random-init+words", "argmax", "4", "uas", "only_head", "3-1"]);
    assert!(!scores.iter().any(|row| row[0] == "distance+words" && row[4] == "without_layer"));
    has(["right-branching", "", "", "uas", "", ""]);

    let report: Value = serde_json::from_str(&world.read("runs/all/report.json")).unwrap();
    assert_eq!(report["experiments"][0]["facts"]["seeds"], serde_json::json!([3, 4]));
    assert!(report["findings"][0].as_str().unwrap().contains("UAS"));
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("have a word vector") && warnings.contains("floored-scores"), "{warnings}");
    assert!(world.read("runs/all/report.md").contains("## Probes"));
}

#[test]
fn attention_is_computed_once_and_scores_are_repeated() {
    let world = ran("first", TWO_PROBES);
    world.write("second.toml", config(TWO_PROBES));
    let second = world.run(&["run", "second.toml"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(!second.stderr.contains("encode"), "{}", second.stderr);
    assert_eq!(scores(&world, "first"), scores(&world, "second"));
    let skipped = |run: &str| {
        let manifest: Value = serde_json::from_str(&world.read(&format!("runs/{run}/manifest.json"))).unwrap();
        manifest["skipped"].clone()
    };
    assert_eq!(skipped("first"), skipped("second"));

    let listed = world.succeed(&["store", "ls"]);
    assert!(
        listed.contains("tiny-bert on sample train, merge mean, f16, 3×3 heads")
            && listed.contains("attention: 2 entries"),
        "{listed}"
    );
    assert!(listed.contains("129 inputs, complete"), "{listed}");
    let verified = world.succeed(&["store", "verify"]);
    assert_eq!(verified.matches("every byte as written").count(), 2, "{verified}");
}

#[test]
fn a_damaged_store_is_noticed_and_made_anew() {
    let world = ran("run", TWO_PROBES);
    let folder = fs::read_dir(world.path("cache/headlight/attention")).unwrap();
    let stores: Vec<_> = folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    let shard = |store: &std::path::Path| {
        let mut files = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|it| it == "safetensors")).unwrap()
    };
    let bytes = fs::read(shard(&stores[0])).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(shard(&stores[0]), changed).unwrap();
    let error = world.fail(1, &["store", "verify"]);
    assert_eq!(error, "1 of 2 entries are damaged; the next run that needs one makes it anew");

    // A store of another model under this one's name.
    fs::remove_dir_all(&stores[0]).unwrap();
    fs::create_dir(&stores[0]).unwrap();
    for entry in fs::read_dir(&stores[1]).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, stores[0].join(path.file_name().unwrap())).unwrap();
    }
    let again = world.run(&["run", "run.toml", "--force"]);
    assert!(again.code == 0 && again.stderr.contains("belongs to another store"), "{}", again.stderr);
    world.succeed(&["store", "verify"]);

    let id = stores[0].file_name().unwrap().to_str().unwrap();
    let removed = world.succeed(&["store", "rm", &id[..10]]);
    assert!(removed.starts_with("1 entry removed"), "{removed}");
    let missing = world.fail(1, &["store", "rm", &id[..10]]);
    assert!(missing.contains(&format!("an id that starts with {}", &id[..10])), "{missing}");
    world.succeed(&["store", "rm", "--all"]);
    assert!(world.succeed(&["store", "ls"]).starts_with("attention: 0 entries"));
}

#[test]
fn structural_probes_are_scored_layer_by_layer() {
    let experiment =
        "[[experiment]]\nkind = \"structural\"\nranks = [2, 4]\nepochs = 2\nresamples = 1000\nlayers = [0, 3]\n";
    let world = ran("structural", experiment);
    let scores = scores(&world, "structural");
    for (probe, measures) in [
        ("structural_distance", ["uuas", "distance_spearman"]),
        ("structural_depth", ["root_accuracy", "norm_spearman"]),
    ] {
        for rank in [2, 4] {
            for measure in measures {
                for layer in [Some("0"), Some("3"), None] {
                    let (group, value) = layer.map_or(("", ""), |layer| ("layer", layer));
                    let wanted = [&format!("{probe}_rank{rank}"), "", "1", measure, group, value];
                    let found = scores.iter().filter(|row| row[..6] == wanted.map(ToOwned::to_owned)).count();
                    assert_eq!(found, 1, "{wanted:?}");
                }
            }
        }
    }
    assert!(!world.path("runs/structural/work").exists(), "hidden states are not kept");
}

/// Calls the binary with a text on standard input.
fn with_input(world: &World, arguments: &[&str], input: &str) -> Ran {
    let mut command = world.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn parse_gives_the_trees_that_the_run_predicted() {
    let world = ran("run", TWO_PROBES);
    let treebank = root().join("data/sample/en_sample-evaluate.conllu");
    let heads = |text: &str| -> Vec<(String, String)> {
        let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
        let head = |line: &str| line.split('\t').nth(6).unwrap().to_owned();
        let words = |block: &str| {
            block.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).map(head).collect::<Vec<_>>()
        };
        let id = |block: &str| block.lines().find(|line| line.starts_with("# sent_id")).unwrap().to_owned();
        blocks.map(|block| (id(block), words(block).join(" "))).collect()
    };
    for probe in ["attention", "attention+words"] {
        let name = format!("{probe}-seed1");
        let parsed = world.succeed(&["parse", "--probe", "runs/run", "--name", &name, treebank.to_str().unwrap()]);
        let parsed = heads(&parsed);
        assert_eq!(parsed.len(), 121, "the sentence that the run skipped is parsed too");
        let predicted = heads(&world.read(&format!("runs/run/predictions-{probe}.conllu")));
        let differ = predicted.iter().filter(|sentence| !parsed.contains(sentence)).count();
        // The run read its attention in 16 bits.
        assert!(differ <= 2, "{probe}: {differ} of {} trees differ", predicted.len());
    }
}

#[test]
fn text_is_parsed_into_conllu() {
    let world = ran("run", TWO_PROBES);
    let parsed = with_input(&world, &["parse", "--probe", "runs/run", "-"], "The dog barks.\nCats sleep\n");
    assert_eq!(parsed.code, 0, "{}", parsed.stderr);
    let lines: Vec<&str> = parsed.stdout.lines().collect();
    assert!(lines.contains(&"# text = The dog barks.") && lines.contains(&"# text = Cats sleep"), "{}", parsed.stdout);
    let words: Vec<&str> = lines.iter().filter(|line| line.contains('\t')).copied().collect();
    assert_eq!(words.len(), 6);
    assert_eq!(words.iter().filter(|line| line.split('\t').nth(6) == Some("0")).count(), 2, "one root a sentence");
    assert!(words[2].ends_with("SpaceAfter=No"), "{}", words[2]);
}

/// The official scorer of Universal Dependencies, where this machine has it.
#[test]
fn the_official_scorer_accepts_what_parse_writes() {
    let named = std::env::var("HEADLIGHT_UDEVAL").ok();
    let mut candidates = named.into_iter().chain(["udeval"].map(str::to_owned));
    let Some(scorer) = candidates.find(|it| Command::new(it).arg("--help").output().is_ok()) else {
        println!("not run: there is no udeval (PyPI: udtools); HEADLIGHT_UDEVAL names one");
        return;
    };
    let world = ran("run", TWO_PROBES);
    let treebank = root().join("data/sample/en_sample-evaluate.conllu");
    let parsed = world.succeed(&["parse", "--probe", "runs/run", treebank.to_str().unwrap()]);
    let parsed = world.write("parsed.conllu", parsed);
    let output = Command::new(&scorer).arg("--verbose").arg(&treebank).arg(&parsed).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("UAS"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn bad_input_is_named() {
    let world = World::new();
    world.write("vectors.txt", VECTORS);
    let check = |config: String, sets: &[&str], code: i32, expected: &[&str]| {
        world.write("bad.toml", config);
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let error = world.fail(code, &["run", "bad.toml"].into_iter().chain(sets).collect::<Vec<_>>());
        for part in expected {
            assert!(error.contains(part), "{error}\nhas no {part:?}");
        }
    };
    let train = "kind = \"probe\" needs `treebank.train`, which is empty";
    check(config(TWO_PROBES), &["treebank.train=[]"], 2, &[train]);
    let structural = config("[[experiment]]\nkind = \"structural\"\n");
    check(structural.clone(), &["treebank.train=[]"], 2, &["kind = \"structural\" needs `treebank.train`"]);
    check(structural.clone(), &["structural.ranks=[500]"], 1, &["`ranks` holds 500", "24 numbers"]);
    check(structural, &["structural.layers=[4]"], 1, &["`layers` holds 4", "0 (embeddings) to 3"]);
    check(config(TWO_PROBES), &["probe.vectors="], 2, &["attention+words reads word vectors, but `vectors` is empty"]);
    check(config(TWO_PROBES), &["probe.probes=[]"], 2, &["`probes` is empty"]);
    check(config(TWO_PROBES), &["probe.label=a/b"], 2, &["`label` is \"a/b\""]);
    check(config(&TWO_PROBES.repeat(2)), &[], 2, &["give each its own `label`"]);
    check(config(TWO_PROBES), &["probe.vectors=absent.txt"], 1, &["absent.txt"]);
    world.write("mixed.txt", format!("{VECTORS}dog 1.0 2.0 3.0\n"));
    check(config(TWO_PROBES), &["probe.vectors=mixed.txt"], 1, &["mixed.txt:5: [dog] has 3 numbers", "have 4"]);
}

#[test]
fn a_probe_is_refused_by_another_model() {
    let world = ran("run", TWO_PROBES);
    let parse = |more: &[&str], expected: &str| {
        let arguments = [&["parse", "--probe", "runs/run", "text.txt"], more].concat();
        world.write("text.txt", "Cats sleep.\n");
        let error = world.fail(1, &arguments);
        assert!(error.contains(expected), "{error}\nhas no {expected:?}");
    };
    parse(&["--name", "other"], "runs/run has no probe other; it has attention-seed1, attention+words-seed1");
    for file in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        world.write(&format!("model/{file}"), fs::read(tiny_bert().join(file)).unwrap());
    }
    // The same weights and another tokenizer: attention that the probe has never seen.
    let cased = "{\"do_lower_case\": false}";
    world.write("model/tokenizer_config.json", cased);
    parse(&["--model", "model"], "the probe was trained on tiny-bert with attention");
    // The same tensors cut into more heads.
    let more_heads =
        world.read("model/config.json").replace("\"num_attention_heads\": 3", "\"num_attention_heads\": 4");
    world.write("model/config.json", more_heads);
    parse(&["--model", "model", "--name", "attention-seed1"], "3 layers of 3 heads, but this model has 3 layers of 4");
    world.write("other.txt", "cats 1.0 2.0 3.0 4.0\n");
    parse(&["--vectors", "other.txt", "--name", "attention+words-seed1"], "the probe was trained with word vectors");
    fs::remove_file(world.path("runs/run/probes/attention-seed1.safetensors")).unwrap();
    parse(&["--name", "attention-seed1"], "cannot read the probe");
    let error = world.fail(1, &["parse", "--probe", "cache", "text.txt"]);
    assert_eq!(error, "cache is no run directory: it has no config.toml");
}

#[test]
fn interrupted_training_goes_on_where_it_stopped() {
    let experiment = "[[experiment]]\nkind = \"probe\"\nprobes = [\"attention\", \"distance+words\"]\nregime = \"clark2019\"\n\
                      epochs = 40\n";
    let world = World::new();
    world.write("vectors.txt", VECTORS);
    world.write("long.toml", config(experiment));
    let mut child = world.command(&["run", "long.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let work = world.path("runs/long.partial/work");
    let training_the_second = || {
        let files = || fs::read_dir(&work).into_iter().flatten().flatten().map(|file| file.path());
        let has = |ending: &str| files().any(|path| path.extension().is_some_and(|it| it == ending));
        has("probe") && has("checkpoint")
    };
    while !training_the_second() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(killed.success() && output.status.code() == Some(130), "{:?} {stderr}", output.status);
    assert!(training_the_second(), "the trained probe and the checkpoint are kept");

    let resumed = world.run(&["run", "long.toml"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(!resumed.stderr.contains("train attention-seed1"), "it was trained before: {}", resumed.stderr);
    world.succeed(&["run", "long.toml", "--out", "whole"]);
    for table in ["probe_scores", "predictions"] {
        let [first, second] = ["runs", "whole"].map(|out| world.read(&format!("{out}/long/{table}.csv")));
        assert!(first == second, "{table}");
    }
}
