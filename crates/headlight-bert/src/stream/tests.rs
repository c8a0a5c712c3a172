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
        stream(&Uneven, &spec(), threads(workers), inputs, &Request::default(), |number, _, _| number, fold).unwrap();
        assert_eq!(folded, 2000);
        // A chunk has at most 4 inputs (12 pieces of at least 3), and each worker may hold 2 chunks.
        assert!(most_in_flight <= 2 * workers * 4 + 4, "{workers} workers, {most_in_flight} inputs in flight");
    }
}

#[test]
fn an_empty_stream_ends() {
    let inputs = std::iter::empty::<Result<Item<usize>, ()>>();
    let fold = |_: usize| Err(());
    stream(&Uneven, &spec(), threads(2), inputs, &Request::default(), |number, _, _| number, fold).unwrap();
}

#[test]
fn a_panic_in_map_ends_the_stream() {
    let run = || {
        let inputs = (0..500).map(|number| Ok::<_, ()>(input(number)));
        let map = |number, _: &Pieces, _: Encoded| {
            assert_ne!(number, 100);
            number
        };
        stream(&Uneven, &spec(), threads(3), inputs, &Request::default(), map, |_| Ok(()))
    };
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
}
