//! What the encoder said is asked once: kinds of a config share passes, and runs share what passes left in the cache.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{World, root, tables, tiny_bert};

/// A config of these kinds on the tiny model and the sample treebank.
fn config(kinds: &[&str]) -> String {
    let keys = |kind: &str| match kind {
        "heads" => "null_models = 0\nresamples = 1000",
        "surface" => "",
        "clusters" => "clusters = 3\nstarts = 2",
        "ensembles" => "min_total = 10\nresamples = 1000",
        _ => "resamples = 1000",
    };
    let experiments = kinds.iter().map(|kind| format!("[[experiment]]\nkind = {kind:?}\n{}\n", keys(kind)));
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\nselect = [\"sample:select\"]\n\
         evaluate = [\"sample:evaluate\"]\n{}",
        tiny_bert(),
        experiments.collect::<String>()
    )
}

/// The passes of the encoder that a run took.
fn passes(world: &World, run: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&world.read(&format!("runs/{run}/manifest.json"))).unwrap();
    let stages = manifest["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap().to_owned());
    stages.filter(|name| name.starts_with("encode")).collect()
}

/// What is complete on a shelf of the cache.
fn kept(world: &World, shelf: &str) -> Vec<PathBuf> {
    let folders = fs::read_dir(world.path("cache/headlight").join(shelf)).into_iter().flatten().flatten();
    let folders = folders.map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut complete: Vec<_> =
        folders.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')).collect();
    complete.sort();
    complete
}

#[test]
fn kinds_of_a_config_share_one_pass() {
    let world = World::new();
    world.write("all.toml", config(&["heads", "surface", "clusters", "trees", "ensembles"]));
    world.succeed(&["run", "all.toml"]);
    let passes = passes(&world, "all");
    assert_eq!(passes, ["encode evaluate", "encode select"]);
}

#[test]
fn what_stops_a_shared_pass_names_who_asked() {
    let world = World::new();
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("broken.conllu", format!("{sample}\n1\tword\n\n"));
    for (kinds, named) in [
        (&["trees", "ensembles"][..], "kind = \"trees\", kind = \"ensembles\": "),
        (&["ensembles"], "kind = \"ensembles\": "),
    ] {
        world.write("broken.toml", config(kinds).replace("sample:evaluate", "broken.conllu"));
        let error = world.fail(1, &["run", "broken.toml"]);
        assert!(error.contains(named) && error.contains("broken.conllu:"), "{error}");
    }
}

#[test]
fn a_run_that_asks_the_same_encodes_nothing() {
    let world = World::new();
    world.write(
        "all.toml",
        config(&["heads", "surface", "clusters", "trees", "coreference", "ensembles"])
            .replace("null_models = 0", "null_models = 0\nattention = true")
            .replace("sample:select", "sample:coref")
            .replace("sample:evaluate", "sample:coref"),
    );
    world.succeed(&["run", "all.toml"]);
    assert!(!passes(&world, "all").is_empty());
    for (name, sets) in [
        ("other-statistics", &["heads.resamples=1500", "trees.resamples=1500", "heads.confidence=0.9", "seed=7"][..]),
        ("universal", &["treebank.granularity=universal"]),
        (
            "folds",
            &[
                "heads.selection=folds",
                "trees.selection=folds",
                "coreference.selection=same",
                "ensembles.selection=folds",
            ],
        ),
        ("gathered-otherwise", &["ensembles.heads=2", "ensembles.min_total=5", "ensembles.rows=raw"]),
        ("documents", &["treebank.unit=document"]),
        ("other-words", &["treebank.name=other", "model.name=other", "threads=1", "heads.lengths=0"]),
    ] {
        let mut arguments = vec!["run", "all.toml", "--set"];
        let named = format!("name={name}");
        arguments.push(&named);
        sets.iter().for_each(|set| arguments.extend(["--set", set]));
        world.succeed(&arguments);
        assert_eq!(passes(&world, name), Vec::<String>::new(), "{name}");
    }
    // What it is made of is what an encoder of its own would have said.
    let alone = World::new();
    alone.write("all.toml", world.read("all.toml"));
    alone.succeed(&["run", "all.toml", "--set", "treebank.granularity=universal", "--set", "name=universal"]);
    for ((name, shared), (_, own)) in
        tables(&world.path("runs/universal")).iter().zip(&tables(&alone.path("runs/universal")))
    {
        assert!(shared == own, "{name}");
    }
    let [shared, own] = [&world, &alone].map(|world| world.read("runs/universal/explorer.json"));
    assert!(shared == own, "the explorer");
}

#[test]
fn a_file_is_encoded_once_whatever_it_is_used_for() {
    let world = World::new();
    world.write("heads.toml", config(&["heads"]));
    world.write("trees.toml", config(&["trees"]));
    let turned = ["--set", "treebank.select=[\"sample:evaluate\"]", "--set", "treebank.evaluate=[\"sample:select\"]"];
    for name in ["heads", "trees"] {
        let file = format!("{name}.toml");
        world.succeed(&["run", &file]);
        let before = [kept(&world, "predictions"), kept(&world, "records")];
        world.succeed(&[&["run", &file, "--set", "name=turned", "--force"], &turned[..]].concat());
        assert_eq!(kept(&world, "predictions"), before[0]);
        if name == "trees" {
            assert_eq!(kept(&world, "records"), before[1]);
            assert_eq!(passes(&world, "turned"), Vec::<String>::new());
        }
    }
}

#[test]
fn null_models_of_a_seed_are_encoded_once() {
    let world = World::new();
    world.write("tiny.toml", config(&["heads"]).replace("null_models = 0", "null_models = 1"));
    world.succeed(&["run", "tiny.toml"]);
    assert_eq!(kept(&world, "predictions").len(), 4);
    world.succeed(&["run", "tiny.toml", "--set", "name=more", "--set", "heads.null_models=2"]);
    let passes = passes(&world, "more");
    assert!(passes.len() == 2 && passes.iter().all(|pass| pass.ends_with(", random weights 2")), "{passes:?}");
}

#[test]
fn damage_is_made_good() {
    let world = World::new();
    world.write("tiny.toml", config(&["heads", "trees"]));
    world.succeed(&["run", "tiny.toml"]);
    for shelf in ["predictions", "records"] {
        for folder in kept(&world, shelf) {
            let data = folder.join("data");
            let mut bytes = fs::read(&data).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(&data, bytes).unwrap();
        }
    }
    let error = world.fail(1, &["store", "verify"]);
    assert!(error.contains("are damaged"), "{error}");
    let again = world.run(&["run", "tiny.toml", "--set", "name=again"]);
    assert!(again.code == 0 && again.stderr.contains("is damaged"), "{}", again.stderr);
    assert_eq!(tables(&world.path("runs/tiny")), tables(&world.path("runs/again")));
    world.succeed(&["store", "verify"]);
    // Whole sentences before the damage are not done again.
    assert!(again.stderr.contains("the rest is done again"), "{}", again.stderr);
}

#[test]
fn notes_of_texts_are_listed_and_removed_with_everything() {
    let world = World::new();
    world.write("tiny.toml", config(&["heads"]));
    world.succeed(&["encode", "tiny.toml", "--shard", "1/2"]);
    assert!(world.succeed(&["store", "ls"]).contains("notes of texts: "));
    world.succeed(&["store", "rm", "--all"]);
    assert!(!world.succeed(&["store", "ls"]).contains("notes"));
    let left = fs::read_dir(world.path("cache/headlight/notes")).unwrap().map(|note| note.unwrap().path());
    let left: Vec<PathBuf> = left.collect();
    assert!(left.iter().all(|path| path.extension().is_some_and(|it| it == "lock")), "{left:?}");
}

#[test]
fn what_is_kept_is_listed_verified_and_removed() {
    let world = World::new();
    let config = config(&["heads", "trees", "probe"]).replace("[treebank]", "[treebank]\ntrain = [\"sample:select\"]");
    world.write("tiny.toml", config.replace("kind = \"probe\"", "kind = \"probe\"\nepochs = 1"));
    world.succeed(&["run", "tiny.toml"]);
    let listed = world.succeed(&["store", "ls"]);
    for what in [
        "tiny-bert on sample train, merge mean, f16, 3×3 heads",
        "predictions, rows raw of tiny-bert on sample evaluate",
        "trees of single heads of tiny-bert on sample select",
        "sentences of the explorer of tiny-bert on sample evaluate",
        "attention: 2 entries",
        "predictions: 2 entries",
        "records: 3 entries",
        "complete, used ",
    ] {
        assert!(listed.contains(what), "{what}: {listed}");
    }
    let verified = world.succeed(&["store", "verify"]);
    assert_eq!(verified.lines().filter(|line| line.ends_with("every byte as written")).count(), 7, "{verified}");
    let id = kept(&world, "predictions")[0].file_name().unwrap().to_string_lossy()[..12].to_owned();
    assert!(world.succeed(&["store", "rm", &id]).starts_with("1 entry removed"));
    assert_eq!(kept(&world, "predictions").len(), 1);
    assert!(world.fail(1, &["store", "rm", &id]).contains("nothing that is kept"));
    assert!(world.succeed(&["store", "rm", "--all"]).starts_with("6 entries removed"));
    assert!(world.succeed(&["store", "ls"]).contains("records: 0 entries, 0 B"));
}

#[test]
fn limits_take_what_no_run_uses() {
    let world = World::new();
    world.write("tiny.toml", config(&["heads", "trees"]));
    let ran = world.run(&["run", "tiny.toml", "--set", "cache.max_age=30", "--set", "cache.max_bytes=1_000_000_000"]);
    assert!(ran.code == 0 && !ran.stderr.contains("of the cache removed"), "{}", ran.stderr);
    assert!(!kept(&world, "predictions").is_empty());
    let ran = world.run(&["run", "tiny.toml", "--set", "name=small", "--set", "cache.max_bytes=1"]);
    assert!(ran.code == 0 && ran.stderr.contains("5 entries of the cache removed"), "{}", ran.stderr);
    assert_eq!(passes(&world, "small"), Vec::<String>::new(), "limits act at the end of a run");
    assert!(kept(&world, "predictions").is_empty() && kept(&world, "records").is_empty());
    let error = world.fail(2, &["run", "tiny.toml", "--set", "cache.max_age=-1"]);
    assert!(error.contains("`cache.max_age` is -1"), "{error}");
}

#[test]
fn two_runs_at_once_encode_once() {
    let world = World::new();
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(10));
    world.write("tiny.toml", config(&["heads", "trees"]).replace("sample:evaluate", "many.conllu"));
    let runs = ["one", "two"].map(|name| {
        let named = format!("name={name}");
        world
            .command(&["run", "tiny.toml", "--set", &named])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    });
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    let took = ["one", "two"].map(|name| passes(&world, name));
    let of = |pass: &str| took.iter().flatten().filter(|it| *it == pass).count();
    assert_eq!((of("encode evaluate"), of("encode select")), (1, 1), "{took:?}");
    assert_eq!(tables(&world.path("runs/one")), tables(&world.path("runs/two")));
}

#[test]
fn a_shared_pass_that_is_interrupted_goes_on_to_the_same_tables() {
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    for signal in ["-INT", "-KILL"] {
        let world = World::new();
        world.write("many.conllu", sample.repeat(25));
        let config = config(&["heads", "surface", "trees", "ensembles"]);
        world.write("tiny.toml", format!("threads = 1\n{}", config.replace("sample:evaluate", "many.conllu")));
        let mut child =
            world.command(&["run", "tiny.toml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        // Predictions of the shared pass, which is the last, have begun to reach the disk.
        let begun = || {
            let folders = fs::read_dir(world.path("cache/headlight/predictions")).into_iter().flatten().flatten();
            let partial = folders.filter(|it| it.file_name().to_string_lossy().ends_with(".partial"));
            partial.filter_map(|it| fs::metadata(it.path().join("data")).ok()).any(|data| data.len() > 100_000)
        };
        while !begun() && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success() && begun(), "{signal}: no interruption came within the pass");
        child.wait().unwrap();
        assert!(!world.path("runs/tiny").exists());
        let resumed = world.run(&["-v", "run", "tiny.toml"]);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        assert!(resumed.stderr.contains("that are predicted already"), "{signal}: {}", resumed.stderr);
        assert!(passes(&world, "tiny").iter().any(|pass| pass == "encode evaluate"));
        let whole = World::new();
        ["many.conllu", "tiny.toml"].iter().for_each(|file| drop(whole.write(file, world.read(file))));
        whole.succeed(&["run", "tiny.toml"]);
        for ((name, resumed), (_, whole)) in
            tables(&world.path("runs/tiny")).iter().zip(&tables(&whole.path("runs/tiny")))
        {
            assert!(resumed == whole, "{signal} {name}");
        }
    }
}
