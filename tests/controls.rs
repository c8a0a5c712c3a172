//! Names from files never act on a terminal: control characters are written out wherever they are shown.

use std::fs;

use crate::support::{Ran, World, root, tiny_bert, tiny_config};

/// Clears the screen, sets the title, starts red by one character, turns the direction of writing.
const ACTS: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}";

fn acts(text: &str) -> bool {
    text.contains(|c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}')
}

/// The sample with every `obj` renamed, and every sent_id.
fn hostile_sample(split: &str) -> String {
    let text = fs::read_to_string(root().join(format!("data/sample/en_sample-{split}.conllu"))).unwrap();
    text.replace("\tobj\t", &format!("\tobj{ACTS}\t")).replace("# sent_id = ", &format!("# sent_id = {ACTS}"))
}

fn hostile_world() -> World {
    let world = World::new();
    for split in ["select", "evaluate"] {
        world.write(&format!("{ACTS}{split}.conllu"), hostile_sample(split));
    }
    let named = ["select", "evaluate"].map(|split| format!("{:?}", format!("{ACTS}{split}.conllu")));
    let config = tiny_config("max_sentences = 40").replace("name = \"sample\"\n", "");
    let config =
        config.replace("\"sample:select\"", &named[0].replace("\\u{1b}", "\\u001b").replace("\\u{7}", "\\u0007"));
    let config =
        config.replace("\"sample:evaluate\"", &named[1].replace("\\u{1b}", "\\u001b").replace("\\u{7}", "\\u0007"));
    world.write("study.toml", config.replace("\\u{9b}", "\\u009b").replace("\\u{202e}", "\\u202e"));
    world
}

fn assert_visible(ran: &Ran, what: &str) {
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!acts(text), "{what}: {text:?}");
    }
}

#[test]
fn reports_and_comparisons_show_control_characters() {
    let world = hostile_world();
    for (name, code) in [("a", 0), ("b", 0), ("a", 1)] {
        for format in ["text", "json"] {
            if (code, format) == (0, "json") {
                continue;
            }
            let name = format!("name={name}");
            let ran = world.run(&["run", "study.toml", "-vv", "--set", &name, "--log-format", format]);
            assert_eq!(ran.code, code, "{}", ran.stderr);
            assert_visible(&ran, "run");
        }
    }
    let report = world.read("runs/a/report.md");
    assert!(!acts(&report) && report.contains("obj\\\\u{1b}\\[2J"), "{report}");
    let table = world.read("runs/a/best_heads.csv");
    assert!(!acts(&table) && table.contains("obj\\u{1b}[2J"), "{table}");
    for format in ["term", "md"] {
        let ran = world.run(&["compare", "runs/a", "runs/b", "--format", format, "--fail-below=100"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("obj\\u{1b}[2J"), "{}", ran.stderr);
        assert_visible(&ran, "compare");
    }
    for arguments in [
        &["figure", "runs/a", "heatmap", ACTS][..],
        &["figure", "runs/a", "tree", ACTS],
        &["figure", "runs/a", "table1", "--out", &format!("{ACTS}.svg")],
        &["report", "runs/a"],
        &["run", &format!("{ACTS}.toml")],
        &["run", "study.toml", "--set", &format!("{ACTS}=1")],
        &["figure", "runs/a", "heatmap", "obj", "--head", ACTS],
        &["show", &format!("{ACTS}.toml"), "--log-format", "json"],
    ] {
        assert_visible(&world.run(arguments), arguments[0]);
    }
}

#[test]
fn a_check_shows_control_characters() {
    let world = World::new();
    let file = format!("{ACTS}.conllu");
    world.write(&file, format!("# sent_id = {ACTS}\n1\tw{ACTS}\t_\tX\t_\t_\t9{ACTS}\tdep{ACTS}\t_\t_\n\n"));
    for format in ["text", "json"] {
        let ran = world.run(&["check", &file, "--log-format", format]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains("\\u{1b}[2J"), "{}", ran.stdout);
        assert_visible(&ran, "check");
    }
}

#[test]
fn a_checkpoint_with_hostile_names_is_refused_visibly() {
    let world = World::new();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        world.write(&format!("model/{file}"), fs::read(tiny_bert().join(file)).unwrap());
    }
    let bytes = fs::read(world.path("model/model.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let renamed = header.replacen("word_embeddings.weight", "\\u001b[2J\\u009bword_embeddings.weight", 1);
    let mut hostile = (renamed.len() as u64).to_le_bytes().to_vec();
    hostile.extend(renamed.as_bytes());
    hostile.extend(&bytes[8 + length..]);
    world.write("model/model.safetensors", hostile);
    let model = format!("model.path={}", world.path("model").display());
    for format in ["text", "json"] {
        let ran = world.run(&["run", "quickstart", "--set", &model, "--log-format", format]);
        assert_eq!(ran.code, 1, "{}", ran.stdout);
        assert_visible(&ran, "run");
    }
}
