//! `loadtest merge`: puts together what the shares of one run have left, each in the directory of its report, and
//! reconciles the whole against the store, once. The reports of the [`share`]s are their only link: none knows another,
//! so each looked only at its own answers. Histograms and ledgers are merged without loss, the [`series`] by the clock.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use contract::Kind;
use kafka::topics::Reader;
use service::status::figures::grouped;

use crate::base::exit::Unusable;
use crate::command::finish::{exit_code, tell};
use crate::command::options::MergeOptions;
use crate::command::run::without_faults;
use crate::ledger::accepted_ids::{ACCEPTED_IDS, FinishedLog};
use crate::ledger::books::Ledger;
use crate::ledger::reconcile::Strictness;
use crate::load::generator::strain::GeneratorReport;
use crate::load::generator::tally::Tally;
use crate::load::visible::seen::SeenPosts;
use crate::pipeline::drain;
use crate::pipeline::observer::{Usage, Used};
use crate::pipeline::reconcile::{Places, reconcile};
use crate::pipeline::settings::{Lookup, PipelineSettings, set, with_option};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic;
use crate::report::environment::{Environment, LoadSettings};
use crate::report::evidence::RunEvidence;
use crate::report::files::make_directory;
use crate::report::run::RunReport;
use crate::report::series::merge as series;
use crate::report::share::{self, ShareReport};
use crate::report::threshold;
use crate::report::visible::AcceptToVisible;

/// A merge, from the start to the exit code.
pub(crate) async fn merge(options: MergeOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let lookup = with_option(&lookup, "KAFKA_BROKER", &options.kafka_broker);
    let settings = PipelineSettings::read(&lookup)?;
    without_faults(&options.thresholds)?;
    let parts =
        options.directories.iter().map(|directory| ShareReport::read(directory)).collect::<anyhow::Result<Vec<_>>>()?;
    complete(&parts)?;
    let documents = match (options.no_reconcile, set(&lookup, "MONGO_URI")) {
        (true, _) => None,
        (false, Some(uri)) => Some(options.documents.at(Kind::Post, uri)),
        (false, None) => {
            let way_out = "--mongo-uri mongodb://HOST:PORT/DATABASE, or --no-reconcile";
            return Err(Unusable(format!("say where the documents are: {way_out}")).into());
        }
    };
    let run = parts[0].run;
    let directory = make_directory(options.outcome.report.as_deref(), &format!("run-{run}-merged"))?;
    let mut ledger = Ledger::default();
    for directory in &options.directories {
        ledger.merge(&share::read_ledger(directory)?);
    }
    let sources = Sources {
        accepted_ids: FinishedLog::of_shares(directories_files(&options.directories)),
        store: match &documents {
            Some(documents) => Some(StoreReader::new(documents).await?),
            None => None,
        },
        kafka: set(&lookup, "KAFKA_BROKER")
            .map(|_| topic::reader(&settings.group().cluster, &settings.group().group).map(Arc::new))
            .transpose()?,
        settings,
    };
    let report = whole(&parts, ledger, &sources, &options).await?;
    tell(&report, &directory)?;
    Ok(exit_code(&report))
}

/// What the whole is reconciled with.
struct Sources {
    accepted_ids: FinishedLog,
    store: Option<StoreReader>,
    kafka: Option<Arc<Reader>>,
    settings: PipelineSettings,
}

fn directories_files(directories: &[PathBuf]) -> Vec<PathBuf> {
    directories.iter().map(|directory| directory.join(ACCEPTED_IDS)).collect()
}

/// Whether these are all shares of one run, each once, and all of the same load.
fn complete(parts: &[ShareReport]) -> Result<(), Unusable> {
    let first = &parts[0];
    let (run, of) = (first.run, first.share.of());
    if let Some(other) = parts.iter().find(|part| part.run != run) {
        return Err(Unusable(format!("these are shares of two runs, {run} and {}: name those of one", other.run)));
    }
    if let Some(other) = parts.iter().find(|part| part.share.of() != of) {
        let (one, other) = (first.share, other.share);
        return Err(Unusable(format!("the shares {one} and {other} do not belong together")));
    }
    let common = |part: &ShareReport| LoadSettings { share: None, threads: 0, ..part.environment.load.clone() };
    if let Some(other) = parts.iter().find(|part| common(part) != common(first)) {
        let (one, other) = (first.share, other.share);
        return Err(Unusable(format!(
            "the shares {one} and {other} have different loads: compare environment.load in their report.json"
        )));
    }
    let mut problems = Vec::new();
    for index in 0..of {
        let count = parts.iter().filter(|part| part.share.index() == index).count();
        if count != 1 {
            let problem = if count == 0 { "is missing" } else { "is named more than once" };
            problems
                .push(format!("the share {}/{of} {problem}: name the directories of all shares, each once", index + 1));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Unusable(problems.join("\n"))) }
}

/// The report of the whole run.
async fn whole(
    parts: &[ShareReport],
    ledger: Ledger,
    sources: &Sources,
    options: &MergeOptions,
) -> anyhow::Result<RunReport> {
    let run = parts[0].run;
    let mut tally = Tally::default();
    parts.iter().for_each(|part| tally.merge(&part.tally));
    let outcomes = tally.outcomes;

    let answered = ledger.counts(0);
    let (names, kafka) = (&sources.settings.consumer_config.kafka, sources.kafka.as_ref());
    let records = kafka.map(|kafka| (kafka, names.topic.as_str()));
    let (now, deadline) = (Instant::now(), options.outcome.drain_timeout);
    let waited = drain::until_stored(records, sources.store.as_ref(), run, outcomes.accepted, now, deadline).await?;
    let lag_left = waited.and_then(|waited| waited.lag);
    let reconciled = match &sources.store {
        Some(store) => {
            eprintln!("reconciling {} accepted posts of {} shares", grouped(outcomes.accepted), parts.len());
            let dead_letters = kafka.map(|kafka| (kafka, names.dead_letter_topic.as_str()));
            let strictness =
                Strictness { may_lack_ids: true, is_own_store: false, clock_skew: options.documents.clock_skew };
            let places = Places { plan: parts[0].environment.load.plan(run), store, dead_letters };
            Some(reconcile(ledger, &sources.accepted_ids, places, strictness).await?)
        }
        None => None,
    };
    let began = parts.iter().map(|part| part.began).fold(f64::INFINITY, f64::min);
    let last_answer = parts.iter().map(|part| part.began + part.load_seconds).fold(0.0, f64::max);
    let drained_after = drained(parts).map(|drained| Duration::from_secs_f64((drained - last_answer).max(0.0)));
    let thresholds = match &options.thresholds[..] {
        [] => threshold::defaults(),
        given => given.to_vec(),
    };
    let evidence = RunEvidence {
        run,
        kind: Kind::Post,
        ended_early: parts.iter().any(|part| part.ended_early),
        answered,
        counted: None,
        generator: generator(parts, &tally),
        tally,
        elapsed: Duration::from_secs_f64((last_answer - began).max(0.0)),
        waited: drained_after,
        drained_after,
        lag_left,
        producer: Usage::of(largest(parts.iter().map(|part| part.producer))),
        consumer: Usage::default(),
        accept_to_store: Vec::new(),
        accept_to_visible: visible(parts),
        faults: parts
            .iter()
            .flat_map(|part| part.faults.iter().map(|fault| format!("share {}: {fault}", part.share)))
            .collect(),
        environment: environment(parts, sources.store.as_ref()).await?,
        series: series::merge(parts.iter().map(|part| (part.began - began, &part.stretches[..]))),
    };
    Ok(evidence.report(reconciled, &thresholds))
}

/// When the last share saw that nothing was left to store; `None` if one of them did not see it.
fn drained(parts: &[ShareReport]) -> Option<f64> {
    let times = parts.iter().map(|part| Some(part.began + part.load_seconds + part.drain_seconds?));
    times.collect::<Option<Vec<f64>>>().map(|times| times.into_iter().fold(0.0, f64::max))
}

/// The generators: if one was the limit, the whole says so.
fn generator(parts: &[ShareReport], tally: &Tally) -> GeneratorReport {
    let of = |part: &ShareReport| {
        let time = Duration::from_secs_f64;
        let Environment { cores, load, .. } = &part.environment;
        GeneratorReport::of(&part.tally, time(part.cpu_seconds), time(part.load_seconds), *cores, load.threads)
    };
    let generators: Vec<GeneratorReport> = parts.iter().map(of).collect();
    let whys: Vec<String> = parts
        .iter()
        .zip(&generators)
        .filter_map(|(part, generator)| Some(format!("share {}: {}", part.share, generator.why.as_ref()?)))
        .collect();
    GeneratorReport {
        cpu_share: generators.iter().map(|generator| generator.cpu_share).fold(0.0, f64::max),
        is_limit: !whys.is_empty(),
        why: (!whys.is_empty()).then(|| whys.join("; ")),
        ..GeneratorReport::of(tally, Duration::ZERO, Duration::ZERO, 1, 1)
    }
}

/// What was seen by all shares that looked for posts.
fn visible(parts: &[ShareReport]) -> AcceptToVisible {
    let mut seen = SeenPosts::default();
    let on = || parts.iter().filter(|part| part.visible_off.is_none());
    on().for_each(|part| seen.merge(&part.seen));
    match (on().next(), &parts[0].visible_off) {
        (None, Some(why)) => AcceptToVisible::off(why.clone()),
        (first, _) => AcceptToVisible::of(first.map_or(0.0, |part| part.sample_share), seen, 0),
    }
}

/// The shares have seen one producer, or one each: the one that used the most.
fn largest(used: impl Iterator<Item = Used>) -> Used {
    let most = |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::max);
    used.fold(Used::default(), |all, used| Used {
        cpu_seconds: most(all.cpu_seconds, used.cpu_seconds),
        memory_bytes: all.memory_bytes.max(used.memory_bytes),
    })
}

/// That of the first share, with the threads of all.
async fn environment(parts: &[ShareReport], store: Option<&StoreReader>) -> anyhow::Result<Environment> {
    let first = parts.iter().min_by(|one, other| one.began.total_cmp(&other.began)).context("there is no share")?;
    let environment = first.environment.clone();
    let threads = parts.iter().map(|part| part.environment.load.threads).sum();
    let store = match store {
        Some(store) => Some(store.version().await?),
        None => None,
    };
    Ok(Environment {
        stack: format!("{} shares of a run; {}", parts.len(), environment.stack),
        version: env!("CARGO_PKG_VERSION"),
        store,
        load: LoadSettings { share: None, threads, ..environment.load },
        ..environment
    })
}

#[cfg(test)]
mod tests;
