//! News that the view has not taken yet. A terminal that takes nothing, say because it is stopped with Ctrl-S, must not
//! make the lab's memory grow, nor hold up the load: when there are too many, the oldest are dropped. They are counted,
//! and so are the posts in them, so that the view's totals stay right.

use std::collections::VecDeque;

use super::message::News;
use crate::load::generator::tally::Tally;

/// The seconds of two minutes, of 480 kB each.
const MOST: usize = 128;

/// A queue of news.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    news: VecDeque<News>,
    /// How many were dropped, and what was counted in them.
    dropped: Option<(u64, Box<Tally>)>,
}

impl Waiting {
    /// Adds news, and drops the oldest if there are too many.
    pub(crate) fn add(&mut self, news: News) {
        self.news.push_back(news);
        if self.news.len() <= MOST {
            return;
        }
        let (count, uncounted) = self.dropped.get_or_insert_default();
        *count += 1;
        match self.news.pop_front() {
            Some(News::Second(second)) => uncounted.merge(&second.part),
            Some(News::LoadEnded(part)) => uncounted.merge(&part),
            _ => {}
        }
    }

    /// Returns all of them, after a note of those that were dropped, and is empty then.
    pub(crate) fn take(&mut self) -> Vec<News> {
        let dropped = self.dropped.take().map(|(count, uncounted)| News::Dropped(count, uncounted));
        dropped.into_iter().chain(self.news.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::load::generator::outcome::Outcome;
    use crate::pipeline::news::second::Second;
    use crate::pipeline::observer::Moment;

    #[test]
    fn what_nobody_takes_is_dropped_from_the_oldest_on_and_still_counted() {
        let mut waiting = Waiting::default();
        for n in 0..MOST as u64 + 2 {
            let (now, mut part) = (Instant::now(), Tally::default());
            part.record(Outcome::Rejected, now, now);
            let (elapsed, length) = (Duration::from_secs(n), Duration::from_secs(1));
            waiting.add(News::Second(Box::new(Second { elapsed, length, part, moment: Moment::default() })));
        }
        waiting.add(News::Line("the last".to_owned()));
        let news = waiting.take();
        assert_eq!(news.len(), MOST + 1);
        let News::Dropped(3, uncounted) = &news[0] else { panic!("{:?}", news[0]) };
        assert_eq!(uncounted.outcomes.rejected, 3);
        assert!(matches!(&news[1], News::Second(second) if second.elapsed.as_secs() == 3));
        assert!(matches!(&news[MOST], News::Line(line) if line == "the last"));
        assert!(waiting.take().is_empty());
    }
}
