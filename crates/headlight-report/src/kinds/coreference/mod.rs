//! Whether heads attend from a mention to its antecedent.

mod page;

use serde::{Deserialize, Serialize};

use super::differences::{differences_sheet, said};
use super::shared::{NOT_TESTED, head_name, share};
use super::{Experiment, Kind};
use crate::Selection;
use crate::explorer::Explorer;
use crate::format::{count, percent};
use crate::html::section::Section;
use crate::run::{RunDirectory, RunError};
use crate::sheet::Sheet;
use crate::tables::{self, AntecedentPredictor, Difference, Direction, MentionType};

/// `kind = "coreference"`
pub(crate) struct Coreference;

/// What `kind = "coreference"` leaves beside its tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// On which documents the head was chosen; `None` in runs of earlier versions.
    pub selection: Option<Selection>,
    /// The head chosen, or that of each fold of documents.
    pub choices: Vec<ChosenHead>,
    /// Documents that were scored.
    pub documents: u64,
    /// Mentions of them given again, with the same words for the same entity.
    pub repeated_mentions: u64,
}

/// A head, and the documents that it is reported on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenHead {
    /// The head, `8-10`.
    pub head: String,
    /// Who attends; the mention is the dependent.
    pub direction: Direction,
    /// `all documents`, `fold 1` or `fold 2`.
    pub reported_on: String,
}

impl ChosenHead {
    /// `4-3, mention→antecedent`
    fn described(&self) -> String {
        format!("{}, {}", self.head, way(self.direction))
    }
}

/// The head chosen, where folds agree on one.
fn single(choices: &[ChosenHead]) -> Option<&ChosenHead> {
    let (first, others) = choices.split_first()?;
    others.iter().all(|it| (&it.head, it.direction) == (&first.head, first.direction)).then_some(first)
}

/// Who attends to whom.
fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::DependentToGovernor => "mention→antecedent",
        Direction::GovernorToDependent => "antecedent→mention",
        Direction::LaterToEarlier => "later→earlier",
    }
}

impl Kind for Coreference {
    fn name(&self) -> &'static str {
        "coreference"
    }

    fn findings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        Ok(finding(&of.rows()?, &of.differences()?, &of.facts()?).into_iter().collect())
    }

    fn warnings(&self, of: &Experiment<'_>) -> Result<Vec<String>, RunError> {
        let facts: Facts = of.facts()?;
        let alone = "All mentions are of one document: there is nothing to resample, so no interval and no test. Documents open \
                     with `# newdoc` (CorefUD) or `#begin document` (CoNLL-2012).";
        let optimistic = facts.selection.and_then(|it| it.warning(NOT_TESTED));
        Ok(optimistic.into_iter().chain((facts.documents == 1).then(|| alone.to_owned())).collect())
    }

    fn sheets(&self, of: &Experiment<'_>) -> Result<Vec<Sheet>, RunError> {
        let differences = differences_sheet(&of.differences()?, "The head and the rules compared");
        Ok([by_type(&of.rows()?, &of.facts()?)].into_iter().chain(differences).collect())
    }

    fn chapters(&self, run: &RunDirectory) -> Result<Vec<(&'static str, Sheet)>, RunError> {
        Ok(vec![("Coreference", coreference_sheet(&run.table_or_empty()?))])
    }

    fn sections(&self, run: &RunDirectory, _: Option<&Explorer>) -> Result<Vec<Section>, RunError> {
        let section = page::coreference(&run.table_or_empty()?, &run.table_or_empty()?, &run.report().mapped());
        Ok(section.into_iter().collect())
    }
}

/// What came out, as a sentence.
fn finding(rows: &[tables::Coreference], differences: &[Difference], facts: &Facts) -> Option<String> {
    let of = |predictor| rows.iter().find(|row| row.predictor == predictor && row.mention_type == MentionType::All);
    let found = |row: &tables::Coreference| percent(share(row.correct, row.total));
    let beside = |predictor: AntecedentPredictor, words: &str| {
        let difference = differences.iter().find(|row| row.group.is_none() && row.b == predictor.name());
        let said = difference.map_or_else(String::new, |difference| format!(", {}", said(difference)));
        Some(format!("{words} {} %{said}", found(of(predictor)?)))
    };
    let head = of(AntecedentPredictor::Head)?;
    let nearest = beside(AntecedentPredictor::Nearest, "the nearest mention")?;
    let same = beside(AntecedentPredictor::HeadMatch, "the same head word")?;
    let sieves = beside(AntecedentPredictor::Sieves, "four sieves")?;
    let interval = head.ci_low.zip(head.ci_high);
    let interval = interval.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", percent(low), percent(high)));
    let chosen = facts.selection.map_or("chosen", Selection::chosen_where);
    let name = match single(&facts.choices) {
        Some(choice) => choice.described(),
        None => facts.choices.iter().map(ChosenHead::described).collect::<Vec<_>>().join(" and, for the other fold, "),
    };
    Some(format!(
        "Head {name}, {chosen}, finds an antecedent of {} %{interval} of {} mentions that have one in their window; {nearest}; \
         {same}; {sieves}.",
        found(head),
        count(head.total),
    ))
}

/// Predictors × types of mentions, as Table 2 of the paper.
fn by_type(rows: &[tables::Coreference], facts: &Facts) -> Sheet {
    let corpus = rows.first().map(|row| row.corpus.as_str()).unwrap_or_default();
    let columns = ["<predictor", ">all", ">pronoun", ">proper", ">nominal"];
    let mut sheet = Sheet::new(format!("Antecedents found in {corpus}, %"), &columns);
    let cell = |row: &tables::Coreference| percent(share(row.correct, row.total));
    let line = |predictor: AntecedentPredictor, title: &str, cell: &dyn Fn(&tables::Coreference) -> String| {
        let cells = MentionType::ALL.map(|of_type| {
            let row = rows.iter().find(|row| row.predictor == predictor && row.mention_type == of_type);
            row.map_or_else(|| "–".to_owned(), cell).into()
        });
        [title.into()].into_iter().chain(cells).collect::<Vec<_>>()
    };
    let head = single(&facts.choices)
        .map_or_else(|| "head chosen by fold".to_owned(), |choice| format!("head {}", choice.described()));
    sheet.groups.push(vec![
        line(AntecedentPredictor::Nearest, "nearest mention", &cell),
        line(AntecedentPredictor::HeadMatch, "same head word", &cell),
        line(AntecedentPredictor::Sieves, "four sieves", &cell),
        line(AntecedentPredictor::Head, &head, &cell),
    ]);
    sheet.groups.push(vec![line(AntecedentPredictor::Nearest, "mentions", &|row| row.total.to_string())]);
    sheet.notes.push(
        "Of mentions with an antecedent in their window. The head was chosen on all mentions, see `selection`. \
         mention→antecedent: of the candidates the one that the mention attends to most; antecedent→mention: the one that \
         attends to the mention most."
            .to_owned(),
    );
    sheet
}

/// All rows, one below the other.
fn coreference_sheet(rows: &[tables::Coreference]) -> Sheet {
    let mut sheet = Sheet::new("Coreference", &["<predictor", "<head", "<mentions", ">accuracy", ">n"]);
    let rows = rows.iter().map(|row| {
        let head = row.layer_index.map_or_else(String::new, |_| head_name(row.layer_index, row.head_index));
        vec![
            row.predictor.name().replace('_', " ").into(),
            head.into(),
            row.mention_type.name().into(),
            percent(share(row.correct, row.total)).into(),
            count(row.total).into(),
        ]
    });
    sheet.groups.push(rows.collect());
    sheet.notes.push("Mentions whose antecedent is found, in % of those that have one in their window.".to_owned());
    sheet
}
