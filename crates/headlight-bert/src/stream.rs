//! Many inputs through an encoder: workers encode chunks at the same time, results come back in input order, and memory
//! is bounded by the chunks in flight.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use burn::tensor::StreamId;
use headlight_attention::{AttentionHead, HeadGrid};

use crate::{
    Architecture, Pieces, UnfitPieces,
    request::{Encode, Encoded, HeadMask, Request},
};

/// Why a stream ended early. What was folded before stays folded, in order and without a gap.
#[derive(thiserror::Error, Debug)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The caller's own error, from the inputs or from `fold`.
    #[error("{0}")]
    Caller(E),
    /// Pieces that the model cannot read.
    #[error("input {}: {problem}", .input + 1)]
    Unfit {
        /// The input, counted from 0.
        input: usize,
        /// What does not fit.
        problem: UnfitPieces,
    },
    /// The request masks a head that the model does not have.
    #[error("there is no head {head} to mask: the model has {} layers of {} heads", .grid.layers, .grid.heads)]
    NoSuchHead {
        /// The head.
        head: AttentionHead,
        /// What the model has.
        grid: HeadGrid,
    },
    /// Not even one thread can be had.
    #[error("cannot start a thread to encode on; a limit of memory or of processes is too low (`ulimit -a`)")]
    NoThread(#[source] io::Error),
}

#[cfg(test)]
mod tests;

/// An input in work: what the caller attached, and its pieces.
type Item<T> = (T, Pieces);

/// Consecutive inputs, and the error that ended them.
struct Chunk<T, E> {
    number: usize,
    items: Vec<Item<T>>,
    end: Option<StreamError<E>>,
}

/// What encodes a stream.
#[derive(Clone, Copy)]
pub(crate) struct Workers<'a> {
    pub encoder: &'a dyn Encode,
    pub spec: &'a Architecture,
    /// At most so many at a time.
    pub threads: NonZeroUsize,
}

impl Workers<'_> {
    fn check_heads<E>(&self, masked_heads: &HeadMask) -> Result<(), StreamError<E>> {
        let grid = self.spec.grid;
        let missing = |head: &&AttentionHead| head.layer >= grid.layers || head.index >= grid.heads;
        let missing = masked_heads.keys().find(missing);
        missing.map_or(Ok(()), |&head| Err(StreamError::NoSuchHead { head, grid }))
    }
}

/// See [`crate::Model::stream_as`].
pub(crate) fn stream<T: Send, R: Send, E: Send>(
    workers: Workers<'_>,
    inputs: impl Iterator<Item = Result<Item<T>, E>> + Send,
    request: &Request,
    with_maps: impl Fn(&T) -> bool + Sync,
    map: impl Fn(T, &Pieces, Encoded) -> R + Sync,
    fold: impl FnMut(R) -> Result<(), E>,
) -> Result<(), StreamError<E>> {
    workers.check_heads(&request.masked_heads)?;
    let work = |items: Vec<Item<T>>| {
        let pieces: Vec<&Pieces> = items.iter().map(|(_, pieces)| pieces).collect();
        let encoded = workers.encoder.encode_as(&pieces, request, &|number| with_maps(&items[number].0));
        debug_assert_eq!(encoded.len(), items.len());
        let results = items.into_iter().zip(encoded);
        results.map(|((tag, pieces), encoded)| map(tag, &pieces, encoded)).collect()
    };
    stream_chunks(workers, workers.encoder.chunk_pieces(), inputs, work, fold)
}

/// See [`crate::Model::stream_each`].
pub(crate) fn stream_each<T: Send, R: Send, E: Send>(
    workers: Workers<'_>,
    inputs: impl Iterator<Item = Result<Item<T>, E>> + Send,
    request: &Request,
    masks: &[&HeadMask],
    map: impl Fn(&T, Encoded) -> R + Sync,
    fold: impl FnMut(Vec<R>) -> Result<(), E>,
) -> Result<(), StreamError<E>> {
    masks.iter().try_for_each(|mask| workers.check_heads(mask))?;
    let work = |items: Vec<Item<T>>| {
        let pieces: Vec<&Pieces> = items.iter().map(|(_, pieces)| pieces).collect();
        // Sets come in any order, and their answers are too large to be kept before they are reduced.
        let mut answers: Vec<BTreeMap<usize, R>> = items.iter().map(|_| BTreeMap::new()).collect();
        workers.encoder.encode_each(&pieces, request, masks, &mut |set, encoded| {
            for ((answers, (tag, _)), encoded) in answers.iter_mut().zip(&items).zip(encoded) {
                answers.insert(set, map(tag, encoded));
            }
        });
        answers.into_iter().map(|answers| answers.into_values().collect()).collect()
    };
    // As many sets as there are make work enough of fewer pieces, and then a few inputs do for all workers.
    stream_chunks(workers, workers.encoder.chunk_pieces() / 4, inputs, work, fold)
}

/// What `work` makes of the items of each chunk, one for each, in order.
fn stream_chunks<T: Send, R: Send, E: Send>(
    Workers { encoder, spec, threads }: Workers<'_>,
    chunk_pieces: usize,
    inputs: impl Iterator<Item = Result<Item<T>, E>> + Send,
    work: impl Fn(Vec<Item<T>>) -> Vec<R> + Sync,
    mut fold: impl FnMut(R) -> Result<(), E>,
) -> Result<(), StreamError<E>> {
    let workers = threads.get().min(encoder.workers().max(1));
    let sharing = if encoder.is_alike_in_any_chunk() { workers } else { 1 };
    let source = Mutex::new(Chunker::new(inputs, spec, chunk_pieces, sharing));
    // Each worker has a chunk in work and a finished one that may wait for its turn.
    let permits = Permits::new(2 * workers);
    let streamed = thread::scope(|scope| {
        let (sender, results) = mpsc::channel::<(usize, Vec<R>, Option<StreamError<E>>)>();
        for worker in 0..workers {
            let (sender, source, permits, work) = (sender.clone(), &source, &permits, &work);
            let started = thread::Builder::new().spawn_scoped(scope, move || {
                let _closes_on_panic = permits.close_on_panic();
                alone(worker, || {
                    while permits.take() {
                        let Some(Chunk { number, items, end }) = lock(source).next_chunk() else { break };
                        if sender.send((number, work(items), end)).is_err() {
                            break;
                        }
                    }
                });
            });
            match started {
                Ok(_) => {}
                Err(error) if worker == 0 => return Err(StreamError::NoThread(error)),
                // Those that are at work do the rest: slower, not wrong.
                Err(_) => break,
            }
        }
        drop(sender);

        let mut early = BTreeMap::new();
        let mut folded = 0;
        let mut fold_chunk = |results: Vec<R>, end: Option<StreamError<E>>| {
            results.into_iter().try_for_each(&mut fold).map_err(StreamError::Caller)?;
            end.map_or(Ok(()), Err)
        };
        for (number, chunk, end) in &results {
            early.insert(number, (chunk, end));
            while let Some((chunk, end)) = early.remove(&folded) {
                if let Err(error) = fold_chunk(chunk, end) {
                    permits.close();
                    return Err(error);
                }
                folded += 1;
                permits.give();
            }
        }
        Ok(())
    });
    encoder.tell_times();
    streamed
}

/// Cuts the inputs into chunks. It reads ahead a chunk for each worker that they are shared among, so that the last ones are cut
/// small: no worker is left with a whole chunk while the others have nothing to do. With one, all are whole but the last.
struct Chunker<'a, T, E, I> {
    inputs: I,
    spec: &'a Architecture,
    /// A chunk ends when it has this many pieces.
    pieces: usize,
    sharing: usize,
    /// Inputs that were read and have no chunk yet, and their pieces.
    ahead: VecDeque<Item<T>>,
    pieces_ahead: usize,
    /// Whether there is no more to read, and the error that made it so.
    is_over: bool,
    error: Option<StreamError<E>>,
    chunks: usize,
    items: usize,
}

impl<'a, T, E, I: Iterator<Item = Result<Item<T>, E>>> Chunker<'a, T, E, I> {
    /// The last chunks are no smaller than this share of a whole one: products of few rows are slow.
    const SMALLEST: usize = 8;

    fn new(inputs: I, spec: &'a Architecture, pieces: usize, sharing: usize) -> Self {
        let ahead = VecDeque::new();
        Self { inputs, spec, pieces, sharing, ahead, pieces_ahead: 0, is_over: false, error: None, chunks: 0, items: 0 }
    }

    fn next_chunk(&mut self) -> Option<Chunk<T, E>> {
        self.read_ahead();
        let share = (self.pieces_ahead / self.sharing).clamp(self.pieces.div_ceil(Self::SMALLEST), self.pieces);
        let wanted = if self.is_over { share } else { self.pieces };
        let (mut items, mut pieces) = (Vec::new(), 0);
        while pieces < wanted
            && let Some((tag, input)) = self.ahead.pop_front()
        {
            pieces += input.len();
            items.push((tag, input));
        }
        self.pieces_ahead -= pieces;
        let end = if self.ahead.is_empty() { self.error.take() } else { None };
        let number = self.chunks;
        self.chunks += 1;
        (!items.is_empty() || end.is_some()).then_some(Chunk { number, items, end })
    }

    /// Reads a chunk for each worker, as far as there is so much.
    fn read_ahead(&mut self) {
        while !self.is_over && self.pieces_ahead < self.pieces * self.sharing {
            let Some(read) = self.inputs.next() else {
                self.is_over = true;
                return;
            };
            match read.map_err(StreamError::Caller).and_then(|input| self.fitting(input)) {
                Ok(input) => {
                    self.pieces_ahead += input.1.len();
                    self.ahead.push_back(input);
                }
                Err(error) => (self.is_over, self.error) = (true, Some(error)),
            }
        }
    }

    /// The input, where the model can read it.
    fn fitting(&mut self, input: Item<T>) -> Result<Item<T>, StreamError<E>> {
        let number = self.items;
        self.items += 1;
        input.1.check(self.spec).map_err(|problem| StreamError::Unfit { input: number, problem })?;
        Ok(input)
    }
}

/// How many more chunks may be taken before one is folded: what bounds memory.
struct Permits {
    /// `None` once the stream has ended.
    left: Mutex<Option<usize>>,
    changed: Condvar,
}

impl Permits {
    fn new(count: usize) -> Self {
        Self { left: Mutex::new(Some(count)), changed: Condvar::new() }
    }

    /// Waits for a permit; false when the stream has ended.
    fn take(&self) -> bool {
        let left = self.changed.wait_while(lock(&self.left), |left| *left == Some(0));
        match &mut *left.unwrap_or_else(PoisonError::into_inner) {
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        }
    }

    fn give(&self) {
        if let Some(left) = &mut *lock(&self.left) {
            *left += 1;
        }
        self.changed.notify_one();
    }

    fn close(&self) {
        *lock(&self.left) = None;
        self.changed.notify_all();
    }

    /// Ends the stream when the thread that holds this unwinds, so that no other waits for its chunk.
    fn close_on_panic(&self) -> impl Drop + '_ {
        struct Guard<'a>(&'a Permits);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.close();
                }
            }
        }
        Guard(self)
    }
}

/// Runs a worker so that rayon, which burn's CPU backends call, adds no threads of its own: workers are the parallelism.
///
/// burn's GPU backends give every thread a queue of its own, with memory that stays with it. Queues work side by side, so
/// that one worker's transfers overlap with another's kernels. Workers go by number, so that those of the next stream take
/// over the queues and the memory of this one's.
fn alone(worker: usize, work: impl FnOnce() + Send) {
    let work = || StreamId { value: worker as u64 }.executes(work);
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(1);
    // Where no other thread can be had, the worker's own is the pool.
    match pool().build().or_else(|_| pool().use_current_thread().build()) {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
