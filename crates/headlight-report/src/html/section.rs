//! A section of the page, put together from its parts.

use super::plots::{Grid, Panel, panel_frames};
use crate::sheet::{Sheet, escape_html};

/// A section, with what its plots are drawn from.
#[derive(Debug)]
pub(crate) struct Section {
    pub id: &'static str,
    pub title: &'static str,
    body: String,
    /// Groups of panels that stand beside each other and share axes.
    pub panels: Vec<Vec<Panel>>,
    pub grids: Vec<Grid>,
}

impl Section {
    /// Begins with a paragraph that says what is shown and how to read it, in HTML; empty: without one.
    pub(crate) fn new(id: &'static str, title: &'static str, introduction: impl AsRef<str>) -> Self {
        let introduction = introduction.as_ref();
        let body = if introduction.is_empty() { String::new() } else { format!("<p>{introduction}</p>\n") };
        Self { id, title, body, panels: Vec::new(), grids: Vec::new() }
    }

    /// Goes on with finished HTML.
    pub(crate) fn html(mut self, html: &str) -> Self {
        self.body.push_str(html);
        self
    }

    /// Goes on with figures of curves, under a title where there is one. What their axes mean alike they share.
    pub(crate) fn panels(mut self, title: &str, panels: Vec<Panel>) -> Self {
        if panels.is_empty() {
            return self;
        }
        if !title.is_empty() {
            self.body.push_str(&format!("<h3>{}</h3>\n", escape_html(title)));
        }
        self.body.push_str(&panel_frames(&panels));
        self.panels.push(panels);
        self
    }

    /// Goes on with heat maps of heads.
    pub(crate) fn grid(mut self, grid: Grid) -> Self {
        if grid.maps.is_empty() {
            return self;
        }
        self.body.push_str(&grid.frame());
        self.grids.push(grid);
        self
    }

    /// Goes on with a table that is folded away; an empty one is left out.
    pub(crate) fn details(self, title: &str, sheet: &Sheet) -> Self {
        if sheet.is_empty() {
            return self;
        }
        let title = escape_html(title);
        self.html(&format!(
            "<details><summary>{title}</summary><div class=\"scroll\">{}</div></details>\n",
            sheet.to_html()
        ))
    }

    pub(crate) fn to_html(&self) -> String {
        let Self { id, title, body, .. } = self;
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}</section>\n"
        )
    }
}
