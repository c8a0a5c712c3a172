//! Surroundings that lack something: a clear error or none at all, and in better ones the run is right. (Full disks,
//! limits of file sizes and two processes at once: `bad_input.rs`, `shared_passes.rs`.)

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::{Ran, World, root, tables, tiny_config};

/// A world with a config and a treebank of its own.
fn world() -> World {
    let world = World::new();
    world.write("own.conllu", fs::read(root().join("data/sample/en_sample-evaluate.conllu")).unwrap());
    let config = tiny_config("max_sentences = 40").replace("\"sample:evaluate\"", "\"own.conllu\"");
    let probe = "[[experiment]]\nkind = \"probe\"\nepochs = 1\nresamples = 1000\n";
    let config = config.replace("select = [\"sample:select\"]", "train = [\"own.conllu\"]");
    let heads = "selection = \"same\"\nnull_models = 0\nresamples = 1000\n";
    world.write("it.toml", config.replace("resamples = 1000\n", heads) + probe);
    world
}

/// How an orderly call ends: with a result, or one line that says what is wrong.
fn orderly(ran: &Ran, what: &str) {
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    let is_orderly = !ran.stderr.contains("panicked") && ran.code == i32::from(errors == 1);
    assert!(is_orderly, "{what}: exit {}: {}", ran.code, ran.stderr);
}

/// The tables of the run where nothing is in its way.
fn undisturbed() -> Vec<(String, String)> {
    let world = world();
    world.succeed(&["run", "it.toml"]);
    tables(&world.path("runs/it"))
}

/// The run in good surroundings, after whatever was left by others.
fn then_right(world: &World, undisturbed: &[(String, String)], what: &str) {
    if !world.path("runs/it").exists() {
        world.succeed(&["run", "it.toml"]);
    }
    let found = tables(&world.path("runs/it"));
    let names = |tables: &[(String, String)]| tables.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(undisturbed), "{what}");
    assert!(found == undisturbed && !found.is_empty(), "{what}");
    world.succeed(&["verify", "runs/it"]);
}

#[test]
fn without_a_home_or_a_place_for_temporary_files() {
    let world = world();
    let mut homeless = world.command(&["run", "it.toml"]);
    homeless.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    // Where the password file knows a home, that is one.
    homeless.env("HOME", "").env("XDG_CACHE_HOME", "not/absolute");
    let ran = Ran::of(homeless);
    orderly(&ran, "no HOME");
    assert!(ran.code == 0 || ran.stderr.contains("set XDG_CACHE_HOME or HOME to an absolute path"), "{}", ran.stderr);
    fs::remove_dir_all(world.path("runs")).unwrap();
    let mut nowhere = world.command(&["run", "it.toml"]);
    nowhere.env("TMPDIR", "/nowhere/at/all").env("HOME", "/nowhere/at/all");
    let ran = Ran::of(nowhere);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::remove_dir_all(world.path("runs")).unwrap();
    let mut no_folder = world.command(&["run", "it.toml"]);
    no_folder.env("XDG_CACHE_HOME", "/dev/null");
    let ran = Ran::of(no_folder);
    orderly(&ran, "a cache that is no folder");
    assert!(ran.code == 1 && ran.stderr.contains("/dev/null/headlight"), "{}", ran.stderr);
    then_right(&world, &undisturbed(), "no places");
}

#[test]
fn few_file_handles() {
    let world = world();
    let mut refused = 0;
    for handles in [5, 8, 10, 12, 14, 17, 20, 30] {
        let _ = fs::remove_dir_all(world.path("runs"));
        let ran = Ran::of(world.under(&format!("ulimit -n {handles}"), &["run", "it.toml"]));
        orderly(&ran, &format!("{handles} file handles"));
        refused += ran.code;
        assert!(ran.code == 0 || ran.stderr.contains("oo many open files"), "{handles}: {}", ran.stderr);
    }
    assert!(refused > 0);
    then_right(&world, &undisturbed(), "few file handles");
}

/// Files of the cache and of runs from the future and from long ago, as after a clock was set.
#[test]
fn a_clock_that_was_set() {
    let (world, undisturbed) = (world(), undisturbed());
    world.succeed(&["run", "it.toml"]);
    let day = Duration::from_secs(86_400);
    for when in [SystemTime::now() + 36_500 * day, SystemTime::now() - 10_000 * day] {
        for path in below(world.path("")) {
            File::options().read(true).open(&path).and_then(|file| file.set_modified(when)).unwrap();
        }
        world.succeed(&["store", "ls"]);
        // What this run uses is not too old for it, whatever its times say.
        world.succeed(&[
            "run",
            "it.toml",
            "--force",
            "--set",
            "cache.max_age=1",
            "--set",
            "cache.max_bytes=1000000000",
        ]);
        then_right(&world, &undisturbed, &format!("{when:?}"));
    }
}

/// All files below a folder.
fn below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() { folders.push(entry) } else { files.push(entry) }
        }
    }
    files
}

#[test]
fn files_that_vanish_while_a_run_is_at_work() {
    let clock = Instant::now();
    let undisturbed = undisturbed();
    let took = clock.elapsed();
    let victims =
        ["own.conllu", "cache", "runs/it.partial", "runs", "runs/it.partial/predictions.csv", "runs/it.partial"];
    // Each at three moments.
    for (number, victim) in victims.iter().cycle().take(3 * victims.len()).enumerate() {
        let world = world();
        let own = world.read("own.conllu");
        let mut call = world.command(&["run", "it.toml"]);
        let child = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(took * (2 * number as u32 + 1) / (6 * victims.len() as u32));
        let path = world.path(victim);
        // It may not be there yet, or something may come into it while it goes.
        let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) };
        let what = format!("{victim}, {number}: {}", ran.stderr);
        orderly(&ran, &what);
        world.write("own.conllu", own);
        then_right(&world, &undisturbed, &what);
    }
}
