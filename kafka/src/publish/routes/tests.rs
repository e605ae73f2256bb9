use proptest::prelude::*;

use super::*;

/// Three brokers with two partitions each: broker 1 leads 0 and 3, broker 2 leads 1 and 4, broker 3 leads 2 and 5.
fn topology() -> Topology {
    Topology {
        brokers: (1..=3).map(|id| (id, format!("broker-{id}"))).collect(),
        leaders: (0..6).map(|partition| (partition, Some(1 + partition % 3))).collect(),
    }
}

/// All partitions answer.
fn open(now: Instant) -> Routes {
    let mut routes = Routes::new(Duration::from_secs(5));
    routes.update(&topology(), now);
    (0..6).for_each(|partition| assert!(routes.answers(partition)));
    routes
}

fn in_trouble(routes: &Routes) -> Vec<i32> {
    routes.troubles().map(|(partition, _)| partition).collect()
}

fn closed(reason: &str, is_lasting: bool) -> Entrance {
    Entrance::Closed { reason: reason.to_owned(), is_lasting }
}

fn sent(partition: i32, at: Instant) -> Sent {
    Sent { partition, broker: 1 + partition % 3, at }
}

#[test]
fn the_partitions_of_a_broker_take_turns() {
    let mut routes = open(Instant::now());
    let mut chosen = || routes.choose(1).unwrap();
    assert_eq!([chosen(), chosen(), chosen()], [0, 3, 0]);
    assert_eq!(routes.choose(7), None);
}

#[test]
fn a_partition_without_a_leader_costs_the_others_nothing() {
    let now = Instant::now();
    let mut routes = Routes::new(Duration::from_secs(5));
    let mut topology = topology();
    topology.leaders.insert(0, None);
    routes.update(&topology, now);
    assert_eq!(routes.entrance(now), closed("0 of 6 partitions; partition 0: it has no leader", false));
    for partition in [1, 2, 3, 4, 5] {
        routes.answers(partition);
    }
    assert_eq!((routes.entrance(now), in_trouble(&routes)), (Entrance::Open, vec![0]));
    assert_eq!([routes.choose(1), routes.choose(1)], [Some(3), Some(3)]);
}

#[test]
fn partitions_that_appear_are_used_once_their_leader_answers_and_vanished_ones_are_not() {
    let now = Instant::now();
    let mut routes = open(now);
    let mut topology = topology();
    topology.leaders.remove(&0);
    topology.leaders.insert(6, Some(1));
    routes.update(&topology, now);
    assert_eq!([routes.choose(1), routes.choose(1)], [Some(3), Some(3)]);
    routes.answers(6);
    assert_eq!([routes.choose(1), routes.choose(1)], [Some(6), Some(3)]);
    routes.acknowledged(sent(1, now), now);
    let elsewhere = routes.elsewhere(sent(0, now), now);
    assert_eq!(elsewhere, Some(Place { partition: 1, broker: 2 }), "what is on its way to one that is gone");
}

#[test]
fn only_an_acknowledgement_ends_what_a_batch_has_shown() {
    let now = Instant::now();
    for cause in [Cause::Broken, Cause::Silent, Cause::Refused] {
        let mut routes = open(now);
        assert!(routes.fail(0, cause, "no", now) && !routes.fail(0, Cause::Lost, "lost", now));
        assert!(!routes.answers(0));
        assert_eq!(in_trouble(&routes), [0]);
        assert!(routes.recovered(0));
        assert_eq!(in_trouble(&routes), [0; 0]);
    }
}

#[test]
fn each_partition_in_trouble_has_a_turn_to_be_tried_and_only_one_at_a_time() {
    let now = Instant::now();
    let mut routes = open(now);
    assert_eq!(routes.choose_to_try(1), None);
    routes.fail(0, Cause::Broken, "no", now);
    routes.fail(3, Cause::Refused, "no", now);
    routes.fail(1, Cause::Lost, "an answer ends it", now);
    assert_eq!(routes.to_try(), BTreeMap::from([(1, 2)]));
    let mut next = || routes.choose_to_try(1);
    assert_eq!([next(), next(), next()], [Some(0), Some(3), None]);
    routes.tried(3);
    assert_eq!((routes.to_try(), routes.choose_to_try(1)), (BTreeMap::from([(1, 2)]), Some(3)));
    routes.tried(0);
    routes.tried(3);
    assert_eq!(routes.choose_to_try(1), Some(0), "it was not the last");
    routes.tried(0);
    routes.recovered(0);
    let mut moved = topology();
    moved.leaders.insert(3, Some(2));
    routes.update(&moved, now);
    assert_eq!((routes.choose_to_try(1), routes.choose_to_try(2)), (None, Some(3)));
}

#[test]
fn a_silent_broker_is_found_by_what_others_acknowledge() {
    let start = Instant::now();
    let mut routes = open(start);
    let late = start + SILENCE;
    let at = |ms| start + Duration::from_millis(ms);
    assert_eq!(routes.elsewhere(sent(0, start), late), None, "nobody acknowledges");
    routes.acknowledged(sent(1, at(10)), at(300));
    assert_eq!(routes.elsewhere(sent(0, start), late), None, "the other one is slow, too");
    routes.acknowledged(sent(2, at(450)), at(460));
    assert_eq!(routes.elsewhere(sent(0, start), late - Duration::from_millis(1)), None);
    let place = Some(Place { partition: 2, broker: 3 });
    assert_eq!(routes.elsewhere(sent(0, start), late), place);
    assert_eq!(in_trouble(&routes), [0, 3], "both of its broker");
    assert_eq!(routes.elsewhere(sent(3, at(400)), late), place, "what goes to the other one need not wait as long");
}

#[test]
fn what_is_on_its_way_follows_its_partition_to_the_new_leader() {
    let now = Instant::now();
    let mut routes = open(now);
    let mut topology = topology();
    topology.leaders.insert(0, None);
    routes.update(&topology, now);
    assert_eq!(routes.elsewhere(sent(0, now), now), None, "nobody leads it");
    topology.leaders.insert(0, Some(2));
    routes.update(&topology, now);
    assert_eq!(routes.elsewhere(sent(0, now), now), None, "its new leader has not answered");
    routes.answers(0);
    assert_eq!(routes.elsewhere(sent(0, now), now), Some(Place { partition: 0, broker: 2 }));
    assert_eq!(routes.elsewhere(Sent { broker: 2, ..sent(0, now) }, now), None);
}

#[test]
fn one_silent_partition_does_not_condemn_its_broker() {
    let start = Instant::now();
    let mut routes = open(start);
    let at = |ms| start + Duration::from_millis(ms);
    routes.acknowledged(sent(3, at(10)), at(20));
    assert!(routes.elsewhere(sent(0, start), start + SILENCE).is_some());
    assert_eq!(in_trouble(&routes), [0]);
}

#[test]
fn what_is_known_to_last_closes_the_entrance_and_what_may_pass_does_so_in_time() {
    let (start, patience) = (Instant::now(), Duration::from_secs(5));
    let mut routes = open(start);
    (0..5).for_each(|partition| _ = routes.fail(partition, Cause::Refused, "too few replicas", start));
    assert_eq!(routes.entrance(start), Entrance::Open);
    routes.fail(5, Cause::Broken, "the connection broke", start);
    assert_eq!(routes.entrance(start), Entrance::Waiting);
    let reason = "0 of 6 partitions; partition 0: too few replicas";
    assert_eq!(routes.entrance(start + patience), closed(reason, false));
    routes.fail(5, Cause::Refused, "too few replicas", start);
    assert_eq!(routes.entrance(start), closed(reason, true), "at once");
    routes.recovered(2);
    assert_eq!(routes.entrance(start), Entrance::Open);
    routes.away("no broker answers", start);
    assert_eq!(routes.entrance(start), closed("no broker answers", false));
}

/// A partition's acknowledgements take this many ms; `None` if none comes.
type Latency = Option<u64>;

/// Batches go to all partitions in turn, each time one is acknowledged or moved. Returns when which batch
/// was moved away from which partition, in ms.
fn moved(latencies: &[Latency; 6], ms: u64) -> Vec<(u64, i32)> {
    let start = Instant::now();
    let mut routes = open(start);
    let at = |ms| start + Duration::from_millis(ms);
    let mut on_their_way: Vec<(u64, Sent)> = Vec::new();
    let mut moved = Vec::new();
    for now in 0..ms {
        for (since, sent) in std::mem::take(&mut on_their_way) {
            let latency = latencies[usize::try_from(sent.partition).unwrap()];
            if latency.is_some_and(|latency| now >= since + latency) {
                routes.acknowledged(sent, at(now));
            } else if (now - since).is_multiple_of(100) && now > since && routes.elsewhere(sent, at(now)).is_some() {
                moved.push((now, sent.partition));
            } else {
                on_their_way.push((since, sent));
            }
        }
        for broker in 1..=3 {
            let free = 2_usize.saturating_sub(on_their_way.iter().filter(|(_, sent)| sent.broker == broker).count());
            for _ in 0..free {
                if let Some(partition) = routes.choose(broker) {
                    assert!(!in_trouble(&routes).contains(&partition));
                    on_their_way.push((now, Sent { partition, broker, at: at(now) }));
                }
            }
        }
    }
    moved
}

proptest! {
    #[test]
    fn when_all_are_slow_nothing_is_sent_twice(latencies: [u8; 6]) {
        let latencies = latencies.map(|latency| Some(600 + 2 * u64::from(latency)));
        prop_assert_eq!(moved(&latencies, 3_000), []);
    }

    #[test]
    fn when_all_are_quick_nothing_is_sent_twice(latencies: [u8; 6]) {
        prop_assert_eq!(moved(&latencies.map(|latency| Some(1 + u64::from(latency))), 3_000), []);
    }

    #[test]
    fn what_is_silent_is_left_within_a_second(silent in 0_usize..6, quick in 1_u64..200) {
        let mut latencies = [Some(quick); 6];
        latencies[silent] = None;
        let moved = moved(&latencies, 3_000);
        prop_assert!(!moved.is_empty());
        prop_assert!(moved.iter().all(|(at, partition)| *at <= 1_000 && *partition == silent as i32), "{:?}", moved);
    }
}
