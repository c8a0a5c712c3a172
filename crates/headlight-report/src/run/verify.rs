//! What became of everything that a run wrote.

use std::collections::BTreeSet;
use std::path::Path;

use super::directory::{MANIFEST, ReadJson, read_json};
use super::{FileState, MANIFEST_VERSION, Manifest, RunError, WrittenFile};

/// What became of a folder's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Each file that was written, in the order of their paths, the one that lists them first where it holds its own
    /// checksum.
    pub files: Vec<(String, FileState)>,
    /// Files that are there and were not written then, such as figures.
    pub others: Vec<String>,
}

impl Verified {
    /// Compares a folder with what the file `list` in it says of itself and of the others.
    pub(crate) fn of(
        folder: &Path,
        list: &str,
        is_sealed: Option<bool>,
        files: &[WrittenFile],
    ) -> Result<Self, RunError> {
        let state = |is_same| if is_same { FileState::AsWritten } else { FileState::Changed };
        let own = is_sealed.map(|is_sealed| (list.to_owned(), state(is_sealed)));
        let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let there = WrittenFile::all_in(folder, &[list])?.into_iter().map(|file| file.path);
        let others =
            if files.is_empty() { Vec::new() } else { there.filter(|it| !known.contains(it.as_str())).collect() };
        let states = files.iter().map(|file| Ok((file.path.clone(), file.state(folder)?)));
        let files = own.into_iter().map(Ok).chain(states).collect::<Result<_, RunError>>()?;
        Ok(Self { files, others })
    }

    /// Those that are not as they were written.
    pub fn changed(&self) -> impl Iterator<Item = &(String, FileState)> {
        self.files.iter().filter(|(_, state)| *state != FileState::AsWritten)
    }
}

/// What became of the files of the run in a folder, and its manifest, which also lists what the run read. Nothing but the
/// manifest has to be readable.
///
/// # Errors
/// [`RunError::Incomplete`] without a manifest, [`RunError::Json`] for one that is damaged, and whatever keeps files from
/// being read.
pub fn verify(folder: &Path) -> Result<(Manifest, Verified), RunError> {
    let path = folder.join(MANIFEST);
    if !path.is_file() {
        return Err(RunError::Incomplete { path: folder.to_owned(), missing: MANIFEST.to_owned() });
    }
    let ReadJson { value: manifest, is_sealed } = read_json::<Manifest>(&path, MANIFEST_VERSION)?;
    let verified = Verified::of(folder, MANIFEST, is_sealed, &manifest.files)?;
    Ok((manifest, verified))
}
