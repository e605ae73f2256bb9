//! A run in one line, and how long it will last.

use std::fmt;

use crate::report::environment::LoadSettings;
use crate::report::table;

/// The view's first line.
#[derive(Debug, Clone, Default)]
pub(crate) struct Headline {
    /// Such as `run 589b625e`.
    pub(crate) name: String,
    /// Such as `300 users, 1000/s offered`.
    pub(crate) load: String,
    /// How long the load lasts; `None` if it has another end.
    pub(crate) seconds: Option<f64>,
}

impl Headline {
    /// The headline of a run.
    pub(crate) fn of(run: impl fmt::Display, load: &LoadSettings) -> Self {
        let pace = match (load.think_seconds, load.rate, &load.stages) {
            (_, _, Some(stages)) => format!("offered {} posts/s", table::stages(stages)),
            (_, Some(rate), _) => format!("{rate} posts/s offered"),
            (Some(think), ..) => format!("think time {think} s"),
            _ => String::new(),
        };
        let load_line = format!("{} users, {pace}", load.vus);
        Self { name: format!("run {run}"), load: load_line, seconds: load.duration_seconds }
    }
}
