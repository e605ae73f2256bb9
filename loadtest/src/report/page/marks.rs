//! Marks and numbers that appear in several places of a page.

use maud::{Markup, html};
use service::status::figures::grouped;

/// Something holds.
pub(crate) fn held() -> Markup {
    mark("M3 8.5l3.5 3.5L13 4.5")
}

/// Something does not hold.
pub(crate) fn broken() -> Markup {
    mark("M4 4l8 8M12 4l-8 8")
}

fn mark(path: &str) -> Markup {
    html! { svg.mark viewBox="0 0 16 16" aria-hidden="true" { path d=(path) {} } " " }
}

/// A number as it is, with at most three decimals.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) { grouped(value as u64) } else { format!("{value:.3}") }
}
