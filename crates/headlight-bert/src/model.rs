//! A checkpoint folder made ready to answer requests.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
    thread,
};

use burn::backend::{Flex, NdArray};

use crate::{
    BertWeights, Device, LoadError, ModelSpec, Pieces, StreamError, Tokenizer, random,
    reference::Reference,
    request::{Encode, Encoded, Request},
    stream::stream,
};

/// Pieces of a padded batch on a processor: inputs of a chunk are sorted by length, so little of it is padding.
const CPU_BATCH: usize = 512;
/// Pieces of a padded batch on a GPU: enough to fill it.
#[cfg(feature = "cuda")]
const CUDA_BATCH: usize = 8192;

/// How a model is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadOptions {
    /// Where it computes.
    pub device: Device,
    /// Workers of a stream; all cores when `None`.
    pub threads: Option<NonZeroUsize>,
    /// With a seed, everything but the embeddings is drawn anew: an encoder of this shape that has learned nothing.
    pub random_init: Option<u64>,
}

/// A tokenizer and an encoder that belong together.
pub struct Model {
    folder: PathBuf,
    options: LoadOptions,
    spec: ModelSpec,
    tokenizer: Tokenizer,
    has_masked_lm_head: bool,
    encoder: Box<dyn Encode>,
    /// The burn encoder, for requests that the fast one does not answer; loaded by the first of them.
    reference: OnceLock<Box<dyn Encode>>,
    loading: Mutex<()>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("folder", &self.folder)
            .field("options", &self.options)
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// Loads a checkpoint folder: `config.json`, `model.safetensors` (or its shards), `tokenizer.json` or `vocab.txt`.
    ///
    /// # Errors
    /// Whatever is missing, damaged or does not fit together; a device that is not there.
    pub fn load(folder: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        options.device.check()?;
        let spec = ModelSpec::read(&folder.join("config.json"))?;
        let tokenizer = Tokenizer::read(folder, &spec)?;
        let weights = read_weights(folder, &spec, options)?;
        let has_masked_lm_head = weights.masked_lm.is_some();
        tracing::debug!(folder = %folder.display(), device = %options.device, ?spec, "model loaded");
        let encoder: Box<dyn Encode> = match options.device {
            Device::Cpu => reference(weights, &spec),
            Device::Ndarray => Box::new(Reference::<NdArray>::new(weights, &spec, Default::default(), CPU_BATCH)),
            #[cfg(feature = "cuda")]
            Device::Cuda => {
                Box::new(Reference::<burn::backend::Cuda>::new(weights, &spec, Default::default(), CUDA_BATCH))
            }
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => return Err(crate::DeviceError::NotBuilt.into()),
        };
        let folder = folder.to_owned();
        let (reference, loading) = Default::default();
        Ok(Self { folder, options: *options, spec, tokenizer, has_masked_lm_head, encoder, reference, loading })
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether the checkpoint has a masked-language-model head.
    pub fn has_masked_lm_head(&self) -> bool {
        self.has_masked_lm_head
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// Workers of a stream.
    pub fn threads(&self) -> NonZeroUsize {
        let all = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.options.threads.unwrap_or_else(all)
    }

    /// Encodes a stream of inputs. Each comes with something of the caller's (a sentence, a number), which is handed to
    /// `map` with the pieces and the answer; `map` runs on the workers, many at a time, and should reduce the answer to
    /// what is kept. `fold` gets the results on the caller's thread, in input order. Both orders and all numbers are the
    /// same for any number of threads.
    ///
    /// Memory is bounded by the chunks in flight, two for each worker, whatever the number of inputs.
    ///
    /// # Errors
    /// The first error in input order, after which nothing more is folded: of the inputs, of `fold`, or of pieces that
    /// are not this model's.
    pub fn stream<T: Send, R: Send, E: Send>(
        &self,
        inputs: impl Iterator<Item = Result<(T, Pieces), E>> + Send,
        request: &Request,
        map: impl Fn(T, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), StreamError<E>> {
        let encoder = self.encoder_for(request)?;
        stream(encoder, &self.spec, self.threads(), inputs, request, map, fold)
    }

    /// Encodes one input on the caller's thread.
    ///
    /// # Errors
    /// Pieces that are not this model's; a masked head that it does not have.
    pub fn encode(&self, pieces: &Pieces, request: &Request) -> Result<Encoded, StreamError<std::convert::Infallible>> {
        let mut answer = Encoded::default();
        let encoder = self.encoder_for(request)?;
        let input = std::iter::once(Ok(((), pieces.clone())));
        let keep = |encoded| {
            answer = encoded;
            Ok(())
        };
        stream(encoder, &self.spec, NonZeroUsize::MIN, input, request, |(), _, encoded| encoded, keep)?;
        Ok(answer)
    }

    fn encoder_for(&self, request: &Request) -> Result<&dyn Encode, LoadError> {
        if self.encoder.handles(request) {
            return Ok(self.encoder.as_ref());
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = self.reference.get() {
            return Ok(loaded.as_ref());
        }
        let weights = read_weights(&self.folder, &self.spec, &self.options)?;
        Ok(self.reference.get_or_init(|| reference(weights, &self.spec)).as_ref())
    }
}

/// The burn encoder on this processor.
fn reference(weights: BertWeights, spec: &ModelSpec) -> Box<dyn Encode> {
    Box::new(Reference::<Flex>::new(weights, spec, Default::default(), CPU_BATCH))
}

pub(crate) fn read_weights(folder: &Path, spec: &ModelSpec, options: &LoadOptions) -> Result<BertWeights, LoadError> {
    let mut weights = BertWeights::read(folder, spec)?;
    if let Some(seed) = options.random_init {
        random::redraw(&mut weights, spec, seed);
    }
    Ok(weights)
}
