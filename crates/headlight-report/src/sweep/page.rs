//! The page of a sweep: what emerges when.

use super::{Curve, Sweep};
use crate::html::page_of_sweep;
use crate::html::plots::Panel;
use crate::html::section::Section;
use crate::sheet::{escape_html, isolated};

impl Sweep {
    /// The text of the sweep's `report.html`.
    pub fn to_html(&self) -> String {
        let mut sections = vec![self.findings_section()];
        sections.extend(self.emergence());
        sections.push(self.tables_section());
        let version = &self.summary.headlight_version;
        page_of_sweep(
            &self.summary.name,
            version,
            &format!("<p class=\"lede\">{}</p>\n", escape_html(&self.lede())),
            &sections,
        )
    }

    fn findings_section(&self) -> Section {
        let list =
            |items: &[String]| items.iter().map(|it| format!("<li>{}</li>", escape_html(it))).collect::<String>();
        let mut body = match self.findings().as_slice() {
            [] => "<p>The runs are listed below side by side.</p>\n".to_owned(),
            findings => format!("<ol class=\"findings\">{}</ol>\n", list(findings)),
        };
        if !self.summary.warnings.is_empty() {
            body.push_str(&format!(
                "<aside class=\"warnings\"><h3>Before trusting the numbers</h3><ul>{}</ul></aside>\n",
                list(&self.summary.warnings)
            ));
        }
        Section::new("findings", "Findings", "").html(&body)
    }

    /// Curves against the step, for the series that have steps.
    fn emergence(&self) -> Option<Section> {
        let series = self.series_with_steps();
        if series.is_empty() {
            return None;
        }
        let section = Section::new(
            "emergence",
            "Emergence",
            "What the checkpoints of a training can do, against its step. Each point is of its own best head, chosen anew at \
             that step. Bars are intervals over sentences (of minimal pairs, over pairs); where there are several seeds, points are means and bars the \
             multi-bootstrap over seeds and these (Sellam et al. 2022).",
        );
        let panels = |(at, series): (usize, &&str)| -> Vec<Panel> {
            let panel = |(number, (title, curves)): (usize, (&'static str, Vec<Curve>))| Panel {
                id: format!("emergence-{at}-{number}"),
                title: title.to_owned(),
                x: "step",
                y: title.to_owned(),
                dots: Vec::new(),
                rings: Vec::new(),
                lines: curves.iter().map(Curve::line).collect(),
            };
            self.curves(series).into_iter().enumerate().map(panel).collect()
        };
        let all = series.iter().enumerate();
        Some(all.fold(section, |section, (at, it)| section.panels(&isolated(it), panels((at, it)))))
    }

    fn tables_section(&self) -> Section {
        let mut section = Section::new("runs", "Runs", "");
        for (sheet, series) in self.sheets().iter().zip(self.series()) {
            section = section.html(&format!("<div class=\"scroll\">{}</div>\n", sheet.to_html()));
            section = section.details(&format!("All results of {series}"), &self.all_sheet(series));
        }
        section.details("Runs", &self.runs_sheet())
    }
}
