//! `loadtest tune`: searches the services' settings for those that store the most posts a second.
//!
//! The servers stay up; each trial on the [`bench`](mod@bench) starts the services with a setting of the [`knobs`], at
//! a [`place`](crate::pipeline::place) of its own, and sends as fast as it can. What counts is what is stored, end to
//! end, by settings that answer in time. [`search`] says what is tried next, and [`compare`] what a trial is worth on a
//! machine that is never quiet; both are pure. [`found`] writes the report.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use contract::Kind;
use stack::Stack;
use tokio_util::sync::CancellationToken;

use crate::base::exit::{self, Unusable};
use crate::command::interrupt;
use crate::command::options::TuneOptions;
use crate::ledger::post::RunId;
use crate::load::cpu::cores;
use crate::load::live::Live;
use crate::pipeline::settings::{Lookup, PipelineSettings, Variables};
use crate::pipeline::store::{Documents, StoreReader};
use crate::pipeline::under_test::{cluster, start_stack};
use crate::report::files::{self, make_directory};
use crate::report::tune::trial::TrialReport;
use crate::report::tune::{Surroundings, TuneReport, page};
use bench::TuneBench;
use knobs::{KnobSetting, Space};
use search::Search;
use slo::Slo;

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod found;
pub(crate) mod knobs;
pub(crate) mod search;
pub(crate) mod slo;

/// For programs (its schema is `loadtest/tune.schema.json`), for `env` and Compose, and for people.
const JSON: &str = "tune.json";
const ENV_FILE: &str = "tuned.env";
const PAGE: &str = "tune.html";

/// What a trial takes besides its load, before the first one has shown it: starting, draining, stopping.
const AROUND_A_TRIAL: Duration = Duration::from_secs(3);

/// More than any search needs before it tries something.
const MOST_TRIALS: usize = 1_000;

/// A search, from the start to the exit code.
pub(crate) async fn tune(options: TuneOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; what was found so far is reported, a second Ctrl-C ends at once")?;
    let settings = PipelineSettings::read(lookup)?;
    options.load.posts_alone("tune")?;
    affordable(&options, &settings)?;
    let live = Live::start(options.load.prometheus).await?;
    let run = RunId::fresh();
    let directory = make_directory(options.outcome.report.as_deref(), &format!("tune-{run}"))?;
    let stack = start_stack(&options.stack.options(), lookup, &stop).await?;
    let report = measure(run, &options, lookup, &settings, &stack, &live, &directory, &stop).await?;
    files::write_text(&report.env_file(), &directory, ENV_FILE)?;
    let page = files::write_text(&page::render(&report), &directory, PAGE)?;
    files::write_json(&report, &directory, JSON)?;
    println!("{}\nreport: {}\nbeside it: {ENV_FILE}, {JSON}", report.table(), page.display());
    if let Err(error) = stack.stop().await {
        eprintln!("the servers are not all cleaned up: {error:#}");
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

#[expect(clippy::too_many_arguments, reason = "what a search needs, once")]
async fn measure(
    run: RunId,
    options: &TuneOptions,
    lookup: Lookup<'_>,
    settings: &PipelineSettings,
    stack: &Stack,
    live: &Live,
    directory: &Path,
    stop: &CancellationToken,
) -> anyhow::Result<TuneReport> {
    let (space, start, defaults) = space(options, settings)?;
    let cluster = cluster(stack, settings);
    let bench = TuneBench { run, space: &space, options, lookup, settings, stack, cluster, live, directory, stop };
    let mut search = Search::new(space.choices(), start.clone(), defaults, Slo::of(options.slo));
    let mut trials: Vec<TrialReport> = Vec::new();
    let began = Instant::now();
    let guess = first_guess(options);
    while !stop.is_cancelled() {
        let Some((stage, setting)) = search.next(left(began.elapsed(), options.budget, trials.len(), guess)) else {
            break;
        };
        let n = trials.len() + 1;
        let tried = match bench.try_out(n, &setting).await {
            Err(_) if stop.is_cancelled() => break,
            tried => tried?,
        };
        if stop.is_cancelled() {
            break;
        }
        let trial = found::trial(n, stage, &space, &setting, &start, &tried);
        eprintln!("{}", trial.row());
        search.record(tried.shown);
        tried.faults.iter().for_each(|fault| eprintln!("{fault}"));
        trials.push(trial);
    }
    let surroundings = Surroundings {
        run: run.to_string(),
        ended_early: stop.is_cancelled(),
        seconds: began.elapsed().as_secs_f64(),
        warm_up_seconds: options.warm_up.as_secs_f64(),
        measure_seconds: options.measure.as_secs_f64(),
        slo_ms: options.slo.as_secs_f64() * 1e3,
        virtual_users: options.load.vus,
        stack: stack.chosen.clone(),
        store: StoreReader::new(&Documents::of(Kind::Post, stack.mongo_uri().to_owned())).await?.version().await?,
        version: env!("CARGO_PKG_VERSION"),
        cores: cores(),
    };
    Ok(found::report(&search, &space, &start, trials, surroundings))
}

/// What is searched, the settings in force, and the defaults.
fn space(options: &TuneOptions, settings: &PipelineSettings) -> anyhow::Result<(Space, KnobSetting, KnobSetting)> {
    Ok(Space::around(&both(settings), &both(&PipelineSettings::read(&|_| None)?), &options.keep))
}

/// Whether the budget lets the search try anything.
fn affordable(options: &TuneOptions, settings: &PipelineSettings) -> anyhow::Result<()> {
    let (space, start, defaults) = space(options, settings)?;
    let search = Search::new(space.choices(), start, defaults, Slo::of(options.slo));
    let tries = |trials: usize| search.clone().next(trials).is_some();
    let (guess, fitting) = (first_guess(options), left(Duration::ZERO, options.budget, 0, first_guess(options)));
    if tries(fitting) {
        return Ok(());
    }
    let least = (fitting..MOST_TRIALS).find(|trials| tries(*trials)).unwrap_or(MOST_TRIALS);
    let seconds = (guess.as_secs_f64() * least as f64).ceil();
    let why = format!("a trial takes some {:.1} s, and a search needs {least} of them", guess.as_secs_f64());
    Err(Unusable(format!("--budget is too short to try anything: {why}; give it {seconds}s or more")).into())
}

/// What the first trial takes, before one has shown it.
fn first_guess(options: &TuneOptions) -> Duration {
    options.warm_up + options.measure + AROUND_A_TRIAL
}

/// Both services' variables in force.
fn both(settings: &PipelineSettings) -> Variables {
    settings.consumer.clone().into_iter().chain(settings.producer.clone()).collect()
}

/// How many trials fit into what is left of the budget, each taking as long as the previous ones; `guess` is for the
/// first.
fn left(elapsed: Duration, budget: Duration, done: usize, guess: Duration) -> usize {
    let each = u32::try_from(done).ok().filter(|done| *done > 0).map_or(guess, |done| elapsed / done);
    let left = budget.saturating_sub(elapsed).as_secs_f64() / each.as_secs_f64().max(1e-3);
    left.floor() as usize
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn trials_fit_as_they_have_taken_so_far() {
        let seconds = Duration::from_secs;
        assert_eq!(left(seconds(0), seconds(60), 0, seconds(7)), 8);
        assert_eq!(left(seconds(20), seconds(60), 4, seconds(7)), 8);
        assert_eq!(left(seconds(61), seconds(60), 4, seconds(7)), 0);
        assert_eq!(left(seconds(55), seconds(60), 4, seconds(7)), 0, "the next one would end too late");
    }
}
