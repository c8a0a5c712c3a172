//! Tables with drawings in them: a share with its interval, on a line from 0 to 100 %. They need no script.

use crate::format::percent;
use crate::sheet::escape_html;

/// A share, and what it is measured against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strip {
    pub share: f64,
    pub interval: Option<(f64, f64)>,
    pub reference: Option<f64>,
}

impl Strip {
    /// The drawing; the numbers stand beside it.
    pub(crate) fn to_html(self) -> String {
        let x = |share: f64| 5.0 + 180.0 * share.clamp(0.0, 1.0);
        let interval = self.interval.map(|(low, high)| {
            format!("<line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"10\" y2=\"10\"/>", x(low), x(high))
        });
        let reference = self.reference.map(|reference| {
            format!("<line class=\"baseline\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"3\" y2=\"17\"/>", x(reference))
        });
        format!(
            "<svg class=\"strip\" viewBox=\"0 0 190 20\" aria-hidden=\"true\"><line class=\"axis\" x1=\"5\" x2=\"185\" \
             y1=\"10\" y2=\"10\"/>{}{}<circle class=\"head\" cx=\"{:.1}\" cy=\"10\" r=\"4.5\"/></svg>",
            reference.unwrap_or_default(),
            interval.unwrap_or_default(),
            x(self.share),
        )
    }

    /// The share in per cent with its interval.
    pub(crate) fn numbers(self) -> String {
        format!("{} <small>{}</small>", percent(self.share), interval(self.interval, percent))
    }
}

/// An interval whose ends are shown in this way, empty where there is none.
pub(crate) fn interval(ends: Option<(f64, f64)>, show: fn(f64) -> String) -> String {
    ends.map(|(low, high)| format!("[{}, {}]", show(low), show(high))).unwrap_or_default()
}

/// What the marks of strips are.
pub(crate) fn legend(share: &str, reference: Option<&str>) -> String {
    let share = format!(
        "<span><svg class=\"strip\" aria-hidden=\"true\"><line class=\"interval\" x1=\"1\" x2=\"25\" y1=\"7\" y2=\"7\"/>\
         <circle class=\"head\" cx=\"13\" cy=\"7\" r=\"4.5\"/></svg>{share}</span>"
    );
    let reference = reference.map(|reference| {
        format!(
            " <span><svg class=\"strip\" aria-hidden=\"true\"><line class=\"baseline\" x1=\"13\" x2=\"13\" y1=\"0\" \
             y2=\"14\"/></svg>{reference}</span>"
        )
    });
    format!("<p class=\"legend\">{share}{}</p>\n", reference.unwrap_or_default())
}

/// A column of a table: its title, whether it holds numbers, and in which order it is at the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column(pub &'static str, pub Align, pub Order);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Align {
    Text,
    Number,
    /// Drawings of numbers.
    Drawing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Cannot be changed.
    Fixed,
    /// A click sorts by it.
    Free,
    /// Rows are sorted by it, from large to small.
    Descending,
}

/// A table of finished rows, in groups that a line separates; those of the first stand out where `first_stands_out`.
pub(crate) fn table(attributes: &str, columns: &[Column], groups: &[String], first_stands_out: bool) -> String {
    let title = |Column(title, align, order): &Column| {
        let class = match align {
            Align::Text => "",
            Align::Number => " class=\"number\"",
            Align::Drawing => " class=\"number drawing\"",
        };
        match order {
            Order::Fixed => format!("<th scope=\"col\"{class}>{title}</th>"),
            order => {
                let order = if *order == Order::Descending { "descending" } else { "none" };
                format!("<th scope=\"col\"{class} aria-sort=\"{order}\"><button type=\"button\">{title}</button></th>")
            }
        }
    };
    let body = |(number, rows): (usize, &String)| {
        let class = if first_stands_out && number == 0 { " class=\"aggregates\"" } else { "" };
        format!("<tbody{class}>\n{rows}</tbody>\n")
    };
    format!(
        "<div class=\"scroll\">\n<table {attributes}>\n<thead><tr>{}</tr></thead>\n{}</table>\n</div>\n",
        columns.iter().map(title).collect::<String>(),
        groups.iter().enumerate().map(body).collect::<String>()
    )
}

/// A cell with a text from data.
pub(crate) fn text(text: &str) -> String {
    format!("<td>{}</td>", escape_html(text))
}

/// A cell with finished HTML that is sorted by `value`.
pub(crate) fn number(value: f64, class: &str, html: &str) -> String {
    let class = if class.is_empty() { "number".to_owned() } else { format!("number {class}") };
    format!("<td class=\"{class}\" data-value=\"{value}\">{html}</td>")
}

/// A cell with the drawing of a strip and one with its numbers, both sorted by the share.
pub(crate) fn strip(strip: Strip) -> String {
    let share = strip.share;
    format!("<td data-value=\"{share}\">{}</td>{}", strip.to_html(), number(share, "", &strip.numbers()))
}
