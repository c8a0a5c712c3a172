//! Where models and treebanks come from, against a server on this machine.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::server::{Answer, Server};
use crate::support::{World, root, tiny_bert};

const MODEL: &str = "/someone/tiny/resolve/main";

/// A server with the tiny model as the Hub would serve it.
fn hub() -> Server {
    let server = Server::start();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        server.put(&format!("{MODEL}/{file}"), Answer::file(fs::read(tiny_bert().join(file)).unwrap()));
    }
    server
}

fn world_with(hub: &Server) -> World {
    let mut world = World::new();
    world.set("HF_ENDPOINT", &hub.url);
    world
}

fn paths(server: &Server) -> Vec<String> {
    server.asked().into_iter().map(|asked| asked.path).collect()
}

fn same_model(folder: &Path) {
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        assert!(fs::read(folder.join(file)).unwrap() == fs::read(tiny_bert().join(file)).unwrap(), "{file}");
    }
}

#[test]
fn a_model_comes_from_the_hub_once() {
    let server = hub();
    let world = world_with(&server);
    let folder = world.succeed(&["fetch", "someone/tiny"]);
    same_model(Path::new(folder.trim()));
    assert!(Path::new(folder.trim()).starts_with(world.path("cache/headlight/models")), "{folder}");
    let names: Vec<String> = paths(&server).iter().map(|path| path.replace(MODEL, "")).collect();
    assert_eq!(
        names,
        [
            "/config.json",
            "/tokenizer.json",
            "/vocab.txt",
            "/tokenizer_config.json",
            "/special_tokens_map.json",
            "/added_tokens.json",
            "/model.safetensors"
        ]
    );
    assert_eq!(world.succeed(&["fetch", "someone/tiny"]), folder);
    assert_eq!(paths(&server), Vec::<String>::new(), "the second time it is there");
}

#[test]
fn a_revision_is_a_model_of_its_own() {
    let server = Server::start();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        let answer = Answer::file(fs::read(tiny_bert().join(file)).unwrap());
        server.put(&format!("/someone/tiny/resolve/v1.0/{file}"), answer);
    }
    let world = world_with(&server);
    let folder = world.succeed(&["fetch", "someone/tiny@v1.0"]);
    assert!(folder.trim().ends_with("someone--tiny@v1.0"), "{folder}");
    same_model(Path::new(folder.trim()));
    world.fail(1, &["fetch", "someone/tiny"]);
    world.fail(1, &["fetch", "someone/tiny@../../x"]);
}

#[test]
fn known_models_have_a_name_and_a_repository_each() {
    let listed = World::new().succeed(&["models"]);
    let column = |line: &str, from: &str| {
        line.split_once(from).map(|(_, rest)| rest.split([' ', ';']).next().unwrap().to_owned())
    };
    let ids: Vec<String> =
        listed.lines().filter_map(|line| column(line, "Hugging Face ")).filter(|id| id.contains('/')).collect();
    let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert!(ids.len() > 30 && unique.len() == ids.len(), "{listed}");
    assert!(ids.iter().all(|id| id.split('/').count() == 2), "{ids:?}");
    for family in [
        "roberta-base",
        "camembert-base",
        "electra-small-discriminator",
        "albert-base-v2",
        "mpnet-base",
        "deberta-v3-base",
        "modernbert-base",
        "gpt2",
        "pythia-160m",
        "qwen3-0.6b",
        "smollm2-135m",
        "multiberts-seed-0",
        "distilbert-base-cased",
    ] {
        assert_eq!(listed.lines().filter(|line| line.split("  ").next() == Some(family)).count(), 1, "{family}");
    }
}

/// The repository of bert-mini has its weights as `pytorch_model.bin`; as safetensors in a request to merge.
#[test]
fn weights_come_as_safetensors_where_the_hub_has_converted_them() {
    let id = "/google/bert_uncased_L-4_H-256_A-4/resolve";
    let put = |server: &Server, path: &str, file: &str| {
        server.put(&format!("{id}/{path}"), Answer::file(fs::read(tiny_bert().join(file)).unwrap()));
    };
    let server = Server::start();
    put(&server, "main/config.json", "config.json");
    put(&server, "main/vocab.txt", "vocab.txt");
    put(&server, "refs%2Fpr%2F2/model.safetensors", "model.safetensors");
    let world = world_with(&server);
    let folder = world.succeed(&["fetch", "bert-mini"]);
    same_model(Path::new(folder.trim()));
    let asked = paths(&server);
    assert!(asked.contains(&format!("{id}/main/model.safetensors")), "its own first: {asked:?}");
    assert!(!asked.iter().any(|path| path.ends_with("pytorch_model.bin")), "{asked:?}");
    assert!(
        world.succeed(&["models"]).contains("google/bert_uncased_L-4_H-256_A-4; unpinned; safetensors at refs/pr/2")
    );

    // Where the request is gone, the weights are read as they are.
    let server = Server::start();
    put(&server, "main/config.json", "config.json");
    put(&server, "main/vocab.txt", "vocab.txt");
    let pickled = root().join("crates/headlight-bert/tests/fixtures/pytorch/views.bin");
    server.put(&format!("{id}/main/pytorch_model.bin"), Answer::file(fs::read(pickled).unwrap()));
    let world = world_with(&server);
    let folder = world.succeed(&["fetch", "bert-mini"]);
    assert!(Path::new(folder.trim()).join("pytorch_model.bin").is_file());
}

#[test]
fn a_revision_may_have_slashes() {
    let server = Server::start();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        let answer = Answer::file(fs::read(tiny_bert().join(file)).unwrap());
        server.put(&format!("/someone/tiny/resolve/refs%2Fpr%2F1/{file}"), answer);
    }
    let world = world_with(&server);
    let folder = world.succeed(&["fetch", "someone/tiny@refs/pr/1"]);
    assert!(folder.trim().ends_with("models/someone--tiny@refs%2Fpr%2F1"), "{folder}");
    same_model(Path::new(folder.trim()));
    server.asked();
    assert_eq!(world.succeed(&["fetch", "someone/tiny@refs/pr/1"]), folder);
    assert_eq!(paths(&server), Vec::<String>::new());
    for outside in ["someone/tiny@refs/../../x", "someone/tiny@/etc", "someone/tiny@refs//1", "someone/tiny@"] {
        world.fail(1, &["fetch", outside]);
    }
    // Its name with the slashes names the run and its rows.
    let config = "name = \"run\"\n[model]\nname = \"someone/tiny@refs/pr/1\"\n[treebank]\nevaluate = [\"sample:evaluate\"]\n\
                  max_sentences = 5\n[[experiment]]\nkind = \"heads\"\nselection = \"same\"\nnull_models = 0\n";
    world.write("run.toml", config);
    world.succeed(&["run", "run.toml"]);
    let report: serde_json::Value = serde_json::from_str(&world.read("runs/run/report.json")).unwrap();
    assert_eq!(report["model"]["name"], "someone/tiny@refs/pr/1");
}

/// The file of the fixtures of headlight-bert.
fn pytorch(file: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/headlight-bert/tests/fixtures/pytorch");
    fs::read(folder.join(file)).unwrap()
}

#[test]
fn weights_of_pytorch_come_from_the_hub_where_there_are_no_safetensors() {
    let shards =
        ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"];
    let whole = |file| vec![("pytorch_model.bin", file)];
    for files in [whole("views.bin"), whole("legacy-f16.bin"), shards.iter().map(|file| (*file, *file)).collect()] {
        let server = Server::start();
        for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
            server.put(&format!("{MODEL}/{file}"), Answer::file(fs::read(tiny_bert().join(file)).unwrap()));
        }
        for (name, file) in &files {
            server.put(&format!("{MODEL}/{name}"), Answer::file(pytorch(file)));
        }
        let world = world_with(&server);
        let config = "name = \"run\"\n[model]\nname = \"someone/tiny\"\n[treebank]\nevaluate = [\"sample:evaluate\"]\n\
                      max_sentences = 5\n[[experiment]]\nkind = \"heads\"\nselection = \"same\"\nnull_models = 0\n";
        world.write("run.toml", config);
        world.succeed(&["run", "run.toml"]);
        let manifest: serde_json::Value = serde_json::from_str(&world.read("runs/run/manifest.json")).unwrap();
        let inputs = manifest["inputs"].to_string();
        for (name, _) in &files {
            assert!(inputs.contains(name), "{name}: {inputs}");
        }
    }
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let server = hub();
    let world = world_with(&server);
    let weights = fs::read(tiny_bert().join("model.safetensors")).unwrap();
    let path = format!("{MODEL}/model.safetensors");
    server.put(&path, Answer { cut: Some(5000), ..Answer::file(weights.clone()) });
    let error = world.fail(1, &["fetch", "someone/tiny"]);
    assert!(error.contains("run again to go on"), "{error}");
    server.put(&path, Answer::file(weights));
    server.asked();
    let folder = world.succeed(&["fetch", "someone/tiny"]);
    same_model(Path::new(folder.trim()));
    let asked = server.asked();
    let resumed = asked.iter().find(|asked| asked.path == path).expect("the weights were asked for");
    assert_eq!(resumed.headers["range"], "bytes=5000-");
    assert!(!asked.iter().any(|asked| asked.path.ends_with("config.json") && !asked.path.contains("tokenizer")));
}

#[test]
fn a_file_with_another_checksum_is_refused_and_not_kept() {
    let server = hub();
    let world = world_with(&server);
    let weights = fs::read(tiny_bert().join("model.safetensors")).unwrap();
    let elsewhere = Server::start();
    elsewhere.put("/blob", Answer::file(weights));
    let redirect = Answer {
        redirect: Some(format!("{}/blob", elsewhere.url)),
        headers: vec![("x-linked-etag", format!("\"{}\"", "ab".repeat(32)))],
        ..Answer::default()
    };
    server.put(&format!("{MODEL}/model.safetensors"), redirect);
    let error = world.fail(1, &["fetch", "someone/tiny"]);
    assert!(error.contains(&format!("but {} was expected", "ab".repeat(32))), "{error}");
    let partial = world.path("cache/headlight/models/someone--tiny.partial");
    assert!(!partial.join("model.safetensors").exists() && !partial.join("model.safetensors.part").exists());
}

/// What a fetch of the tiny model says when one of its files is answered like this, and that nothing of it is kept as good.
fn refused(file: &str, answer: Answer) -> String {
    let server = hub();
    let world = world_with(&server);
    server.put(&format!("{MODEL}/{file}"), answer);
    let error = world.fail(1, &["fetch", "someone/tiny"]);
    let partial = world.path("cache/headlight/models/someone--tiny.partial");
    assert!(!partial.join(file).exists() && !world.path("cache/headlight/models/someone--tiny").exists(), "{error}");
    // The next call, with a server in its right mind, is not spoilt by what this one left.
    server.put(&format!("{MODEL}/{file}"), Answer::file(fs::read(tiny_bert().join(file)).unwrap()));
    same_model(Path::new(world.succeed(&["fetch", "someone/tiny"]).trim()));
    error
}

#[test]
fn what_is_not_the_file_is_refused_before_it_is_kept() {
    let weights = fs::read(tiny_bert().join("model.safetensors")).unwrap();
    let page = || Answer::file("<!DOCTYPE html>\n<html><body>Please log in.</body></html>");
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        let error = refused(file, page());
        assert!(error.contains("a web page: the server wants a log-in"), "{error}");
        let error = refused(file, Answer::file(""));
        assert!(error.contains(&format!("{file} is empty")), "{error}");
    }
    // Announced shorter than sent, and cut where nobody announced anything.
    let announced = Some(weights.len() as u64 / 2);
    let error = refused("model.safetensors", Answer { announced, ..Answer::file(weights.clone()) });
    assert!(error.contains("its header promises"), "{error}");
    let error = refused("config.json", Answer::file("{\"model_type\": \"bert\", "));
    assert!(error.contains("config.json is no JSON"), "{error}");
    // More than such a file can have.
    let error = refused("config.json", Answer { announced: Some(4 << 30), ..Answer::file("{}") });
    assert!(error.contains("config.json has 4294967296 bytes or more, and at most"), "{error}");
    // The Hub's own checksum of a small file: right length, other bytes.
    let vocabulary = fs::read(tiny_bert().join("vocab.txt")).unwrap();
    let headers = vec![("etag", format!("\"{}\"", "0123456789".repeat(4))), ("x-repo-commit", "abc".to_owned())];
    let error = refused("vocab.txt", Answer { headers, ..Answer::file(vocabulary) });
    assert!(error.contains("Git SHA-1 is ") && error.contains("but 0123456789"), "{error}");
}

#[test]
fn half_of_one_file_is_never_completed_by_half_of_another() {
    let weights = fs::read(tiny_bert().join("model.safetensors")).unwrap();
    let path = format!("{MODEL}/model.safetensors");
    let etag = |version: &str| vec![("etag", format!("\"{version}\""))];
    let before = Answer { headers: etag("a"), ..Answer::file(vec![7; weights.len()]) };
    for after in [
        // The same length under another ETag; no ETag any more; a range that nobody asked for.
        Answer { headers: etag("b"), ..Answer::file(weights.clone()) },
        Answer::file(weights.clone()),
        Answer { headers: etag("b"), ranges_from: Some(0), ..Answer::file(weights.clone()) },
    ] {
        let server = hub();
        let world = world_with(&server);
        server.put(&path, Answer { cut: Some(5000), ..before.clone() });
        let error = world.fail(1, &["fetch", "someone/tiny"]);
        assert!(error.contains("run again to go on"), "{error}");
        server.put(&path, after);
        same_model(Path::new(world.succeed(&["fetch", "someone/tiny"]).trim()));
    }
    // Parts of the range's middle instead of its beginning are no file at all.
    let error = refused("model.safetensors", Answer { ranges_from: Some(100), ..Answer::file(weights) });
    assert!(error.contains("206"), "{error}");
}

#[test]
fn secrets_in_addresses_are_not_printed() {
    let server = Server::start();
    let mut world = World::new();
    world.set("HF_ENDPOINT", server.url.replace("http://", "http://someone:hunter2@"));
    let ran = world.run(&["-vv", "fetch", "someone/tiny"]);
    assert!(ran.code == 1 && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
    let mut world = World::new();
    world.set("HF_ENDPOINT", "http://someone:hunter2@127.0.0.1:9");
    let ran = world.run(&["-vv", "fetch", "someone/tiny"]);
    assert!(ran.code == 1 && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn a_token_goes_to_the_hub_and_to_nobody_else() {
    let server = hub();
    let elsewhere = Server::start();
    elsewhere.put("/blob", Answer::file(fs::read(tiny_bert().join("model.safetensors")).unwrap()));
    let redirect = Answer { redirect: Some(format!("{}/blob", elsewhere.url)), ..Answer::default() };
    server.put(&format!("{MODEL}/model.safetensors"), redirect);
    let mut world = world_with(&server);
    world.set("HF_TOKEN", "hf_secret");
    world.succeed(&["fetch", "someone/tiny"]);
    assert!(server.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer hf_secret"));
    let elsewhere = elsewhere.asked();
    assert_eq!(elsewhere.len(), 1);
    assert!(!elsewhere[0].headers.contains_key("authorization"));
}

#[test]
fn offline_means_that_nobody_is_asked() {
    let server = hub();
    let mut world = world_with(&server);
    world.set("HF_HUB_OFFLINE", 1);
    let error = world.fail(1, &["fetch", "someone/tiny"]);
    assert!(error.contains("HF_HUB_OFFLINE is set"), "{error}");
    let world = world_with(&server);
    for name in ["someone/tiny", "minilm-l6", "UD_English-EWT"] {
        let error = world.fail(1, &["--offline", "fetch", name]);
        assert!(error.contains("--offline is given"), "{error}");
    }
    assert_eq!(paths(&server), Vec::<String>::new());
}

#[test]
fn what_other_tools_have_cached_is_used() {
    let server = Server::start();
    let mut world = world_with(&server);
    let snapshot = world.path("hf/hub/models--someone--tiny/snapshots/abc");
    fs::create_dir_all(&snapshot).unwrap();
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        fs::copy(tiny_bert().join(file), snapshot.join(file)).unwrap();
    }
    world.write("hf/hub/models--someone--tiny/refs/main", "abc");
    world.set("HF_HOME", world.path("hf").display());
    assert_eq!(world.succeed(&["fetch", "someone/tiny"]).trim(), snapshot.to_str().unwrap());
    assert_eq!(paths(&server), Vec::<String>::new());
}

#[test]
fn with_no_source_at_all_the_error_lists_what_was_tried_within_seconds() {
    let clock = Instant::now();
    let world = World::new();
    let error = world.fail(1, &["fetch", "bert-tiny"]);
    for part in
        ["cache ", "Hugging Face cache: not there", "Hugging Face Hub: http://127.0.0.1:9", "by hand", "model.path"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    let error = world.fail(1, &["fetch", "UD_English-EWT"]);
    for part in ["release tag: http", "release archive: http", "en_ewt-ud-train.conllu", "by hand"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(clock.elapsed() < Duration::from_secs(20), "{:?}", clock.elapsed());
}

#[test]
fn names_are_checked_before_anything_is_fetched() {
    let world = World::new();
    for (name, expected) in [
        ("minilm-16", "did you mean minilm-l6?"),
        ("../../etc", "no model is known as"),
        ("UD_Englisch-EWT", "did you mean UD_English-EWT?"),
        ("UD_English", "is not the name of a UD treebank"),
    ] {
        let error = world.fail(1, &["fetch", name]);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_checkpoint_without_safetensors_says_how_to_convert_it() {
    let server = Server::start();
    server.put(&format!("{MODEL}/config.json"), Answer::file("{}"));
    server.put(&format!("{MODEL}/vocab.txt"), Answer::file("[PAD]"));
    let error = world_with(&server).fail(1, &["fetch", "someone/tiny"]);
    assert!(error.contains("neither model.safetensors nor pytorch_model.bin"), "{error}");
    assert!(error.contains("save_pretrained"), "{error}");
}

const ROW: &str = "# sent_id = 1\n# text = Go\n1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n\n";

#[test]
fn a_treebank_comes_from_its_release_tag() {
    let server = Server::start();
    let tag = "/UD_Old_East_Slavic-Birchbark/refs/tags/r2.15";
    server.put(&format!("{tag}/orv_birchbark-ud-dev.conllu"), Answer::file(ROW));
    server.put(&format!("{tag}/orv_birchbark-ud-test.conllu"), Answer::file(ROW));
    let mut world = World::new();
    world.set("HEADLIGHT_UD_ENDPOINT", &server.url);
    let fetched = world.succeed(&["fetch", "UD_Old_East_Slavic-Birchbark@2.15"]);
    let files: Vec<&str> = fetched.lines().collect();
    assert_eq!(files.len(), 2, "it has no train split: {fetched}");
    assert!(files[0].ends_with("treebanks/r2.15/UD_Old_East_Slavic-Birchbark/orv_birchbark-ud-dev.conllu"));
    assert_eq!(fs::read_to_string(files[1]).unwrap(), ROW);
    let error = world.fail(1, &["fetch", "UD_Old_East_Slavic-Birchbark@2.14"]);
    assert!(error.contains("UD_Old_East_Slavic-Birchbark@2.14 has no "), "{error}");
}

#[test]
fn a_treebank_comes_out_of_the_archive_of_its_release() {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for split in ["train", "dev", "test"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(ROW.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        let path = format!("ud-treebanks-v2.16/UD_English-EWT/en_ewt-ud-{split}.conllu");
        archive.append_data(&mut header, path, ROW.as_bytes()).unwrap();
    }
    let archive = archive.into_inner().unwrap().finish().unwrap();
    let server = Server::start();
    server.put("/11234/1-5901/ud-treebanks-v2.16.tgz", Answer::file(archive));
    let mut world = World::new();
    world.set("HEADLIGHT_UD_ARCHIVE", &server.url);
    for file in world.succeed(&["fetch", "UD_English-EWT"]).lines() {
        assert_eq!(fs::read_to_string(file).unwrap(), ROW);
    }
}
