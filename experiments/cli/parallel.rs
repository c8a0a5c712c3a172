//! Work on many threads whose results come back in order.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What `work` makes of each item, in the order of the items. Every worker takes the next item when it is done with one,
/// and is a rayon pool of one thread, so that what it calls adds no threads of its own.
pub fn map_in_order<T: Sync, R: Send>(threads: NonZeroUsize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        items.get(number).map(|item| (number, work(item)))
    };
    let worker = || alone(|| std::iter::from_fn(take).collect::<Vec<_>>());
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        // Where threads cannot be had, those that are there do the rest, or else this one: slower, not wrong.
        let start = |_| thread::Builder::new().spawn_scoped(scope, worker).ok();
        let workers: Vec<_> = (0..threads.get().min(items.len())).map_while(start).collect();
        let own = if workers.is_empty() { worker() } else { Vec::new() };
        let theirs = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        theirs.chain([own]).flatten().collect()
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn alone<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(1);
    // Where no other thread can be had, the worker's own is the pool.
    match pool().build().or_else(|_| pool().use_current_thread().build()) {
        Ok(pool) => pool.install(work),
        Err(_) => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        // The first items take longest, so that later ones are done before them.
        let work = |&item: &u64| {
            thread::sleep(std::time::Duration::from_micros(200 / (item + 1)));
            item * item
        };
        let squares: Vec<u64> = items.iter().map(|item| item * item).collect();
        for threads in [1, 2, 7] {
            assert_eq!(map_in_order(NonZeroUsize::new(threads).unwrap(), &items, work), squares);
        }
        assert_eq!(map_in_order(NonZeroUsize::MIN, &[], work), Vec::<u64>::new());
    }
}
