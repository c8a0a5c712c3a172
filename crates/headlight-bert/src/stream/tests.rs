use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use headlight_attention::{Alignment, Frame};

use super::*;
use crate::{Activation, Embedding, Positions, testing};

/// Takes a while that differs from chunk to chunk, so that chunks finish out of order.
struct Uneven;

impl Encode for Uneven {
    fn chunk_pieces(&self) -> usize {
        12
    }

    fn encode_as(&self, inputs: &[&Pieces], _: &Request, _: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
        thread::sleep(Duration::from_micros(u64::from(inputs[0].ids[1]) * 37 % 400));
        inputs.iter().map(|_| Encoded::default()).collect()
    }
}

fn spec() -> Architecture {
    let spec = testing::spec(1, 1, 1, Activation::Gelu);
    let positions = Positions::Learned { rows: 8, offset: 0 };
    Architecture { vocabulary: 10_000, embedding: Embedding { positions, ..spec.embedding }, ..spec }
}

/// An input of three to six pieces that carries its number.
fn input(number: usize) -> Item<usize> {
    let pieces = 3 + number % 4;
    let word = 1..pieces - 1;
    let alignment = Alignment::new(&Frame::bert(), pieces, vec![word]).unwrap();
    let ids = vec![number as u32; pieces];
    (number, Pieces { segments: vec![0; pieces], ids, alignment, unpieced_words: 0 })
}

fn on<'a>(encoder: &'a dyn Encode, spec: &'a Architecture, threads: usize) -> Workers<'a> {
    Workers { encoder, spec, threads: NonZeroUsize::new(threads).unwrap() }
}

#[test]
fn results_come_in_input_order_and_few_inputs_are_in_flight() {
    for workers in [1, 2, 5] {
        let pulled = AtomicUsize::new(0);
        let inputs = (0..2000).map(|number| {
            pulled.fetch_add(1, Ordering::Relaxed);
            Ok::<_, ()>(input(number))
        });
        let (mut folded, mut most_in_flight) = (0, 0);
        let fold = |number| {
            assert_eq!(number, folded);
            folded += 1;
            most_in_flight = most_in_flight.max(pulled.load(Ordering::Relaxed) - folded);
            Ok(())
        };
        stream(on(&Uneven, &spec(), workers), inputs, &Request::default(), |_| true, |number, _, _| number, fold)
            .unwrap();
        assert_eq!(folded, 2000);
        // A chunk has at most 4 inputs (12 pieces of at least 3), and each worker may hold 2 chunks.
        assert!(most_in_flight <= 2 * workers * 4 + 4, "{workers} workers, {most_in_flight} inputs in flight");
    }
}

/// Pieces of the chunks that inputs of five pieces are cut into, and the inputs read before the first was cut.
fn cut(inputs: usize, pieces: usize, workers: usize) -> (Vec<usize>, usize) {
    let (spec, mut read, mut first) = (spec(), 0, 0);
    let of_five = (0..inputs).map(|number| {
        read += 1;
        Ok::<_, ()>(input(4 * number + 2))
    });
    let mut chunks = Vec::new();
    let mut chunker = Chunker::new(of_five, &spec, pieces, workers);
    while let Some(Chunk { number, items, end }) = chunker.next_chunk() {
        assert!(end.is_none() && number == chunks.len());
        chunks.push(items.iter().map(|(_, pieces)| pieces.len()).sum());
        if number == 0 {
            first = chunker.items;
        }
    }
    drop(chunker);
    assert_eq!(read, inputs, "all are read");
    (chunks, first)
}

#[test]
fn the_last_chunks_are_small_so_that_no_worker_waits_long_for_another() {
    // 1,000 inputs, in chunks of 80 of 400 pieces.
    for workers in [1, 2, 4] {
        let (chunks, first) = cut(1000, 400, workers);
        assert_eq!(chunks.iter().sum::<usize>(), 5000);
        assert_eq!(first, 80 * workers, "as many are read ahead as the workers have in work");
        assert!(chunks[..12 - workers].iter().all(|pieces| *pieces == 400), "{chunks:?}");
        let (last, others) = chunks.split_last().unwrap();
        assert!(others.iter().all(|pieces| (50..=400).contains(pieces)) && *last <= 400, "{chunks:?}");
        // As the workers take them, each the next when it has done one.
        let mut done = vec![0; workers];
        chunks.iter().for_each(|pieces| *done.iter_mut().min().unwrap() += pieces);
        let (least, most) = (done.iter().min().unwrap(), done.iter().max().unwrap());
        assert!(most - least <= 55, "{workers} workers end after {done:?} pieces, of {chunks:?}");
    }
    // Few inputs are for all workers too.
    assert_eq!(cut(20, 400, 2), (vec![50, 50], 20));
    assert_eq!(cut(3, 400, 2), (vec![15], 3));
    assert_eq!(cut(3, 4, 2), (vec![5, 5, 5], 2));
}

#[test]
fn no_more_workers_run_than_the_encoder_has_use_for() {
    struct Counting {
        most: usize,
        now: AtomicUsize,
        seen: AtomicUsize,
    }

    impl Encode for Counting {
        fn chunk_pieces(&self) -> usize {
            4
        }

        fn workers(&self) -> usize {
            self.most
        }

        fn encode_as(&self, inputs: &[&Pieces], _: &Request, _: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.seen.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(200));
            self.now.fetch_sub(1, Ordering::SeqCst);
            vec![Encoded::default(); inputs.len()]
        }
    }

    for most in [0, 1, 2] {
        let encoder = Counting { most, now: AtomicUsize::new(0), seen: AtomicUsize::new(0) };
        let inputs = (0..200).map(|number| Ok::<_, ()>(input(number)));
        stream(on(&encoder, &spec(), 4), inputs, &Request::default(), |_| true, |_, _, _| (), |()| Ok(())).unwrap();
        let seen = encoder.seen.into_inner();
        assert!(seen <= most.max(1), "{seen} at the same time, {most} of use");
    }
}

#[test]
fn the_encoder_is_told_whose_attention_is_wanted() {
    /// Answers with something where it is told so.
    struct Echo;

    impl Encode for Echo {
        fn chunk_pieces(&self) -> usize {
            12
        }

        fn encode_as(&self, inputs: &[&Pieces], _: &Request, with_maps: &dyn Fn(usize) -> bool) -> Vec<Encoded> {
            let states = || crate::HiddenStates::new(1, 1, 1, vec![0.0]);
            (0..inputs.len())
                .map(|number| Encoded { states: with_maps(number).then(states).flatten(), ..Encoded::default() })
                .collect()
        }
    }

    let wanted = |number: &usize| number.is_multiple_of(7);
    let inputs = (0..500).map(|number| Ok::<_, ()>(input(number)));
    let map = |number, _: &Pieces, encoded: Encoded| (number, encoded.states.is_some());
    let fold = |(number, told)| {
        assert_eq!(told, wanted(&number), "{number}");
        Ok(())
    };
    stream(on(&Echo, &spec(), 3), inputs, &Request::default(), wanted, map, fold).unwrap();
}

#[test]
fn an_empty_stream_ends() {
    let inputs = std::iter::empty::<Result<Item<usize>, ()>>();
    let fold = |_: usize| Err(());
    stream(on(&Uneven, &spec(), 2), inputs, &Request::default(), |_| true, |number, _, _| number, fold).unwrap();
}

#[test]
fn a_panic_in_map_ends_the_stream() {
    let run = || {
        let inputs = (0..500).map(|number| Ok::<_, ()>(input(number)));
        let map = |number, _: &Pieces, _: Encoded| {
            assert_ne!(number, 100);
            number
        };
        stream(on(&Uneven, &spec(), 3), inputs, &Request::default(), |_| true, map, |_| Ok(()))
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}
