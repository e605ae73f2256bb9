//! `loadtest limits`: what this machine could do at most, and the share of it that the pipeline reaches. In the same
//! minutes, in turn and round by round, it measures what each part would do alone (a [`bare`] HTTP server,
//! the broker, the store) and what the services do with it. Figures from different days or machines cannot be compared;
//! shares can.

use std::process::ExitCode;

use anyhow::{Context, bail};
use bson::DateTime;
use tokio_util::sync::CancellationToken;

use crate::command::interrupt;
use crate::command::options::LimitsOptions;
use crate::ledger::post::RunId;
use crate::load::cpu::cores;
use crate::pipeline::settings::{Lookup, PipelineSettings};
use crate::pipeline::under_test::start_stack;
use crate::report::files::{self, make_directory};
use crate::report::limits::measure::Samples;
use crate::report::limits::{LimitsReport, table};
use bench::LimitsBench;
use plan::MeasurePlan;

pub(crate) mod bare;
pub(crate) mod bench;
pub(crate) mod cpu;
pub(crate) mod generate;
pub(crate) mod insert;
pub(crate) mod order_bench;
pub(crate) mod orders;
pub(crate) mod plan;
pub(crate) mod produce;
pub(crate) mod produce_ordered;
pub(crate) mod update;

/// For programs; its schema is `loadtest/limits.schema.json`.
const JSON: &str = "limits.json";

/// The measures, from the start to the exit code.
pub(crate) async fn limits(options: LimitsOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; what was measured is reported, a second Ctrl-C ends at once")?;
    let settings = PipelineSettings::read(lookup)?;
    let run = RunId::fresh();
    let directory = make_directory(options.report.as_deref(), &format!("limits-{run}"))?;
    let started_at = DateTime::now().try_to_rfc3339_string().context("the clock is far off")?;
    let stack = start_stack(&options.stack.options(), lookup, &stop).await?;
    let plan = MeasurePlan {
        run,
        vus: options.vus,
        duration: options.duration,
        only: options.only,
        directory: directory.clone(),
    };
    let bench = LimitsBench::new(plan, &settings, &stack, lookup);
    let store = bench.store_version().await?;

    let mut samples = Samples::default();
    let measured = rounds(&bench, options.rounds, &mut samples, &stop).await;
    let cleaned = bench.clean_up().await;
    measured?;
    if samples.is_empty() {
        bail!("interrupted before anything was measured");
    }
    let report = LimitsReport {
        version: env!("CARGO_PKG_VERSION"),
        started_at,
        stack: stack.chosen.clone(),
        store,
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cores: cores(),
        vus: options.vus,
        duration_seconds: options.duration.as_secs_f64(),
        rounds: options.rounds,
        is_complete: !stop.is_cancelled(),
        measures: crate::report::limits::summarize(&samples),
    };
    let path = files::write_json(&report, &directory, JSON)?;
    println!("{}\nreport: {}", table::render(&report), path.display());
    if let Err(error) = cleaned.and(stack.stop().await) {
        eprintln!("not everything is cleaned up: {error:#}");
    }
    Ok(ExitCode::SUCCESS)
}

/// All rounds, until `stop`.
async fn rounds(
    bench: &LimitsBench,
    count: u32,
    samples: &mut Samples,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    for round in 1..=count {
        eprintln!("round {round} of {count}");
        tokio::select! {
            done = bench.round(round, samples) => done?,
            () = stop.cancelled() => return Ok(()),
        }
    }
    Ok(())
}
