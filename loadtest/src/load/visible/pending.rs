//! What to look for next, and what counts: the pure core of the sampling. A post is looked for at once, then every
//! [`INTERVAL`], and, when it is older, whenever its age has grown by a 32nd: so a post that waits for long costs few
//! look-ups, and every time is too long by at most [`INTERVAL`] plus a 32nd of itself.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use contract::PostId;

use super::seen::SeenPosts;

/// Shortest time between two look-ups.
pub(crate) const INTERVAL: Duration = Duration::from_millis(20);

/// At most this many look-ups within a post's age.
pub(crate) const LOOKS_PER_AGE: u32 = 32;

/// At most this many posts are looked for at once.
const MOST_PER_LOOK: usize = 1_000;

/// After this time a post is no longer looked for; it counts as not seen.
const DEADLINE: Duration = Duration::from_secs(300);

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Wanted {
    /// The document with this id.
    Document(PostId),
    /// This record of this user, or a later one of its key.
    State { n: u64, vu: u32 },
}

/// A post that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SampledPost {
    pub(crate) id: Wanted,
    /// When the answer that accepted it came.
    pub(crate) accepted: Instant,
}

/// The posts that were not seen yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// By when to look for each of them.
    waiting: BTreeMap<(Instant, Wanted), SampledPost>,
    seen: SeenPosts,
}

impl Pending {
    /// Adds a post, to look for at once.
    pub(crate) fn add(&mut self, sample: SampledPost) {
        self.waiting.insert((sample.accepted, sample.id), sample);
    }

    /// Takes the posts that are due for a look-up, the earliest first; `None` if there are none.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Vec<SampledPost>> {
        let mut due = Vec::new();
        while due.len() < MOST_PER_LOOK
            && let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        (!due.is_empty()).then_some(due)
    }

    /// Takes all posts, divided into look-ups.
    pub(crate) fn left(&mut self) -> Vec<Vec<SampledPost>> {
        let left: Vec<SampledPost> = std::mem::take(&mut self.waiting).into_values().collect();
        left.chunks(MOST_PER_LOOK).map(<[SampledPost]>::to_vec).collect()
    }

    /// These posts were looked for at `asked_at`, and the store's answer came at `answered_at`.
    pub(crate) fn looked(
        &mut self,
        asked: Vec<SampledPost>,
        found: &HashSet<Wanted>,
        asked_at: Instant,
        answered_at: Instant,
    ) {
        self.seen.looks += 1;
        for sample in asked {
            if found.contains(&sample.id) {
                self.seen.record(answered_at.saturating_duration_since(sample.accepted));
            } else {
                self.look_again(sample, asked_at);
            }
        }
    }

    /// The look-up of these posts at `asked_at` got no answer from the store.
    pub(crate) fn failed(&mut self, asked: Vec<SampledPost>, asked_at: Instant) {
        self.seen.failed_looks += 1;
        asked.into_iter().for_each(|sample| self.look_again(sample, asked_at));
    }

    /// The end: posts that were not seen by now count as not seen.
    pub(crate) fn finish(mut self) -> SeenPosts {
        self.seen.not_seen += self.waiting.len() as u64;
        self.seen
    }

    fn look_again(&mut self, sample: SampledPost, asked_at: Instant) {
        let age = asked_at.saturating_duration_since(sample.accepted);
        if age >= DEADLINE {
            self.seen.not_seen += 1;
        } else {
            let due = asked_at + INTERVAL.max(age / LOOKS_PER_AGE);
            self.waiting.insert((due, sample.id), sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Looks every [`INTERVAL`] until all is decided. Returns the posts of each look-up.
    fn run(
        pending: &mut Pending,
        start: Instant,
        visible: impl Fn(Wanted) -> Option<Instant>,
    ) -> Vec<Vec<SampledPost>> {
        let (mut now, mut looks) = (start, Vec::new());
        while !pending.waiting.is_empty() {
            while let Some(asked) = pending.due(now) {
                looks.push(asked.clone());
                let is_there = |id: &Wanted| visible(*id).is_some_and(|since| since <= now);
                let found = asked.iter().map(|sample| sample.id).filter(is_there).collect();
                pending.looked(asked, &found, now, now);
            }
            // Nothing happens at the ticks until the next one is due.
            let next = pending.waiting.first_key_value().map_or(now, |((due, _), _)| *due);
            let ticks = next.saturating_duration_since(now).as_nanos().div_ceil(INTERVAL.as_nanos()).max(1);
            now += INTERVAL * ticks as u32;
        }
        looks
    }

    fn id(number: usize) -> Wanted {
        Wanted::Document(uuid::Uuid::from_u128(number as u128).into())
    }

    fn number(id: Wanted) -> usize {
        match id {
            Wanted::Document(id) => id.uuid().as_u128() as usize,
            Wanted::State { n, .. } => n as usize,
        }
    }

    proptest! {
        #[test]
        fn a_time_is_too_long_by_the_resolution_at_most(
            accepted_ms in 0_u64..1_000, visible_after_ms in 0_u64..290_000,
        ) {
            let (start, milliseconds) = (Instant::now(), Duration::from_millis);
            let sample = SampledPost { id: id(7), accepted: start + milliseconds(accepted_ms) };
            let visible = sample.accepted + milliseconds(visible_after_ms);
            let mut pending = Pending::default();
            pending.add(sample);
            let looks = run(&mut pending, start, |_| Some(visible)).len();
            let seen = pending.finish();
            prop_assert_eq!((seen.seen(), seen.not_seen), (1, 0));
            let time = seen.time(1.0).unwrap();
            let least = milliseconds(visible_after_ms);
            let most = least + INTERVAL + time / LOOKS_PER_AGE;
            // Three digits are what the histogram keeps.
            let digits = time / 1_000;
            prop_assert!(time + digits >= least && time <= most + digits, "{:?} of {:?}", time, least);
            prop_assert!(looks <= 32 + 32 * 8, "{} looks", looks);
        }

        #[test]
        fn every_post_is_seen_or_not(
            posts in proptest::collection::vec((0_u64..5_000, proptest::option::of(0_u64..400_000)), 1..12),
        ) {
            let start = Instant::now();
            let mut pending = Pending::default();
            let mut visible = Vec::new();
            for (number, (accepted_ms, visible_after_ms)) in posts.iter().enumerate() {
                let accepted = start + Duration::from_millis(*accepted_ms);
                pending.add(SampledPost { id: id(number), accepted });
                visible.push(visible_after_ms.map(|after| accepted + Duration::from_millis(after)));
            }
            run(&mut pending, start, |id| visible[number(id)]);
            let seen = pending.finish();
            prop_assert_eq!(seen.seen() + seen.not_seen, posts.len() as u64);
            let never = posts.iter().filter(|(_, after)| after.is_none()).count() as u64;
            let in_time = posts.iter().filter(|(_, after)| after.is_some_and(|ms| ms < 300_000)).count() as u64;
            prop_assert!(seen.not_seen >= never && seen.seen() >= in_time);
        }

        #[test]
        fn what_is_left_at_the_end_is_looked_for_once_more(count in 0_usize..2_100, there in 0_usize..2_100) {
            let start = Instant::now();
            let mut pending = Pending::default();
            (0..count).for_each(|number| pending.add(SampledPost { id: id(number), accepted: start }));
            for asked in pending.left() {
                let ids = asked.iter().map(|sample| sample.id);
                let found = ids.filter(|id| number(*id) < there).collect();
                pending.looked(asked, &found, start, start + INTERVAL);
            }
            let seen = pending.finish();
            let expected = there.min(count) as u64;
            prop_assert_eq!((seen.seen(), seen.not_seen), (expected, count as u64 - expected));
            prop_assert_eq!(seen.looks, count.div_ceil(MOST_PER_LOOK) as u64);
        }
    }

    #[test]
    fn many_posts_need_several_look_ups() {
        let (start, mut pending) = (Instant::now(), Pending::default());
        (0..2_500).for_each(|number| pending.add(SampledPost { id: id(number), accepted: start }));
        let looks: Vec<usize> = run(&mut pending, start, |_| Some(start)).iter().map(Vec::len).collect();
        assert_eq!(looks, [1_000, 1_000, 500]);
    }

    #[test]
    fn a_failed_look_up_is_repeated() {
        let (start, mut pending) = (Instant::now(), Pending::default());
        let sample = SampledPost { id: id(1), accepted: start };
        pending.add(sample);
        let asked = pending.due(start).unwrap();
        pending.failed(asked, start);
        assert_eq!(pending.due(start), None);
        let later = start + INTERVAL;
        assert_eq!(pending.due(later), Some(vec![sample]));
        pending.looked(vec![sample], &[sample.id].into(), later, later);
        let seen = pending.finish();
        assert_eq!((seen.seen(), seen.not_seen, seen.looks, seen.failed_looks), (1, 0, 1, 1));
    }
}
