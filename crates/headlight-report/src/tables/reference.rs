//! The tables described for people: `docs/tables.md`.

use super::{
    Ablation, Baseline, BestHead, BestHeadLength, Cluster, Coreference, CoreferenceHead, Difference, Ensemble,
    EnsembleTree, HeadAttention, HeadDistance, HeadLength, HeadScore, HeadTest, HeadTree, Importance, Kind, NullModel,
    PairAccuracy, PairMasking, PairScore, Prediction, ProbeScore, Pruning, Surface, SweepScore, SweepSeeds,
    TABLES_VERSION, Table,
};

/// What `docs/tables.md` shows of reading a table in Python; a test runs it.
pub(super) const PYTHON: &str = r#"import pandas

scores = pandas.read_parquet("head_scores.parquet")
det = scores.query('split == "evaluate" and relation == "det" and direction == "dep_to_gov"')
det = det.assign(accuracy=det.correct / det.total)
print(det.pivot(index="layer_index", columns="head_index", values="accuracy").round(3).to_string())
"#;

/// A Markdown page of all tables with their columns, types and meanings, made from the row types.
pub fn reference() -> String {
    let mut page = format!(
        "# Tables of a run\n\n\
         Every table lies in the run's folder twice, as `NAME.csv` and `NAME.parquet`, with the same columns. An empty \
         CSV field is a Parquet null; only columns marked *optional* have any. Columns may be added; a renamed one is \
         listed in CHANGELOG.md and raises the version, now {TABLES_VERSION}, that Parquet files carry as \
         `headlight.tables_version`. *METHOD §n* is a section of [method.md](method.md).\n\nA Parquet \
         file holds texts of treebanks as they are. In a CSV file, which spreadsheets open, an apostrophe stands before \
         what they would compute (`'=1+1`, `'@SUM(A1)`; `-`, `--` and `@somebody` stay), and control characters, which \
         terminals obey, are written out, as in `\\u{{1b}}`; reports and everything that headlight prints do so too.\n\nWhere `model.attention` sums the heads of a layer (`rollout`, \
         `value-zeroing`, `globenc`; METHOD §12), tables made of maps have one head a layer: `head_index` is 0, `head` is 1, \
         and \"3-1\" is the map of layer 3.\n"
    );
    page.push_str(&format!(
        "\nAny tool that reads Parquet opens them: pandas, polars, DuckDB, R's arrow. What one of them writes back is read \
         again, with columns of your own in it too, if it is Parquet version 1, compressed by Snappy or not at all (polars takes another \
         unless told so: `compression=\"snappy\"`). In Python, layers × heads of one relation:\n\n```python\n{PYTHON}```\n"
    ));
    push::<HeadScore>(&mut page);
    push::<Baseline>(&mut page);
    push::<BestHead>(&mut page);
    push::<HeadTest>(&mut page);
    push::<HeadAttention>(&mut page);
    push::<HeadLength>(&mut page);
    push::<BestHeadLength>(&mut page);
    push::<NullModel>(&mut page);
    push::<Prediction>(&mut page);
    push::<ProbeScore>(&mut page);
    push::<Surface>(&mut page);
    push::<HeadDistance>(&mut page);
    push::<Cluster>(&mut page);
    push::<Coreference>(&mut page);
    push::<CoreferenceHead>(&mut page);
    push::<Importance>(&mut page);
    push::<Ablation>(&mut page);
    push::<Pruning>(&mut page);
    push::<PairAccuracy>(&mut page);
    push::<PairMasking>(&mut page);
    push::<PairScore>(&mut page);
    push::<HeadTree>(&mut page);
    push::<Ensemble>(&mut page);
    push::<EnsembleTree>(&mut page);
    push::<Difference>(&mut page);
    push::<SweepScore>(&mut page);
    push::<SweepSeeds>(&mut page);
    page
}

fn push<T: Table>(page: &mut String) {
    page.push_str(&format!(
        "\n## `{}`\n\n{}\n\n| column | type | meaning |\n| --- | --- | --- |\n",
        T::NAME,
        T::MEANING
    ));
    for column in T::COLUMNS {
        let kind = match column.kind {
            Kind::Text => "text",
            Kind::Integer => "int64",
            Kind::Real => "double",
            Kind::Flag => "boolean",
        };
        let optional = if column.optional { ", *optional*" } else { "" };
        page.push_str(&format!("| `{}` | {kind}{optional} | {} |\n", column.name, column.meaning));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p headlight-report` writes the page anew.
    #[test]
    fn the_page_is_in_step_with_the_row_types() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page == reference(), "docs/tables.md is old: UPDATE_DOCS=1 cargo test -p headlight-report");
    }
}
