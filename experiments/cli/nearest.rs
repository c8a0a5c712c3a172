//! "Did you mean …?"

/// The candidate that `word` is most likely a slip of, if any is near enough: Jaro–Winkler similarity of at least 0.8.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |candidate: &str| strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (similarity(candidate), candidate))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let keys = ["granularity", "max_pieces", "merge", "device"];
        for (slip, expected) in [
            ("granularty", Some("granularity")),
            ("max-pieces", Some("max_pieces")),
            ("devise", Some("device")),
            ("DEVICE", Some("device")),
            ("colour", None),
        ] {
            assert_eq!(nearest(slip, keys), expected, "{slip}");
        }
    }
}
