//! Published tables, `papers/*.toml`, that stand in for a run. Their numbers are printed percentages without counts.

use std::path::Path;

use serde::Deserialize;

use super::CompareError;
use crate::tables::Direction;

/// The published tables that are compiled in, by name.
const BUILTIN: [(&str, &str); 2] = [
    ("clark2019", include_str!("../../../../papers/clark2019.toml")),
    ("replication-ewt", include_str!("../../../../papers/replication-ewt.toml")),
];

/// Names of the published tables that need no file.
pub fn builtin_papers() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// The numbers of one publication. An unknown key is an error: most often it is a known one misspelt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// What was published, where.
    pub paper: Publication,
    /// About the scores of single heads.
    #[serde(default)]
    pub table1: HeadTable,
    /// Best head of each relation.
    #[serde(default, rename = "head")]
    pub heads: Vec<PublishedHead>,
    /// Probes over all heads.
    #[serde(default, rename = "probe")]
    pub probes: Vec<PublishedProbe>,
    /// About antecedent selection.
    #[serde(default)]
    pub table2: ScoreTable,
    /// Antecedent selection.
    #[serde(default)]
    pub coreference: Vec<PublishedCoreference>,
    /// About the scores of probes.
    #[serde(default)]
    pub table3: ScoreTable,
    /// Surface patterns, which are facts in words and have no counterpart in a comparison.
    #[serde(default)]
    pub surface: Vec<PublishedFact>,
}

/// What was published.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// A short name.
    pub id: String,
    /// How to cite it.
    pub citation: String,
    /// The model that it is about.
    pub model: String,
    /// Its title.
    pub title: Option<String>,
    /// Who wrote it.
    #[serde(default)]
    pub authors: Vec<String>,
    /// When it appeared.
    pub year: Option<u32>,
    /// Where it appeared.
    pub venue: Option<String>,
    /// The published table whose measurements it repeats.
    pub replicates: Option<String>,
}

/// On what the published heads were scored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadTable {
    /// Where in the publication the numbers stand.
    pub source: Option<String>,
    /// The treebank.
    #[serde(default)]
    pub treebank: String,
    /// The annotation scheme.
    #[serde(default)]
    pub scheme: String,
    /// Data on which heads were chosen.
    pub selected_on: Option<String>,
    /// Data on which they are scored.
    pub evaluated_on: Option<String>,
    /// What to know about all of them.
    pub note: Option<String>,
}

/// On what published probes, or published antecedents, were scored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreTable {
    /// Where in the publication the numbers stand.
    pub source: Option<String>,
    /// The treebank.
    pub treebank: Option<String>,
    /// The treebanks, where there are several.
    #[serde(default)]
    pub treebanks: Vec<String>,
    /// The corpus.
    pub corpus: Option<String>,
    /// Whether punctuation counts: `excluded` or `included`.
    pub punctuation: Option<String>,
}

/// A published best head. Accuracies are percentages, as printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedHead {
    /// The relation in the publication's scheme.
    pub relation: String,
    /// `layer-head`, counted from 1.
    pub head: String,
    /// Who attends.
    pub direction: Direction,
    /// The head's accuracy.
    pub accuracy: Option<f64>,
    /// The accuracy that should have been printed, where a slip is known.
    pub corrected_accuracy: Option<f64>,
    /// The accuracy of the best fixed offset.
    pub baseline: Option<f64>,
    /// The same where a slip is known.
    pub corrected_baseline: Option<f64>,
    /// The best fixed offset.
    pub offset: Option<i32>,
    /// The relation of Universal Dependencies with the same words, where there is one.
    pub ud: Option<String>,
    /// The relation of the publication that this one replicates.
    pub clark2019_relation: Option<String>,
    /// What to know about this number.
    pub note: Option<String>,
}

/// A published probe. Scores are percentages, as printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedProbe {
    /// The probe.
    pub name: String,
    /// The same probe in the table `probe_scores` of a run, where the names differ.
    pub run: Option<String>,
    /// Unlabelled attachment score by per-word argmax.
    pub uas: Option<f64>,
    /// Undirected unlabelled attachment score.
    pub uuas: Option<f64>,
    /// The treebank, where the publication has several.
    pub treebank: Option<String>,
    /// The word vectors.
    pub words: Option<String>,
    /// What to know about this number.
    pub note: Option<String>,
}

/// Published antecedent selection of one predictor: percentages of all mentions and of each type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCoreference {
    /// `nearest`, `head match`, `rule-based`, `head`, ….
    pub predictor: String,
    /// The same predictor in the table `coreference` of a run, where the names differ.
    pub run: Option<String>,
    /// The head, where the predictor is one: `layer-head`, counted from 1.
    pub head: Option<String>,
    /// Of all mentions.
    pub all: Option<f64>,
    /// Of pronouns.
    pub pronoun: Option<f64>,
    /// Of proper names.
    pub proper: Option<f64>,
    /// Of other noun phrases.
    pub nominal: Option<f64>,
    /// What to know about these numbers.
    pub note: Option<String>,
}

/// A published fact about surface patterns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFact {
    /// Where in the publication it stands.
    pub source: String,
    /// The fact.
    pub fact: String,
    /// Layers that it is about, counted from 1.
    #[serde(default)]
    pub layers: Vec<u32>,
    /// Heads that it counts.
    pub count: Option<u32>,
    /// Its number.
    pub value: Option<f64>,
}

impl Paper {
    /// A published table by its name.
    ///
    /// # Errors
    /// As [`Paper::open`]. `None` where no table of that name is compiled in.
    pub fn builtin(name: &str) -> Option<Result<Self, CompareError>> {
        BUILTIN.iter().find(|(builtin, _)| *builtin == name).map(|(name, text)| Self::parse(name, text))
    }

    /// A published table from a file.
    ///
    /// # Errors
    /// [`CompareError::PaperFile`] where the file cannot be read, [`CompareError::Paper`] or
    /// [`CompareError::PaperHead`] where it holds something else.
    pub fn open(path: &Path) -> Result<Self, CompareError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| CompareError::PaperFile { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, CompareError> {
        let paper: Self = toml::from_str(text).map_err(|error| {
            let line = 1 + error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
            CompareError::Paper { name: name.to_owned(), line, message: error.message().replace('\n', "; ") }
        })?;
        for PublishedHead { relation, head, .. } in &paper.heads {
            if parse_head(head).is_none() {
                let (name, relation, head) = (name.to_owned(), relation.clone(), head.clone());
                return Err(CompareError::PaperHead { name, relation, head });
            }
        }
        Ok(paper)
    }
}

impl PublishedHead {
    /// The name under which a run on Universal Dependencies has the same words: `ud`, where the scheme differs.
    pub fn relation_in_runs(&self, scheme: &str) -> Option<&str> {
        if scheme == "Universal Dependencies" { Some(&self.relation) } else { self.ud.as_deref() }
    }

    /// Layer and head, counted from 1.
    pub fn layer_and_head(&self) -> Option<(u32, u32)> {
        parse_head(&self.head)
    }
}

fn parse_head(text: &str) -> Option<(u32, u32)> {
    let (layer, head) = text.split_once('-')?;
    let number = |text: &str| text.parse().ok().filter(|&number: &u32| number > 0);
    Some((number(layer)?, number(head)?))
}
