//! Lines over an axis, with marks for events.

use maud::{Markup, html};

use super::scale::Scale;

/// The lines' own units, across and down; the page stretches them.
const UNITS: f64 = 1_000.0;

/// Labels of marks that are closer to each other than this share of the width are written above each other,
const CLOSE: f64 = 0.035;

/// in at most this many rows; a label that fits in none is left out, and its mark stays.
const ROWS: usize = 3;

/// A shaded stretch shows its name if it has at least this share of the width.
const NAMED: f64 = 0.15;

/// A chart.
#[derive(Debug)]
pub(crate) struct Chart {
    /// The plot's content in words.
    pub(crate) description: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<PlotLine>,
    pub(crate) marks: Vec<Mark>,
    /// A stretch that differs from the rest: from, to, and its name.
    pub(crate) shade: Option<(f64, f64, &'static str)>,
    /// The text shown when a stretch is pointed at: from, to, and the text.
    pub(crate) hints: Vec<(f64, f64, String)>,
}

/// An axis with its labelled ticks.
#[derive(Debug)]
pub(crate) struct Axis {
    pub(crate) scale: Scale,
    pub(crate) ticks: Vec<(f64, String)>,
}

/// A line; it has a gap where a value is not known.
#[derive(Debug)]
pub(crate) struct PlotLine {
    pub(crate) name: &'static str,
    /// A class in the page's style: colour and dashes.
    pub(crate) class: &'static str,
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// A stretch of the horizontal axis in which something happened.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) label: String,
}

impl Chart {
    /// The legend and the picture.
    pub(crate) fn draw(&self) -> Markup {
        let (x, y) = (self.x.scale, self.y.scale);
        html! {
            @if self.lines.len() > 1 { (legend(&self.lines)) }
            div.plot.marked[!self.marks.is_empty()] {
                svg role="img" {
                    title { (self.description) }
                    (self.shade())
                    (grid(&self.x, &self.y))
                    (marks(x, &self.marks))
                    svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="100%" {
                        @for PlotLine { class, points, .. } in &self.lines {
                            path class={ "line " (class) } vector-effect="non-scaling-stroke" d=(path(points, x, y)) {}
                        }
                    }
                    @for (from, to, text) in &self.hints { (stretch("hint", x, *from, *to, Some(text))) }
                }
            }
        }
    }

    fn shade(&self) -> Markup {
        let Some((from, to, name)) = self.shade else { return html! {} };
        let (left, right) = (self.x.scale.at(from), self.x.scale.at(to));
        html! {
            (stretch("shade", self.x.scale, from, to, None))
            @if right - left >= NAMED { text.across dy="1.4em" x=(percent((left + right) / 2.0)) { (name) } }
        }
    }
}

fn legend(lines: &[PlotLine]) -> Markup {
    html! {
        ul.legend {
            @for PlotLine { name, class, .. } in lines {
                li {
                    svg viewBox="0 0 28 8" width="28" height="8" aria-hidden="true" {
                        path class={ "line " (class) } d="M1 4H27" {}
                    }
                    " " (name)
                }
            }
        }
    }
}

/// The axes with their ticks. On narrow screens, every second label of the horizontal axis can be left out.
pub(crate) fn grid(x: &Axis, y: &Axis) -> Markup {
    let across = x.ticks.iter().map(|(value, label)| (percent(x.scale.at(*value)), label));
    let down = y.ticks.iter().map(|(value, label)| (percent(1.0 - y.scale.at(*value)), label));
    html! {
        @for (at, label) in down {
            line.grid x2="100%" y1=(at) y2=(at) {}
            text.down x="-8" dy=".35em" y=(at) { (label) }
        }
        @for (index, (at, label)) in across.enumerate() {
            text.across.odd[index % 2 == 1] y="100%" dy="1.6em" x=(at) { (label) }
        }
    }
}

fn marks(scale: Scale, marks: &[Mark]) -> Markup {
    let places: Vec<f64> = marks.iter().map(|mark| scale.at(mark.from)).collect();
    html! {
        @for ((mark, place), row) in marks.iter().zip(&places).zip(rows(&places)) {
            (stretch("fault", scale, mark.from, mark.to, None))
            line.fault y2="100%" x1=(percent(*place)) x2=(percent(*place)) {}
            @if let Some(row) = row {
                text.fault x=(percent(*place)) dy={ (format!("{:.1}", -0.4 - 1.1 * row as f64)) "em" } { (mark.label) }
            }
        }
    }
}

/// The row of each label, so that none covers another.
fn rows(places: &[f64]) -> Vec<Option<usize>> {
    let mut ends = [f64::NEG_INFINITY; ROWS];
    let row = |place: &f64| {
        let row = ends.iter().position(|end| *place >= *end)?;
        ends[row] = place + CLOSE;
        Some(row)
    };
    places.iter().map(row).collect()
}

fn stretch(class: &str, scale: Scale, from: f64, to: f64, hint: Option<&str>) -> Markup {
    let (from, to) = (scale.at(from), scale.at(to));
    html! {
        rect class=(class) height="100%" x=(percent(from)) width=(percent((to - from).max(0.0))) {
            @if let Some(hint) = hint { title { (hint) } }
        }
    }
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// The line as a path. A single value between two gaps becomes a dot.
fn path(points: &[(f64, Option<f64>)], x: Scale, y: Scale) -> String {
    let mut path = String::new();
    let mut is_drawing = false;
    for (at, value) in points {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let (across, down) = (UNITS * x.at(*at), UNITS * (1.0 - y.at(*value)));
        path += &format!("{}{across:.1} {down:.1}", if is_drawing { "L" } else { "M" });
        if !is_drawing {
            path += "h0";
        }
        is_drawing = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACROSS: Scale = Scale::Linear { low: 0.0, high: 10.0 };

    #[test]
    fn unknown_values_are_gaps() {
        let points = [(0.0, Some(0.0)), (5.0, Some(10.0)), (6.0, None), (8.0, Some(5.0)), (9.0, None)];
        assert_eq!(path(&points, ACROSS, ACROSS), "M0.0 1000.0h0L500.0 0.0M800.0 500.0h0");
        assert_eq!(path(&[(1.0, None)], ACROSS, ACROSS), "");
    }

    #[test]
    fn close_labels_are_written_above_each_other() {
        assert_eq!(rows(&[0.1, 0.2, 0.21, 0.22, 0.225, 0.5]), [Some(0), Some(0), Some(1), Some(2), None, Some(0)]);
    }

    #[test]
    fn a_chart_has_words_ticks_lines_and_marks() {
        let axis = |label: &str| Axis { scale: ACROSS, ticks: vec![(5.0, label.to_owned())] };
        let line = |name| PlotLine { name, class: "one", points: vec![(0.0, Some(1.0)), (10.0, Some(2.0))] };
        let chart = Chart {
            description: "Accepted & stored".to_owned(),
            x: axis("5 s"),
            y: axis("5k"),
            lines: vec![line("accepted"), line("stored")],
            marks: vec![Mark { from: 2.0, to: 4.0, label: "1".to_owned() }],
            shade: Some((8.0, 10.0, "later")),
            hints: vec![(0.0, 1.0, "0 to 1 s: <none>".to_owned())],
        };
        let svg = chart.draw().into_string();
        for part in [
            "<title>Accepted &amp; stored</title>",
            "</svg> stored</li>",
            r#"x="50.00%">5 s</text>"#,
            r#"y="50.00%">5k</text>"#,
            r#"<rect class="fault" height="100%" x="20.00%" width="20.00%"></rect>"#,
            r#"x="20.00%" dy="-0.4em">1</text>"#,
            r#"d="M0.0 900.0h0L1000.0 800.0""#,
            r#"<rect class="shade" height="100%" x="80.00%" width="20.00%"></rect>"#,
            r#"x="90.00%">later</text>"#,
            "<title>0 to 1 s: &lt;none&gt;</title>",
        ] {
            assert!(svg.contains(part), "{part} in\n{svg}");
        }
    }

    proptest! {
        #[test]
        fn no_label_covers_another(mut places in proptest::collection::vec(0.0_f64..1.0, 0..60)) {
            places.sort_by(f64::total_cmp);
            let rows = rows(&places);
            for (i, row) in rows.iter().enumerate().filter(|(_, row)| row.is_some()) {
                let before = (0..i).rev().find(|before| rows[*before] == *row);
                prop_assert!(before.is_none_or(|before| places[i] - places[before] >= CLOSE * 0.999_999));
            }
        }
    }
}
