//! `loadtest find-max`: the largest rate that the pipeline sustains. The pipeline stays up meanwhile.
//!
//! Each [probe](prober) in turn offers a rate in the open model; [`judge`] says whether it was sustained,
//! [`mod@search`] which rate comes next, and [`fit`] which rates nearly all probes sustain and half of them. All three
//! are pure. Then the accepted posts of all probes together are [proven](crate::command::prove), and a
//! [run](mod@confirm) of some minutes confirms the rate.

use std::process::ExitCode;

use crate::base::exit;
use crate::command::interrupt;
use crate::command::options::FindMaxOptions;
use crate::ledger::post::RunId;
use crate::load::live::Live;
use crate::pipeline::settings::{Lookup, PipelineSettings, set, with_batch_of_store, with_option};
use crate::pipeline::store::Documents;
use crate::pipeline::under_test::{PipelineUnderTest, Ports};
use crate::report::files::{self, make_directory};
use crate::report::find_max::FindMaxReport;
use bench::FindMaxBench;
use confirm::{Confirmed, confirm};
use prober::{Searched, search};

pub(crate) mod bench;
pub(crate) mod confirm;
pub(crate) mod fit;
pub(crate) mod judge;
pub(crate) mod prober;
pub(crate) mod search;

/// The result for programs; its schema is `loadtest/find-max.schema.json`.
const JSON: &str = "find-max.json";

/// A search, from the start to the exit code.
pub(crate) async fn find_max(options: FindMaxOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; what was found so far is reported, a second Ctrl-C ends at once")?;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let kind = options.load.kind;
    let lookup = with_batch_of_store(&lookup, kind, options.stack.store);
    let settings = PipelineSettings::of(kind, &lookup)?;
    options.load.usable()?;
    options.load.single("find-max")?;
    let live = Live::start(options.load.prometheus).await?;
    let run = RunId::fresh();
    let directory = make_directory(options.outcome.report.as_deref(), &format!("find-max-{run}"))?;
    let mut pipeline = match &options.target {
        Some(url) => {
            PipelineUnderTest::running(
                url,
                options.target_metrics.as_deref(),
                options.access.accesses()?,
                set(&lookup, "MONGO_URI").map(|uri| Documents::of(kind, uri)),
                set(&lookup, "KAFKA_BROKER").map(|_| settings.group().cluster.clone()),
            )
            .await?
        }
        None => {
            let servers = options.stack.options();
            PipelineUnderTest::start(&servers, &lookup, &settings, Ports::free(), Vec::new(), &directory, &stop).await?
        }
    };
    let bench = FindMaxBench {
        run,
        options: &options,
        lookup: &lookup,
        settings: &settings,
        directory: &directory,
        live: &live,
        stop: &stop,
    };
    let report = measure(&bench, &mut pipeline).await?;
    let path = files::write_json(&report, &directory, JSON)?;
    println!("{}\nreport: {}", report.table(), path.display());
    if let Err(error) = pipeline.stop().await {
        eprintln!("the servers are not all cleaned up: {error:#}");
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

async fn measure(bench: &FindMaxBench<'_>, pipeline: &mut PipelineUnderTest) -> anyhow::Result<FindMaxReport> {
    let searched = search(bench, pipeline).await?;
    let Searched { closed_loop_per_second, probes, proof, mut faults, has_failed, environment } = searched;
    let (max_rate, half_rate) = search::rates_found(&prober::judged(&probes));
    let is_proven = faults.is_empty() && proof.holds();
    let wants_confirmation = !bench.options.confirm.is_zero();
    let rate = max_rate.estimate.or(max_rate.low).filter(|_| is_proven && wants_confirmation);
    let confirmed = match rate {
        Some(rate) if !bench.stop.is_cancelled() => {
            confirm(bench, pipeline, rate, max_rate.low.unwrap_or(rate)).await?
        }
        _ => Confirmed::default(),
    };
    faults.extend(confirmed.faults);
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    let is_found = max_rate.low.is_some() && (confirmed.rate.is_some() || !wants_confirmation);
    let is_interrupted = bench.stop.is_cancelled();
    Ok(FindMaxReport {
        run: bench.run.to_string(),
        passed: faults.is_empty() && proof.holds() && (is_found || is_interrupted),
        ended_early: is_interrupted || has_failed,
        confirmed_rate: confirmed.rate,
        confirm_seconds: bench.options.confirm.as_secs_f64(),
        confirmations: confirmed.confirmations,
        max_rate,
        half_rate,
        slo_ms: bench.options.slo.as_secs_f64() * 1e3,
        warm_up_seconds: bench.options.warm_up.as_secs_f64(),
        measure_seconds: bench.options.measure.as_secs_f64(),
        closed_loop_per_second,
        generator_limited: probes.iter().filter(|probe| !probe.sustained && probe.generator.is_some()).count(),
        probes,
        proof: Some(proof),
        faults,
        environment,
    })
}
