//! The command line. The verbs are `run`, `find-max`, `tune`, `chaos`, `soak`, `submissions`, `merge`, `verify`,
//! `limits`, `up`, `show` and `compare`; without a verb the options are those of `run`.

use clap::{Args, Parser, Subcommand};
use contract::Kind;

pub(crate) use chaos::ChaosOptions;
pub(crate) use compare::CompareOptions;
pub(crate) use find_max::FindMaxOptions;
pub(crate) use limits::LimitsOptions;
pub(crate) use merge::MergeOptions;
pub(crate) use run::RunOptions;
pub(crate) use soak::SoakOptions;
pub(crate) use submissions::SubmissionsOptions;
pub(crate) use tune::TuneOptions;
pub(crate) use up::UpOptions;
use values::kind;
pub(crate) use verify::VerifyOptions;

mod access;
mod chaos;
mod compare;
mod documents;
mod find_max;
mod limits;
mod merge;
mod run;
mod soak;
mod stack;
mod submissions;
mod tune;
mod up;
mod values;
mod verify;

const EXPLANATION: &str = "\
Environment: KAFKA_BROKER and MONGO_URI name servers that run already, MONGOD a real mongod; \
KAFKA_JVM_PERFORMANCE_OPTS sets other options for the native broker's JVM; KAFKA_*, DLQ_TOPIC, LOG, \
PRODUCER_*, CONSUMER_* and the like are passed on to the producer and the consumer \
(see `producer --help`, `consumer --help`).

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 the start failed or the work could not be \
done, 99 a threshold or the ledger failed, 130 ended by a second Ctrl-C.";

const FIND_MAX_EXPLANATION: &str = "\
A probe sustains its rate if no post fails, at least 97 % of it is accepted in the measured time, p99 is within \
--slo (a post that was never sent is later than that), and the consumer's lag does not grow. The rate that 95 % of the \
probes sustain is confirmed by a run (--confirm), and lowered up to three times if the run does not sustain it. The \
report is find-max.json, and each such run has one of its own beside it.

Exit codes: 0 a rate was found and confirmed, and what was accepted is stored, 64 arguments or settings that cannot be \
used, 1 the start failed or the work could not be done, 99 nothing is sustained or confirmed, or a post is not stored \
as it was sent, 130 ended by a second Ctrl-C.";

const TUNE_EXPLANATION: &str = "\
The search starts from the settings in the environment, and from the defaults where those are others. Its results are \
tuned.env, tune.json and tune.html in the directory of --report.

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 the start failed or the work could not be \
done, 99 a post is missing, 130 ended by a second Ctrl-C.";

const SOAK_EXPLANATION: &str = "\
All options of `run` apply, and so do its thresholds. Growth fails the soak (99) if its whole 99 % interval is beyond \
the limit; a soak that is too short to tell says so (98): it has neither passed nor failed, so run it for longer.

Exit codes: 0 all is well and nothing grows, 64 arguments or settings that cannot be used, 1 the start failed or the \
work could not be done, 98 nothing failed, but the load was too short to tell whether anything grows, 99 a threshold, \
a growth or the ledger failed, 130 ended by a second Ctrl-C.";

const COMPARE_EXPLANATION: &str = "\
A verdict judges the whole interval of a change: better, worse, or no difference seen. Several runs on each side \
judge: their intervals are corrected for the number of figures, so that an unchanged build looks worse in any of \
them in at most one of twenty comparisons. A single run gives hints, from its stretches, and judges nothing but the \
ledger.

Exit codes: 0 no regression beyond the tolerance shows, 64 arguments that cannot be used or files that are not \
reports, 99 several runs show a regression beyond the tolerance, or more posts are missing, changed, duplicated or \
unexpected.";

/// Applies load to the pipeline and proves that every accepted post is stored exactly once.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, after_help = EXPLANATION, args_conflicts_with_subcommands = true)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Starts everything, applies load, waits until all is stored, reconciles and reports; the default
    #[command(after_help = EXPLANATION)]
    Run(RunOptions),
    /// Finds the largest rate that the pipeline sustains, with its confidence interval
    #[command(after_help = FIND_MAX_EXPLANATION)]
    FindMax(FindMaxOptions),
    /// Searches the services' settings for those that store the most posts a second, and shows what each of them is
    /// worth
    #[command(after_help = TUNE_EXPLANATION, mut_arg("vus", |vus| vus.default_value("64")))]
    Tune(TuneOptions),
    /// Applies load while servers and services are killed, frozen and cut off, and proves that nothing is lost or
    /// duplicated
    #[command(after_help = chaos::CHAOS_EXPLANATION)]
    Chaos(ChaosOptions),
    /// Runs for hours, and judges whether memory or latency keep growing
    #[command(mut_arg("duration", |duration| duration.default_value("1h")), after_help = SOAK_EXPLANATION)]
    Soak(SoakOptions),
    /// Applies load to the API of submissions, perhaps while its processes are killed, and proves that each ends once
    /// and as it must
    #[command(after_help = submissions::SUBMISSIONS_EXPLANATION)]
    Submissions(Box<SubmissionsOptions>),
    /// Merges what several generators have done with `run --share`, reconciles the whole, and reports
    #[command(after_help = EXPLANATION)]
    Merge(MergeOptions),
    /// Lets the ledger keep the books of a simulated run, and checks its counts and its memory
    #[command(hide = true)]
    CheckLedger(CheckLedgerOptions),
    /// Checks that every record that the consumer group has finished is stored or dead-lettered as it was sent, by
    /// anyone
    #[command(after_help = verify::VERIFY_EXPLANATION)]
    Verify(VerifyOptions),
    /// Measures what HTTP, Kafka and the store could do alone on this machine, and which share of it the pipeline
    /// reaches
    #[command(after_help = EXPLANATION)]
    Limits(LimitsOptions),
    /// Starts everything and stays up until Ctrl-C
    Up(UpOptions),
    /// Says where a post or an order is: stored, waiting, or dead-lettered and why
    Show(ShowOptions),
    /// Compares the reports of runs side by side and says which differences the data show
    #[command(after_help = COMPARE_EXPLANATION)]
    Compare(CompareOptions),
}

impl CommandLine {
    pub(crate) fn verb(self) -> Verb {
        self.verb.unwrap_or(Verb::Run(self.run))
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckLedgerOptions {
    /// How many posts the run has
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=2_000_000_000))]
    pub(crate) posts: u64,
    /// It fails above this much memory, in MB
    #[arg(long, value_name = "MB")]
    pub(crate) most_memory: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// The id of the post, or of the order, as in the answer to its request
    pub(crate) id: String,
    /// What it is: post or order
    #[arg(long, value_name = "KIND", default_value = "post", value_parser = kind)]
    pub(crate) kind: Kind,
    /// Where Kafka is [default: KAFKA_BROKER, else localhost:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka_broker: Option<String>,
    /// Where the documents are [default: MONGO_URI, else mongodb://localhost:27017/scalable-api]
    #[arg(long, value_name = "URI")]
    pub(crate) mongo_uri: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Verb, String> {
        let arguments = ["loadtest"].iter().chain(arguments);
        CommandLine::try_parse_from(arguments).map(CommandLine::verb).map_err(|error| error.to_string())
    }

    #[test]
    fn run_is_the_default_verb() {
        for arguments in [&["--vus", "64", "--think", "0"][..], &["run", "--vus", "64", "--think", "0"]] {
            let Ok(Verb::Run(options)) = parse(arguments) else { panic!("{arguments:?} is not run") };
            assert_eq!((options.load.vus, options.think), (64, Duration::ZERO));
            assert_eq!(options.duration, Duration::from_secs(30));
        }
        let Ok(Verb::Soak(options)) = parse(&["soak", "--rate", "9"]) else { panic!("no soak") };
        assert_eq!((options.run.duration, options.run.rate), (Duration::from_secs(3_600), Some(9.0)));
        assert!(matches!(parse(&["up", "--stack-only"]), Ok(Verb::Up(UpOptions { stack_only: true, .. }))));
    }

    #[test]
    fn tune_has_fewer_users_than_a_run() {
        let Ok(Verb::Tune(options)) = parse(&["tune", "--keep", "KAFKA_PARTITIONS,PRODUCER_LINGER"]) else { panic!() };
        assert_eq!((options.load.vus, options.keep.len()), (64, 2));
        let Ok(Verb::FindMax(options)) = parse(&["find-max", "--vus", "50"]) else { panic!() };
        assert_eq!((options.load.vus, options.slo), (50, Duration::from_millis(500)));
        assert_eq!(options.confirm, Duration::from_secs(120));
    }

    #[test]
    fn what_cannot_be_used_is_an_error() {
        for (arguments, message) in [
            (&["--vus", "0"][..], "0 is not in 1..=100000"),
            (&["--rate", "0"], "must be a number of posts per second"),
            (&["--rate", "9", "--think", "1s"], "cannot be used with"),
            (&["chaos", "--brokers", "2"], "must be 1 or 3"),
            (&["chaos", "--faults", "earthquake"], "there is no fault `earthquake`"),
            (&["--duration", "30"], "must be a number with its unit"),
            (&["--stages", "0s:5"], "at least two points"),
            (&["--stages", "0s:5,1s:5", "--duration", "1s"], "cannot be used with"),
            (&["--no-reconcile"], "--target"),
            (&["--content-field", "text"], "--match-field"),
            (&["--no-reconcile", "--target", "http://a", "--match-field", "name"], "cannot be used with"),
            (&["--content-length", "9"], "from 10 to 1000"),
            (&["--hostile-share", "2%"], "must be a share from 0 to 1"),
            (&["--invalid-share", "1.1"], "must be a share from 0 to 1"),
            (&["--retry-share", "0.1", "--repeat", "2"], "cannot be used with"),
            (&["--threshold", "p95<2000"], "a time needs its unit"),
            (&["--target", "http://a", "--share", "1/2"], "--run"),
            (&["--target", "http://a", "--run", "00ab12cd"], "--share"),
            (&["--run", "00ab12cd", "--share", "1/2"], "--target"),
            (&["--target", "http://a", "--run", "00ab12cd", "--share", "3/2"], "such as 2/3"),
            (&["--target", "http://a", "--run", "7", "--share", "1/2"], "eight hexadecimal digits"),
            (&["merge"], "<DIR>"),
            (&["verify", "--topic"], "a value is required"),
            (&["verify", "--topic", ""], "a value is required"),
            (&["--duration", "0s"], "must be more than zero"),
            (&["find-max", "--slo", "500"], "must be a number with its unit"),
            (&["find-max", "--repeats", "0"], "0 is not in 1..=1000"),
            (&["tune", "--keep", "KAFKA_TOPIC"], "must be of PRODUCER_LINGER, PRODUCER_BATCH_BYTES"),
            (&["tune", "--target", "http://a"], "unexpected argument"),
            (&["show", "42", "--kind", "thing"], "these are: post, order"),
            (&["--kind", "orders"], "these are: post, order"),
            (&["--bulk", "0"], "0 is not in 1..=10000"),
            (&["--keys", "0"], "0 is not in"),
            (&["--records", "0"], "0 is not in"),
            (&["soak", "--max-memory-growth", "5"], "must be megabytes an hour, such as 5MB/h"),
            (&["soak", "--max-latency-growth", "5%"], "must be percent an hour, such as 10%/h"),
            (&["compare"], "<REPORT>"),
            (&["compare", "a", "b", "--tolerance", "0.05"], "must be a percentage, such as 5%"),
            (&["--warm-up", "5"], "must be 0 or a number with its unit"),
            (&["chaos", "--warm-up", "5s"], "unexpected argument"),
            (&["--vus", "3", "up"], "cannot be used with"),
            (&["submissions", "--database", "mysql"], "possible values: sqlite, postgres"),
            (&["submissions", "--hold", "1s"], "--faults"),
            (&["submissions", "--threshold", "p99<1s"], "it must start with submit_"),
        ] {
            let error = parse(arguments).expect_err("it cannot be used");
            assert!(error.contains(message), "{error}");
        }
    }
}
