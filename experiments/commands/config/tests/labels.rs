//! What was run is what is named.

use super::*;

/// Names of the model, the treebank and the corpus.
fn names(text: &str, sets: &[&str]) -> [String; 3] {
    let config = resolve(text, sets).unwrap();
    [
        config.settings.model.display_name(),
        config.settings.treebank.display_name(),
        config.settings.corpus.display_name(),
    ]
}

const NAMED: &str = r#"
    [model]
    name = "minilm-l6"
    [treebank]
    name = "mine"
    select = ["sample:select"]
    evaluate = ["dev.conllu"]
    [corpus]
    name = "wiki"
    files = ["a.txt"]
    [[experiment]]
    kind = "heads"
    [[experiment]]
    kind = "surface"
"#;

#[test]
fn a_name_belongs_to_the_data_of_its_layer() {
    assert_eq!(names(NAMED, &[]), ["minilm-l6", "mine", "wiki"]);
    let other = "treebank.evaluate=[\"de_gsd-ud-dev.conllu.gz\", \"de_gsd-ud-test.conllu\"]";
    for (sets, expected) in [
        (&["model.path=/models/tiny"][..], ["tiny", "mine", "wiki"]),
        (&[other], ["minilm-l6", "de_gsd", "wiki"]),
        (&["treebank.select=[\"x.conllu\"]"], ["minilm-l6", "dev", "wiki"]),
        (&["corpus.files=[\"b.txt\", \"c.txt\"]"], ["minilm-l6", "mine", "b+c"]),
        // A name in the layer of the data, in whichever order, is the user's own.
        (&["model.path=/models/tiny", "model.name=mine"], ["mine", "mine", "wiki"]),
        (&["treebank.name=german", other], ["minilm-l6", "german", "wiki"]),
        // A layer that brings no data changes no name.
        (&["model.path=", "treebank.train=[]", "seed=2"], ["minilm-l6", "mine", "wiki"]),
        (&["treebank.name=renamed"], ["minilm-l6", "renamed", "wiki"]),
    ] {
        assert_eq!(names(NAMED, sets), expected, "{sets:?}");
    }
}

#[test]
fn a_resolved_config_keeps_its_names() {
    let config = resolve(NAMED, &["model.path=/models/tiny"]).unwrap();
    assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config);
    assert_eq!(
        resolve(&config.to_toml(), &["model.path=/models/small"]).unwrap().settings.model.display_name(),
        "small"
    );
}

#[test]
fn a_sweep_is_the_last_layer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    fs::write(&file, format!("[sweep]\nmodel.path = [\"/models/a\", \"/models/b\"]\n{NAMED}")).unwrap();
    let configs = load_in(&file, &["model.name=label"]).unwrap();
    assert_eq!(configs.iter().map(|config| config.settings.model.display_name()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn files_name_their_treebank() {
    for (files, expected) in [
        (&["/x/en_ewt-ud-dev.conllu", "/x/en_gum-ud-dev.conllu"][..], "en_ewt+en_gum"),
        (&["sample:evaluate"], "sample"),
        (&["ud:UD_English-EWT/dev"], "UD_English-EWT"),
        (&["ud:UD_English-EWT@2.15/test", "ud:UD_English-EWT@2.15/dev"], "UD_English-EWT@2.15"),
        (&["/x/.hidden"], ".hidden"),
        (&["a.txt", "b.txt", "c.txt", "d.txt"], "a+b+c+…"),
    ] {
        let list = files.iter().map(|file| format!("{file:?}")).collect::<Vec<_>>().join(", ");
        assert_eq!(names(MINIMAL, &[&format!("treebank.evaluate=[{list}]")])[1], expected);
    }
}

#[test]
fn a_snapshot_is_called_by_its_repository() {
    let path = "/cache/models--google-bert--bert-base-cased/snapshots/1a2b3c4d5e6f";
    assert_eq!(names(MINIMAL, &[&format!("model.path={path}")])[0], "google-bert/bert-base-cased@1a2b3c4");
}

#[test]
fn a_model_that_would_not_run_is_not_named() {
    let text = MINIMAL.replace("name = \"minilm-l6\"", "path = \"/models/tiny\"");
    for name in ["bert-base-uncased", "google-bert/bert-base-cased"] {
        let error = error(&text, &[&format!("model.name={name}")]);
        let expected = format!(
            "`model.name` in --set is {name:?}, but the folder of `model.path` in config study.toml is what would run: \
             add --set model.path= to run {name}, or name the folder in the same place if it holds {name}"
        );
        assert_eq!(error, expected);
    }
    assert_eq!(names(&text, &["model.name=label"])[0], "label");
    let in_its_place = ["model.name=bert-base-uncased", "model.path="];
    assert_eq!(resolve(&text, &in_its_place).unwrap().settings.model.path, Path::new(""));
}
