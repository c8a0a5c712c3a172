//! Trained probes on disk: one safetensors file, its metadata saying in JSON what the probe is and what it needs.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytemuck::cast_slice;
use headlight_attention::HeadGrid;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use crate::train::{CHECKSUM, checksum, serialized, write_atomically};
use crate::{Probe, ProbeSpec, TrainOptions};

/// The key of the JSON text in the file's metadata.
const KEY: &str = "headlight_probe";
/// Raised when files of this version mean something else than before. Since version 2 they carry a checksum.
const VERSION: u32 = 2;

/// A trained probe and what must be known to use it.
#[derive(Clone, PartialEq, Debug)]
pub struct SavedProbe {
    /// The probe.
    pub probe: Probe,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a trained probe comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The model's name, for people.
    pub model: String,
    /// A hash of everything that the attention depends on: the model's weights and tokenizer, the merge rule, the kind
    /// of attention. Attention with another hash means something else to the probe.
    pub attention_hash: String,
    /// A hash of the file of word vectors, for probes that read them.
    pub vectors_hash: Option<String>,
    /// How the probe was trained.
    pub training: TrainOptions,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    spec: ProbeSpec,
    origin: Origin,
}

/// Why a probe could not be saved, loaded or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedProbeError {
    /// The file could not be read or written.
    #[error("cannot {action} the probe {path}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no whole saved probe.
    #[error("{path} is not a whole saved probe: {reason}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file was written by a newer version.
    #[error("{path} has version {found} of the probe format, but this program reads up to {VERSION}; update headlight")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: u32,
    },
    /// The probe reads another number of heads than the model has.
    #[error(
        "the probe was trained on {model}, which has {probe_layers} layers of {probe_heads} heads, but this model has \
         {layers} layers of {heads}"
    )]
    Grid {
        /// The model that the probe was trained on.
        model: String,
        /// Its layers.
        probe_layers: usize,
        /// Its heads a layer.
        probe_heads: usize,
        /// Layers of the model at hand.
        layers: usize,
        /// Heads a layer of the model at hand.
        heads: usize,
    },
    /// The probe was trained on other attention.
    #[error(
        "the probe was trained on {model} with attention {expected}, but this is attention {found}: another model, \
         merge rule or kind of attention; parse with those that the probe was trained with, or train it anew"
    )]
    Attention {
        /// The model that the probe was trained on.
        model: String,
        /// Its attention's hash.
        expected: String,
        /// The hash of the attention at hand.
        found: String,
    },
    /// The probe was trained on other word vectors.
    #[error("the probe was trained with word vectors {expected}, but these are {found}")]
    Vectors {
        /// The hash of the vectors that the probe was trained with.
        expected: String,
        /// The hash of the vectors at hand.
        found: String,
    },
}

impl SavedProbe {
    /// Writes the probe; the file appears whole or not at all.
    ///
    /// # Errors
    /// [`SavedProbeError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), SavedProbeError> {
        let io = |source| SavedProbeError::Io { action: "write", path: path.to_owned(), source };
        let header = Header { version: VERSION, spec: self.probe.spec().clone(), origin: self.origin.clone() };
        let header = serde_json::to_string(&header).map_err(|error| io(io::Error::other(error)))?;
        let blocks = self.probe.layout();
        let values = |range: &Range<usize>| cast_slice(&self.probe.parameters()[range.clone()]);
        let sum = checksum(&header, blocks.blocks().iter().map(|block| (block.role.name(), values(&block.range))));
        let views = blocks.blocks().iter().map(|block| {
            let view = TensorView::new(Dtype::F32, block.shape.clone(), values(&block.range));
            (block.role.name(), view.expect("a block has as many values as its shape says"))
        });
        let metadata = [(KEY.to_owned(), header), (CHECKSUM.to_owned(), sum)].into();
        write_atomically(path, &serialized(views, metadata).map_err(io)?).map_err(io)
    }

    /// Reads what [`SavedProbe::save`] wrote.
    ///
    /// # Errors
    /// [`SavedProbeError`] names the file and what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, SavedProbeError> {
        let broken = |reason: String| SavedProbeError::Broken { path: path.to_owned(), reason };
        let bytes = std::fs::read(path);
        let bytes = bytes.map_err(|source| SavedProbeError::Io { action: "read", path: path.to_owned(), source })?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| broken(error.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
        let text = text.ok_or_else(|| broken(format!("its metadata has no `{KEY}`; was it written by headlight?")))?;
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        if version > VERSION {
            return Err(SavedProbeError::Newer { path: path.to_owned(), found: version });
        }
        let Header { spec, origin, .. } = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        let layout = spec.layout();
        let names = layout.blocks().iter().map(|block| block.role.name());
        let sum = checksum(text, names.filter_map(|name| Some((name, tensors.tensor(name).ok()?.data()))));
        match metadata.metadata().as_ref().and_then(|metadata| metadata.get(CHECKSUM)) {
            Some(kept) if *kept == sum => {}
            None if version < 2 => {}
            _ => return Err(broken("its checksum is of something else; the file was changed or damaged".to_owned())),
        }
        let mut parameters = Vec::new();
        for block in layout.blocks() {
            let name = block.role.name();
            let tensor = tensors.tensor(name).map_err(|error| broken(error.to_string()))?;
            if tensor.dtype() != Dtype::F32 || tensor.shape() != block.shape {
                let (found, expected) = (tensor.shape(), &block.shape);
                return Err(broken(format!("`{name}` has shape {found:?} where its probe has {expected:?}")));
            }
            parameters.extend(tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        let probe = Probe::from_parameters(spec, parameters).expect("every block has the length of its shape");
        Ok(Self { probe, origin })
    }

    /// Whether the probe means anything on a model's attention and some word vectors.
    ///
    /// # Errors
    /// [`SavedProbeError::Grid`], [`SavedProbeError::Attention`], [`SavedProbeError::Vectors`]. What the probe does not
    /// read is not compared.
    pub fn check_use(
        &self,
        grid: HeadGrid,
        attention_hash: &str,
        vectors_hash: Option<&str>,
    ) -> Result<(), SavedProbeError> {
        let (spec, origin) = (self.probe.spec(), &self.origin);
        let model = origin.model.clone();
        if spec.reads_attention() && spec.grid() != grid {
            let (probe_layers, probe_heads) = (spec.layers, spec.heads);
            let HeadGrid { layers, heads } = grid;
            return Err(SavedProbeError::Grid { model, probe_layers, probe_heads, layers, heads });
        }
        if spec.reads_attention() && origin.attention_hash != attention_hash {
            let (expected, found) = (origin.attention_hash.clone(), attention_hash.to_owned());
            return Err(SavedProbeError::Attention { model, expected, found });
        }
        match &origin.vectors_hash {
            Some(expected) if spec.reads_vectors() && Some(expected.as_str()) != vectors_hash => {
                let found = vectors_hash.unwrap_or("none").to_owned();
                Err(SavedProbeError::Vectors { expected: expected.clone(), found })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use headlight_attention::Frame;

    use super::*;
    use crate::ProbeForm;

    const GRID: HeadGrid = HeadGrid { layers: 2, heads: 3 };

    fn saved(form: ProbeForm) -> SavedProbe {
        let origin = Origin {
            model: "tiny".to_owned(),
            attention_hash: "aaaa".to_owned(),
            vectors_hash: Some("bbbb".to_owned()),
            training: TrainOptions::until_best(3),
        };
        SavedProbe { probe: Probe::new(ProbeSpec::new(form, GRID, &Frame::bert(), 4), 1), origin }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.safetensors");
        for form in [ProbeForm::AttentionOnly, ProbeForm::AttentionWords, ProbeForm::DistanceWords] {
            saved(form).save(&path).unwrap();
            assert_eq!(SavedProbe::load(&path).unwrap(), saved(form));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside the probe");
    }

    #[test]
    fn what_is_saved_twice_is_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |number: usize| {
            let path = folder.path().join(format!("{number}.safetensors"));
            saved(ProbeForm::AttentionWords).save(&path).unwrap();
            std::fs::read(path).unwrap()
        };
        assert!((1..20).all(|number| bytes(number) == bytes(0)));
    }

    #[test]
    fn a_probe_is_refused_where_it_means_nothing() {
        let check = |form, grid, attention, vectors, expected: &str| {
            let result = saved(form).check_use(grid, attention, vectors);
            assert_eq!(result.err().map(|error| error.to_string()).unwrap_or_default(), expected);
        };
        let (words, only) = (ProbeForm::AttentionWords, ProbeForm::AttentionOnly);
        let larger = HeadGrid { layers: 12, heads: 12 };
        check(words, GRID, "aaaa", Some("bbbb"), "");
        check(only, GRID, "aaaa", None, "");
        check(ProbeForm::DistanceWords, larger, "other", Some("bbbb"), "");
        let grid = "the probe was trained on tiny, which has 2 layers of 3 heads, but this model has 12 layers of 12";
        check(only, larger, "aaaa", None, grid);
        check(
            only,
            GRID,
            "cccc",
            None,
            "the probe was trained on tiny with attention aaaa, but this is attention cccc: another model, merge rule or \
             kind of attention; parse with those that the probe was trained with, or train it anew",
        );
        check(words, GRID, "aaaa", None, "the probe was trained with word vectors bbbb, but these are none");
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.safetensors");
        let check = |bytes: &[u8], expected: &str| {
            std::fs::write(&path, bytes).unwrap();
            let error = SavedProbe::load(&path).unwrap_err().to_string();
            assert!(error.contains("probe.safetensors") && error.contains(expected), "{error}");
        };
        saved(ProbeForm::AttentionOnly).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        check(&whole[..whole.len() - 4], "is not a whole saved probe");
        check(b"word vectors", "is not a whole saved probe");
        let foreign = safetensors::serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap();
        check(&foreign, "its metadata has no `headlight_probe`; was it written by headlight?");
        let text = String::from_utf8_lossy(&whole).into_owned();
        assert!(text.contains(r#"\"version\":2"#));
        let replaced = |from: &str, to: &str| {
            let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            [&whole[..at], to.as_bytes(), &whole[at + from.len()..]].concat()
        };
        check(&replaced(r#"\"version\":2"#, r#"\"version\":7"#), "has version 7 of the probe format");
        check(&replaced(r#"\"heads\":3"#, r#"\"heads\":5"#), "its checksum is of something else");
        check(&replaced(r#"\"model\":\"tiny"#, r#"\"model\":\"tidy"#), "its checksum is of something else");
    }

    /// Files from before there was a checksum.
    #[test]
    fn files_of_version_1_are_read_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.safetensors");
        let SavedProbe { probe, origin } = saved(ProbeForm::AttentionOnly);
        let header = Header { version: 1, spec: probe.spec().clone(), origin: origin.clone() };
        let views = probe.layout().blocks().iter().map(|block| {
            let values = cast_slice(&probe.parameters()[block.range.clone()]);
            (block.role.name(), TensorView::new(Dtype::F32, block.shape.clone(), values).unwrap())
        });
        let metadata = [(KEY.to_owned(), serde_json::to_string(&header).unwrap())].into();
        std::fs::write(&path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
        assert_eq!(SavedProbe::load(&path).unwrap(), SavedProbe { probe, origin });
    }

    /// A byte that decides nothing, such as a blank behind the header, may be another one; what is read is never other.
    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.safetensors");
        saved(ProbeForm::AttentionWords).save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            for bit in [1, 0x20, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= bit;
                std::fs::write(&path, &bytes).unwrap();
                if let Ok(read) = SavedProbe::load(&path) {
                    assert_eq!(read, saved(ProbeForm::AttentionWords), "byte {at}, bit {bit}");
                }
            }
        }
    }
}
