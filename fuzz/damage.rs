//! Good files, damaged: what the targets are tried on in `cargo test`.

use proptest::prelude::*;

/// A good file with bytes replaced, put in, taken out and parts repeated, or cut off.
pub fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let place = any::<prop::sample::Index>;
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"\t\n\r#-._0129()[]{}\"/|=Ex \xff\x00".to_vec())];
    let edits = proptest::collection::vec((0..4, place(), byte, 0_usize..40), 1..12);
    (proptest::sample::select(seeds), edits, proptest::option::weighted(0.2, place())).prop_map(
        |(mut bytes, edits, cut)| {
            for (kind, place, byte, count) in edits {
                let at = place.index(bytes.len() + 1);
                let end = (at + count).min(bytes.len());
                match kind {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => drop(bytes.drain(at..end)),
                    _ => {
                        let part = bytes[at..end].to_vec();
                        bytes.splice(at..at, part);
                    }
                }
            }
            bytes.truncate(cut.map_or(usize::MAX, |cut| cut.index(bytes.len() + 1)));
            bytes
        },
    )
}
