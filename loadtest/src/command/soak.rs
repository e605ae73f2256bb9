//! `loadtest soak`: a run for hours that also judges whether memory or latency keep growing. Everything but that
//! judgement, the [`Drift`], is a [`run`].

use std::process::ExitCode;

use crate::base::exit::Unusable;
use crate::command::finish::finish;
use crate::command::options::SoakOptions;
use crate::command::run::{self, Proven};
use crate::pipeline::settings::Lookup;
use crate::report::drift::Drift;

/// A soak, from the start to the exit code.
pub(crate) async fn soak(options: SoakOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    if options.run.stages.is_some() {
        return Err(Unusable("a soak has a steady load: give it --rate instead of --stages".to_owned()).into());
    }
    let Proven { mut report, pipeline, directory } = run::prove(&options.run, lookup, "soak").await?;
    let drift = Drift::of(&report.series, report.load_seconds, options.limits());
    drift.verdicts().into_iter().for_each(|verdict| report.add(verdict));
    report.drift = Some(drift);
    finish(&report, pipeline, &directory).await
}
