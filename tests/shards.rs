//! Encoding in shards: whatever becomes of them, the tables and the cache are those of a run that never heard of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, World, root, tables, tiny_bert};

/// A config with every kind that reads attention.
fn all_kinds() -> String {
    let kinds = [
        ("heads", "null_models = 1\nresamples = 1000\nattention = true"),
        ("surface", ""),
        ("clusters", "clusters = 3\nstarts = 2"),
        ("trees", "resamples = 1000"),
        ("coreference", "resamples = 1000"),
        ("ensembles", "min_total = 10\nresamples = 1000"),
        ("probe", "epochs = 1\nresamples = 1000"),
    ];
    config(&kinds).replace("sample:select", "sample:coref").replace("sample:evaluate", "sample:coref")
}

fn config(kinds: &[(&str, &str)]) -> String {
    let experiments = kinds.iter().map(|(kind, keys)| format!("[[experiment]]\nkind = {kind:?}\n{keys}\n"));
    format!(
        "[model]\npath = {:?}\n[treebank]\nname = \"sample\"\ntrain = [\"sample:select\"]\nselect = [\"sample:select\"]\n\
         evaluate = [\"sample:evaluate\"]\n{}",
        tiny_bert(),
        experiments.collect::<String>()
    )
}

/// Two kinds on a file that takes a while.
fn many(world: &World) {
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    world.write("many.conllu", sample.repeat(10));
    let config = config(&[("heads", "null_models = 0\nresamples = 1000\nattention = true"), ("surface", "")]);
    world.write("it.toml", format!("threads = 1\n{}", config.replace("sample:evaluate", "many.conllu")));
}

/// A world with [`many`], and another one in which it was run as it is.
fn beside_a_whole_run() -> (World, World) {
    let (world, whole) = (World::new(), World::new());
    [&world, &whole].into_iter().for_each(many);
    whole.succeed(&["run", "it.toml"]);
    (world, whole)
}

/// The passes of the encoder that a run took.
fn passes(world: &World, run: &str) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&world.read(&format!("runs/{run}/manifest.json"))).unwrap();
    let stages = manifest["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap().to_owned());
    stages.filter(|name| name.starts_with("encode")).collect()
}

/// Every file of what is complete in the cache, by its place there.
fn kept(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let cache = world.path("cache/headlight");
    let mut kept = BTreeMap::new();
    for shelf in ["attention", "predictions", "records"] {
        for entry in fs::read_dir(cache.join(shelf)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || !entry.path().is_dir() {
                continue;
            }
            for file in fs::read_dir(entry.path()).unwrap().flatten() {
                let place = Path::new(shelf).join(&name).join(file.file_name());
                kept.insert(place, fs::read(file.path()).unwrap());
            }
        }
    }
    kept
}

fn assert_same(world: &World, whole: &World, run: &str, about: &str) {
    let folder = format!("runs/{run}");
    let [found, expected] = [world, whole].map(|world| tables(&world.path(&folder)));
    assert!(!expected.is_empty() && found.len() == expected.len(), "{about}");
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        assert!(found == expected, "{about}: {name}");
    }
    let explorer = format!("{folder}/explorer.json");
    assert!(world.read(&explorer) == whole.read(&explorer), "{about}: the explorer");
    let [found, expected] = [world, whole].map(kept);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{about}");
    for (name, content) in &expected {
        assert!(found[name] == *content, "{about}: {}", name.display());
    }
}

fn encode(world: &World, shard: &str) -> Ran {
    world.run(&["-v", "encode", "it.toml", "--shard", shard])
}

#[test]
fn every_kind_finds_everything_in_any_number_of_shards() {
    let whole = World::new();
    whole.write("it.toml", all_kinds());
    whole.succeed(&["run", "it.toml"]);
    assert!(!passes(&whole, "it").is_empty());
    for count in [1, 2, 3, 7] {
        let world = World::new();
        world.write("it.toml", all_kinds());
        // From the last to the first: none waits for another.
        for number in (1..=count).rev() {
            let ran = encode(&world, &format!("{number}/{count}"));
            assert_eq!(ran.code, 0, "{}", ran.stderr);
        }
        world.succeed(&["run", "it.toml"]);
        assert_eq!(passes(&world, "it"), Vec::<String>::new(), "{count} shards");
        assert_same(&world, &whole, "it", &format!("{count} shards"));
    }
}

/// Random numbers by the generator of Numerical Recipes, whose high bits are taken.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// Starts a call and leaves it.
fn start(world: &World, shard: &str) -> Child {
    let mut command = world.command(&["encode", "it.toml", "--shard", shard]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The folders of complete shards on a shelf, with what their cards say.
fn shards(world: &World, shelf: &str) -> Vec<(PathBuf, String)> {
    let folders = fs::read_dir(world.path("cache/headlight").join(shelf)).into_iter().flatten().flatten();
    let card = |folder: PathBuf| {
        let card: Value = serde_json::from_slice(&fs::read(folder.join("card.json")).ok()?).ok()?;
        Some((folder, card["made"].as_str()?.to_owned()))
    };
    let complete = folders.filter(|folder| !folder.file_name().to_string_lossy().starts_with('.'));
    complete.filter_map(|folder| card(folder.path())).filter(|(_, made)| made.contains("shard")).collect()
}

#[test]
fn any_mix_of_finished_killed_doubled_damaged_foreign_and_missing_shards_ends_in_the_same_tables() {
    let whole = World::new();
    many(&whole);
    whole.succeed(&["run", "it.toml"]);
    for seed in 0..6 {
        let mut draws = Draws(seed);
        let world = World::new();
        many(&world);
        let count = 2 + draws.below(6);
        let (mut fates, mut spoilt) = (Vec::new(), Vec::new());
        for number in 1..=count {
            let shard = format!("{number}/{count}");
            let fate = ["finished", "killed", "restarted", "doubled", "damaged", "foreign", "missing"][draws.below(7)];
            fates.push(format!("{shard} {fate}"));
            match fate {
                "missing" => spoilt.push(shard),
                "killed" | "restarted" => {
                    let mut child = start(&world, &shard);
                    sleep(Duration::from_millis(100 + draws.below(600) as u64));
                    child.kill().unwrap();
                    child.wait().unwrap();
                    if fate == "restarted" {
                        assert_eq!(encode(&world, &shard).code, 0);
                    }
                }
                "doubled" => {
                    for mut child in [start(&world, &shard), start(&world, &shard)] {
                        assert!(child.wait().unwrap().success());
                    }
                }
                _ => assert_eq!(encode(&world, &shard).code, 0),
            }
            let of_shard = |(_, made): &(PathBuf, String)| made.ends_with(&format!("shard {number}/{count}"));
            let shelf = if number % 2 == 0 { "predictions" } else { "records" };
            if fate == "damaged" {
                let data = shards(&world, shelf).into_iter().find(of_shard).unwrap().0.join("data");
                let mut bytes = fs::read(&data).unwrap();
                let at = draws.below(bytes.len());
                bytes[at] ^= 1 << draws.below(8);
                fs::write(&data, bytes).unwrap();
                spoilt.push(format!("{number}/{count} is damaged"));
            }
            if fate == "foreign" {
                let all = shards(&world, "records");
                let own = all.iter().find(|it| of_shard(it)).unwrap();
                if let Some(other) = all.iter().find(|it| !of_shard(it)) {
                    for file in ["card.json", "data"] {
                        fs::copy(other.0.join(file), own.0.join(file)).unwrap();
                    }
                    spoilt.push(format!("{number}/{count} is foreign"));
                }
            }
        }
        let about = format!("seed {seed}: {}", fates.join(", "));
        let ran = world.run(&["run", "it.toml"]);
        assert_eq!(ran.code, 0, "{about}: {}", ran.stderr);
        // Where nothing at all is whole nobody speaks of shards.
        if ran.stderr.contains("this run encodes them") {
            for named in &spoilt {
                assert!(ran.stderr.contains(named.as_str()), "{about}: {named} is not named: {}", ran.stderr);
            }
        }
        assert_same(&world, &whole, "it", &about);
        assert!(shards(&world, "records").is_empty() && shards(&world, "predictions").is_empty(), "{about}");
    }
}

#[test]
fn what_is_lacking_is_named_and_encoded_by_the_run() {
    let (world, whole) = beside_a_whole_run();
    for shard in ["1/4", "4/4", "2/3"] {
        assert_eq!(encode(&world, shard).code, 0);
    }
    let ran = world.run(&["run", "it.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = "predictions, rows raw of tiny-bert on sample evaluate";
    for line in [
        format!("{said}: there are shards of 3 and of 4; those of 4 are taken"),
        format!("{said}: of 4 shards 2/4 is missing, 3/4 is missing: this run encodes them"),
    ] {
        assert!(ran.stderr.contains(&line), "{line}: {}", ran.stderr);
    }
    assert!(passes(&world, "it").contains(&"encode evaluate, shard 2/4".to_owned()));
    assert!(!passes(&world, "it").iter().any(|pass| pass.contains("1/4") || pass.ends_with("evaluate")));
    assert_same(&world, &whole, "it", "two of four");
}

#[test]
fn what_is_noted_of_a_text_is_found_out_again_where_it_is_damaged_or_cannot_be_kept() {
    let (world, whole) = beside_a_whole_run();
    assert_eq!(encode(&world, "1/2").code, 0);
    let folder = world.path("cache/headlight/notes");
    let mut notes: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|note| note.unwrap().path()).collect();
    notes.retain(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
    assert!(notes.len() >= 2, "{notes:?}");
    for path in &notes {
        let mut bytes = fs::read(path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(encode(&world, "2/2").code, 0);
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "no folder").unwrap();
    world.succeed(&["run", "it.toml"]);
    assert_eq!(passes(&world, "it"), Vec::<String>::new());
    assert_same(&world, &whole, "it", "without notes");
}

#[test]
fn shards_of_another_config_of_the_name_are_no_shards_of_this_one() {
    let (world, whole) = (World::new(), World::new());
    for world in [&world, &whole] {
        world.write("it.toml", config(&[("heads", "null_models = 0\nresamples = 1000")]));
    }
    whole.succeed(&["run", "it.toml"]);
    let other = world.run(&["encode", "it.toml", "--shard", "1/2", "--set", "treebank.max_pieces=64"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    let of_other = [shards(&world, "predictions"), shards(&world, "records")];
    for shard in ["1/2", "2/2"] {
        assert_eq!(encode(&world, shard).code, 0);
    }
    let ran = world.run(&["run", "it.toml"]);
    assert!(ran.code == 0 && !ran.stderr.contains("of 2 shards"), "{}", ran.stderr);
    assert_eq!(passes(&world, "it"), Vec::<String>::new());
    assert_eq!(tables(&world.path("runs/it")), tables(&whole.path("runs/it")));
    assert_eq!([shards(&world, "predictions"), shards(&world, "records")], of_other);
}

#[test]
fn a_shard_goes_on_where_it_was_killed() {
    let world = World::new();
    many(&world);
    let mut child = start(&world, "2/2");
    let begun = || {
        let folders = fs::read_dir(world.path("cache/headlight/predictions")).into_iter().flatten().flatten();
        let partial = folders.filter(|it| it.file_name().to_string_lossy().ends_with(".partial"));
        partial.filter_map(|it| fs::metadata(it.path().join("data")).ok()).any(|data| data.len() > 60_000)
    };
    while !begun() && child.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let ran = encode(&world, "2/2");
    assert!(ran.code == 0 && ran.stderr.contains("going on after"), "{}", ran.stderr);
}

#[test]
fn a_shard_starts_in_the_middle_without_tokenizing_what_stands_before() {
    let world = World::new();
    world.write(
        "it.toml",
        config(&[("trees", "resamples = 1000")]).replace("[treebank]", "[treebank]\nmax_pieces = 12"),
    );
    // What is too long is known once it is tokenized, and then said.
    let skipped = |shard: &str| {
        let ran = world.run(&["-vv", "encode", "it.toml", "--shard", shard]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stderr
            .lines()
            .filter(|line| line.contains(" skipped: "))
            .map(|line| {
                let words: Vec<&str> = line.split(" skipped: ").next().unwrap().split_whitespace().collect();
                words[words.len() - 1].to_owned()
            })
            .collect::<Vec<_>>()
    };
    let shards: Vec<Vec<String>> = ["1/3", "2/3", "3/3"].into_iter().map(skipped).collect();
    let all: Vec<String> = shards.concat();
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert!(all.len() > 20 && once.len() == all.len() && shards.iter().all(|it| it.len() > 3), "{shards:?}");
}

#[test]
fn what_is_no_tree_is_skipped_by_one_shard_and_counted_once() {
    let sample = fs::read_to_string(root().join("data/sample/en_sample-evaluate.conllu")).unwrap();
    let mut text = String::new();
    for (number, sentence) in sample.split_inclusive("\n\n").enumerate() {
        text.push_str(sentence);
        if number % 4 == 0 {
            text.push_str(&format!("# sent_id = broken-{number}\n1\tword\t_\tX\t_\t_\t1\tdep\t_\t_\n\n"));
        }
    }
    let whole = World::new();
    let config = config(&[("heads", "null_models = 0\nresamples = 1000"), ("trees", "resamples = 1000")]);
    let config =
        config.replace("sample:evaluate", "broken.conllu").replace("[treebank]", "[treebank]\ninvalid = \"skip\"");
    whole.write("broken.conllu", &text);
    whole.write("it.toml", &config);
    whole.succeed(&["run", "it.toml"]);
    for count in [2, 5] {
        let world = World::new();
        world.write("broken.conllu", &text);
        world.write("it.toml", &config);
        for number in 1..=count {
            assert_eq!(encode(&world, &format!("{number}/{count}")).code, 0);
        }
        world.succeed(&["run", "it.toml"]);
        assert_eq!(passes(&world, "it"), Vec::<String>::new());
        assert_same(&world, &whole, "it", &format!("{count} shards"));
    }
    // Whoever stops at it is the shard that has it.
    let strict = World::new();
    let (before, after) = sample.split_at(sample.rfind("\n\n#").unwrap() + 2);
    strict.write("broken.conllu", format!("{before}1\tword\t_\tX\t_\t_\t1\tdep\t_\t_\n\n{after}"));
    let trees = self::config(&[("trees", "resamples = 1000")]);
    strict.write("it.toml", trees.replace("sample:evaluate", "broken.conllu"));
    assert_eq!(encode(&strict, "1/2").code, 0);
    let error = strict.fail(1, &["encode", "it.toml", "--shard", "2/2"]);
    assert!(error.contains("broken.conllu:"), "{error}");
}

#[test]
fn packed_text_is_encoded_in_shards() {
    let text = fs::read_to_string(root().join("data/sample/corpus.txt")).unwrap();
    for drawn in ["0", "5"] {
        let config = config(&[("surface", ""), ("clusters", "clusters = 3\nstarts = 2")]);
        let corpus = format!("[corpus]\nfiles = [\"text.txt\"]\nsequences = {drawn}\n[treebank]");
        let config = config.replace("[treebank]", &corpus);
        let worlds = [World::new(), World::new()];
        for world in &worlds {
            world.write("text.txt", &text);
            world.write("it.toml", &config);
        }
        let [whole, world] = &worlds;
        whole.succeed(&["run", "it.toml"]);
        for number in 1..=3 {
            assert_eq!(encode(world, &format!("{number}/3")).code, 0);
        }
        world.succeed(&["run", "it.toml"]);
        assert_eq!(passes(world, "it"), Vec::<String>::new());
        assert_eq!(tables(&world.path("runs/it")), tables(&whole.path("runs/it")));
        assert!(kept(world) == kept(whole), "{drawn} drawn");
    }
}

#[test]
fn runs_of_a_sweep_are_encoded_one_by_one() {
    let world = World::new();
    let config = config(&[("trees", "resamples = 1000")]);
    world.write("it.toml", format!("{config}[sweep]\ntreebank.merge = [\"mean\", \"first\"]\n"));
    world.succeed(&["encode", "it.toml", "--cell", "2"]);
    let alone = kept(&world).len();
    for task in ["0", "1", "2", "3"] {
        let ran = world.run(&["encode", "it.toml", "--shards", "2", "--task", task]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(
            ran.stderr.contains("0 encoded for the cache, 2 there before"),
            ["2", "3"].contains(&task),
            "{}",
            ran.stderr
        );
    }
    world.succeed(&["run", "it.toml"]);
    for run in ["it-merge=mean", "it-merge=first"] {
        assert_eq!(passes(&world, run), Vec::<String>::new(), "{run}");
    }
    assert_eq!(kept(&world).len(), 2 * alone);
}

#[test]
fn shards_and_runs_that_there_are_not_are_refused() {
    let world = World::new();
    world.write("it.toml", config(&[("trees", "resamples = 1000")]));
    for (arguments, said) in [
        (&["--shard", "0/4"][..], "there is no shard 0 of 4"),
        (&["--shard", "5/4"], "there is no shard 5 of 4"),
        (&["--shard", "1/0"], "1/4 is the first of four"),
        (&["--shard", "two"], "a shard is one of so many"),
        (&["--cell", "2"], "there is no run 2"),
        (&["--cell", "0"], "there is no run 0"),
        (&["--shards", "2", "--task", "2"], "there is no task 2"),
        (&["--task", "2"], "--shards"),
        (&["--shards", "2", "--task", "0", "--shard", "1/2"], "cannot be used with"),
    ] {
        let ran = world.run(&[&["encode", "it.toml"], arguments].concat());
        assert!(ran.code == 2 && ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
    assert!(kept(&world).is_empty());
}

/// Every lock in the cache fails, as on a file system that keeps none.
const NO_LOCKS: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int flock(int file, int how) {
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/cache/headlight/")) {
        errno = ENOLCK;
        return -1;
    }
    return syscall(SYS_flock, file, how);
}
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_cache_without_locks_is_named_with_the_way_out() {
    let mut world = World::new();
    world.write("it.toml", config(&[("trees", "resamples = 1000")]));
    let source = world.write("locks.c", NO_LOCKS);
    let library = world.path("locks.so");
    let built = std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    if !built.is_ok_and(|built| built.success()) {
        println!("not run: there is no C compiler to build a file system without locks");
        return;
    }
    world.set("LD_PRELOAD", library.display());
    for arguments in [&["encode", "it.toml", "--shard", "1/2"][..], &["run", "it.toml"]] {
        let error = world.fail(1, arguments);
        for said in ["the file system of the cache keeps no locks", "XDG_CACHE_HOME", "No locks available"] {
            assert!(error.contains(said), "{said}: {error}");
        }
    }
    assert!(kept(&world).is_empty());
}

#[test]
fn a_plan_names_passes_and_what_its_estimate_rests_on_and_keeps_nothing() {
    let world = World::new();
    many(&world);
    let plan = world.succeed(&["plan", "it.toml", "--shards", "4", "--sample", "32"]);
    for said in [
        "Run 1 of 1: it, in 4 shards",
        "evaluate",
        "select",
        "predictions, rows raw",
        "attention on governors",
        "sentences of the explorer",
        "surface statistics",
        "1 run × 4 shards = 4 tasks",
        "The estimates rest on",
    ] {
        assert!(plan.contains(said), "{said}: {plan}");
    }
    assert!(kept(&world).is_empty());
    let bare = world.succeed(&["plan", "it.toml", "--sample", "0"]);
    assert!(bare.contains("have no estimate") && !bare.contains("rest on"), "{bare}");
    world.succeed(&["encode", "it.toml"]);
    assert!(world.succeed(&["plan", "it.toml"]).contains("in the cache"));
}
