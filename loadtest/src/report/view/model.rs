//! What the view shows, made from the news alone. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::headline::Headline;
use super::heat::Column;
use crate::base::text::per_second;
use crate::load::generator::latencies::LatencyHistograms;
use crate::load::generator::tally::{Outcomes, Tally};
use crate::pipeline::news::{News, Second};
use crate::pipeline::observer::Moment;

/// More seconds than any terminal has columns.
const COLUMNS: usize = 600;

/// The number of messages kept; the last of them are shown.
const MESSAGES: usize = 1_000;

/// A run so far.
#[derive(Debug, Clone)]
pub(crate) struct ViewModel {
    pub(crate) headline: Headline,
    /// From the start of the load.
    pub(crate) elapsed: Duration,
    /// The current work after the load; `None` while the load lasts.
    pub(crate) status: Option<String>,
    /// Of the last second.
    pub(crate) rates: Rates,
    /// Of the last second in which a post was accepted.
    pub(crate) last: ShownLatencies,
    /// Everything that was counted.
    pub(crate) total: Tally,
    pub(crate) lag: Option<u64>,
    /// Posts stored, as the consumer reports.
    pub(crate) stored: Option<u64>,
    pub(crate) columns: VecDeque<Column>,
    /// Faults that are on, with their durations.
    pub(crate) faults: Vec<(&'static str, Duration)>,
    messages: VecDeque<String>,
    /// When the stored posts were last known.
    stored_at: Option<(Duration, u64)>,
}

/// Posts per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) sent: f64,
    pub(crate) accepted: f64,
    pub(crate) stored: Option<f64>,
}

/// p50, p95, p99 and the longest of the accepted posts; zero without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ShownLatencies(pub(crate) [Duration; 4]);

impl ShownLatencies {
    pub(crate) fn of(latencies: &LatencyHistograms) -> Self {
        let at = |quantile| Duration::from_micros(latencies.accepted_us.value_at_quantile(quantile));
        Self([0.50, 0.95, 0.99, 1.0].map(at))
    }
}

impl ViewModel {
    /// The model before the first second.
    pub(crate) fn new(headline: Headline) -> Self {
        Self {
            headline,
            elapsed: Duration::ZERO,
            status: None,
            rates: Rates::default(),
            last: ShownLatencies::default(),
            total: Tally::default(),
            lag: None,
            stored: None,
            columns: VecDeque::new(),
            faults: Vec::new(),
            messages: VecDeque::new(),
            stored_at: None,
        }
    }

    /// Takes in news.
    pub(crate) fn note(&mut self, news: News) {
        match news {
            News::Line(text) => self.say(&text),
            News::Status(text) => self.status = Some(text),
            News::Second(second) => self.second(&second),
            News::LoadEnded(part) => {
                self.total.merge(&part);
                self.status.get_or_insert("the load has ended".to_owned());
                (self.rates.sent, self.rates.accepted) = (0.0, 0.0);
            }
            News::Dropped(count, uncounted) => {
                self.total.merge(&uncounted);
                self.say(&format!("{count} updates are not shown: the terminal was too slow"));
            }
            News::Draining(elapsed, moment) => self.moment(elapsed, moment),
            News::FaultBegins(name, hold) => {
                self.say(&format!("fault: {name}, for {:.1} s", hold.as_secs_f64()));
                self.faults.push((name, hold));
            }
            News::FaultOver(name) => {
                if let Some(index) = self.faults.iter().position(|(on, _)| *on == name) {
                    self.faults.remove(index);
                }
            }
        }
    }

    /// All messages, in order.
    pub(crate) fn messages(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.messages.iter().map(String::as_str)
    }

    /// The counts so far.
    pub(crate) fn outcomes(&self) -> Outcomes {
        self.total.outcomes
    }

    fn second(&mut self, second: &Second) {
        let Second { elapsed, length, part, moment } = second;
        self.rates.sent = per_second(part.begun, *length);
        self.rates.accepted = per_second(part.outcomes.accepted, *length);
        let latencies = part.latencies_with_warm_up();
        if !latencies.accepted_us.is_empty() {
            self.last = ShownLatencies::of(&latencies);
        }
        self.total.merge(part);
        let column = Column::of(&latencies.accepted_us, part.outcomes.failed() > 0, !self.faults.is_empty());
        self.columns.push_back(column);
        if self.columns.len() > COLUMNS {
            self.columns.pop_front();
        }
        self.moment(*elapsed, *moment);
    }

    fn moment(&mut self, elapsed: Duration, moment: Moment) {
        self.elapsed = elapsed;
        self.lag = moment.lag;
        self.rates.stored = None;
        if let Some(stored) = moment.stored {
            let (then, stored_then) = self.stored_at.replace((elapsed, stored)).unwrap_or_default();
            let more = stored.saturating_sub(stored_then);
            self.rates.stored = Some(per_second(more, elapsed.saturating_sub(then)));
            self.stored = Some(stored);
        }
    }

    fn say(&mut self, text: &str) {
        for line in text.lines() {
            self.messages.push_back(line.to_owned());
        }
        let surplus = self.messages.len().saturating_sub(MESSAGES);
        self.messages.drain(..surplus);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Instant;

    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::{Outcome, UnknownCause};
    use crate::report::environment::LoadSettings;
    use crate::report::run::tests::example;

    /// News of a second with these latencies, in milliseconds.
    pub(crate) fn second(elapsed: u64, latencies_ms: &[u64], stored: u64) -> News {
        let (now, mut part) = (Instant::now(), Tally::default());
        for latency in latencies_ms {
            part.record(Outcome::Accepted(PostId::fresh()), now, now + Duration::from_millis(*latency));
        }
        part.begun = latencies_ms.len() as u64;
        let moment = Moment { lag: Some(7), stored: Some(stored), ..Moment::default() };
        let (elapsed, length) = (Duration::from_secs(elapsed), Duration::from_secs(1));
        News::Second(Box::new(Second { elapsed, length, part, moment }))
    }

    pub(crate) fn model() -> ViewModel {
        let load: LoadSettings = example().environment.load;
        ViewModel::new(Headline::of("00ab12cd", &load))
    }

    #[test]
    fn seconds_add_up() {
        let mut model = model();
        assert_eq!((&model.headline.name[..], &model.headline.load[..]), ("run 00ab12cd", "300 users, think time 1 s"));
        model.note(second(1, &[3, 4, 50], 0));
        model.note(second(3, &[3], 2));
        assert_eq!((model.outcomes().accepted, model.columns.len(), model.lag), (4, 2, Some(7)));
        assert_eq!(model.rates, Rates { sent: 1.0, accepted: 1.0, stored: Some(1.0) });
        assert_eq!(model.last.0.map(|latency| latency.as_millis()), [3; 4]);
        model.note(second(4, &[], 2));
        assert_eq!(model.last.0[0].as_millis(), 3, "of a second with posts");
    }

    #[test]
    fn what_comes_after_the_load_is_shown() {
        let mut model = model();
        model.note(second(1, &[3], 0));
        let mut rest = Tally::default();
        rest.record(Outcome::Unknown(UnknownCause::TimedOut), Instant::now(), Instant::now());
        model.note(News::LoadEnded(Box::new(rest)));
        assert_eq!((model.status.as_deref(), model.outcomes().unknown()), (Some("the load has ended"), 1));
        model.note(News::Status("waiting".to_owned()));
        let moment = Moment { stored: Some(1), ..Moment::default() };
        model.note(News::Draining(Duration::from_secs(2), moment));
        assert_eq!((model.status.as_deref(), model.lag, model.stored), (Some("waiting"), None, Some(1)));
        assert_eq!(model.rates, Rates { sent: 0.0, accepted: 0.0, stored: Some(1.0) });
    }

    #[test]
    fn faults_are_on_until_they_are_over() {
        let mut model = model();
        model.note(News::FaultBegins("store-kill", Duration::from_secs(2)));
        model.note(News::FaultBegins("rebalance", Duration::from_secs(5)));
        model.note(second(1, &[3], 0));
        model.note(News::FaultOver("store-kill"));
        assert_eq!(model.faults, [("rebalance", Duration::from_secs(5))]);
        assert!(model.columns[0].has_fault);
        assert_eq!(model.messages().next(), Some("fault: store-kill, for 2.0 s"));
    }

    #[test]
    fn dropped_news_is_counted_and_reported() {
        let (mut model, mut uncounted) = (model(), Tally::default());
        uncounted.record(Outcome::Rejected, Instant::now(), Instant::now());
        model.note(second(1, &[3], 0));
        model.note(News::Dropped(7, Box::new(uncounted)));
        assert_eq!((model.outcomes().accepted, model.outcomes().rejected, model.columns.len()), (1, 1, 1));
        assert!(model.messages().next().is_some_and(|message| message.starts_with("7 updates are not shown")));
    }

    #[test]
    fn messages_are_bounded() {
        let mut model = model();
        (0..2_000).for_each(|n| model.note(News::Line(format!("{n}\nand more"))));
        assert_eq!((model.messages().count(), model.messages().next()), (1_000, Some("1500")));
    }
}
