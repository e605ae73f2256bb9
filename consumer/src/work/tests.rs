//! Random lives of a member against a model of Kafka and of the store: whatever happens in whatever order, no commit passes
//! a record that is neither stored nor dead-lettered, and in the end every record is one or the other. A document is
//! never stored twice because the store takes each id once, as MongoDB does.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use model::{Member, Servers};

mod model;

const PARTITIONS: i32 = 2;

#[derive(Debug, Clone)]
enum Action {
    Append {
        partition: i32,
        gap: i64,
        is_repeated: bool,
        is_bad: bool,
    },
    Assign {
        partition: i32,
    },
    Receive {
        partition: i32,
    },
    Flush {
        interval_is_over: bool,
    },
    /// The store has taken a part of a batch, and the rest is to be sent again.
    FlushPartly {
        flush: Index,
        upto: Index,
    },
    EndFlush {
        flush: Index,
        holds_bad: bool,
    },
    StartCommit,
    EndCommit {
        arrives: bool,
        is_answered: bool,
    },
    StartRevoke {
        partition: i32,
    },
    EndRevoke {
        is_over: bool,
        commits: bool,
    },
    /// Another member has the partition, and finishes some of it.
    Lose {
        partition: i32,
        finished_elsewhere: usize,
    },
    /// The topic is deleted and created anew.
    Recreate,
    Crash,
}

fn action() -> impl Strategy<Value = Action> {
    let partition = || 0..PARTITIONS;
    let (seldom, mostly) = (|| proptest::bool::weighted(0.2), || proptest::bool::weighted(0.8));
    prop_oneof![
        6 => (partition(), 1_i64..3, seldom(), seldom()).prop_map(|(partition, gap, is_repeated, is_bad)| {
            Action::Append { partition, gap, is_repeated, is_bad }
        }),
        4 => partition().prop_map(|partition| Action::Assign { partition }),
        12 => partition().prop_map(|partition| Action::Receive { partition }),
        6 => any::<bool>().prop_map(|interval_is_over| Action::Flush { interval_is_over }),
        2 => any::<(Index, Index)>().prop_map(|(flush, upto)| Action::FlushPartly { flush, upto }),
        6 => (any::<Index>(), seldom()).prop_map(|(flush, holds_bad)| Action::EndFlush { flush, holds_bad }),
        4 => Just(Action::StartCommit),
        4 => (mostly(), mostly()).prop_map(|(arrives, is_answered)| Action::EndCommit { arrives, is_answered }),
        2 => partition().prop_map(|partition| Action::StartRevoke { partition }),
        3 => (seldom(), mostly()).prop_map(|(is_over, commits)| Action::EndRevoke { is_over, commits }),
        1 => (partition(), 0_usize..4)
            .prop_map(|(partition, finished_elsewhere)| Action::Lose { partition, finished_elsewhere }),
        1 => Just(Action::Recreate),
        1 => Just(Action::Crash),
    ]
}

fn act(action: Action, member: &mut Member, servers: &mut Servers) -> Result<(), TestCaseError> {
    match action {
        Action::Append { partition, gap, is_repeated, is_bad } => servers.append(partition, gap, is_repeated, is_bad),
        Action::Assign { partition } => member.assign(partition, servers),
        Action::Receive { partition } => member.receive(partition, servers),
        Action::Flush { interval_is_over } => {
            member.now += if interval_is_over { model::INTERVAL } else { Duration::ZERO };
            member.flushes.extend(member.work.next_batch(member.now, false));
        }
        Action::FlushPartly { flush, upto } if !member.flushes.is_empty() => {
            let records = &member.flushes[flush.index(member.flushes.len())].records;
            let stored = records[..upto.index(records.len())].iter().filter(|record| !record.is_bad);
            stored.for_each(|record| servers.store_or_dead_letter(*record));
        }
        Action::EndFlush { flush, holds_bad } if !member.flushes.is_empty() => {
            member.end_flush(flush, holds_bad, servers);
        }
        Action::StartCommit if member.committing.is_none() && member.revoking.is_none() => {
            member.committing = Some(member.work.take_committable()).filter(|offsets| !offsets.is_empty());
        }
        Action::EndCommit { arrives, is_answered } => member.end_commit(arrives, is_answered, servers)?,
        Action::StartRevoke { partition } if member.revoking.is_none() && member.positions.contains_key(&partition) => {
            member.revoking = Some(partition);
            member.flushes.extend(member.work.revoke(&[partition]));
        }
        Action::EndRevoke { is_over, commits } => member.end_revoke(is_over, commits, servers)?,
        Action::Lose { partition, finished_elsewhere } => {
            member.lose(partition);
            for _ in 0..finished_elsewhere {
                let Some(record) = servers.fetch(partition, servers.committed(partition)) else { break };
                servers.store_or_dead_letter(record);
                servers.commit(&[(partition, record.offset + 1)])?;
            }
        }
        Action::Recreate => {
            (0..PARTITIONS).for_each(|partition| member.lose(partition));
            // Kafka refuses the commit of a topic that is gone.
            member.end_commit(false, false, servers)?;
            servers.recreate();
            (0..PARTITIONS).for_each(|partition| member.assign(partition, servers));
        }
        Action::Crash => *member = Member { now: member.now, ..Member::new() },
        Action::FlushPartly { .. } | Action::EndFlush { .. } | Action::StartCommit | Action::StartRevoke { .. } => {}
    }
    Ok(())
}

/// A member that nothing disturbs reads on from what is committed, to the end.
fn run_to_the_end(servers: &mut Servers) -> Result<(), TestCaseError> {
    let mut member = Member::new();
    for partition in 0..PARTITIONS {
        member.assign(partition, servers);
        for _ in 0..servers.log.get(&partition).map_or(0, Vec::len) {
            member.receive(partition, servers);
            let batch = member.work.next_batch(member.now, true);
            if let Some(batch) = batch {
                batch.records.iter().for_each(|record| servers.store_or_dead_letter(*record));
                member.work.finished(batch.number, &[]);
            }
        }
    }
    prop_assert!(member.work.is_flushed());
    servers.commit(&member.work.take_committable())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]
    #[test]
    fn nothing_is_lost_whatever_happens_in_whatever_order(actions in proptest::collection::vec(action(), 0..250)) {
        let (mut member, mut servers) = (Member::new(), Servers::default());
        for action in actions {
            act(action, &mut member, &mut servers)?;
        }
        run_to_the_end(&mut servers)?;
        for (partition, log) in &servers.log {
            prop_assert!(log.iter().all(|record| servers.is_finished(record)));
            let end = log.last().map(|record| record.offset + 1);
            prop_assert_eq!(servers.committed.get(partition).copied(), end, "no lag is left");
        }
    }
}
