//! A sentence's tree as LaTeX for package `tikz-dependency`: the treebank's arcs above, a predictor's below.

use headlight_treebank::{Format, Governor, Granularity, ReadError, Reader, Sentence, WordIdx};

use crate::run::{RunDirectory, RunError};
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
    #[error("the run at {run} has no sentence {sent_id} in predictions.conllu")]
    NoSentence {
        /// The run's folder.
        run: String,
        /// The sentence asked for.
        sent_id: String,
    },
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

/// The sentence with its arcs above; with `predicted`, one entry per word, also the predicted arcs below: solid blue where
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
    let forms: Vec<String> = sentence.words().iter().map(|word| escape_word(&word.form)).collect();
    latex.push_str(&format!("    {} \\\\\n  \\end{{deptext}}\n", forms.join(" \\& ")));
    for (index, word) in sentence.words().iter().enumerate() {
        let relation = escape_latex(word.relation.name(granularity));
        latex.push_str(&arc("", word.governor, index + 1, &relation));
    }
    for (index, (word, governor)) in sentence.words().iter().zip(predicted.into_iter().flatten()).enumerate() {
        if let Some(governor) = governor {
            let style = if *governor == word.governor { "agrees" } else { "differs, dashed" };
            let options = format!("edge below, edge style={{{style}}}");
            latex.push_str(&arc(&options, *governor, index + 1, ""));
        }
    }
    latex.push_str("\\end{dependency}\n");
    Ok(latex)
}

fn arc(options: &str, governor: Governor, dependent: usize, label: &str) -> String {
    let options = if options.is_empty() { String::new() } else { format!("[{options}]") };
    match governor {
        Governor::Root => format!("  \\deproot{options}{{{dependent}}}{{{label}}}\n"),
        Governor::Word(governor) => format!("  \\depedge{options}{{{}}}{{{dependent}}}{{{label}}}\n", governor.id()),
    }
}

/// `\&` separates words in a `deptext`, so an ampersand is written by its code.
fn escape_word(form: &str) -> String {
    escape_latex(form).replace("\\&", "{\\symbol{38}}")
}

/// [`dependency_tree`] of a sentence of a run, with what `predictor` (such as `best_head`) said about its words.
///
/// # Errors
/// [`TreeFigureError::NoSentence`] where the run did not evaluate the sentence; otherwise as the run is read.
pub fn run_tree(run: &RunDirectory, sent_id: &str, predictor: &str) -> Result<String, TreeFigureError> {
    let sentence = find_sentence(run, sent_id)?;
    let granularity = match run.report().conventions.granularity.as_str() {
        "universal" => Granularity::Universal,
        _ => Granularity::Full,
    };
    let mut predicted = vec![None; sentence.len()];
    for row in run.rows::<Prediction>()? {
        let row = row?;
        let index = (row.word_id as usize).wrapping_sub(1);
        let of_relation = sentence.words().get(index).map(|word| word.relation.name(granularity));
        if row.sent_id == sent_id
            && row.predictor == predictor
            && of_relation.is_some()
            && (row.scope.is_none() || row.scope.as_deref() == of_relation)
        {
            predicted[index] = row.predicted.map(governor);
        }
    }
    dependency_tree(&sentence, granularity, Some(&predicted))
}

fn governor(id: u32) -> Governor {
    match id.checked_sub(1) {
        None => Governor::Root,
        Some(index) => Governor::Word(WordIdx::new(index as usize)),
    }
}

fn find_sentence(run: &RunDirectory, sent_id: &str) -> Result<Sentence, TreeFigureError> {
    for sentence in Reader::open(run.path().join("predictions.conllu"), Format::Conllu)? {
        let sentence = sentence?;
        if sentence.sent_id() == sent_id {
            return Ok(sentence);
        }
    }
    Err(TreeFigureError::NoSentence { run: run.path().display().to_string(), sent_id: sent_id.to_owned() })
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
        };
        let rows = [row(1, "nsubj", Some(2)), row(1, "all", Some(3)), row(2, "root", None), row(3, "obj", Some(1))];
        write_table(folder, &rows).unwrap();
        RunDirectory::open(folder).unwrap()
    }

    #[test]
    fn a_runs_tree_has_the_treebanks_arcs_above_and_the_predicted_ones_below() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(folder.path());
        insta::assert_snapshot!(run_tree(&run, "s1", "best_head").unwrap(), @r"
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
        let absent = run_tree(&run, "s9", "best_head").unwrap_err().to_string();
        let absent = absent.replace(&folder.path().display().to_string(), "RUN");
        assert_eq!(absent, "the run at RUN has no sentence s9 in predictions.conllu");
    }

    #[test]
    fn predictions_must_be_of_the_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let sentence = find_sentence(&run(folder.path()), "s1").unwrap();
        let error = dependency_tree(&sentence, Granularity::Full, Some(&[None])).unwrap_err().to_string();
        assert_eq!(error, "sentence s1 has 3 words, but 1 predictions");
        let gold = dependency_tree(&sentence, Granularity::Full, None).unwrap();
        assert!(gold.contains("\\depedge{2}{1}{nsubj:pass}\n") && !gold.contains("edge below"));
    }
}
