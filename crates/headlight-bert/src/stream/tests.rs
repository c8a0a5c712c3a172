use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use headlight_attention::Alignment;

use super::*;
use crate::Activation;

/// Takes a while that differs from chunk to chunk, so that chunks finish out of order.
struct Uneven;

impl Encode for Uneven {
    fn chunk_pieces(&self) -> usize {
        12
    }

    fn encode(&self, inputs: &[&Pieces], _: &Request) -> Vec<Encoded> {
        thread::sleep(Duration::from_micros(u64::from(inputs[0].ids[1]) * 37 % 400));
        inputs.iter().map(|_| Encoded::default()).collect()
    }
}

fn spec() -> ModelSpec {
    ModelSpec {
        grid: HeadGrid { layers: 1, heads: 1 },
        hidden: 1,
        intermediate: 1,
        vocabulary: 10_000,
        max_positions: 8,
        segments: 1,
        activation: Activation::Gelu,
        layer_norm_eps: 1e-12,
        initializer_range: 0.02,
        tied_decoder: true,
    }
}

/// An input of three to six pieces that carries its number.
fn input(number: usize) -> Item<usize> {
    let pieces = 3 + number % 4;
    let word = 1..pieces - 1;
    let alignment = Alignment::new(pieces, vec![word]).unwrap();
    let ids = vec![number as u32; pieces];
    (number, Pieces { segments: vec![0; pieces], ids, alignment, unpieced_words: 0 })
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
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
        stream(&Uneven, &spec(), threads(workers), inputs, Request::default, |number, _, _| number, fold).unwrap();
        assert_eq!(folded, 2000);
        // A chunk has at most 4 inputs (12 pieces of at least 3), and each worker may hold 2 chunks.
        assert!(most_in_flight <= 2 * workers * 4 + 4, "{workers} workers, {most_in_flight} inputs in flight");
    }
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

        fn encode(&self, inputs: &[&Pieces], _: &Request) -> Vec<Encoded> {
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
        stream(&encoder, &spec(), threads(4), inputs, Request::default, |_, _, _| (), |()| Ok(())).unwrap();
        let seen = encoder.seen.into_inner();
        assert!(seen <= most.max(1), "{seen} at the same time, {most} of use");
    }
}

#[test]
fn each_chunk_asks_anew_what_is_wanted() {
    /// Tells what it was asked.
    struct Echo;

    impl Encode for Echo {
        fn chunk_pieces(&self) -> usize {
            12
        }

        fn encode(&self, inputs: &[&Pieces], request: &Request) -> Vec<Encoded> {
            let hidden = request.hidden_states.then(|| crate::HiddenStates::new(1, 1, 1, vec![0.0]).unwrap());
            vec![Encoded { hidden, ..Encoded::default() }; inputs.len()]
        }
    }

    let wanted = std::sync::atomic::AtomicBool::new(true);
    let request = || Request { hidden_states: wanted.load(Ordering::Relaxed), ..Request::default() };
    let (mut with, mut without) = (0, 0);
    let fold = |has_states: bool| {
        *if has_states { &mut with } else { &mut without } += 1;
        wanted.store(with < 50, Ordering::Relaxed);
        Ok(())
    };
    let inputs = (0..2000).map(|number| Ok::<_, ()>(input(number)));
    let map = |_, _: &Pieces, encoded: Encoded| encoded.hidden.is_some();
    stream(&Echo, &spec(), threads(3), inputs, request, map, fold).unwrap();
    // What was in flight when the wish changed: up to 2 chunks of 4 inputs for each worker.
    assert!((50..=50 + 6 * 4 + 4).contains(&with) && with + without == 2000, "{with} with, {without} without");

    let mask = AttentionHead { layer: 7, index: 0 };
    let asked = AtomicUsize::new(0);
    let request = || match asked.fetch_add(1, Ordering::Relaxed) {
        0..5 => Request::default(),
        _ => Request { masked_heads: [(mask, crate::Masking::Zero)].into(), ..Request::default() },
    };
    let mut folded = 0;
    let fold = |()| {
        folded += 1;
        Ok(())
    };
    let inputs = (0..2000).map(|number| Ok::<_, ()>(input(number)));
    let error = stream(&Echo, &spec(), threads(1), inputs, request, |_, _, _| (), fold).unwrap_err();
    assert!(matches!(error, StreamError::NoSuchHead { .. }) && (1..2000).contains(&folded), "{error:?} after {folded}");
}

#[test]
fn an_empty_stream_ends() {
    let inputs = std::iter::empty::<Result<Item<usize>, ()>>();
    let fold = |_: usize| Err(());
    stream(&Uneven, &spec(), threads(2), inputs, Request::default, |number, _, _| number, fold).unwrap();
}

#[test]
fn a_panic_in_map_ends_the_stream() {
    let run = || {
        let inputs = (0..500).map(|number| Ok::<_, ()>(input(number)));
        let map = |number, _: &Pieces, _: Encoded| {
            assert_ne!(number, 100);
            number
        };
        stream(&Uneven, &spec(), threads(3), inputs, Request::default, map, |_| Ok(()))
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}
