//! What a run of submissions must satisfy.

use std::fmt;
use std::str::FromStr;

use super::SubmissionsReport;
use crate::ledger::submissions::findings::FindingKind;
use crate::pipeline::submissions::queue::QueueKind;
use crate::report::threshold::ThresholdVerdict;
use crate::report::threshold::condition::{Condition, Relation};
use crate::report::threshold::statistic::{Statistic, TimeUnit};

/// This applies to a run without faults, unless thresholds are given.
const DEFAULT: &str = "failed<1%";

/// This applies to every run, unless there is another one of the same measure: a worker that lives must not count as
/// gone, except where the machine is too slow for a moment.
const OF_LOSSES: &str = "unexplained<1%";

/// This applies to a run in which workers were killed or frozen, unless there is another one of the same measure.
const OF_FAULTS: &str = "rerun<5s";

/// The same with Kafka as the queue: what is announced again may come into a partition of the worker that is gone, and
/// waits there for the end of its session, 6 s.
const OF_FAULTS_WITH_KAFKA: &str = "rerun<11s";

/// A condition on one measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SubmissionThreshold {
    measure: Measure,
    relation: Relation,
    limit: f64,
    /// As it was given, without spaces.
    text: String,
}

/// What a threshold looks at, in the unit of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Submit(Statistic, TimeUnit),
    Status(Statistic, TimeUnit),
    Final(Statistic, TimeUnit),
    Drain(TimeUnit),
    /// The longest time until the work of a killed or frozen worker ran again. Without such work nothing was measured.
    Rerun(TimeUnit),
    /// In percent.
    Failed,
    /// Attempts that lost their worker although nothing was done to one, in percent of the submissions.
    Unexplained,
    Accepted,
    Rate,
    LateFinishes,
}

/// Judges a run by these thresholds and by those that always apply.
pub(crate) fn judge(given: &[SubmissionThreshold], report: &SubmissionsReport) -> Vec<ThresholdVerdict> {
    let mut verdicts: Vec<ThresholdVerdict> = given.iter().map(|threshold| threshold.judge(report)).collect();
    if given.is_empty() && report.faults.is_empty() {
        verdicts.push(known(DEFAULT).judge(report));
    }
    let is_rerun_given = given.iter().any(|threshold| matches!(threshold.measure, Measure::Rerun(_)));
    if !is_rerun_given && report.reruns.is_some() {
        let of_faults = match report.setting.queue {
            QueueKind::Database => OF_FAULTS,
            QueueKind::Kafka => OF_FAULTS_WITH_KAFKA,
        };
        verdicts.push(known(of_faults).judge(report));
    }
    if !given.iter().any(|threshold| threshold.measure == Measure::Unexplained) {
        verdicts.push(known(OF_LOSSES).judge(report));
    }
    let accepted = report.sent.accepted as f64;
    verdicts.push(ThresholdVerdict { threshold: "accepted>0".to_owned(), value: accepted, holds: accepted > 0.0 });
    let findings = FindingKind::ALL.map(|kind| (kind.name(), report.count(kind)));
    let others = [("wrong_answers", report.sent.wrong_answers), ("troubles", report.troubles.len() as u64)];
    let none = findings.into_iter().chain(others);
    verdicts.extend(none.map(|(name, count)| ThresholdVerdict::none(&format!("{name}==0"), count)));
    verdicts
}

fn known(text: &str) -> SubmissionThreshold {
    text.parse().expect("a test reads them all")
}

impl SubmissionThreshold {
    /// Whether it is about what becomes of the work of killed workers.
    pub(crate) fn is_of_faults(&self) -> bool {
        matches!(self.measure, Measure::Rerun(_))
    }

    fn judge(&self, report: &SubmissionsReport) -> ThresholdVerdict {
        let value = self.measure.value(report);
        ThresholdVerdict { threshold: self.text.clone(), value, holds: self.relation.holds(value, self.limit) }
    }
}

impl Measure {
    /// What was measured; infinite where nothing was.
    fn value(self, report: &SubmissionsReport) -> f64 {
        let times = &report.times;
        let of = |times: Option<super::Percentiles>, statistic: Statistic, unit: TimeUnit| {
            times.map_or(f64::INFINITY, |times| unit.of(statistic.of(&times.all)))
        };
        match self {
            Measure::Submit(statistic, unit) => of(times.submit, statistic, unit),
            Measure::Status(statistic, unit) => of(times.status, statistic, unit),
            Measure::Final(statistic, unit) => of(times.accept_to_final, statistic, unit),
            Measure::Drain(unit) => {
                let seconds = report.drain_seconds.map(std::time::Duration::from_secs_f64);
                seconds.map_or(f64::INFINITY, |time| unit.of(time))
            }
            Measure::Rerun(unit) => report.longest_rerun().map_or(f64::INFINITY, |time| unit.of(time)),
            Measure::Failed => {
                let failed = (report.sent.unknown + report.sent.not_sent) as f64;
                let sent = failed + report.sent.accepted as f64;
                if sent > 0.0 { failed / sent * 100.0 } else { 0.0 }
            }
            Measure::Unexplained => report.unexplained_losses as f64 / report.found.rows.max(1) as f64 * 100.0,
            Measure::Accepted => report.sent.accepted as f64,
            Measure::Rate => report.sent.accepted_per_second,
            Measure::LateFinishes => {
                report.counted.get("submissions_late_finishes_total").map_or(0.0, |count| *count as f64)
            }
        }
    }

    /// The measure of this name with the unit of its limit.
    fn named(name: &str, unit: &str) -> Result<Self, String> {
        let time = || TimeUnit::named(unit).ok_or(format!("a time needs its unit, such as {name}<2000ms or {name}<2s"));
        let plain = |measure| if unit.is_empty() { Ok(measure) } else { Err(format!("{name} takes a number alone")) };
        type OfTime = fn(Statistic, TimeUnit) -> Measure;
        let of_times: [(&str, OfTime); 3] =
            [("submit_", Measure::Submit), ("status_", Measure::Status), ("final_", Measure::Final)];
        for (prefix, measure) in of_times {
            if let Some(statistic) = name.strip_prefix(prefix).and_then(Statistic::named) {
                return time().map(|unit| measure(statistic, unit));
            }
        }
        match name {
            "drain" => time().map(Measure::Drain),
            "rerun" => time().map(Measure::Rerun),
            "failed" if unit == "%" => Ok(Measure::Failed),
            "unexplained" if unit == "%" => Ok(Measure::Unexplained),
            "unexplained" => Err("unexplained losses are limited in percent, such as unexplained<1%".to_owned()),
            "failed" => Err("failures are limited in percent, such as failed<1%".to_owned()),
            "accepted" => plain(Measure::Accepted),
            "rate" => plain(Measure::Rate),
            "late_finishes" => plain(Measure::LateFinishes),
            _ => {
                Err("it must start with submit_, status_ or final_ and p50, p90, p95, p99, p99.9, max or avg, or with \
                      failed, unexplained, accepted, rate, drain, rerun or late_finishes"
                    .to_owned())
            }
        }
    }
}

impl FromStr for SubmissionThreshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text: String = text.split_whitespace().collect();
        let Condition { name, relation, limit, unit } = Condition::read(&text)?;
        Ok(Self { measure: Measure::named(name, unit)?, relation, limit, text })
    }
}

impl fmt::Display for SubmissionThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::submissions::findings::Findings;
    use crate::ledger::submissions::reruns::Rerun;
    use crate::report::submissions::tests::example;
    use crate::report::submissions::wrong;

    fn failing(given: &[&str], report: &SubmissionsReport) -> Vec<String> {
        let given: Vec<SubmissionThreshold> = given.iter().map(|text| text.parse().unwrap()).collect();
        let verdicts = judge(&given, report).into_iter();
        verdicts.filter(|verdict| !verdict.holds).map(|verdict| verdict.threshold).collect()
    }

    #[test]
    fn every_measure_is_judged() {
        for (holds, fails) in [
            ("submit_p50<51ms", "submit_p50<50ms"),
            ("status_p99<=1s", "status_p99<90ms"),
            ("final_max<1s", "final_avg>1s"),
            ("drain<1s", "drain<500ms"),
            ("rerun<2s", "rerun<1900ms"),
            ("failed<5%", "failed<4%"),
            ("unexplained<0.2%", "unexplained<0.19%"),
            ("accepted==4000", "accepted>4000"),
            ("rate>=400", "rate>400"),
            ("late_finishes>4", "late_finishes==0"),
        ] {
            assert_eq!(failing(&[holds, fails], &example()), [fails]);
        }
    }

    #[test]
    fn what_always_applies_applies() {
        let mut report = example();
        assert_eq!(failing(&[], &report), [""; 0], "failures are what faults do");
        report.unexplained_losses = 41;
        assert_eq!(failing(&[], &report), ["unexplained<1%"]);
        assert_eq!(failing(&["unexplained<2%"], &report), [""; 0]);
        report.unexplained_losses = 0;
        report.faults[0].rerun.as_mut().unwrap().longest_ms = 5_000;
        assert_eq!(failing(&[], &report), ["rerun<5s"]);
        assert_eq!(failing(&["rerun<6s"], &report), [""; 0]);
        report.setting.queue = QueueKind::Kafka;
        assert_eq!(failing(&[], &report), [""; 0]);
        report.faults[0].rerun.as_mut().unwrap().longest_ms = 11_000;
        assert_eq!(failing(&[], &report), ["rerun<11s"]);
        (report.faults, report.reruns) = (Vec::new(), None);
        assert_eq!(failing(&[], &report), ["failed<1%"]);
        report.sent.accepted = 0;
        report.troubles.push("a process ended".to_owned());
        assert_eq!(failing(&["failed<=100%"], &report), ["accepted>0", "troubles==0"]);
    }

    #[test]
    fn kills_of_workers_that_held_no_work_prove_nothing() {
        let mut report = example();
        report.faults[0].rerun = Some(Rerun::default());
        report.reruns = Some(0);
        assert_eq!(failing(&[], &report), ["rerun<5s"]);
        assert_eq!(failing(&["rerun<30s"], &report), ["rerun<30s"]);
        let held = example().faults.remove(0);
        report.faults.push(held);
        assert_eq!(failing(&[], &report), [""; 0], "one of them did");
    }

    #[test]
    fn each_finding_fails_the_run() {
        for kind in FindingKind::ALL {
            let mut findings = Findings::default();
            findings.add(kind, None, "planted");
            let report = SubmissionsReport { wrong: wrong(&findings), ..example() };
            assert_eq!(failing(&[], &report), [format!("{}==0", kind.name())]);
        }
        let mut report = example();
        report.sent.wrong_answers = 1;
        assert_eq!(failing(&[], &report), ["wrong_answers==0"]);
    }

    #[test]
    fn what_is_no_threshold_says_why() {
        for (text, why) in [
            ("submit_p50", "it must compare"),
            ("submit_p50<5", "a time needs its unit"),
            ("p50<5ms", "it must start with"),
            ("failed<5", "in percent"),
            ("unexplained<5", "in percent"),
            ("rate>5ms", "a number alone"),
            ("rerun<ms", "it must end with a number"),
        ] {
            let error = text.parse::<SubmissionThreshold>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
