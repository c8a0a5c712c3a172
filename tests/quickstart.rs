//! A newcomer's first run: nothing but the binary.

use std::fs;

use crate::support::World;

#[test]
fn the_quickstart_needs_no_network_and_its_heads_have_learned_something() {
    let world = World::new();
    let printed = world.succeed(&["run", "quickstart", "--offline"]);
    assert!(printed.contains("Best attention heads of sample on sample"), "{printed}");
    for relation in ["det", "obj", "nsubj", "case"] {
        let line = printed.lines().find(|line| line.split_whitespace().next() == Some(relation)).unwrap();
        let difference = line.split_whitespace().find(|word| word.starts_with(['+', '−']) && word.contains('.'));
        assert!(difference.unwrap().starts_with('+'), "{line}");
    }
    let manifest = world.read("runs/quickstart/manifest.json");
    assert!(manifest.contains("headlight--sample@"), "{manifest}");
    let page = fs::metadata(world.path("runs/quickstart/report.html")).unwrap().len();
    assert!(page < 3_000_000, "the page has {page} bytes");
    // Counts stand beside every number, and relations of a handful of words are left to the files.
    assert!(printed.contains("Left out here: ") && !printed.contains("vocative"), "{printed}");
    assert!(world.read("runs/quickstart/report.md").contains("vocative"));
}

#[test]
fn the_sample_model_is_unpacked_again_where_it_has_changed() {
    let world = World::new();
    let few = ["run", "quickstart", "--force", "--set", "treebank.max_sentences=20", "--set", "heads.null_models=0"];
    world.succeed(&few);
    let tables = ["head_scores.csv", "best_heads.csv"].map(|name| world.read(&format!("runs/quickstart/{name}")));
    let models = world.path("cache/headlight/models");
    let folder = fs::read_dir(models).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let weights = folder.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, &bytes).unwrap();
    fs::remove_dir_all(world.path("runs")).unwrap();
    world.succeed(&few);
    let again = ["head_scores.csv", "best_heads.csv"].map(|name| world.read(&format!("runs/quickstart/{name}")));
    assert_eq!(tables, again);
    assert_ne!(bytes, fs::read(&weights).unwrap());
}

#[test]
fn a_folder_is_not_the_sample_model_because_it_is_called_so() {
    let world = World::new();
    let other = crate::support::tiny_bert();
    let path = format!("model.path={}", other.display());
    let error = world.fail(1, &["run", "quickstart", "--set", &path, "--set", "model.name=sample"]);
    assert!(error.contains("sample, which it is not"), "{error}");
}
