//! The settings of the groups, one for each kind. What is not about names or batches holds for all of them.

use std::ops::RangeInclusive;

use contract::Kind;
use kafka::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};
use kafka::group::{GroupConfig, OffsetReset};
use service::Settings;
use service::settings::{parse_number, parse_some_time};

const MESSAGES: RangeInclusive<usize> = 1..=100_000;
const BYTES: RangeInclusive<usize> = 1..=40_000_000;
const FLUSHES: RangeInclusive<usize> = 1..=256;

/// The groups of all kinds, whether they are served or not.
pub(crate) struct Groups {
    pub(crate) posts: GroupConfig,
    pub(crate) orders: GroupConfig,
}

impl Groups {
    /// Reads the groups' settings, which the commands also read. Only those of `served` must not be in each other's
    /// way.
    pub(crate) fn read(settings: &mut Settings<'_>, served: &[Kind]) -> Self {
        let posts = read_posts(settings);
        let orders = read_orders(settings, &posts);
        check_times(settings, &posts);
        check_names(settings, served, &posts, &orders);
        Self { posts, orders }
    }

    /// The group of one kind.
    pub(crate) fn of(self, kind: Kind) -> GroupConfig {
        match kind {
            Kind::Post => self.posts,
            Kind::Order => self.orders,
        }
    }
}

fn read_posts(settings: &mut Settings<'_>) -> GroupConfig {
    GroupConfig {
        kind: Kind::Post.name(),
        brokers: kafka::settings::brokers(settings),
        topic: kafka::settings::topic(settings),
        group: settings.in_kafka("`group.id`").text("KAFKA_GROUP", Kind::Post.group(), "consumer group of the posts"),
        dead_letter_topic: settings.text(
            "DLQ_TOPIC",
            Kind::Post.dead_letter_topic(),
            "topic of the posts' dead letters; created if it is missing",
        ),
        offset_reset: settings.in_kafka("`auto.offset.reset`").choice(
            "KAFKA_AUTO_OFFSET_RESET",
            OffsetReset::Earliest.as_str(),
            &OffsetReset::ALL.map(|reset| (reset.as_str(), reset)),
            "where a group without a usable committed offset starts: earliest, or latest, which skips what is there",
        ),
        session_timeout: settings.in_kafka("`session.timeout.ms`").duration(
            "CONSUMER_SESSION_TIMEOUT",
            "6s",
            "a member that is silent for this long loses its partitions",
        ),
        max_poll_interval: settings.in_kafka("`max.poll.interval.ms`").duration(
            "CONSUMER_MAX_POLL_INTERVAL",
            "5m",
            "a member that does not fetch for this long loses its partitions",
        ),
        limits: read_limits(settings),
    }
}

fn read_limits(settings: &mut Settings<'_>) -> GroupLimits {
    GroupLimits {
        revoke_timeout: settings.duration(
            "CONSUMER_REVOKE_TIMEOUT",
            "4s",
            "longest time to finish a partition that is taken away; below the session timeout",
        ),
        batch: BatchLimits {
            messages: settings.number("CONSUMER_BATCH_MESSAGES", 100, MESSAGES, "records that make a flush"),
            bytes: settings.number("CONSUMER_BATCH_BYTES", 4_000_000, BYTES, "bytes held in memory that make a flush"),
            interval: settings.duration("CONSUMER_BATCH_INTERVAL", "5s", "longest wait of a batch's first record"),
        },
        concurrent_flushes: settings.number(
            "CONSUMER_CONCURRENT_FLUSHES",
            4,
            FLUSHES,
            "batches written at the same time; 1 writes one at a time",
        ),
        run_ahead: RunAhead {
            records: settings.number(
                "CONSUMER_RUN_AHEAD_RECORDS",
                100_000,
                100..=100_000_000,
                "records of a partition read and not committed; beyond it this partition pauses",
            ),
            bytes: settings.number(
                "CONSUMER_RUN_AHEAD_BYTES",
                100_000_000,
                1_000_000..=100_000_000_000,
                "bytes of a partition read and not committed; beyond it this partition pauses",
            ),
        },
        brake: BrakeLimits {
            max_share: settings.read(
                "DLQ_MAX_SHARE",
                "0.5",
                "share of dead letters among the last 1,000 records, 0 to 1; beyond it consuming pauses; 1 is no limit",
                |text| match text.parse() {
                    Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
                    _ => Err("must be a number from 0 to 1".to_owned()),
                },
            ),
            max_consecutive: settings.number(
                "DLQ_MAX_CONSECUTIVE",
                100,
                0..=1_000_000_000,
                "dead letters in a row; beyond it consuming pauses; 0 is no limit",
            ),
        },
    }
}

/// What the orders have of their own; all else is as for the posts.
fn read_orders(settings: &mut Settings<'_>, posts: &GroupConfig) -> GroupConfig {
    let limits = posts.limits;
    GroupConfig {
        kind: Kind::Order.name(),
        topic: kafka::settings::order_topic(settings),
        group: settings.in_kafka("`group.id`").text(
            "ORDER_KAFKA_GROUP",
            Kind::Order.group(),
            "consumer group of the orders",
        ),
        dead_letter_topic: settings.text(
            "ORDER_DLQ_TOPIC",
            Kind::Order.dead_letter_topic(),
            "topic of the orders' dead letters; created if it is missing",
        ),
        limits: GroupLimits {
            batch: BatchLimits {
                messages: settings.unless_set(
                    "ORDER_CONSUMER_BATCH_MESSAGES",
                    limits.batch.messages,
                    "records that make a flush of orders; empty is CONSUMER_BATCH_MESSAGES",
                    |text| parse_number(text, &MESSAGES),
                ),
                bytes: settings.unless_set(
                    "ORDER_CONSUMER_BATCH_BYTES",
                    limits.batch.bytes,
                    "bytes held in memory that make a flush of orders; empty is CONSUMER_BATCH_BYTES",
                    |text| parse_number(text, &BYTES),
                ),
                interval: settings.unless_set(
                    "ORDER_CONSUMER_BATCH_INTERVAL",
                    limits.batch.interval,
                    "longest wait of the first record of a batch of orders; empty is CONSUMER_BATCH_INTERVAL",
                    parse_some_time,
                ),
            },
            concurrent_flushes: settings.unless_set(
                "ORDER_CONSUMER_CONCURRENT_FLUSHES",
                limits.concurrent_flushes,
                "batches of orders written at the same time; empty is CONSUMER_CONCURRENT_FLUSHES; 1 on FerretDB 1",
                |text| parse_number(text, &FLUSHES),
            ),
            ..limits
        },
        ..posts.clone()
    }
}

fn check_times(settings: &mut Settings<'_>, posts: &GroupConfig) {
    if posts.limits.revoke_timeout >= posts.session_timeout {
        settings.error("CONSUMER_REVOKE_TIMEOUT", "must be below CONSUMER_SESSION_TIMEOUT");
    }
    if posts.max_poll_interval < posts.session_timeout {
        settings.error("CONSUMER_MAX_POLL_INTERVAL", "must not be below CONSUMER_SESSION_TIMEOUT");
    }
}

fn check_names(settings: &mut Settings<'_>, served: &[Kind], posts: &GroupConfig, orders: &GroupConfig) {
    let of_kinds = [
        (Kind::Post, "KAFKA_TOPIC", "DLQ_TOPIC", posts),
        (Kind::Order, "ORDER_KAFKA_TOPIC", "ORDER_DLQ_TOPIC", orders),
    ];
    let served: Vec<_> = of_kinds.into_iter().filter(|(kind, ..)| served.contains(kind)).collect();
    // A dead letter says which topic it came from, so two kinds may share a topic of dead letters, but no other one.
    for (_, _, name, group) in &served {
        if let Some((_, other, ..)) = served.iter().find(|(.., of)| of.topic == group.dead_letter_topic) {
            settings.error(name, format!("must not be {other}"));
        }
    }
    if served.len() < of_kinds.len() {
        return;
    }
    if orders.topic == posts.topic {
        settings.error("ORDER_KAFKA_TOPIC", "must not be KAFKA_TOPIC: a topic has records of one kind");
    }
    if orders.group == posts.group {
        settings.error("ORDER_KAFKA_GROUP", "must not be KAFKA_GROUP: one kind would wait for the other's members");
    }
}
