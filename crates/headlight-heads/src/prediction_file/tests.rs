use super::*;
use proptest::prelude::*;

const GRID: HeadGrid = HeadGrid { layers: 2, heads: 3 };
const KEY: PredictionKey = [7; 32];

/// Each word's governor is the next word, the last word has none; as many words as given, 0 for a skipped sentence.
fn sentence(words: usize) -> Option<HeadPredictions> {
    let row = (1..words as u16).chain([NO_PEAK]);
    let rows = std::iter::repeat_n(row, 2 * GRID.len()).flatten().collect();
    (words > 0).then(|| HeadPredictions::from_raw(GRID, 2, words, rows).expect("governors within the sentence"))
}

fn write(path: &Path, lengths: &[usize]) {
    let mut writer = PredictionWriter::resume(path, GRID, &KEY).expect("opens");
    for words in lengths {
        match sentence(*words) {
            Some(predictions) => writer.push(&predictions),
            None => writer.push_skipped(),
        }
        .expect("writes");
    }
    writer.finish().expect("finishes");
}

fn check(path: &Path, lengths: &[usize]) {
    let file = PredictionFile::open(path, GRID, &KEY).expect("opens");
    let expected: Vec<_> = lengths.iter().map(|words| sentence(*words)).collect();
    assert_eq!(file.iter().map(|sentence| sentence.expect("reads")).collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("predictions");
    write(&path, &[3, 1, 0, 254, 255, 300]);
    check(&path, &[3, 1, 0, 254, 255, 300]);
    write(&path, &[2]);
    check(&path, &[3, 1, 0, 254, 255, 300, 2]);
    assert_eq!(PredictionFile::verify(&path).expect("whole"), 7);
}

/// More blocks than one note of a place has, more bytes than are read at once, in order and not.
#[test]
fn any_sentence_of_a_long_file_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("predictions");
    let lengths: Vec<usize> = (0..1500).map(|number| (number * 37) % 290).collect();
    write(&path, &lengths);
    assert!(path.metadata().expect("a file").len() > Window::PIECE as u64);
    check(&path, &lengths);
    let file = PredictionFile::open(&path, GRID, &KEY).expect("opens");
    for number in (0..lengths.len()).rev().step_by(7).chain([3, 1499, 16, 0]) {
        assert_eq!(file.sentence(number).expect("reads"), sentence(lengths[number]), "sentence {number}");
    }
}

#[test]
fn another_key_starts_anew_for_a_writer_and_is_refused_to_a_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("predictions");
    write(&path, &[3, 4]);
    for (grid, key) in [(GRID, [8; 32]), (HeadGrid { layers: 3, heads: 2 }, KEY)] {
        let error = PredictionFile::open(&path, grid, &key).expect_err("another file");
        assert!(matches!(error, PredictionFileError::OtherKey { .. }), "{error}");
    }
    let writer = PredictionWriter::resume(&path, GRID, &[8; 32]).expect("opens");
    assert!(writer.is_empty());
}

#[test]
fn a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "my notes").expect("writes");
    let error = PredictionWriter::resume(&path, GRID, &KEY).expect_err("not predictions");
    assert!(error.to_string().ends_with("is not a file of predictions; move it away or choose another place"));
    assert!(PredictionFile::open(&path, GRID, &KEY).is_err());
    assert_eq!(std::fs::read(&path).expect("still there"), b"my notes");
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("predictions");
    let _first = PredictionWriter::resume(&path, GRID, &KEY).expect("opens");
    let error = PredictionWriter::resume(&path, GRID, &KEY).expect_err("locked");
    assert!(matches!(error, PredictionFileError::Locked { .. }), "{error}");
}

#[test]
fn predictions_of_another_grid_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let grid = HeadGrid { layers: 1, heads: 1 };
    let mut writer = PredictionWriter::resume(&folder.path().join("predictions"), grid, &KEY).expect("opens");
    assert!(matches!(
        writer.push(&sentence(3).expect("words")),
        Err(PredictionFileError::OtherGrid { expected: 2, found: 12, .. })
    ));
}

const LENGTHS: [usize; 4] = [2, 5, 0, 3];

/// How many of [`LENGTHS`] lie within the first `bytes` bytes.
fn whole(bytes: usize) -> usize {
    let ends = LENGTHS.iter().scan(HEADER, |end, words| {
        *end += BLOCK_HEADER + 2 * GRID.len() * words;
        Some(*end)
    });
    ends.filter(|end| *end <= bytes).count()
}

proptest! {
    // Every case waits for a disk.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn after_a_cut_anywhere_the_run_goes_on_with_the_first_missing_sentence(cut in 0_usize..200) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("predictions");
        write(&path, &LENGTHS);
        let bytes = std::fs::read(&path).expect("reads");
        let cut = cut.min(bytes.len());
        std::fs::write(&path, &bytes[..cut]).expect("writes");
        let done = PredictionWriter::resume(&path, GRID, &KEY).expect("opens").len();
        prop_assert_eq!(done, whole(cut));
        write(&path, &LENGTHS[done..]);
        prop_assert_eq!(std::fs::read(&path).expect("reads"), bytes);
    }

    /// Whatever byte changes, writing goes on from the sentence that it is in, and ends in the file without the change.
    #[test]
    fn a_writer_does_anew_what_is_damaged(at in HEADER..HEADER + 4 * BLOCK_HEADER + 120, change in 1_u8..) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("predictions");
        write(&path, &LENGTHS);
        let good = std::fs::read(&path).expect("reads");
        let mut bytes = good.clone();
        bytes[at] ^= change;
        std::fs::write(&path, &bytes).expect("writes");
        let writer = PredictionWriter::resume(&path, GRID, &KEY).expect("opens");
        let done = writer.len();
        prop_assert_eq!(done, whole(at));
        drop(writer);
        write(&path, &LENGTHS[done..]);
        prop_assert_eq!(std::fs::read(&path).expect("reads"), good);
    }

    #[test]
    fn a_changed_byte_is_noticed(at in HEADER..HEADER + 4 * BLOCK_HEADER + 120, change in 1_u8..) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("predictions");
        write(&path, &LENGTHS);
        let mut bytes = std::fs::read(&path).expect("reads");
        bytes[at] ^= change;
        std::fs::write(&path, &bytes).expect("writes");
        match PredictionFile::open(&path, GRID, &KEY) {
            Err(PredictionFileError::Torn { sentences, .. }) => prop_assert_eq!(sentences, whole(at)),
            other => prop_assert!(false, "{:?}", other.map(|file| file.len())),
        }
    }
}
