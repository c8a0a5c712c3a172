//! What is set is applied, or refused by name.

use super::*;

#[test]
fn what_no_experiment_reads_is_refused_by_name() {
    let with = |kind: &str| MINIMAL.replace("\"heads\"", &format!("{kind:?}"));
    for (kind, set, expected) in [
        ("heads", "probe.epochs=3", "`probe.epochs` in --set does nothing: no [[experiment]] has kind = \"probe\""),
        (
            "heads",
            "roles.next=0.4",
            "`roles.next` in --set does nothing: it is for kind = \"surface\", \"clusters\", and the experiments are of \
             kind = \"heads\"",
        ),
        ("surface", "roles.positional=0.8", "`roles.positional` in --set does nothing: it is for kind = \"clusters\""),
        ("heads", "corpus.files=[\"a.txt\"]", "`corpus.files` in --set does nothing: it is for kind = \"surface\""),
        ("surface", "corpus.sequences=10", "`corpus.sequences` is given, but `corpus.files` is empty"),
        ("importance", "model.attention=norms", "`model.attention` in --set does nothing"),
        ("surface", "treebank.merge=first", "`treebank.merge` in --set does nothing"),
        ("coreference", "treebank.granularity=universal", "`treebank.granularity` in --set does nothing"),
        ("surface", "treebank.unit=document", "`treebank.unit` in --set does nothing"),
    ] {
        let error = error(&with(kind), &[set]);
        assert!(error.contains(expected), "{kind}, {set}\n   found: {error}\nexpected: {expected}");
    }
}

#[test]
fn defaults_are_no_wishes_and_what_one_experiment_reads_is_read() {
    let both = format!("{MINIMAL}[[experiment]]\nkind = \"surface\"\n");
    for sets in [&["roles.next=0.4", "treebank.merge=first"][..], &["probe.epochs=0", "corpus.sequences=1000"]] {
        resolve(&both, sets).unwrap();
    }
    // In a file, which may serve several studies, it is a warning.
    resolve(&format!("{MINIMAL}[structural]\nranks = [32]\n"), &[]).unwrap();
    let error = error(&format!("{MINIMAL}[structural]\nranks = [32]\n"), &["structural.epochs=2"]);
    assert!(error.starts_with("`structural.epochs` in --set does nothing"), "{error}");
}
