//! What the run was measured on, without which its figures cannot be compared.

use maud::{Markup, html};

use super::layout::{list, section};
use crate::pipeline::settings::Variables;
use crate::report::run::RunReport;
use crate::report::table;

/// The environment, the load, and both services' settings.
pub(crate) fn sections(report: &RunReport) -> Markup {
    let environment = &report.environment;
    let load = &environment.load;
    let optional = |value: Option<f64>| value.map_or("–".to_owned(), |value| value.to_string());
    let rows = [
        ("Servers", environment.stack.clone()),
        ("Store", environment.store.clone().unwrap_or("–".to_owned())),
        ("Version", environment.version.to_string()),
        ("librdkafka", environment.librdkafka.clone()),
        ("Platform", environment.platform.clone()),
        ("Processor cores", environment.cores.to_string()),
        ("Producer", table::usage(&report.producer)),
        ("Consumer", table::usage(&report.consumer)),
        ("Virtual users", load.vus.to_string()),
        ("Keys of all users", load.keys.map_or("–".to_owned(), |keys| keys.to_string())),
        ("Records in a request", load.bulk.to_string()),
        ("Marker", load.marker.clone().unwrap_or("–".to_owned())),
        ("Bodies from a file", load.given_bodies.map_or("–".to_owned(), |bodies| bodies.to_string())),
        ("Duration, seconds", optional(load.duration_seconds)),
        ("Of these not measured, at the start", load.warm_up_seconds.to_string()),
        ("Think time, seconds", optional(load.think_seconds)),
        ("Rate, posts per second", optional(load.rate)),
        ("Stages", load.stages.as_deref().map_or("–".to_owned(), table::stages)),
        ("Each post has its user", load.fixed_users.map_or("–".to_owned(), |fixed| fixed.to_string())),
        ("Characters per content", load.content_length.to_string()),
        ("Share of hostile posts", load.hostile_share.to_string()),
        ("Share of invalid posts", load.invalid_share.to_string()),
        ("Share of posts sent twice", load.retry_share.to_string()),
        ("Each post sent, times", load.repeat.to_string()),
        ("Request timeout, seconds", load.request_timeout_seconds.to_string()),
        ("Generator threads", load.threads.to_string()),
        ("Seed", load.seed.to_string()),
    ];
    html! {
        (section("Environment", "", &list("settings", &rows)))
        (settings("Producer's settings", &environment.producer_settings))
        (settings("Consumer's settings", &environment.consumer_settings))
    }
}

fn settings(title: &str, settings: &Variables) -> Markup {
    if settings.is_empty() {
        return html! {};
    }
    let rows: Vec<_> = settings.iter().map(|(name, value)| (&name[..], value.clone())).collect();
    section(title, "", &list("settings variables", &rows))
}
