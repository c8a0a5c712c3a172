//! A checkpoint folder made ready to answer requests.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread,
};

use burn::backend::NdArray;

use crate::{
    Architecture, Device, ExtraTensors, LoadError, Pieces, Precision, StreamError, Tokenizer,
    batch::Batching,
    packed::PackedEncoder,
    padded::PaddedEncoder,
    random,
    request::{Encode, Encoded, HeadMask, Request},
    stream::{Workers, stream, stream_each},
    weights::ReadWeights,
};

/// Batches on a processor: small, so that they stay in its cache.
const CPU_BATCHES: Batching = Batching { pieces: 512, multiple: 1, overhead: 16 };

/// Batches on a GPU: enough pieces to fill it. The thousand kernels of a batch take a few milliseconds to queue, in which a
/// GPU gets through about as many pieces as the overhead says.
#[cfg(feature = "cuda")]
const CUDA_BATCHES: Batching = Batching { pieces: 8192, multiple: 8, overhead: 1024 };

/// Workers on a GPU: while one waits for kernels, one copies results and one prepares a batch. More would only hold more of
/// its memory.
#[cfg(feature = "cuda")]
const CUDA_WORKERS: usize = 3;

/// How a model is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadOptions {
    /// Where it computes.
    pub device: Device,
    /// The numbers of its products.
    pub precision: Precision,
    /// Workers of a stream; all cores when `None`. A GPU has use for few and takes no more.
    pub threads: Option<NonZeroUsize>,
    /// With a seed, everything but the embeddings is drawn anew: an encoder of this shape that has learned nothing.
    pub random_init: Option<u64>,
    /// What happens to tensors within the encoder that the model of the config does not have.
    pub extra_tensors: ExtraTensors,
}

/// A tokenizer and an encoder that belong together.
pub struct Model {
    folder: PathBuf,
    options: LoadOptions,
    spec: Architecture,
    tokenizer: Tokenizer,
    has_masked_lm_head: bool,
    warnings: Vec<String>,
    encoder: Box<dyn Encode>,
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
    /// Whatever is missing, damaged or does not fit together; a device that is not there or does not compute in the
    /// precision.
    pub fn load(folder: &Path, options: &LoadOptions) -> Result<Self, LoadError> {
        let LoadOptions { device, precision, .. } = *options;
        device.check_precision(precision)?;
        device.check()?;
        let spec = Architecture::read(&folder.join("config.json"))?;
        let tokenizer = Tokenizer::read(folder, &spec)?;
        let ReadWeights { weights, warnings: of_weights, .. } = read_weights(folder, &spec, options)?;
        let warnings = tokenizer.warnings().iter().cloned().chain(of_weights).collect();
        let has_masked_lm_head = weights.masked_lm.is_some();
        tracing::debug!(folder = %folder.display(), %device, %precision, ?spec, "model loaded");
        let encoder: Box<dyn Encode> = match device {
            Device::Cpu => Box::new(PackedEncoder::new(&spec, weights)),
            Device::Ndarray => {
                Box::new(PaddedEncoder::<NdArray>::new(weights, &spec, Default::default(), precision, CPU_BATCHES))
            }
            #[cfg(feature = "cuda")]
            Device::Cuda => {
                type Cuda = burn::backend::Cuda;
                use burn::{prelude::Backend, tensor::DType};

                let gpu = Default::default();
                if !Cuda::supports_dtype(&gpu, DType::from(precision.float())) {
                    return Err(crate::DeviceError::GpuPrecision { precision }.into());
                }
                let encoder = PaddedEncoder::<Cuda>::new(weights, &spec, gpu, precision, CUDA_BATCHES);
                Box::new(encoder.with_workers(CUDA_WORKERS))
            }
            #[cfg(not(feature = "cuda"))]
            Device::Cuda => return Err(crate::DeviceError::NotBuilt.into()),
        };
        let folder = folder.to_owned();
        Ok(Self { folder, options: *options, spec, tokenizer, has_masked_lm_head, warnings, encoder })
    }

    /// The model's sizes and choices.
    pub fn spec(&self) -> &Architecture {
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

    /// What a reader of results should know about how the checkpoint was read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where it computes.
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// The numbers of its products.
    pub fn precision(&self) -> Precision {
        self.options.precision
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
        self.stream_as(inputs, request, |_| true, map, fold)
    }

    /// Encodes a stream of inputs as [`Model::stream`] does, but yields the attention that the request asks for only of those
    /// inputs of which `with_maps` says so: for consumers that need the peaks of all and the maps of some.
    ///
    /// # Errors
    /// As [`Model::stream`].
    pub fn stream_as<T: Send, R: Send, E: Send>(
        &self,
        inputs: impl Iterator<Item = Result<(T, Pieces), E>> + Send,
        request: &Request,
        with_maps: impl Fn(&T) -> bool + Sync,
        map: impl Fn(T, &Pieces, Encoded) -> R + Sync,
        fold: impl FnMut(R) -> Result<(), E>,
    ) -> Result<(), StreamError<E>> {
        stream(self.workers(), inputs, request, with_maps, map, fold)
    }

    /// Encodes a stream of inputs once for each of several sets of masked heads, in the place of those that the request names.
    /// `fold` gets what `map` makes of each input, by set. On a processor what sets have in common is computed once: all layers
    /// below the first that they mask differently.
    ///
    /// # Errors
    /// As [`Model::stream`].
    pub fn stream_each<T: Send, R: Send, E: Send>(
        &self,
        inputs: impl Iterator<Item = Result<(T, Pieces), E>> + Send,
        request: &Request,
        masks: &[&HeadMask],
        map: impl Fn(&T, Encoded) -> R + Sync,
        fold: impl FnMut(Vec<R>) -> Result<(), E>,
    ) -> Result<(), StreamError<E>> {
        stream_each(self.workers(), inputs, request, masks, map, fold)
    }

    fn workers(&self) -> Workers<'_> {
        Workers { encoder: self.encoder.as_ref(), spec: &self.spec, threads: self.threads() }
    }

    /// Encodes one input on the caller's thread.
    ///
    /// # Errors
    /// Pieces that are not this model's; a masked head that it does not have.
    pub fn encode(&self, pieces: &Pieces, request: &Request) -> Result<Encoded, StreamError<std::convert::Infallible>> {
        let mut answer = Encoded::default();
        let input = std::iter::once(Ok(((), pieces.clone())));
        let keep = |encoded| {
            answer = encoded;
            Ok(())
        };
        let alone = Workers { threads: NonZeroUsize::MIN, ..self.workers() };
        let encoded = |(), _: &Pieces, encoded| encoded;
        stream(alone, input, request, |()| true, encoded, keep)?;
        Ok(answer)
    }
}

pub(crate) fn read_weights(
    folder: &Path,
    spec: &Architecture,
    options: &LoadOptions,
) -> Result<ReadWeights, LoadError> {
    let mut read = ReadWeights::read(folder, spec, options.extra_tensors)?;
    if let Some(seed) = options.random_init {
        random::redraw(&mut read.weights, spec, seed);
    }
    Ok(read)
}
