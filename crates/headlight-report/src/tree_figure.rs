//! A sentence's tree as LaTeX for package `tikz-dependency`: the treebank's arcs above, a predictor's below.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use headlight_treebank::{
    Format, Governor, Granularity, ReadError, Reader, ReattachError, Relation, Sentence, WordIdx, reattach,
};

use crate::run::{RunDirectory, RunError};
use crate::script::runs_right_to_left;
use crate::sheet::escape_latex;
use crate::tables::{Prediction, TableError};

/// Why no tree can be drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeFigureError {
    /// Predictions of another number of words.
    #[error("sentence {sent_id} has {words} words, but {predicted} predictions")]
    Length {
        /// The sentence.
        sent_id: String,
        /// Its words.
        words: usize,
        /// The predictions.
        predicted: usize,
    },
    /// A sentence that the run did not evaluate.
    #[error("{} has no sentence {sent_id}", .file.display())]
    NoSentence {
        /// The sentences that the run evaluated.
        file: PathBuf,
        /// The sentence asked for.
        sent_id: String,
    },
    /// A run that keeps no sentences.
    #[error(
        "the run at {} keeps no sentences: its config has no experiment of kind = \"heads\" or \"probe\"",
        .0.display()
    )]
    NoSentences(PathBuf),
    /// A predictor that said nothing about the sentence.
    #[error("no predictor `{predictor}` said anything about sentence {sent_id}; {known} did")]
    NoPredictor {
        /// As asked for.
        predictor: String,
        /// The sentence.
        sent_id: String,
        /// Those that did.
        known: String,
    },
    /// Predictions that are not of the sentence.
    #[error(transparent)]
    Reattach(#[from] ReattachError),
    /// The run cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its sentences cannot be read.
    #[error(transparent)]
    Sentences(#[from] ReadError),
}

impl From<TableError> for TreeFigureError {
    fn from(error: TableError) -> Self {
        Self::Run(error.into())
    }
}

/// The sentence with its arcs above, its first word at the right where its script runs from right to left; with `predicted`, one entry per word, also the predicted arcs below: solid blue where
/// they agree with the treebank, dashed red where they do not. A word whose predictor points nowhere (`None`) has no arc.
///
/// # Errors
/// [`TreeFigureError::Length`] where `predicted` is not as long as the sentence.
pub fn dependency_tree(
    sentence: &Sentence,
    granularity: Granularity,
    predicted: Option<&[Option<Governor>]>,
) -> Result<String, TreeFigureError> {
    if let Some(predicted) = predicted
        && predicted.len() != sentence.len()
    {
        let (sent_id, words, predicted) = (sentence.sent_id().to_owned(), sentence.len(), predicted.len());
        return Err(TreeFigureError::Length { sent_id, words, predicted });
    }
    let mut latex = String::from(
        "% needs \\usepackage{tikz-dependency}\n\
         \\definecolor{agrees}{HTML}{0072B2}\n\\definecolor{differs}{HTML}{D55E00}\n\
         \\begin{dependency}[theme=simple, edge unit distance=1.7ex]\n  \\begin{deptext}[column sep=1em]\n",
    );
    let mut forms: Vec<String> = sentence.words().iter().map(|word| escape_word(&word.form)).collect();
    let right_to_left = runs_right_to_left(sentence.words().iter().map(|word| word.form.as_str()));
    if right_to_left {
        forms.reverse();
    }
    // Columns of a `deptext` count from the left.
    let column = |word: usize| if right_to_left { sentence.len() - word } else { word + 1 };
    latex.push_str(&format!("    {} \\\\\n  \\end{{deptext}}\n", forms.join(" \\& ")));
    let arc = |options: &str, governor: Governor, dependent: usize, label: &str| {
        let options = if options.is_empty() { String::new() } else { format!("[{options}]") };
        let dependent = column(dependent);
        match governor {
            Governor::Root => format!("  \\deproot{options}{{{dependent}}}{{{label}}}\n"),
            Governor::Word(governor) => {
                format!("  \\depedge{options}{{{}}}{{{dependent}}}{{{label}}}\n", column(governor.id() - 1))
            }
        }
    };
    for (index, word) in sentence.words().iter().enumerate() {
        let relation = escape_latex(word.relation.name(granularity));
        latex.push_str(&arc("", word.governor, index, &relation));
    }
    for (index, (word, governor)) in sentence.words().iter().zip(predicted.into_iter().flatten()).enumerate() {
        if let Some(governor) = governor {
            let style = if *governor == word.governor { "agrees" } else { "differs, dashed" };
            let options = format!("edge below, edge style={{{style}}}");
            latex.push_str(&arc(&options, *governor, index, ""));
        }
    }
    latex.push_str("\\end{dependency}\n");
    Ok(latex)
}

/// `\&` separates words in a `deptext`, so an ampersand is written by its code.
fn escape_word(form: &str) -> String {
    escape_latex(form).replace("\\&", "{\\symbol{38}}")
}

/// A sentence of a run, and what a predictor said about it.
pub(crate) struct SentenceTree {
    pub sentence: Sentence,
    pub granularity: Granularity,
    pub predictor: String,
    /// By word; `None` where it pointed nowhere.
    pub predicted: Vec<Option<Governor>>,
}

/// [`dependency_tree`] of a sentence of a run, with what `predictor` said about its words: by default each relation's best
/// head, in a run without heads the first probe that was decoded to trees.
///
/// # Errors
/// [`TreeFigureError::NoSentences`], [`TreeFigureError::NoSentence`] and [`TreeFigureError::NoPredictor`] where the run has
/// nothing of the kind; otherwise as the run is read.
pub fn run_tree(run: &RunDirectory, sent_id: &str, predictor: Option<&str>) -> Result<String, TreeFigureError> {
    let SentenceTree { sentence, granularity, predicted, .. } = sentence_tree(run, sent_id, predictor)?;
    dependency_tree(&sentence, granularity, Some(&predicted))
}

/// The same before it is written.
pub(crate) fn sentence_tree(
    run: &RunDirectory,
    sent_id: &str,
    predictor: Option<&str>,
) -> Result<SentenceTree, TreeFigureError> {
    let (sentence, has_its_own_tree) = find_sentence(run, sent_id)?;
    let rows: Vec<Prediction> = run
        .rows::<Prediction>()?
        .filter(|row| row.as_ref().map_or(true, |row| row.sent_id == sent_id))
        .collect::<Result<_, _>>()?;
    let sentence = if has_its_own_tree { sentence } else { with_tree_of(&sentence, &rows)? };
    let granularity = match run.report().conventions.granularity.as_str() {
        "universal" => Granularity::Universal,
        _ => Granularity::Full,
    };
    let predictor = choose(&rows, sent_id, predictor)?;
    let mut predicted = vec![None; sentence.len()];
    for row in rows.iter().filter(|row| row.predictor == predictor) {
        let index = (row.word_id as usize).wrapping_sub(1);
        let of_relation = sentence.words().get(index).map(|word| word.relation.name(granularity));
        if of_relation.is_some() && (row.scope.is_none() || row.scope.as_deref() == of_relation) {
            predicted[index] = row.predicted.map(governor);
        }
    }
    Ok(SentenceTree { sentence, granularity, predictor, predicted })
}

/// The predictor asked for, or the one that stands for the run.
fn choose(rows: &[Prediction], sent_id: &str, wanted: Option<&str>) -> Result<String, TreeFigureError> {
    let known: BTreeSet<&str> = rows.iter().map(|row| row.predictor.as_str()).collect();
    let default = || {
        let tree = known.iter().find(|name| name.ends_with(" tree"));
        known.get("best_head").or(tree).or(known.first()).copied()
    };
    match wanted.or_else(default) {
        Some(name) if known.contains(name) => Ok(name.to_owned()),
        name => Err(TreeFigureError::NoPredictor {
            predictor: name.unwrap_or_default().to_owned(),
            sent_id: sent_id.to_owned(),
            known: known.into_iter().collect::<Vec<_>>().join(", "),
        }),
    }
}

fn governor(id: u32) -> Governor {
    match id.checked_sub(1) {
        None => Governor::Root,
        Some(index) => Governor::Word(WordIdx::new(index as usize)),
    }
}

/// The sentence, and whether its tree is the treebank's: `predictions.conllu` has it so, the files of probes have their own
/// trees.
fn find_sentence(run: &RunDirectory, sent_id: &str) -> Result<(Sentence, bool), TreeFigureError> {
    let of_heads = run.path().join("predictions.conllu");
    let has_its_own_tree = of_heads.is_file();
    let file = if has_its_own_tree { Some(of_heads) } else { file_of_a_probe(run) };
    let file = file.ok_or_else(|| TreeFigureError::NoSentences(run.path().to_owned()))?;
    for sentence in Reader::open(&file, Format::Conllu)? {
        let sentence = sentence?;
        if sentence.sent_id() == sent_id {
            return Ok((sentence, has_its_own_tree));
        }
    }
    Err(TreeFigureError::NoSentence { file, sent_id: sent_id.to_owned() })
}

/// The first by name of `predictions-<probe>.conllu`.
fn file_of_a_probe(run: &RunDirectory) -> Option<PathBuf> {
    let names = std::fs::read_dir(run.path()).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_probes = names.filter(|name| name.starts_with("predictions-") && name.ends_with(".conllu"));
    of_probes.min().map(|name| run.path().join(name))
}

/// The sentence with the treebank's tree, which every prediction repeats.
fn with_tree_of(sentence: &Sentence, rows: &[Prediction]) -> Result<Sentence, TreeFigureError> {
    let gold: BTreeMap<u32, &Prediction> = rows.iter().map(|row| (row.word_id, row)).collect();
    let governors: Vec<Governor> = gold.values().map(|row| governor(row.governor)).collect();
    let relations: Vec<Relation> = gold.values().map(|row| Relation::new(&row.relation)).collect();
    Ok(reattach(sentence, &governors, Some(&relations))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::{tests, write_manifest, write_report};
    use crate::tables::write_table;

    const CONLLU: &str = "\
# sent_id = s1
1\tA&B\t_\tNOUN\t_\t_\t2\tnsubj:pass\t_\t_
2\tate\t_\tVERB\t_\t_\t0\troot\t_\t_
3\t50%\t_\tNOUN\t_\t_\t2\tobj\t_\t_

";

    fn run(folder: &std::path::Path) -> RunDirectory {
        let mut report = tests::report();
        report.experiments[0].tables = vec!["predictions".into()];
        report.conventions.granularity = "universal".into();
        write_report(folder, &report).unwrap();
        write_manifest(folder, &tests::manifest()).unwrap();
        fs::write(folder.join("predictions.conllu"), CONLLU).unwrap();
        let row = |word_id, scope: &str, predicted| Prediction {
            predictor: "best_head".into(),
            scope: Some(scope.into()),
            sent_id: "s1".into(),
            word_id,
            governor: 2,
            relation: scope.into(),
            predicted,
            correct: predicted == Some(2),
            sentence: None,
            form: None,
            document: None,
        };
        let rows = [row(1, "nsubj", Some(2)), row(1, "all", Some(3)), row(2, "root", None), row(3, "obj", Some(1))];
        write_table(folder, &rows).unwrap();
        RunDirectory::open(folder).unwrap()
    }

    #[test]
    fn a_runs_tree_has_the_treebanks_arcs_above_and_the_predicted_ones_below() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        insta::assert_snapshot!(run_tree(&run, "s1", None).unwrap(), @r"
        % needs \usepackage{tikz-dependency}
        \definecolor{agrees}{HTML}{0072B2}
        \definecolor{differs}{HTML}{D55E00}
        \begin{dependency}[theme=simple, edge unit distance=1.7ex]
          \begin{deptext}[column sep=1em]
            A{\symbol{38}}B \& ate \& 50\% \\
          \end{deptext}
          \depedge{2}{1}{nsubj}
          \deproot{2}{root}
          \depedge{2}{3}{obj}
          \depedge[edge below, edge style={agrees}]{2}{1}{}
          \depedge[edge below, edge style={differs, dashed}]{1}{3}{}
        \end{dependency}
        ");
        let error = |sent_id: &str, predictor: Option<&str>| {
            let error = run_tree(&run, sent_id, predictor).unwrap_err().to_string();
            error.replace(&folder.path().display().to_string(), "RUN")
        };
        assert_eq!(error("s9", None), "RUN/predictions.conllu has no sentence s9");
        assert_eq!(
            error("s1", Some("attention")),
            "no predictor `attention` said anything about sentence s1; best_head did"
        );
    }

    #[test]
    fn a_probes_tree_lies_below_that_of_the_treebank() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path());
        // The probe's file has the probe's tree: every word below the first.
        let of_probe = CONLLU
            .replace("\t2\t", "\t1\t")
            .replace("1\tA&B\t_\tNOUN\t_\t_\t1\tnsubj:pass", "1\tA&B\t_\tNOUN\t_\t_\t0\troot");
        let of_probe = of_probe.replace("VERB\t_\t_\t0\troot", "VERB\t_\t_\t1\tdep");
        fs::write(folder.path().join("predictions-attention.conllu"), of_probe).unwrap();
        let row = |word_id, governor, relation: &str, predicted| Prediction {
            predictor: "attention tree".into(),
            scope: None,
            sent_id: "s1".into(),
            word_id,
            governor,
            relation: relation.into(),
            predicted: Some(predicted),
            correct: predicted == governor,
            sentence: None,
            form: None,
            document: None,
        };
        write_table(folder.path(), &[row(1, 2, "nsubj:pass", 0), row(2, 0, "root", 1), row(3, 2, "obj", 1)]).unwrap();
        fs::remove_file(folder.path().join("predictions.conllu")).unwrap();
        let run = RunDirectory::open(folder.path()).unwrap();
        let latex = run_tree(&run, "s1", None).unwrap();
        for arc in
            [r"\depedge{2}{1}{nsubj}", r"\deproot{2}{root}", r"\depedge{2}{3}{obj}", r"{differs, dashed}]{1}{3}{}"]
        {
            assert!(latex.contains(arc), "{arc}: {latex}");
        }
        fs::remove_file(folder.path().join("predictions-attention.conllu")).unwrap();
        let error = run_tree(&run, "s1", None).unwrap_err().to_string();
        assert!(error.ends_with("no experiment of kind = \"heads\" or \"probe\""), "{error}");
    }

    #[test]
    fn a_right_to_left_sentence_begins_at_the_right() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path());
        let hebrew = CONLLU.replace("A&B", "הילד").replace("ate", "אכל").replace("50%", "תפוח");
        fs::write(folder.path().join("predictions.conllu"), hebrew).unwrap();
        let run = RunDirectory::open(folder.path()).unwrap();
        let latex = run_tree(&run, "s1", None).unwrap();
        assert!(latex.contains("    תפוח \\& אכל \\& הילד \\\\\n"), "{latex}");
        for arc in
            [r"\depedge{2}{3}{nsubj}", r"\deproot{2}{root}", r"\depedge{2}{1}{obj}", r"{differs, dashed}]{3}{1}{}"]
        {
            assert!(latex.contains(arc), "{arc}: {latex}");
        }
    }

    #[test]
    fn predictions_must_be_of_the_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let sentence = find_sentence(&run(folder.path()), "s1").unwrap().0;
        let error = dependency_tree(&sentence, Granularity::Full, Some(&[None])).unwrap_err().to_string();
        assert_eq!(error, "sentence s1 has 3 words, but 1 predictions");
        let gold = dependency_tree(&sentence, Granularity::Full, None).unwrap();
        assert!(gold.contains("\\depedge{2}{1}{nsubj:pass}\n") && !gold.contains("edge below"));
    }
}
