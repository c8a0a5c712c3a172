//! The pages of the book and how they are laid out.

/// Every page by its name; that of a kind is the kind's.
pub(super) const PAGES: &[(&str, &str)] = &[
    ("heads", include_str!("../../../docs/kinds/heads.md")),
    ("probe", include_str!("../../../docs/kinds/probe.md")),
    ("structural", include_str!("../../../docs/kinds/structural.md")),
    ("surface", include_str!("../../../docs/kinds/surface.md")),
    ("clusters", include_str!("../../../docs/kinds/clusters.md")),
    ("coreference", include_str!("../../../docs/kinds/coreference.md")),
    ("trees", include_str!("../../../docs/kinds/trees.md")),
    ("ensembles", include_str!("../../../docs/kinds/ensembles.md")),
    ("pairs", include_str!("../../../docs/kinds/pairs.md")),
    ("importance", include_str!("../../../docs/kinds/importance.md")),
    ("pruning", include_str!("../../../docs/kinds/pruning.md")),
    ("sweep", include_str!("../../../docs/kinds/sweep.md")),
    ("introduction", include_str!("../../../docs/introduction.md")),
    ("look", include_str!("../../../docs/look.md")),
    ("formats", include_str!("../../../docs/formats.md")),
    ("models", include_str!("../../../docs/models.md")),
    ("runs", include_str!("../../../docs/runs.md")),
    ("collect", include_str!("../../../docs/collect.md")),
    ("kubernetes", include_str!("../../../docs/kubernetes.md")),
    ("scale", include_str!("../../../docs/scale.md")),
    ("reliability", include_str!("../../../docs/reliability.md")),
    ("machines", include_str!("../../../docs/machines.md")),
    ("python", include_str!("../../../docs/python.md")),
    ("gpu", include_str!("../../../docs/gpu.md")),
    ("reproduce", include_str!("../../../docs/reproduce.md")),
    ("method", METHOD),
    ("glossary", GLOSSARY),
];

/// `docs/method.md`
pub(super) const METHOD: &str = include_str!("../../../docs/method.md");
/// `docs/glossary.md`
pub(super) const GLOSSARY: &str = include_str!("../../../docs/glossary.md");

/// The numbered sections of the method: `2` and its text.
pub(super) fn sections(method: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    method.split("\n## ").skip(1).filter_map(|text| Some((text.split_once(". ")?.0, text)))
}

/// An entry of the glossary.
pub(super) struct Entry {
    /// `**word**, **other name**: what it means.`
    pub text: &'static str,
}

impl Entry {
    /// Its names: what is bold before the colon.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let head = self.text.split("**:").next().unwrap_or_default();
        head.split("**").filter(|part| !part.is_empty() && *part != ", ")
    }
}

/// The entries of the glossary.
pub(super) fn entries(glossary: &'static str) -> impl Iterator<Item = Entry> {
    glossary.split("\n\n").map(str::trim).filter(|text| text.starts_with("**")).map(|text| Entry { text })
}
