//! What the pages of runs and of searches share: the document around them, sections and lists.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use service::html::without_unfit;

const STYLE: &str = include_str!("report.css");

/// What a browser may do with the page: use the style and the icon in the page itself, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A document with a header, the main part, and a footer that names the other files.
pub(crate) fn document(is_good: bool, title: &str, header: &Markup, main: &Markup, files: &str) -> String {
    let shape = if is_good {
        "%3Ccircle%20cx='8'%20cy='8'%20r='7'%20fill='%23007a5e'/%3E"
    } else {
        "%3Cpath%20d='M8%201l7.5%2014H.5z'%20fill='%23d55e00'/%3E"
    };
    let icon = format!(
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E{shape}%3C/svg%3E"
    );
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_SECURITY_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href=(icon);
                style { (PreEscaped(STYLE)) }
            }
            body {
                header class=(if is_good { "passed" } else { "failed" }) { div { (header) } }
                main { (main) }
                footer { p { "Beside this file: " (files) "." } }
            }
        }
    };
    without_unfit(&document.into_string())
}

/// A section with its heading, which a note may explain.
pub(crate) fn section(title: &str, note: &str, content: &Markup) -> Markup {
    html! { section { h2 { (title) @if !note.is_empty() { " " small { (note) } } } (content) } }
}

/// Names with their values, as a list of this class.
pub(crate) fn list(class: &str, rows: &[(&str, String)]) -> Markup {
    html! {
        dl class=(class) {
            @for (name, value) in rows {
                div { dt { (name) } dd { (if value.is_empty() { "–" } else { value }) } }
            }
        }
    }
}
