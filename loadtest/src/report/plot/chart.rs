//! Lines over an axis, with marks for events.

use service::html::Html;

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
    pub(crate) fn draw(&self, html: &mut Html) {
        if self.lines.len() > 1 {
            legend(html, &self.lines);
        }
        html.markup(if self.marks.is_empty() { "<div class=\"plot\">" } else { "<div class=\"plot marked\">" });
        html.markup("<svg role=\"img\"><title>").text(&self.description).markup("</title>\n");
        self.shade(html);
        grid(html, &self.x, &self.y);
        marks(html, self.x.scale, &self.marks);
        html.markup("<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\" width=\"100%\" height=\"100%\">\n");
        for line in &self.lines {
            let path = path(&line.points, self.x.scale, self.y.scale);
            html.markup("<path class=\"line ")
                .text(line.class)
                .markup("\" vector-effect=\"non-scaling-stroke\" d=\"")
                .text(path)
                .markup("\"/>\n");
        }
        html.markup("</svg>\n");
        for (from, to, text) in &self.hints {
            stretch(html, "<rect class=\"hint\"", self.x.scale, *from, *to);
            html.markup("><title>").text(text).markup("</title></rect>\n");
        }
        html.markup("</svg></div>\n");
    }
}

impl Chart {
    fn shade(&self, html: &mut Html) {
        let Some((from, to, name)) = self.shade else { return };
        stretch(html, "<rect class=\"shade\"", self.x.scale, from, to);
        html.markup("/>");
        let (from, to) = (self.x.scale.at(from), self.x.scale.at(to));
        if to - from >= NAMED {
            html.markup("<text class=\"across\" dy=\"1.4em\" x=\"").text(percent((from + to) / 2.0)).markup("\">");
            html.text(name).markup("</text>\n");
        }
    }
}

fn legend(html: &mut Html, lines: &[PlotLine]) {
    html.markup("<ul class=\"legend\">");
    for line in lines {
        html.markup("<li><svg viewBox=\"0 0 28 8\" width=\"28\" height=\"8\" aria-hidden=\"true\"><path class=\"line ");
        html.text(line.class).markup("\" d=\"M1 4H27\"/></svg> ").text(line.name).markup("</li>");
    }
    html.markup("</ul>\n");
}

/// The axes with their ticks. On narrow screens, every second label of the horizontal axis can be left out.
pub(crate) fn grid(html: &mut Html, x: &Axis, y: &Axis) {
    for (value, label) in &y.ticks {
        let at = percent(1.0 - y.scale.at(*value));
        html.markup("<line class=\"grid\" x2=\"100%\" y1=\"").text(&at).markup("\" y2=\"").text(&at).markup("\"/>");
        html.markup("<text class=\"down\" x=\"-8\" dy=\".35em\" y=\"").text(&at).markup("\">").text(label);
        html.markup("</text>\n");
    }
    for (index, (value, label)) in x.ticks.iter().enumerate() {
        let at = percent(x.scale.at(*value));
        html.markup(if index % 2 == 0 { "<text class=\"across\"" } else { "<text class=\"across odd\"" });
        html.markup(" y=\"100%\" dy=\"1.6em\" x=\"").text(&at).markup("\">").text(label).markup("</text>\n");
    }
}

fn marks(html: &mut Html, scale: Scale, marks: &[Mark]) {
    let places: Vec<f64> = marks.iter().map(|mark| scale.at(mark.from)).collect();
    for (mark, row) in marks.iter().zip(rows(&places)) {
        stretch(html, "<rect class=\"fault\"", scale, mark.from, mark.to);
        let at = percent(scale.at(mark.from));
        html.markup("/><line class=\"fault\" y2=\"100%\" x1=\"").text(&at).markup("\" x2=\"").text(&at).markup("\"/>");
        if let Some(row) = row {
            let above = -0.4 - 1.1 * row as f64;
            html.markup("<text class=\"fault\" x=\"").text(&at).markup("\" dy=\"").text(format_args!("{above:.1}em"));
            html.markup("\">").text(&mark.label).markup("</text>");
        }
        html.markup("\n");
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

fn stretch(html: &mut Html, rect: &'static str, scale: Scale, from: f64, to: f64) {
    let (from, to) = (scale.at(from), scale.at(to));
    html.markup(rect).markup(" height=\"100%\" x=\"").text(percent(from));
    html.markup("\" width=\"").text(percent((to - from).max(0.0))).markup("\"");
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
        let mut html = Html::default();
        chart.draw(&mut html);
        let svg = html.into_string();
        for part in [
            "<title>Accepted &amp; stored</title>",
            "</svg> stored</li>",
            r#"x="50.00%">5 s</text>"#,
            r#"y="50.00%">5k</text>"#,
            r#"<rect class="fault" height="100%" x="20.00%" width="20.00%"/>"#,
            r#"x="20.00%" dy="-0.4em">1</text>"#,
            r#"d="M0.0 900.0h0L1000.0 800.0""#,
            r#"<rect class="shade" height="100%" x="80.00%" width="20.00%"/>"#,
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
