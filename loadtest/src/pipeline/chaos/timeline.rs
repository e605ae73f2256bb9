//! What the pipeline did from moment to moment: when posts were accepted, and how large the lag was. Pure; times count
//! from the start of the load.

use std::time::Duration;

/// A stretch without an accepted post that is longer than this is a silence. The load must be much denser.
const SILENCE: Duration = Duration::from_millis(250);

/// A silence that starts within this time after a fault belongs to the fault: clients are still finding out.
const AFTERMATH: Duration = Duration::from_secs(1);

/// What was seen longer ago than this says nothing about now.
const FRESH: Duration = Duration::from_secs(1);

/// The record of a run.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    accepted: u64,
    /// When at least one more post was accepted, in order.
    accepts: Vec<Duration>,
    /// The lag, when it could be seen, in order.
    lags: Vec<(Duration, u64)>,
    /// How many records the group had finished, when that could be seen, in order.
    finished: Vec<(Duration, u64)>,
    /// When the load ended, if it was not stopped early: until then, posts must be accepted.
    load_end: Option<Duration>,
}

impl Timeline {
    /// Notes how many posts have been accepted until now.
    pub(crate) fn accepted(&mut self, now: Duration, count: u64) {
        if count > self.accepted {
            self.accepted = count;
            self.accepts.push(now);
        }
    }

    /// Notes the lag.
    pub(crate) fn lag(&mut self, now: Duration, lag: u64) {
        self.lags.push((now, lag));
    }

    /// Notes how many records are finished.
    pub(crate) fn finished(&mut self, now: Duration, count: u64) {
        self.finished.push((now, count));
    }

    /// Notes that no more posts are sent, because all faults are over.
    pub(crate) fn load_ended(&mut self, now: Duration) {
        self.load_end = Some(now);
    }

    /// The lag and the finished records at a time, if they were seen within the second before it.
    pub(crate) fn seen_at(&self, time: Duration) -> (Option<u64>, Option<u64>) {
        (latest(&self.lags, time), latest(&self.finished, time))
    }

    /// The longest time without an accepted post.
    pub(crate) fn longest_silence(&self) -> Duration {
        self.accepts.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// How long after the start of the fault posts were accepted again: zero if it did not silence the pipeline at all,
    /// `None` if they never were.
    pub(crate) fn accepted_again(&self, begin: Duration, over: Duration) -> Option<Duration> {
        let last = *self.accepts.last()?;
        let is_silent_until_the_end =
            self.load_end.is_some_and(|end| end > begin && end.saturating_sub(last) > SILENCE);
        if is_silent_until_the_end && last < over + AFTERMATH {
            return None;
        }
        let of_fault = |pair: &&[Duration]| pair[1] > begin && pair[0] < over + AFTERMATH;
        let mut silences = self.accepts.windows(2).filter(|pair| pair[1] - pair[0] > SILENCE);
        match silences.rfind(of_fault) {
            Some(pair) => Some(pair[1].saturating_sub(begin)),
            None if last <= begin => None,
            None => Some(Duration::ZERO),
        }
    }

    /// How long after the start of the fault the group had finished records again and the lag was down to `calm`, for
    /// the first time after the fault was over. Right after it the lag may still be small although nobody works.
    pub(crate) fn lag_gone(&self, begin: Duration, over: Duration, calm: u64) -> Option<Duration> {
        let works = self.works_since(over)?;
        let gone = self.lags.iter().find(|(at, lag)| *at >= works && *lag <= calm);
        gone.map(|(at, _)| *at - begin)
    }

    /// How long after the end of the fault posts were accepted again and the lag was gone; zero if both came before it,
    /// `None` if one of them never came.
    pub(crate) fn recovered(&self, begin: Duration, over: Duration, calm: u64) -> Option<Duration> {
        let later = self.accepted_again(begin, over)?.max(self.lag_gone(begin, over, calm)?);
        Some((begin + later).saturating_sub(over))
    }

    /// When the group was first seen to have finished more records than at this time.
    fn works_since(&self, since: Duration) -> Option<Duration> {
        let later = self.finished.partition_point(|(at, _)| *at <= since);
        let (_, before) = self.finished[..later].last().or(self.finished.first())?;
        self.finished[later..].iter().find(|(_, finished)| finished > before).map(|(at, _)| *at)
    }

    /// The largest lag.
    pub(crate) fn largest_lag(&self) -> u64 {
        self.lags.iter().map(|(_, lag)| *lag).max().unwrap_or_default()
    }

    /// Whether posts are accepted, the group finishes records and the lag is down to `calm`, all seen since this time.
    pub(crate) fn is_calm_since(&self, since: Duration, calm: u64) -> bool {
        let accepts = self.accepts.last().is_some_and(|last| *last > since);
        accepts && self.lag_gone(since, since, calm).is_some()
    }
}

fn latest(seen: &[(Duration, u64)], time: Duration) -> Option<u64> {
    let until = seen.partition_point(|(at, _)| *at <= time);
    let (at, value) = seen[..until].last()?;
    (time - *at <= FRESH).then_some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Posts every tenth of a second but for the silences, until 20 s.
    fn timeline(silences: &[(f64, f64)]) -> Timeline {
        let mut timeline = Timeline::default();
        for tick in 0..=200 {
            let now = f64::from(tick) / 10.0;
            if !silences.iter().any(|(begin, end)| now > *begin && now < *end) {
                timeline.accepted(seconds(now), tick as u64 + 1);
            }
        }
        timeline
    }

    #[test]
    fn a_fault_that_silences_nothing_costs_nothing() {
        let timeline = timeline(&[]);
        assert_eq!(timeline.accepted_again(seconds(5.0), seconds(6.0)), Some(Duration::ZERO));
        assert!(timeline.longest_silence() < SILENCE);
    }

    #[test]
    fn the_time_until_posts_are_accepted_again_counts_from_the_fault() {
        let timeline = timeline(&[(5.0, 9.0), (15.0, 16.0)]);
        assert_eq!(timeline.accepted_again(seconds(5.0), seconds(7.0)), Some(seconds(4.0)));
        // The silence began before this fault.
        assert_eq!(timeline.accepted_again(seconds(6.0), seconds(7.0)), Some(seconds(3.0)));
        assert_eq!(timeline.accepted_again(seconds(10.0), seconds(11.0)), Some(Duration::ZERO));
        assert_eq!(timeline.longest_silence(), seconds(4.0));
        assert_eq!(timeline.accepted_again(seconds(25.0), seconds(26.0)), None);
    }

    #[test]
    fn a_silence_that_lasts_until_the_end_of_the_load_is_no_recovery() {
        let mut timeline = timeline(&[(15.0, 99.0)]);
        assert_eq!(timeline.accepted_again(seconds(14.0), seconds(16.0)), Some(Duration::ZERO), "the load is not over");
        timeline.load_ended(seconds(15.2));
        assert_eq!(timeline.accepted_again(seconds(14.0), seconds(16.0)), Some(Duration::ZERO), "it ended meanwhile");
        timeline.load_ended(seconds(20.0));
        assert_eq!(timeline.accepted_again(seconds(14.0), seconds(16.0)), None);
        assert_eq!(timeline.accepted_again(seconds(5.0), seconds(6.0)), Some(Duration::ZERO), "of another fault");
    }

    #[test]
    fn a_recovery_counts_from_the_end_of_the_fault_and_needs_both_ends_of_the_pipeline() {
        let mut timeline = timeline(&[(5.0, 9.0)]);
        for (at, lag, finished) in [(4.0, 10, 50), (7.5, 900, 50), (8.0, 700, 60), (12.0, 90, 3_000)] {
            timeline.lag(seconds(at), lag);
            timeline.finished(seconds(at), finished);
        }
        let recovered = |begin, over, calm| timeline.recovered(seconds(begin), seconds(over), calm);
        assert_eq!(recovered(5.0, 7.0, 100), Some(seconds(5.0)), "the lag is gone at 12 s");
        assert_eq!(recovered(5.0, 7.0, 1_000), Some(seconds(2.0)), "posts are accepted again at 9 s");
        assert_eq!(recovered(5.0, 7.0, 10), None, "the lag is never gone");
        assert_eq!(recovered(10.0, 10.5, 100), Some(seconds(1.5)));
    }

    #[test]
    fn a_count_that_stands_still_is_silence() {
        let mut timeline = Timeline::default();
        for tick in 0..100 {
            timeline.accepted(seconds(f64::from(tick) / 10.0), 7);
        }
        assert_eq!(timeline.accepted_again(seconds(1.0), seconds(2.0)), None);
    }

    #[test]
    fn what_was_seen_long_ago_is_not_known() {
        let mut timeline = Timeline::default();
        timeline.lag(seconds(1.0), 5);
        timeline.lag(seconds(1.5), 7);
        timeline.finished(seconds(1.5), 90);
        assert_eq!(timeline.seen_at(seconds(0.9)), (None, None));
        assert_eq!(timeline.seen_at(seconds(1.2)), (Some(5), None));
        assert_eq!(timeline.seen_at(seconds(2.5)), (Some(7), Some(90)));
        assert_eq!(timeline.seen_at(seconds(2.6)), (None, None));
    }

    #[test]
    fn the_lag_is_gone_when_the_group_works_and_it_is_calm_after_the_fault() {
        let mut timeline = timeline(&[]);
        let seen = [(4.0, 10, 50), (6.0, 10, 70), (7.5, 20, 70), (8.0, 900, 70), (10.0, 2_000, 80), (12.0, 90, 3_000)];
        for (at, lag, finished) in seen {
            timeline.lag(seconds(at), lag);
            timeline.finished(seconds(at), finished);
        }
        // At 7.5 s the lag is small only because nobody works for no more than a moment.
        assert_eq!(timeline.lag_gone(seconds(5.0), seconds(7.0), 100), Some(seconds(7.0)));
        assert_eq!(timeline.lag_gone(seconds(5.0), seconds(5.5), 100), Some(seconds(1.0)));
        assert_eq!(timeline.lag_gone(seconds(5.0), seconds(13.0), 100), None);
        assert_eq!(timeline.largest_lag(), 2_000);
        assert!(timeline.is_calm_since(seconds(11.0), 100) && !timeline.is_calm_since(seconds(12.0), 100));
        assert!(!Timeline::default().is_calm_since(Duration::ZERO, 100));
    }
}
