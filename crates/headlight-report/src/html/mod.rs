//! `report.html`: a run for people, in one file that opens from disk without a network.
//!
//! The story comes first, in plain HTML that reads and prints without scripts; then tables, plots and the sentence
//! explorer, which the scripts in `assets/` draw from blocks of JSON, all of them our own: the plots are few, and a library
//! that draws all there are was most of the page. Its content security policy forbids it to load anything.
//!
//! Nothing from data is markup: texts are escaped here and set as texts there, and JSON holds no `<`.

mod data;
pub(crate) mod plots;
pub(crate) mod section;
mod sections;
mod story;
pub(crate) mod strips;

use serde::Serialize;

use crate::explorer::Explorer;
use crate::run::{RunDirectory, RunError};
use crate::sheet::escape_html;
use data::PageData;
use plots::{Grid, Panel};
use section::Section;

/// The text of `report.html`, from the run's other files.
///
/// # Errors
/// [`RunError::Table`] where a table cannot be read; [`RunError::NewerVersion`], [`RunError::Json`] or
/// [`RunError::Io`] where `explorer.json` cannot.
pub fn html_report(run: &RunDirectory) -> Result<String, RunError> {
    let (explorer, data) = rayon::join(|| Explorer::read(run), || PageData::read(run));
    let (explorer, data) = (explorer?.filter(|explorer| !explorer.sentences.is_empty()), data?);
    let (explored, sections) = rayon::join(|| json(&explorer), || sections::sections(run, explorer.as_ref()));
    let sections = sections?;
    Ok(page(&Page {
        version: &run.manifest().headlight_version,
        title: &run.report().name,
        lede: &story::lede(run.report()),
        tiles: &story::tiles(run.report(), &data),
        sections: &sections,
        colophon: &story::colophon(run.manifest()),
        data: &json(&data),
        explorer: &explored,
    }))
}

/// The page of several runs, with the same plots and none of the sections of a single run.
pub(crate) fn page_of_sweep(title: &str, version: &str, lede: &str, sections: &[Section]) -> String {
    page(&Page {
        version,
        title,
        lede,
        tiles: "",
        sections,
        colophon: &story::colophon_of_sweep(version),
        data: &json(&PageData::default()),
        explorer: &json(&None::<Explorer>),
    })
}

/// What a page is put together from: HTML, and JSON for its scripts.
struct Page<'a> {
    version: &'a str,
    title: &'a str,
    lede: &'a str,
    tiles: &'a str,
    sections: &'a [Section],
    colophon: &'a str,
    data: &'a str,
    explorer: &'a str,
}

fn page(page: &Page<'_>) -> String {
    let Page { sections, .. } = page;
    let navigation: String =
        sections.iter().map(|section| format!("<li><a href=\"#{}\">{}</a></li>", section.id, section.title)).collect();
    let plots = Plots {
        panels: sections.iter().flat_map(|section| &section.panels).collect(),
        grids: sections.iter().flat_map(|section| &section.grids).collect(),
    };
    let sections: String = sections.iter().map(Section::to_html).collect();
    format!(
        concat!(include_str!("../../assets/head.html"), include_str!("../../assets/page.html")),
        images = "data: blob:",
        version = escape_html(page.version),
        title = escape_html(page.title),
        css = include_str!("../../assets/page.css"),
        lede = page.lede,
        tiles = page.tiles,
        navigation = format_args!("<ul>{navigation}</ul>"),
        sections = sections,
        colophon = page.colophon,
        data = page.data,
        plots = json(&plots),
        explorer = page.explorer,
        script = SCRIPT,
    )
}

/// What the plots of all sections are drawn from.
#[derive(Serialize)]
struct Plots<'a> {
    panels: Vec<&'a Vec<Panel>>,
    grids: Vec<&'a Grid>,
}

/// Our own scripts, in one scope.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("../../assets/dom.js"),
    include_str!("../../assets/page.js"),
    include_str!("../../assets/charts.js"),
    include_str!("../../assets/plots.js"),
    include_str!("../../assets/grids.js"),
    include_str!("../../assets/explorer.js"),
    "})();"
);

/// JSON for a script element: without `<`, nothing in it can end the element or open a comment.
pub(crate) fn json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).expect("rows and texts are always JSON");
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_end_its_script_element() {
        assert_eq!(json(&"</script><!--\u{2028}\u{2029}"), r#""\u003c/script>\u003c!--\u2028\u2029""#);
    }
}
