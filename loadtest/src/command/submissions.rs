//! `loadtest submissions`: applies load to the API of submissions, perhaps while its processes are killed, and proves
//! that each accepted submission ends as it must, once.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use service::settings::parse_duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::base::exit::{self, Unusable};
use crate::command::interrupt;
use crate::command::options::SubmissionsOptions;
use crate::ledger::post::RunId;
use crate::ledger::submissions::audit::{Audit, Audited, Terms};
use crate::ledger::submissions::findings::{FindingKind, Findings};
use crate::ledger::submissions::losses::Losses;
use crate::ledger::submissions::reruns::Reruns;
use crate::ledger::submissions::row::Row;
use crate::ledger::submissions::sequence::illegal_step;
use crate::load::sparse;
use crate::load::submissions::records::Book;
use crate::load::submissions::requests::SubmissionPlan;
use crate::pipeline::news;
use crate::pipeline::settings::{Lookup, set};
use crate::pipeline::submissions::database::{Database, DatabaseKind};
use crate::pipeline::submissions::fault::{self, SubmissionFault, Victim};
use crate::pipeline::submissions::process::Launch;
use crate::pipeline::submissions::queue::{KAFKA_BROKER, Queue};
use crate::pipeline::submissions::stage::{HappenedFault, now_ms, troubles_of};
use crate::pipeline::submissions::system::System;
use crate::pipeline::submissions::{binary, export};
use crate::report::files::{make_directory, write_json};
use crate::report::submissions::verdicts::judge;
use crate::report::submissions::{
    FaultReport, JSON, Percentiles, Sent, Setting, SubmissionsReport, Times, reruns, table, wrong,
};
use counted::misfits;
use load::{Applied, apply};

mod counted;
mod load;

/// `WORK_TIME`, unless it is set: a run should not wait for simulated work.
const WORK_TIME: &str = "100ms";

/// The service's own defaults.
const HEARTBEAT: Duration = Duration::from_secs(1);
const MAX_ATTEMPTS: u32 = 3;
/// This many lost workers end a series.
const MAX_LOSSES: u32 = 20;

/// What the lab must know of the processes' settings.
#[derive(Debug, Clone, Copy)]
struct Settings {
    work_time: Duration,
    heartbeat: Duration,
    max_attempts: u32,
    are_attempts_made_to_fail: bool,
}

/// A run, from the start to the exit code.
pub(crate) async fn submissions(options: SubmissionsOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; what was accepted is still proven, a second Ctrl-C ends at once")?;
    let settings = Settings::read(lookup)?;
    let faults = faults(&options, lookup)?;
    let access = options.access.access()?;
    let queue = options.queue;
    let program = tokio::task::spawn_blocking(move || binary::program(queue)).await;
    let program = program.context("looking for the program failed")??;
    let run = RunId::fresh().to_string();
    let directory = make_directory(options.report.as_deref(), &format!("submissions-{run}"))?;
    let database = Database::of(options.database, &directory, &run, lookup).await?;
    let queue = Queue::of(options.queue, lookup).await?;
    let mut variables = queue.variables(&run, options.workers);
    if set(lookup, "WORK_TIME").is_none() {
        variables.push(("WORK_TIME", WORK_TIME.to_owned()));
    }
    let (name, since) = (database.name(), now_ms());
    let launch = Launch { program, variables, logs: directory.clone(), access };
    let system = Arc::new(System::start(launch, options.database, database, queue, options.workers).await?);

    let applied = apply(&options, &settings.into_load(&run), faults, &system, &stop).await?;
    let report = prove(&options, &settings, Proof { run, name, since, applied, stop }, &system).await?;
    let path = write_json(&report, &directory, JSON)?;
    println!("{}\nreport: {}", table::render(&report), path.display());
    if report.passed {
        system.database.lock().await.remove();
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(exit::THRESHOLD_FAILED))
}

impl Settings {
    fn read(lookup: Lookup<'_>) -> Result<Self, Unusable> {
        let duration = |name: &str, default: Duration| match set(lookup, name) {
            None => Ok(default),
            Some(text) if text == "0" => Ok(Duration::ZERO),
            Some(text) => parse_duration(&text).ok_or(Unusable(format!("{name}: `{text}` must have a unit"))),
        };
        let number = |name: &str, default: u32| match set(lookup, name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Unusable(format!("{name}: `{text}` must be a number"))),
        };
        let work_time = parse_duration(WORK_TIME).unwrap_or_default();
        Ok(Self {
            work_time: duration("WORK_TIME", work_time)?,
            heartbeat: duration("HEARTBEAT", HEARTBEAT)?,
            max_attempts: number("MAX_ATTEMPTS", MAX_ATTEMPTS)?,
            are_attempts_made_to_fail: number("WORK_FAILURES", 0)? > 0,
        })
    }

    fn into_load(self, run: &str) -> load::LoadSetting {
        load::LoadSetting { run: run.to_owned(), work_time: self.work_time, heartbeat: self.heartbeat }
    }
}

/// The faults that are asked for, which must be possible, and without which none of their thresholds can be judged.
fn faults(options: &SubmissionsOptions, lookup: Lookup<'_>) -> Result<Vec<SubmissionFault>, Unusable> {
    let parse = |list: &String| fault::parse(list, options.database, options.queue);
    let faults = options.faults.as_ref().map(parse).transpose();
    let faults = faults.map_err(|why| Unusable(format!("--faults: {why}")))?.unwrap_or_default();
    let is_of = |victim: Victim| faults.iter().any(|fault| fault.victim == victim);
    for (victim, what, variable) in
        [(Victim::Postgres, "PostgreSQL", "DATABASE_URL"), (Victim::Broker, "broker", KAFKA_BROKER)]
    {
        if is_of(victim) && set(lookup, variable).is_some() {
            let why = format!("the {what} of {variable} is not the lab's: leave its faults out, or {variable}");
            return Err(Unusable(format!("--faults: {why}")));
        }
    }
    if let Some(threshold) = options.thresholds.iter().find(|threshold| threshold.is_of_faults())
        && !is_of(Victim::Worker)
        && !is_of(Victim::Process)
    {
        return Err(Unusable(format!("--threshold '{threshold}' cannot be judged: no fault hits a worker")));
    }
    if options.database == DatabaseKind::Sqlite && set(lookup, "DATABASE_URL").is_some() {
        news::say("DATABASE_URL is not used: --database sqlite has a file of its own");
    }
    Ok(faults)
}

/// What there is to prove.
struct Proof {
    run: String,
    /// The database, in words.
    name: &'static str,
    /// When the run began, in ms since 1970.
    since: i64,
    applied: Applied,
    stop: CancellationToken,
}

async fn prove(
    options: &SubmissionsOptions,
    settings: &Settings,
    proof: Proof,
    system: &Arc<System>,
) -> anyhow::Result<SubmissionsReport> {
    let Proof { run, name, since, applied, stop } = proof;
    let Applied { book, injected, started, load_time, drained, mut troubles } = applied;
    troubles.extend(injected.troubles.iter().cloned());
    system.look().await;
    let counted = system.totals().await;
    troubles.extend(system.still_runs().await.err().map(|error| format!("{error:#}")));
    troubles.extend(system.stop().await);

    let terms = Terms {
        since,
        max_failures: settings.max_attempts,
        max_losses: MAX_LOSSES,
        may_give_up: settings.are_attempts_made_to_fail,
    };
    let plan = options.plan();
    let mut of_outages = Reruns::of(injected.happened.iter().filter_map(|happened| happened.outage).collect());
    let mut losses = Losses::of(troubles_of(&injected.happened));
    let of_rows = |row: &Row| {
        of_outages.row(row);
        losses.row(row);
    };
    let Audited { found, mut findings, accept_to_final_us } = audit(&book, &plan, terms, of_rows, system).await?;
    findings.merge(book.books.findings().clone());

    let counts = book.books.counts();
    let is_countable = injected.happened.is_empty() && counts.unknown == 0;
    troubles.extend(misfits(&counted, &found, is_countable, book.books.most_retries(), options.queue));
    let mut of_workers = of_outages.finish().into_iter();
    let faults = injected.happened.iter().map(|happened| {
        let rerun = happened.outage.and_then(|_| of_workers.next());
        let HappenedFault { fault, name, begin, over, .. } = happened;
        FaultReport {
            fault: fault.name(),
            hit: name.clone(),
            at_seconds: begin.duration_since(started).as_secs_f64(),
            lasted_seconds: over.duration_since(*begin).as_secs_f64(),
            rerun,
        }
    });
    let faults: Vec<FaultReport> = faults.collect();
    let load_seconds = load_time.as_secs_f64();
    let mut report = SubmissionsReport {
        run,
        passed: false,
        setting: Setting {
            database: name,
            queue: options.queue,
            workers: u32::try_from(system.workers().count()).unwrap_or(u32::MAX),
            vus: options.vus,
            rate: options.rate,
            plan,
            variables: system.variables.iter().filter(|(name, _)| *name != "DATABASE_URL").cloned().collect(),
        },
        load_seconds,
        drain_seconds: drained.map(|time| time.as_secs_f64()),
        ended_early: stop.is_cancelled(),
        sent: Sent {
            accepted: counts.accepted,
            accepted_per_second: counts.accepted as f64 / load_seconds.max(0.001),
            rejected: counts.rejected,
            unknown: counts.unknown,
            not_sent: counts.not_sent,
            sent_again: book.sent_again,
            wrong_answers: book.wrong_answers,
            first_wrong_answer: book.first_wrong_answer,
        },
        found,
        wrong: wrong(&findings),
        findings: findings.named().to_vec(),
        times: Times {
            submit: Percentiles::of(&book.submit_us),
            status: Percentiles::of(&book.status_us),
            accept_to_final: Percentiles::of(&accept_to_final_us),
        },
        watched: book.seen.len() as u64,
        looks: book.looks,
        counted,
        reruns: reruns(&faults),
        unexplained_losses: losses.unexplained(),
        faults,
        thresholds: Vec::new(),
        troubles,
    };
    report.thresholds = judge(&options.thresholds, &report);
    report.passed = report.thresholds.iter().all(|verdict| verdict.holds);
    Ok(report)
}

/// Compares what the database holds with the book, and with what was seen last.
async fn audit(
    book: &Book,
    plan: &SubmissionPlan,
    terms: Terms,
    mut of_rows: impl FnMut(&Row),
    system: &System,
) -> anyhow::Result<Audited> {
    let seen: HashMap<Uuid, &(u64, Row)> = book.seen.iter().map(|seen| (seen.1.id, seen)).collect();
    let mut audit = Audit::new(&book.books, terms, sparse::empty());
    let mut of_last_looks = Findings::default();
    let log: &Path = &system.logs.join("export.log");
    let take = |row: &Row| {
        audit.row(row);
        of_rows(row);
        if let Some((n, last)) = seen.get(&row.id)
            && let Some(why) = illegal_step(last, row, plan.is_retried(*n))
        {
            let what = format!("{why}: {last:?} then {row:?}");
            of_last_looks.add(FindingKind::IllegalStep, Some(*n), what);
        }
    };
    export::each_row(&system.program, &system.variables, log, take).await?;
    let mut audited = audit.finish();
    audited.findings.merge(of_last_looks);
    Ok(audited)
}
