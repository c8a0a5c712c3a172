//! What a fetched file has to be, by its name: looked at before it gets its final name, so that a log-in page, half a file
//! or another one never stands in the cache as good.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use headlight_bert::{LoadError, check_safetensors};
use serde::de::IgnoredAny;

/// Kinds of files that are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Settings, vocabularies, indices of shards.
    Json,
    /// Weights.
    Safetensors,
    /// Weights as PyTorch writes them: a ZIP archive, and a row of pickles before 1.6.
    Archive,
    /// Sentences.
    Treebank,
    /// Lists of pieces.
    Text,
}

/// How weights of PyTorch before 1.6 begin. Whether they are whole is the loader's to say.
const PICKLED: &[u8; 8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Content {
    fn of(name: &str) -> Self {
        match Path::new(name).extension().and_then(|extension| extension.to_str()) {
            Some("json") => Content::Json,
            Some("safetensors") => Content::Safetensors,
            Some("bin") => Content::Archive,
            Some("conllu") => Content::Treebank,
            _ => Content::Text,
        }
    }
}

/// Most bytes that a file of this name may have.
pub fn most(name: &str) -> u64 {
    match Content::of(name) {
        // The largest tokenizer.json in use have some 40 MiB.
        Content::Json | Content::Text => 256 * MIB,
        Content::Treebank => 4 * GIB,
        // Shards end at 50 GB; a whole model in one file may be larger.
        Content::Safetensors | Content::Archive => 512 * GIB,
    }
}

/// Looks whether the file at `path` is what its final `name` promises.
///
/// # Errors
/// What it is instead, as far as can be told.
pub fn check(name: &str, path: &Path) -> Result<()> {
    let read = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(read)?;
    let bytes = file.metadata().with_context(read)?.len();
    ensure!(bytes > 0, "{name} is empty");
    match Content::of(name) {
        Content::Json => {
            let parsed: Result<IgnoredAny, _> = serde_json::from_reader(BufReader::new(file));
            parsed.map(drop).with_context(|| format!("{name} is no JSON{}", instead(path)))
        }
        Content::Safetensors => match check_safetensors(path) {
            Ok(()) => Ok(()),
            Err(LoadError::Damaged { problem, .. }) => {
                bail!("{name} is no whole safetensors file{}: {problem}", instead(path))
            }
            Err(LoadError::Pointer { .. }) => bail!("{name} is no safetensors file{}", instead(path)),
            Err(other) => Err(other).with_context(read),
        },
        Content::Archive => {
            let mut beginning = [0; PICKLED.len()];
            if file.read_exact(&mut beginning).is_ok() && beginning == *PICKLED {
                return Ok(());
            }
            file.rewind().with_context(read)?;
            let archive = zip::ZipArchive::new(BufReader::new(file));
            archive.map(drop).with_context(|| format!("{name} is no whole archive of weights{}", instead(path)))
        }
        Content::Treebank => {
            let rows = BufReader::new(file).split(b'\n').take(10_000);
            let is_row = |line: std::io::Result<Vec<u8>>| {
                line.is_ok_and(|line| line.iter().filter(|byte| **byte == b'\t').count() == 9)
            };
            ensure!(rows.into_iter().any(is_row), "{name} is no CoNLL-U{}", instead(path));
            Ok(())
        }
        Content::Text => {
            let page = instead(path);
            ensure!(page.is_empty(), "{name} is no list of pieces{page}");
            Ok(())
        }
    }
}

/// What is known of a file that is not what it should be.
fn instead(path: &Path) -> &'static str {
    let mut start = [0; 512];
    let read = File::open(path).and_then(|mut file| file.read(&mut start)).unwrap_or(0);
    let start = String::from_utf8_lossy(&start[..read]).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    match () {
        () if start.starts_with("<!doctype") || start.starts_with("<html") => {
            ", but a web page: the server wants a log-in, or a proxy answered in its place"
        }
        () if start.starts_with("version https://git-lfs") => ", but a Git LFS pointer to it",
        () => "",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn said(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        fs::write(&path, content).unwrap();
        check(name, &path).map_or_else(|error| format!("{error:#}"), |()| String::new())
    }

    fn safetensors(header: &str, data: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat()
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        let header =
            "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
        for (name, content) in [
            ("config.json", &b"{\"a\": [1]}"[..]),
            ("model.safetensors", &safetensors(header, 8)),
            ("x.conllu", b"# a\n1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n\n"),
            ("vocab.txt", b"[PAD]\n"),
        ] {
            assert_eq!(said(name, content), "", "{name}");
        }
        let page = b"\n<!DOCTYPE html><html>please log in</html>";
        for name in ["config.json", "model.safetensors", "pytorch_model.bin", "x.conllu", "vocab.txt"] {
            assert!(said(name, page).contains("a web page"), "{name}: {}", said(name, page));
            assert!(said(name, b"").contains("is empty"), "{name}");
        }
        assert!(said("tokenizer.json", b"{\"a\": [1]").contains("is no JSON"));
        assert!(said("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n").contains("Git LFS pointer"));
        assert!(said("model.safetensors", &safetensors(header, 7)).contains("its header promises"));
        assert!(said("model.safetensors", &safetensors(header, 9)).contains("its header promises"));
        assert!(said("model.safetensors", &u64::MAX.to_le_bytes()).contains("is no whole safetensors file"));
        assert!(said("pytorch_model.bin", b"PK\x03\x04 and nothing more").contains("no whole archive"));
        assert!(said("x.conllu", b"404: Not Found\n").contains("is no CoNLL-U"));
    }
}
