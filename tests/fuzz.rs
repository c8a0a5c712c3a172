//! The fuzz targets on good files that were damaged: some hundred of each. `fuzz/README.md` says how to run them for hours.

#[path = "../fuzz/damage.rs"]
mod damage;
#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;

use proptest::test_runner::{Config, TestRunner};

use crate::support::{World, root, tiny_config};

/// Damaged files of each target; `PROPTEST_CASES` says otherwise.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

fn file(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn bert(path: &str) -> Vec<u8> {
    file(&format!("crates/headlight-bert/tests/fixtures/{path}"))
}

/// Good files, so that what is damaged is nearly right.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let sample = file("data/sample/en_sample-coref.conllu");
    let text = String::from_utf8_lossy(&sample).into_owned();
    let blocks: Vec<String> = text.split("\n\n").map(|block| format!("{block}\n\n")).collect();
    let of = |text: &str| text.as_bytes().to_vec();
    match target {
        "conllu" => blocks.iter().take(8).map(|block| of(block)).collect(),
        "conllx" => {
            let words = |block: &String| -> String {
                let kept =
                    block.lines().filter(|line| line.split('\t').next().is_some_and(|id| id.parse::<u32>().is_ok()));
                kept.map(|line| format!("{line}\n")).collect::<String>() + "\n"
            };
            blocks.iter().take(8).map(|block| of(&words(block))).collect()
        }
        "conll2012" => {
            vec![of("#begin document (d); part 000\nd 0 0 Mary NNP (TOP* - - - s * (1)\nd 0 1 saw VBD * - - - s * -\n\
             d 0 2 herself PRP *) - - - s * (1)\n\n#end document\n")]
        }
        "entities" => {
            vec![of("(e1-person-1- e1) (e2-place-2-(e3-thing-1-) e3)e2)"), of("(e1-a-1-)(e2-b-1-) (e1[1/2]) (e1[2/2])")]
        }
        "vectors" => vec![
            of("\0the 0.5 1 -2\nof 1e3 0 0.25\n"),
            of("\u{4}2 2\nthe 1 2\nof 3 4\n"),
            [b"\x011 2\nthe ".as_slice(), &1_f32.to_le_bytes(), &2_f32.to_le_bytes(), b"\n"].concat(),
        ],
        "safetensors" => {
            let file = bert("tiny-bert/model.safetensors");
            vec![file[..targets::header_length(&file)].to_vec(), file]
        }
        "pytorch" => {
            let pickle =
                b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\n(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu\
                           K\x04tQK\x00(K\x02K\x02t(K\x02K\x01t\x89NtRs.";
            vec![bert("pytorch/views.bin"), bert("pytorch/code.bin"), pickle.to_vec()]
        }
        "config_json" => ["tiny-bert", "families/gpt2", "families/modernbert", "families/deberta-v3", "families/qwen3"]
            .map(|family| bert(&format!("{family}/config.json")))
            .to_vec(),
        "tokenizer" => blocks
            .iter()
            .filter_map(|block| block.lines().find_map(|line| line.strip_prefix("# text = ")).map(of))
            .collect(),
        "tables" | "report_json" => {
            let world = World::new();
            world.write("run.toml", tiny_config("max_sentences = 3"));
            world.succeed(&["run", "run.toml"]);
            let files: &[&str] =
                if target == "tables" { &["head_scores", "best_heads", "predictions"] } else { &["report.json"] };
            let name = |file: &&str| if file.contains('.') { (*file).to_owned() } else { format!("{file}.parquet") };
            let read = |file| fs::read(world.path(&format!("runs/run/{}", name(file)))).unwrap();
            // The first byte of a table says which one it is.
            let first = |number: usize| (target == "tables").then_some(number as u8);
            files
                .iter()
                .enumerate()
                .map(|(number, file)| first(number).into_iter().chain(read(file)).collect())
                .collect()
        }
        // The first bytes say the width, the format, the tables and the runs: each table in each format, and all tables at once.
        // Rows are made of any bytes.
        "comparison" => (0..42)
            .map(|at| {
                let (format, table) = (at % 6, at / 6);
                let rows = (0..600_u32).map(|it| (it * (2 * u32::from(at) + 7) % 251) as u8);
                [80, format, if table < 6 { table } else { 255 }, at % 4].into_iter().chain(rows).collect()
            })
            .collect(),
        other => panic!("no good file of {other}"),
    }
}

#[test]
fn damaged_files_are_read_or_refused() {
    for (name, target) in targets::ALL {
        let mut runner = TestRunner::new(Config { cases: cases(), failure_persistence: None, ..Config::default() });
        if let Err(error) = runner.run(&damage::damaged(seeds(name)), |bytes| {
            target(&bytes);
            Ok(())
        }) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn good_files_are_read() {
    for (name, target) in targets::ALL {
        seeds(name).iter().for_each(|seed| target(seed));
    }
}

/// `fuzz/crashes/TARGET-…` holds what a target failed on once.
#[test]
fn what_failed_once_does_not_again() {
    let folder = root().join("fuzz/crashes");
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("config-") {
            continue;
        }
        let found = targets::ALL.iter().find(|(target, _)| name.starts_with(&format!("{target}-")));
        let (_, target) = found.unwrap_or_else(|| panic!("{name} begins with no target's name"));
        target(&fs::read(&path).unwrap());
    }
}

/// The target `config` is made of the binary's own rooms, so that it needs what the binary needs, at the same versions.
#[test]
fn fuzz_targets_have_the_dependencies_of_the_binary() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap().parse::<toml::Table>().unwrap();
    let (own, fuzz) = (read("Cargo.toml"), read("fuzz/Cargo.toml"));
    // What is the same however it is written: the version, or the folder, and the features.
    let said = |value: &toml::Value| {
        let version = value.as_str().or_else(|| value.get("version")?.as_str()).map(ToOwned::to_owned);
        let folder =
            value.get("path").and_then(toml::Value::as_str).map(|path| path.trim_start_matches("../").to_owned());
        (version.or(folder), value.get("features").cloned(), value.get("default-features").cloned())
    };
    for name in own["dependencies"].as_table().unwrap().keys().filter(|name| *name != "mimalloc") {
        let expected = said(&own["workspace"]["dependencies"][name.as_str()]);
        let found = fuzz["dependencies"].get(name.as_str()).map(said);
        assert_eq!(found, Some(expected), "{name} in fuzz/Cargo.toml");
    }
}
