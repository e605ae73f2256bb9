//! Values of options, as people write them.

use std::time::Duration;

use contract::Kind;
use service::settings::parse_duration;
use service::{Kinds, Settings};

pub(crate) fn brokers(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|count| [1, 3].contains(count)).ok_or("must be 1 or 3".to_owned())
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.01..=1_000_000.0).contains(rate));
    rate.ok_or("must be a number of posts per second from 0.01 to 1000000, such as 2000".to_owned())
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
    share.ok_or("must be a share from 0 to 1, such as 0.05".to_owned())
}

pub(crate) fn percent(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    let percent = percent.filter(|percent: &f64| (0.0..=1_000.0).contains(percent));
    percent.map(|percent| percent / 100.0).ok_or("must be a percentage, such as 5%".to_owned())
}

pub(crate) fn percent_per_hour(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix("/h").and_then(|percent| percent.trim().strip_suffix('%'));
    per_hour(percent).ok_or("must be percent an hour, such as 10%/h".to_owned())
}

pub(crate) fn megabytes_per_hour(text: &str) -> Result<f64, String> {
    let megabytes = text.strip_suffix("/h").and_then(|megabytes| megabytes.trim().strip_suffix("MB"));
    per_hour(megabytes).ok_or("must be megabytes an hour, such as 5MB/h".to_owned())
}

fn per_hour(number: Option<&str>) -> Option<f64> {
    number?.trim().parse().ok().filter(|number: &f64| (0.0..=1e6).contains(number))
}

pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        Some(_) => Err("must be more than zero".to_owned()),
        None => Err("must be a number with its unit, such as 250ms, 30s or 5m".to_owned()),
    }
}

pub(crate) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    if text == "0" {
        Ok(Duration::ZERO)
    } else {
        parse_duration(text).ok_or("must be 0 or a number with its unit, such as 250ms or 1s".to_owned())
    }
}

/// A built-in kind, or one of `KINDS_DIR`.
pub(crate) fn kind(text: &str) -> Result<Kind, String> {
    if let Some(kind) = Kind::from_name(text) {
        return Ok(kind);
    }
    let lookup = |name: &str| if name == "KINDS_DIR" { stack::environment(name) } else { None };
    let mut settings = Settings::new(&lookup);
    let kinds = Kinds::read(&mut settings);
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    kinds.named(text).map_err(|error| format!("{error}; KINDS_DIR is the directory with the files of others"))
}
