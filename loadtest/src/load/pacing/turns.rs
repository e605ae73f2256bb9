//! Which user sends the next post, and when.
//!
//! In the closed model every user has posts of its own. In the open model a free user takes the next number at once and
//! waits until that post is due. Numbers only go up, so the users that wait hold the very next posts: a post leaves
//! late only while every user waits for an answer, and no user is woken that has nothing to send. A counter is all that
//! the users share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Model;
use super::ended::Ended;
use crate::load::share::RunShare;

/// Which user sends a post of the open model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum UserRule {
    /// Any that is free.
    #[default]
    AnyFree,
    /// Each post has its user: they take turns, and the post of a user that still waits for an answer waits with it.
    Fixed,
}

/// Deals out the posts of a load to the users of one generator.
#[derive(Debug)]
pub(crate) struct Turns {
    model: Model,
    rule: UserRule,
    /// The generator's part of the load: of the posts where any user sends them, else of the users.
    share: RunShare,
    /// The generator's next post, where any user sends it.
    next: AtomicU64,
}

impl Turns {
    pub(crate) fn of(model: Model, rule: UserRule, share: RunShare) -> Self {
        Self { model, rule, share, next: AtomicU64::new(0) }
    }

    /// When the next post of user `vu` is due, which has sent `turn` posts so far and is free from now on; `None` if
    /// the user is done. `last` is when and how its previous post ended. A user must send each post that it gets.
    pub(crate) fn next(&self, vu: u32, turn: u64, last: Option<(Instant, Ended)>) -> Option<Instant> {
        match (&self.model, last, self.rule) {
            (Model::Closed(model), None, _) => model.first(vu),
            (Model::Closed(model), Some((now, ended)), _) => model.next(now, ended),
            (Model::Open(model), _, UserRule::Fixed) => model.due(u64::from(vu) + turn * u64::from(model.vus)),
            (Model::Open(model), _, UserRule::AnyFree) => {
                model.due(self.share.number(self.next.fetch_add(1, Ordering::Relaxed)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::load::pacing::{OpenModel, Rate};

    /// A post that was sent.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct SentPost {
        due: Instant,
        left: Instant,
        ended: Instant,
    }

    fn model(vus: u32, rate: f64, duration: Duration) -> OpenModel {
        let start = Instant::now();
        OpenModel { start, end: start + duration, vus, rate: Rate::Constant(rate) }
    }

    /// The posts in the order in which users took them, each of which takes the next of these times.
    fn send(model: &OpenModel, rule: UserRule, share: RunShare, latencies: &[Duration]) -> Vec<SentPost> {
        let turns = Turns::of(Model::Open(model.clone()), rule, share);
        let mut free: BinaryHeap<_> = share.users(model.vus).map(|vu| Reverse((model.start, vu, 0, None))).collect();
        let (mut sent, mut latencies) = (Vec::new(), latencies.iter().cycle());
        while let Some(Reverse((now, vu, turn, last))) = free.pop() {
            let last: Option<Instant> = last;
            let Some(due) = turns.next(vu, turn, last.map(|at| (at, Ended::Answered))) else { continue };
            let left = due.max(now);
            let ended = left + *latencies.next().unwrap();
            sent.push(SentPost { due, left, ended });
            free.push(Reverse((ended, vu, turn + 1, Some(ended))));
        }
        sent
    }

    /// When each post leaves that any user may send: a queue in front of all of them.
    fn queue(model: &OpenModel, latencies: &[Duration]) -> Vec<SentPost> {
        let mut free: BinaryHeap<_> = (0..model.vus).map(|_| Reverse(model.start)).collect();
        let mut latencies = latencies.iter().cycle();
        let posts = (0..).map_while(|post| model.due(post));
        let leave = |due: Instant| {
            let Reverse(first) = free.pop().unwrap();
            let left = due.max(first);
            let ended = left + *latencies.next().unwrap();
            free.push(Reverse(ended));
            SentPost { due, left, ended }
        };
        posts.map(leave).collect()
    }

    fn any_latencies() -> impl Strategy<Value = Vec<Duration>> {
        let latency = prop_oneof![4 => 1_u64..20_000, 1 => 100_000_u64..3_000_000];
        proptest::collection::vec(latency.prop_map(Duration::from_micros), 1..60)
    }

    proptest! {
        #[test]
        fn every_post_leaves_once_in_order_and_waits_only_while_all_users_do(
            vus in 1_u32..20, rate in 1.0_f64..2_000.0, duration_ms in 1_u64..500, latencies in any_latencies(),
        ) {
            let model = model(vus, rate, Duration::from_millis(duration_ms));
            let sent = send(&model, UserRule::AnyFree, RunShare::WHOLE, &latencies);
            prop_assert_eq!(&sent, &queue(&model, &latencies));
            prop_assert!(sent.is_sorted_by(|one, next| one.due < next.due && one.left <= next.left));
            for late in sent.iter().filter(|post| post.left > post.due) {
                for now in [late.due, late.left - Duration::from_nanos(1)] {
                    let busy = sent.iter().filter(|post| post.left <= now && post.ended > now).count();
                    prop_assert_eq!(busy, vus as usize, "{:?} waited while a user was free", late);
                }
            }
        }

        #[test]
        fn the_open_model_offers_its_rate_whatever_the_answers_do(
            vus in 1_u32..50, rate in 0.5_f64..5_000.0, duration_ms in 1_u64..1_000, latencies in any_latencies(),
            is_fixed: bool,
        ) {
            let duration = Duration::from_millis(duration_ms);
            let rule = if is_fixed { UserRule::Fixed } else { UserRule::AnyFree };
            let model = model(vus, rate, duration);
            let mut sent = send(&model, rule, RunShare::WHOLE, &latencies);
            sent.sort_by_key(|post| post.due);
            let expected = (duration.as_secs_f64() * rate).ceil() as usize;
            prop_assert!(sent.len().abs_diff(expected) <= 1, "{} of {}", sent.len(), expected);
            let at = |post: &SentPost| (post.due - model.start).as_secs_f64();
            prop_assert!(sent.iter().enumerate().all(|(n, post)| (at(post) - n as f64 / rate).abs() < 1e-6));
        }

        #[test]
        fn shares_send_together_what_the_whole_sends(
            of in 1_u32..5, vus in 5_u32..30, rate in 1.0_f64..2_000.0, duration_ms in 1_u64..300,
            latencies in any_latencies(), is_fixed: bool,
        ) {
            let model = model(vus, rate, Duration::from_millis(duration_ms));
            let rule = if is_fixed { UserRule::Fixed } else { UserRule::AnyFree };
            let due = |share| send(&model, rule, share, &latencies).into_iter().map(|post| post.due);
            let shares = (1..=of).map(|number| format!("{number}/{of}").parse::<RunShare>().unwrap());
            let mut together: Vec<Instant> = shares.flat_map(due).collect();
            together.sort_unstable();
            prop_assert!(together.into_iter().eq((0..).map_while(|post| model.due(post))));
        }
    }

    #[test]
    fn a_user_that_waits_for_an_answer_holds_up_only_its_own_posts() {
        let (milliseconds, model) = (Duration::from_millis, model(2, 10.0, Duration::from_secs(1)));
        // The first post takes 450 ms, all others one.
        let latencies = [&[milliseconds(450)][..], &[milliseconds(1); 9]].concat();
        let late = |rule| {
            let sent = send(&model, rule, RunShare::WHOLE, &latencies);
            sent.into_iter().filter(|post| post.left > post.due).count()
        };
        assert_eq!(late(UserRule::AnyFree), 0);
        assert_eq!(late(UserRule::Fixed), 2, "the posts of 200 and 400 ms are of the user that waits until 450 ms");
    }
}
