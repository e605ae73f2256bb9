//! The settings of the groups, one for each kind. What is not about names or batches holds for all of them.

use std::ops::RangeInclusive;

use contract::Kind;
use kafka::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};
use kafka::group::{GroupConfig, OffsetReset};
use service::cluster::Cluster;
use service::settings::{parse_number, parse_some_time};
use service::{Kinds, Settings};

const MESSAGES: RangeInclusive<usize> = 1..=100_000;
const BYTES: RangeInclusive<usize> = 1..=40_000_000;
const FLUSHES: RangeInclusive<usize> = 1..=256;

/// The groups of all kinds, whether they are served or not.
#[derive(Debug, Clone)]
pub(crate) struct Groups {
    pub(crate) posts: GroupConfig,
    pub(crate) orders: GroupConfig,
    pub(crate) of_files: Vec<(Kind, GroupConfig)>,
}

impl Groups {
    /// Reads the groups' settings, which the commands also read. Only those of the kinds that are served must not be in
    /// each other's way.
    pub(crate) fn read(settings: &mut Settings<'_>, kinds: &Kinds) -> Self {
        let posts = read_posts(settings);
        let orders = read_orders(settings, &posts);
        let of_files = kinds.of_files().map(|kind| (kind, read_of_file(settings, kind, &posts))).collect();
        check_times(settings, &posts);
        let groups = Self { posts, orders, of_files };
        groups.check_names(settings, &kinds.served);
        groups
    }

    /// The group of one kind.
    pub(crate) fn of(&self, kind: Kind) -> &GroupConfig {
        match kind {
            Kind::Post => &self.posts,
            Kind::Order => &self.orders,
            Kind::Schema(_) => of_file(&self.of_files, kind),
        }
    }

    /// A dead letter says which topic it came from, so two kinds may share a topic of dead letters, but no other one.
    fn check_names(&self, settings: &mut Settings<'_>, served: &[Kind]) {
        for kind in served {
            let group = self.of(*kind);
            if let Some(other) = served.iter().find(|other| self.of(**other).topic == group.dead_letter_topic) {
                let message = format!("must not be {}", setting(*other, "KAFKA_TOPIC"));
                settings.error(setting(*kind, "DLQ_TOPIC"), message);
            }
        }
        for (index, kind) in served.iter().enumerate() {
            let (group, earlier) = (self.of(*kind), &served[..index]);
            if let Some(other) = earlier.iter().find(|other| self.of(**other).topic == group.topic) {
                let other = setting(*other, "KAFKA_TOPIC");
                let message = format!("must not be {other}: a topic has records of one kind");
                settings.error(setting(*kind, "KAFKA_TOPIC"), message);
            }
            if let Some(other) = earlier.iter().find(|other| self.of(**other).group == group.group) {
                let other = setting(*other, "KAFKA_GROUP");
                let message = format!("must not be {other}: one kind would wait for the other's members");
                settings.error(setting(*kind, "KAFKA_GROUP"), message);
            }
        }
    }
}

/// The group of a kind that a file describes.
pub(super) fn of_file(groups: &[(Kind, GroupConfig)], kind: Kind) -> &GroupConfig {
    let own = groups.iter().find(|(of, _)| *of == kind);
    own.map(|(_, group)| group).expect("every kind of a file has its settings")
}

/// The name of a setting of this kind. Those of posts are as old as the service and have no prefix.
fn setting(kind: Kind, name: &'static str) -> &'static str {
    match kind {
        Kind::Post => name,
        Kind::Order | Kind::Schema(_) => kafka::settings::own_name(kind.name(), name),
    }
}

fn read_posts(settings: &mut Settings<'_>) -> GroupConfig {
    GroupConfig {
        kind: Kind::Post.name(),
        cluster: Cluster::read(settings),
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
        limits: own_limits(settings, Kind::Order.name(), &posts.limits),
        ..posts.clone()
    }
}

/// What a kind of `KINDS_DIR` has of its own; all else is as for the posts.
fn read_of_file(settings: &mut Settings<'_>, kind: Kind, posts: &GroupConfig) -> GroupConfig {
    let topic = kafka::settings::topic_of_file(settings, kind);
    let names = OwnNames { kind: kind.name(), group: kind.group(), dead_letter_topic: kind.dead_letter_topic() };
    GroupConfig { kind: kind.name(), topic, ..own_group(settings, names, posts) }
}

/// The names that a kind's file gives.
struct OwnNames<'a> {
    kind: &'a str,
    group: &'a str,
    dead_letter_topic: &'a str,
}

fn own_group(settings: &mut Settings<'_>, names: OwnNames<'_>, posts: &GroupConfig) -> GroupConfig {
    let name = |setting| kafka::settings::own_name(names.kind, setting);
    GroupConfig {
        group: settings.in_kafka("`group.id`").text(name("KAFKA_GROUP"), names.group, "consumer group of the kind"),
        dead_letter_topic: settings.text(
            name("DLQ_TOPIC"),
            names.dead_letter_topic,
            "topic of the kind's dead letters; created if it is missing",
        ),
        limits: own_limits(settings, names.kind, &posts.limits),
        ..posts.clone()
    }
}

/// The limits that a kind may have of its own.
fn own_limits(settings: &mut Settings<'_>, kind: &str, posts: &GroupLimits) -> GroupLimits {
    let name = |setting| kafka::settings::own_name(kind, setting);
    GroupLimits {
        batch: BatchLimits {
            messages: settings.unless_set(
                name("CONSUMER_BATCH_MESSAGES"),
                posts.batch.messages,
                "records that make a flush of the kind; empty is CONSUMER_BATCH_MESSAGES",
                |text| parse_number(text, &MESSAGES),
            ),
            bytes: settings.unless_set(
                name("CONSUMER_BATCH_BYTES"),
                posts.batch.bytes,
                "bytes held in memory that make a flush of the kind; empty is CONSUMER_BATCH_BYTES",
                |text| parse_number(text, &BYTES),
            ),
            interval: settings.unless_set(
                name("CONSUMER_BATCH_INTERVAL"),
                posts.batch.interval,
                "longest wait of the first record of a batch of the kind; empty is CONSUMER_BATCH_INTERVAL",
                parse_some_time,
            ),
        },
        concurrent_flushes: settings.unless_set(
            name("CONSUMER_CONCURRENT_FLUSHES"),
            posts.concurrent_flushes,
            "batches of the kind written at the same time; empty is CONSUMER_CONCURRENT_FLUSHES; for upserts 1 on \
             FerretDB 1",
            |text| parse_number(text, &FLUSHES),
        ),
        ..*posts
    }
}

/// Reads the settings of a kind whose name is `<KIND>`, for the reference.
pub fn read_of_any_file(settings: &mut Settings<'_>) {
    let own = |setting| kafka::settings::own_name("<KIND>", setting);
    settings.text(own("KAFKA_TOPIC"), "topic of the file", "topic of the kind");
    let names =
        OwnNames { kind: "<KIND>", group: "group of the file", dead_letter_topic: "dead_letter_topic of the file" };
    own_group(settings, names, &read_posts(&mut Settings::new(&|_| None)));
}

fn check_times(settings: &mut Settings<'_>, posts: &GroupConfig) {
    if posts.limits.revoke_timeout >= posts.session_timeout {
        settings.error("CONSUMER_REVOKE_TIMEOUT", "must be below CONSUMER_SESSION_TIMEOUT");
    }
    if posts.max_poll_interval < posts.session_timeout {
        settings.error("CONSUMER_MAX_POLL_INTERVAL", "must not be below CONSUMER_SESSION_TIMEOUT");
    }
}
