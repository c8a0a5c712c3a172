//! The store as a whole.

use proptest::prelude::*;

use super::*;
use crate::store::{State, list, remove, verify};
use crate::{MergeRule, store::Bits};

const GRID: HeadGrid = HeadGrid { layers: 2, heads: 3 };

/// So small that every shard holds two or three sentences.
const SMALL: u64 = 500;

/// Lengths of sentences in words; `None` for one that was skipped.
const LENGTHS: [Option<usize>; 7] = [Some(3), Some(1), None, Some(5), Some(0), Some(2), Some(4)];

fn key(precision: Bits) -> StoreKey {
    StoreKey::new("model", "treebank", MergeRule::Mean, precision)
}

/// A sentence whose rows sum to 1, other for every `seed`.
fn sentence(words: usize, seed: usize) -> WordAttention {
    let positions = words + 2;
    let mut weights: Vec<f32> = (0..GRID.len() * positions * positions)
        .map(|place| (((place + 7) * (seed + 13)) as f32 * 0.618).fract().powi(4) + 1e-4)
        .collect();
    for row in weights.chunks_exact_mut(positions) {
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|weight| *weight /= sum);
    }
    WordAttention::new(GRID, &Frame::bert(), words, weights).expect("as long as it is")
}

fn writer(root: &Path, key: &StoreKey) -> StoreWriter {
    match open_or_write_shards(root, key, GRID, &Frame::bert(), SMALL).expect("opens") {
        Entry::Vacant(writer) => writer,
        Entry::Ready(store) => panic!("there is a store of {} sentences", store.len()),
    }
}

fn push(writer: &mut StoreWriter, lengths: &[Option<usize>]) {
    for words in lengths {
        let seed = writer.len();
        match words {
            Some(words) => writer.push(&sentence(*words, seed)),
            None => writer.push_skipped(),
        }
        .expect("writes");
    }
}

fn write(root: &Path, key: &StoreKey) -> Store {
    let mut writer = writer(root, key);
    push(&mut writer, &LENGTHS);
    writer.finish().expect("finishes")
}

/// Every file of a store by name.
fn files(root: &Path, key: &StoreKey) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder(root, &key.id())).expect("a folder").map(|file| {
        let path = file.expect("a file").path();
        (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("reads"))
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

#[test]
fn pages_that_were_given_back_read_the_same() {
    let root = tempfile::tempdir().expect("a folder");
    let store = write(root.path(), &key(Bits::F16));
    let read = || (0..LENGTHS.len()).map(|sentence| store.word_attention(sentence)).collect::<Vec<_>>();
    let before = read();
    store.release();
    assert_eq!(read(), before);
}

#[test]
fn f32_is_read_bit_for_bit() {
    let root = tempfile::tempdir().expect("a folder");
    let store = write(root.path(), &key(Bits::F32));
    let expected = LENGTHS.iter().enumerate().map(|(seed, words)| words.map(|words| sentence(words, seed)));
    assert_eq!(
        (0..store.len()).map(|number| store.word_attention(number)).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    assert!(store.verify().is_ok());
    assert!(files(root.path(), store.key()).len() > 3, "an index and several shards");
}

#[test]
fn a_folder_is_opened_without_its_key_and_checked_whole() {
    let root = tempfile::tempdir().unwrap();
    let key = key(Bits::F32);
    let written = write(root.path(), &key);
    let path = folder(root.path(), &key.id());
    let store = Store::at(&path).unwrap();
    assert_eq!((store.key(), store.len(), store.word_attention(3)), (&key, LENGTHS.len(), written.word_attention(3)));
    assert!(matches!(Store::at(&root.path().join("nowhere")), Err(StoreError::Io { .. })));
    assert!(matches!(Store::at(root.path()), Err(StoreError::Damaged { .. })));
}

#[test]
fn f16_is_near_and_rows_sum_to_one() {
    let root = tempfile::tempdir().expect("a folder");
    let store = write(root.path(), &key(Bits::F16));
    for (number, words) in LENGTHS.iter().enumerate() {
        let (stored, expected) = (store.word_attention(number), words.map(|words| sentence(words, number)));
        assert_eq!(store.words(number), *words);
        let Some((stored, expected)) = stored.zip(expected) else { continue };
        for (stored, expected) in stored.weights().iter().zip(expected.weights()) {
            assert!((stored - expected).abs() <= expected * 2_f32.powi(-10), "{stored} {expected}");
        }
        for row in stored.weights().chunks_exact(stored.positions()) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() <= 2.0 * f32::EPSILON, "{row:?}");
        }
    }
}

/// Whoever asks for a store gets what was written, or the turn to write it again.
#[test]
fn no_changed_byte_is_believed() {
    let root = tempfile::tempdir().expect("a folder");
    let (root, key) = (root.path(), key(Bits::F16));
    let good: Vec<_> = {
        let store = write(root, &key);
        (0..store.len()).map(|number| store.word_attention(number)).collect()
    };
    let whole = files(root, &key);
    let (mut noticed, mut harmless) = (0, 0);
    for (name, bytes) in &whole {
        let path = folder(root, &key.id()).join(name);
        for at in (0..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let mut changed = bytes.clone();
            changed[at] ^= 4;
            fs::write(&path, changed).expect("writes");
            match open_or_write_shards(root, &key, GRID, &Frame::bert(), SMALL).expect("opens") {
                Entry::Vacant(writer) => {
                    drop(writer);
                    noticed += 1;
                    fs::create_dir_all(folder(root, &key.id())).expect("a folder");
                    for (name, bytes) in &whole {
                        fs::write(folder(root, &key.id()).join(name), bytes).expect("writes");
                    }
                }
                Entry::Ready(store) => {
                    harmless += 1;
                    assert!(
                        (0..store.len()).map(|it| store.word_attention(it)).eq(good.iter().cloned()),
                        "{name} {at}"
                    );
                    assert_eq!(store.frame(), &Frame::bert(), "{name} {at}");
                }
            }
            fs::write(&path, bytes).expect("writes");
        }
    }
    assert!(noticed > 5 * harmless, "{noticed} noticed, {harmless} harmless");
}

#[test]
fn a_key_finds_its_own_store_only() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &key(Bits::F16));
    let open = |key: StoreKey| Store::open(root.path(), &key).expect("nothing is damaged").map(|store| store.len());
    assert_eq!(open(key(Bits::F16)), Some(LENGTHS.len()));
    assert_eq!(open(key(Bits::F32)), None);
    assert_eq!(open(key(Bits::F16).with("limit", "128")), None);
    let again = open_or_write(root.path(), &key(Bits::F16), GRID, &Frame::bert()).expect("opens");
    assert!(matches!(again, Entry::Ready(store) if store.len() == LENGTHS.len()));
}

#[test]
fn an_interrupted_writer_is_followed_by_one_that_goes_on() {
    let (whole, cut) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let key = key(Bits::F16);
    write(whole.path(), &key);
    for stop in 0..=LENGTHS.len() {
        let mut first = writer(cut.path(), &key);
        push(&mut first, &LENGTHS[..stop]);
        drop(first);
        let mut second = writer(cut.path(), &key);
        let done = second.len();
        assert!(done <= stop && stop - done <= 4, "{done} of {stop}");
        push(&mut second, &LENGTHS[done..]);
        second.finish().expect("finishes");
        assert_eq!(files(cut.path(), &key), files(whole.path(), &key));
        remove(cut.path(), &key.id()).expect("removes");
    }
}

/// Damages a store by `harm`, given its folder; it must be noticed on opening, with `reason`, and the next run makes it
/// anew.
fn check_damage(reason: &str, harm: impl Fn(&Path)) {
    let root = tempfile::tempdir().expect("a folder");
    let key = key(Bits::F16);
    write(root.path(), &key);
    harm(&folder(root.path(), &key.id()));
    let error = Store::open(root.path(), &key).expect_err("damaged").to_string();
    assert!(error.contains(reason), "{error}");
    assert!(matches!(&list(root.path()).expect("lists")[0].state, State::Damaged(why) if *why == error));
    assert_eq!(write(root.path(), &key).len(), LENGTHS.len());
}

#[test]
fn damage_is_noticed_and_mended() {
    let shard = |folder: &Path| folder.join("shard-00001.safetensors");
    check_damage("is missing; the store must be made anew", |folder| fs::remove_file(shard(folder)).expect("removes"));
    check_damage("has 100 bytes instead of", |folder| {
        File::options().write(true).open(shard(folder)).and_then(|file| file.set_len(100)).expect("cuts");
    });
    check_damage("is not a safetensors file", |folder| {
        let length = fs::metadata(shard(folder)).expect("a file").len();
        fs::write(shard(folder), vec![0; length as usize]).expect("writes");
    });
    check_damage("index.json is missing", |folder| fs::remove_file(folder.join("index.json")).expect("removes"));
    check_damage("is not an index of a store", |folder| fs::write(folder.join("index.json"), "{}").expect("writes"));
    check_damage("belongs to another store", |folder| {
        let other = write(folder.parent().expect("a root"), &key(Bits::F16).with("limit", "64"));
        let id = other.key().id();
        fs::copy(shard(&folder.with_file_name(&id)), shard(folder)).expect("copies");
        remove(folder.parent().expect("a root"), &id).expect("removes");
    });
    check_damage("belongs to another store", |folder| {
        let index = fs::read_to_string(folder.join("index.json"))
            .expect("reads")
            .replace("treebank\": \"treebank", "treebank\": \"other");
        fs::write(folder.join("index.json"), index).expect("writes");
    });
    check_damage("has sentences that do not start where the one before ends", |folder| {
        let mut bytes = fs::read(shard(folder)).expect("reads");
        let (header, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
        let words = metadata.info("words").expect("words").data_offsets.0;
        bytes[header + 8 + words] ^= 1;
        fs::write(shard(folder), bytes).expect("writes");
    });
}

#[test]
fn a_changed_weight_is_found_by_verify() {
    let root = tempfile::tempdir().expect("a folder");
    let id = write(root.path(), &key(Bits::F16)).key().id();
    assert!(verify(root.path(), &id).is_ok());
    let path = folder(root.path(), &id).join("shard-00001.safetensors");
    let mut bytes = fs::read(&path).expect("reads");
    bytes[1024] ^= 1;
    fs::write(&path, bytes).expect("writes");
    let error = verify(root.path(), &id).expect_err("changed").to_string();
    assert!(
        error.ends_with("shard-00001.safetensors does not match its checksum; the store must be made anew"),
        "{error}"
    );
}

#[test]
fn a_torn_shard_of_an_interrupted_run_is_written_again() {
    let root = tempfile::tempdir().expect("a folder");
    let key = key(Bits::F16);
    let mut first = writer(root.path(), &key);
    push(&mut first, &LENGTHS);
    push(&mut first, &LENGTHS);
    let shards = first.index.shards.clone();
    drop(first);
    let path = partial_folder(root.path(), &key.id()).join(&shards[1].file);
    let mut bytes = fs::read(&path).expect("reads");
    bytes[1024] ^= 1;
    fs::write(&path, bytes).expect("writes");
    assert_eq!(writer(root.path(), &key).len(), shards[0].sentences);
}

#[test]
fn who_comes_second_waits_and_reads() {
    let root = tempfile::tempdir().expect("a folder");
    let key = key(Bits::F16);
    let mut first = writer(root.path(), &key);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| open_or_write(root.path(), &key, GRID, &Frame::bert()).expect("opens"));
        push(&mut first, &LENGTHS);
        first.finish().expect("finishes");
        assert!(matches!(second.join().expect("no panic"), Entry::Ready(store) if store.len() == LENGTHS.len()));
    });
}

#[test]
fn stores_are_listed_and_removed() {
    let root = tempfile::tempdir().expect("a folder");
    assert_eq!(list(&root.path().join("none")).expect("no stores"), []);
    fs::write(root.path().join("notes.txt"), "not a store").expect("writes");
    write(root.path(), &key(Bits::F16));
    let mut half = writer(root.path(), &key(Bits::F32));
    push(&mut half, &LENGTHS);
    let states =
        || list(root.path()).expect("lists").into_iter().map(|store| (store.id, store.state)).collect::<Vec<_>>();
    let expected = |second| {
        let mut states = vec![(key(Bits::F16).id(), State::Complete), (key(Bits::F32).id(), second)];
        states.sort_by(|a, b| a.0.cmp(&b.0));
        states
    };
    assert_eq!(states(), expected(State::Writing));
    assert!(matches!(remove(root.path(), &key(Bits::F32).id()), Err(StoreError::Busy { .. })));
    drop(half);
    assert_eq!(states(), expected(State::Interrupted));
    let bytes = list(root.path()).expect("lists").iter().map(|store| store.bytes).sum::<u64>();
    let freed: u64 = [Bits::F16, Bits::F32].map(|p| remove(root.path(), &key(p).id()).expect("removes")).iter().sum();
    assert_eq!((freed, states()), (bytes, Vec::new()));
    for id in [key(Bits::F16).id().as_str(), "../elsewhere", ""] {
        assert!(matches!(remove(root.path(), id), Err(StoreError::Unknown { .. })), "{id}");
        assert!(matches!(verify(root.path(), id), Err(StoreError::Unknown { .. })), "{id}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_the_writer_as_it_was() {
    let root = tempfile::tempdir().expect("a folder");
    let mut writer = writer(root.path(), &key(Bits::F16));
    let grid = HeadGrid { layers: 1, heads: 1 };
    let other = WordAttention::new(grid, &Frame::bert(), 1, vec![0.0; 9]).expect("a map");
    assert_eq!(
        writer.push(&other).expect_err("another grid").to_string(),
        "attention of 1×1 heads does not fit a store of 2×3"
    );
    let mut large = sentence(1, 0);
    large.weights_mut()[4 * 9 + 5] = 1e6;
    assert_eq!(
        writer.push(&large).expect_err("too large").to_string(),
        "sentence 0: head 2-2 has a weight that is no number or too large for f16; f32 may hold it"
    );
    push(&mut writer, &LENGTHS);
    assert_eq!(writer.finish().expect("finishes").words(0), LENGTHS[0]);
}

/// A Python that has what the reader in the documentation needs.
fn python() -> Option<String> {
    let named = std::env::var("HEADLIGHT_PYTHON").ok();
    let mut candidates = named.into_iter().chain(["python3"].map(str::to_owned));
    candidates.find(|python| {
        let ready = std::process::Command::new(python).args(["-c", "import numpy, safetensors"]).output();
        ready.is_ok_and(|output| output.status.success())
    })
}

#[test]
#[allow(clippy::print_stderr)]
fn python_reads_the_same_bits() {
    let Some(python) = python() else {
        eprintln!("not run: no Python with numpy and safetensors");
        return;
    };
    for precision in [Bits::F16, Bits::F32] {
        let root = tempfile::tempdir().expect("a folder");
        let store = write(root.path(), &key(precision));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/read_store.py");
        let folder = folder(root.path(), &store.key().id());
        let output = std::process::Command::new(&python).arg(script).arg(folder).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ours = (0..store.len()).filter_map(|number| store.word_attention(number));
        let ours: Vec<u8> = ours.flat_map(|one| bytemuck::cast_slice(one.weights()).to_vec()).collect();
        assert!(output.stdout == ours, "{} bytes in Python, {} here", output.stdout.len(), ours.len());
    }
}

proptest! {
    // Every case waits for a disk.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn sentences_are_read_in_any_order(
        lengths in prop::collection::vec(prop::option::of(0_usize..8), 1..20),
        order in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let root = tempfile::tempdir().expect("a folder");
        let mut writer = writer(root.path(), &key(Bits::F32));
        push(&mut writer, &lengths);
        let store = writer.finish().expect("finishes");
        for number in order.iter().map(|index| index.index(lengths.len())) {
            prop_assert_eq!(store.word_attention(number), lengths[number].map(|words| sentence(words, number)));
        }
    }
}

#[test]
fn sentences_of_parts_make_the_store_of_the_whole_byte_for_byte() {
    for precision in [Bits::F16, Bits::F32] {
        let root = tempfile::tempdir().unwrap();
        let write = |key: &StoreKey, numbers: std::ops::Range<usize>| {
            let Entry::Vacant(mut writer) =
                open_or_write_shards(root.path(), key, GRID, &Frame::bert(), SMALL).unwrap()
            else {
                panic!("there is no store yet")
            };
            for number in numbers {
                match LENGTHS[number] {
                    Some(words) => writer.push(&sentence(words, number)).unwrap(),
                    None => writer.push_skipped().unwrap(),
                }
            }
            writer.finish().unwrap()
        };
        let whole = write(&key(precision), 0..LENGTHS.len());
        let parts = [0..2, 2..3, 3..LENGTHS.len()];
        let parts = parts.map(|part| write(&key(precision).with("shard", &format!("{part:?}")), part));
        let folder = folder(root.path(), &key(precision).id());
        let bytes = || {
            let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
            files.sort();
            files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect::<Vec<_>>()
        };
        let expected = bytes();
        assert!(expected.len() > 2, "several shards");
        drop(whole);
        fs::remove_dir_all(&folder).unwrap();
        let Entry::Vacant(mut writer) =
            open_or_write_shards(root.path(), &key(precision), GRID, &Frame::bert(), SMALL).unwrap()
        else {
            panic!("the store is gone")
        };
        for part in &parts {
            for number in 0..part.len() {
                match part.kept(number) {
                    Some(kept) => writer.push_kept(&kept).unwrap(),
                    None => writer.push_skipped().unwrap(),
                }
            }
        }
        let other = if precision == Bits::F16 { Bits::F32 } else { Bits::F16 };
        let foreign = write(&key(other), 0..1);
        let error = writer.push_kept(&foreign.kept(0).unwrap()).unwrap_err();
        assert!(error.to_string().contains("does not fit a store in"), "{error}");
        writer.finish().unwrap();
        assert!(bytes() == expected, "{precision:?}");
    }
}
