//! Damaged configs are configs or are refused in words.

#[path = "../../../../fuzz/damage.rs"]
mod damage;
#[path = "../../../../fuzz/config.rs"]
mod fuzzed;

use proptest::test_runner::{Config as Cases, TestRunner};

use super::*;

/// Damaged configs that are tried.
const CASES: u32 = 300;

fn target(bytes: &[u8]) {
    fuzzed::config(bytes, |file, sets| {
        let configs = super::super::resolve(&Source::File(file.to_owned()), sets);
        configs.map(|configs| configs.iter().map(Config::to_toml).collect())
    });
}

/// Those inside the binary, a sweep, a place for every layer.
fn seeds() -> Vec<Vec<u8>> {
    let swept =
        format!("[sweep]\nseed = [1, 2]\ntreebank.merge = [\"mean\", \"first\"]\n{MINIMAL}\0heads.resamples=2000");
    let sets = format!("{MINIMAL}\0seed=7\0name=other\0experiment.0.lengths=3\0treebank.train=[\"a b.conllu\"]");
    let bundled = BUNDLED.iter().map(|(_, text)| (*text).to_owned());
    bundled.chain([swept, sets, MINIMAL.to_owned()]).map(String::into_bytes).collect()
}

#[test]
fn damaged_configs_are_read_or_refused() {
    seeds().iter().for_each(|seed| target(seed));
    let mut runner = TestRunner::new(Cases { cases: CASES, failure_persistence: None, ..Cases::default() });
    let tried = runner.run(&damage::damaged(seeds()), |bytes| {
        target(&bytes);
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

/// `fuzz/crashes/config-…` holds what failed once.
#[test]
fn what_failed_once_does_not_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/crashes");
    let kept = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let own = kept.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("config-")));
    own.for_each(|path| target(&fs::read(path).unwrap()));
}
