//! The consumer's settings.

use std::time::Duration;

use contract::Kind;
use kafka::group::GroupConfig;
use mongodb::options::ConnectionString;
use service::secrets::{Files, Secret};
use service::{Kinds, ServiceConfig, Settings};

use self::groups::Groups;
use crate::retention::Retention;

pub(crate) mod groups;

/// `PORT` of the service, unless it is set.
pub(crate) const DEFAULT_PORT: u16 = 3001;

/// The consumer's settings.
#[derive(Debug, Clone)]
pub struct ConsumerConfig {
    /// Address, logs, grace period.
    pub service: ServiceConfig,
    /// `KINDS`: the kinds of record that are stored.
    pub kinds: Vec<Kind>,
    /// Where Kafka is, and how the group of the posts works.
    pub kafka: GroupConfig,
    /// Where Kafka is, and how the group of the orders works.
    pub orders: GroupConfig,
    /// The same for each kind of `KINDS_DIR`, whether it is served or not.
    pub of_files: Vec<(Kind, GroupConfig)>,
    /// `POST_RETENTION`: how long posts are kept.
    pub(crate) post_retention: Option<Retention>,
    /// `ORDER_RETENTION`: how long orders are kept, from the time of their latest record.
    pub(crate) order_retention: Option<Retention>,
    /// `CONSUMER_BUFFER_BYTES`: bound of all records held, whatever their kind; beyond it fetching pauses.
    pub buffer_bytes: usize,
    /// `MONGO_URI`: where MongoDB is, and the database.
    pub mongo_uri: MongoUri,
}

/// A MongoDB URI that names a database.
#[derive(Debug, Clone)]
pub struct MongoUri {
    uri: Secret,
    /// The database's name, which stays the same.
    pub(crate) database: String,
}

impl MongoUri {
    fn of(uri: Secret) -> Result<Self, String> {
        let text = uri.read().map_err(|error| format!("{error:#}"))?;
        let connection = parse(&text)?;
        let database =
            connection.default_database.ok_or("must name a database, as in mongodb://localhost:27017/scalable-api")?;
        Ok(Self { uri, database })
    }

    /// The URI as it is now.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<String> {
        self.uri.read()
    }

    /// Whether it stays as it is.
    pub(crate) fn is_fixed(&self) -> bool {
        self.uri.path().is_none()
    }

    /// The file that it is in, if it is in one.
    pub(crate) fn files(&self) -> Files {
        self.uri.files()
    }
}

/// What a MongoDB URI says.
///
/// # Errors
/// What is wrong, in the driver's words unless they could repeat a part of the password.
pub(crate) fn parse(uri: &str) -> Result<ConnectionString, String> {
    ConnectionString::parse(uri).map_err(|error| {
        let credentials = uri.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(before, _)| before);
        if credentials.is_some_and(|credentials| credentials.contains(['/', '?', '#', '[', ']', '@'])) {
            "must be a MongoDB URI, with : / ? # [ ] @ in user and password percent-encoded".to_owned()
        } else {
            format!("must be a MongoDB URI ({error})")
        }
    })
}

impl ConsumerConfig {
    /// Reads every setting; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        Self::with_kinds(settings, Kinds::read)
    }

    /// The same for kinds that are found in another way.
    pub(crate) fn with_kinds(settings: &mut Settings<'_>, read: impl FnOnce(&mut Settings<'_>) -> Kinds) -> Self {
        let mut service = ServiceConfig::read(settings, DEFAULT_PORT);
        let kinds = read(settings);
        let mongo_uri = settings.uri(
            "MONGO_URI",
            "mongodb://localhost:27017/scalable-api",
            "where MongoDB is, with the database, and how to reach it: user, password, TLS",
            MongoUri::of,
        );
        let Groups { posts, orders, of_files } = Groups::read(settings, &kinds);
        let buffer_bytes = settings.number(
            "CONSUMER_BUFFER_BYTES",
            16_000_000,
            1_000_000..=4_000_000_000,
            "bytes of all records held; beyond it fetching pauses; half of them is dealt out to the kinds",
        );
        let post_retention = retention(
            settings,
            "POST_RETENTION",
            "posts are removed when they are older than this, such as 30d; empty is never",
        );
        let order_retention = retention(
            settings,
            "ORDER_RETENTION",
            "orders whose latest record is older than this are removed; empty is never",
        );
        service.in_force = settings.in_force();
        Self {
            service,
            kinds: kinds.served,
            kafka: posts,
            orders,
            of_files,
            post_retention,
            order_retention,
            buffer_bytes,
            mongo_uri,
        }
    }

    /// How the group of this kind works, whether it is served or not.
    pub fn group(&self, kind: Kind) -> &GroupConfig {
        match kind {
            Kind::Post => &self.kafka,
            Kind::Order => &self.orders,
            Kind::Schema(_) => groups::of_file(&self.of_files, kind),
        }
    }

    /// How long documents of this kind are kept; without an end if it is `None`.
    pub fn retention(&self, kind: Kind) -> Option<Duration> {
        self.retention_of(kind).map(Retention::time)
    }

    pub(crate) fn retention_of(&self, kind: Kind) -> Option<Retention> {
        match kind {
            Kind::Post => self.post_retention,
            Kind::Order => self.order_retention,
            Kind::Schema(kind) => kind.retention().map(Retention::of),
        }
    }
}

fn retention(settings: &mut Settings<'_>, name: &'static str, meaning: &'static str) -> Option<Retention> {
    settings.unless_set(name, None, meaning, |text| Retention::parse(text).map(Some))
}

impl AsRef<ServiceConfig> for ConsumerConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}

#[cfg(test)]
mod tests {
    use kafka::group::OffsetReset;

    use super::*;

    fn read(set: &[(&str, &str)]) -> (ConsumerConfig, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = ConsumerConfig::read(&mut settings);
        (config, settings.finish().1.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_defaults_are_valid_and_each_kind_has_its_own() {
        let (config, errors) = read(&[]);
        assert_eq!(errors, Vec::<String>::new());
        for kind in Kind::BUILT_IN {
            let group = config.group(kind);
            assert_eq!(
                (group.topic.as_str(), group.group.as_str(), group.dead_letter_topic.as_str()),
                (kind.topic(), kind.group(), kind.dead_letter_topic())
            );
        }
    }

    #[test]
    fn errors_between_settings_are_named_with_all_others() {
        let set = [
            ("KINDS", "posts"),
            ("CONSUMER_REVOKE_TIMEOUT", "6s"),
            ("CONSUMER_MAX_POLL_INTERVAL", "1s"),
            ("KAFKA_AUTO_OFFSET_RESET", "none"),
            ("DLQ_TOPIC", "post"),
            ("ORDER_KAFKA_TOPIC", "post"),
            ("ORDER_KAFKA_GROUP", "post-consumer"),
            ("ORDER_DLQ_TOPIC", "post"),
            ("MONGO_URI", "mongodb://localhost:27017"),
            ("CONSUMER_BATCH_MESSAGES", "0"),
            ("ORDER_CONSUMER_BATCH_MESSAGES", "0"),
            ("ORDER_CONSUMER_BATCH_INTERVAL", "20"),
            ("DLQ_MAX_SHARE", "50"),
            ("DLQ_MAX_CONSECUTIVE", "-1"),
            ("POST_RETENTION", "0s"),
            ("ORDER_RETENTION", "30"),
        ];
        let (_, errors) = read(&set);
        assert_eq!(errors.len(), set.len(), "{errors:?}");
        for (name, _) in set {
            assert!(errors.iter().any(|error| error.starts_with(name)), "{name} in {errors:?}");
        }
    }

    #[test]
    fn a_kind_that_is_not_served_is_in_no_way() {
        let set = [("KAFKA_TOPIC", "orders"), ("KAFKA_GROUP", "order-processing-group")];
        assert_eq!(read(&set).1.len(), 2);
        let (config, errors) = read(&[&set[..], &[("KINDS", "post")]].concat());
        assert_eq!((config.kinds, errors), (vec![Kind::Post], vec![]));
    }

    #[test]
    fn the_batches_of_orders_are_as_those_of_posts_unless_they_are_set() {
        let posts =
            [("CONSUMER_BATCH_MESSAGES", "7"), ("CONSUMER_BATCH_INTERVAL", "3s"), ("CONSUMER_BATCH_BYTES", "9")];
        let orders = [("ORDER_CONSUMER_BATCH_INTERVAL", "20ms"), ("ORDER_CONSUMER_CONCURRENT_FLUSHES", "1")];
        let (config, errors) = read(&[&posts[..], &orders].concat());
        assert_eq!(errors, Vec::<String>::new());
        let (posts, orders) = (config.kafka.limits, config.orders.limits);
        assert_eq!((orders.batch.messages, orders.batch.bytes), (7, 9));
        assert_eq!((posts.batch.interval, posts.concurrent_flushes), (Duration::from_secs(3), 4));
        assert_eq!((orders.batch.interval, orders.concurrent_flushes), (Duration::from_millis(20), 1));
        assert_eq!(config.orders.offset_reset, OffsetReset::Earliest);
    }

    #[test]
    fn documents_are_kept_without_an_end_unless_a_kind_has_a_retention() {
        let (config, errors) = read(&[("ORDER_RETENTION", "30d")]);
        assert_eq!(errors, Vec::<String>::new());
        assert_eq!(config.retention(Kind::Post), None);
        assert_eq!(config.retention(Kind::Order), Some(Duration::from_secs(30 * 86_400)));
    }

    #[test]
    fn the_uri_is_not_shown() {
        let uri = MongoUri::of(Secret::text("mongodb://me:secret@example.com/db")).unwrap();
        assert_eq!(format!("{uri:?}"), r#"MongoUri { uri: ***, database: "db" }"#);
    }

    #[test]
    fn no_part_of_a_password_is_in_an_error() {
        for uri in ["mongodb://me:hun?ter2@host/db", "mongodb://me:hun/ter2@host/db", "mongodb://me:hun#ter2@host/db"] {
            let (_, errors) = read(&[("MONGO_URI", uri)]);
            assert!(errors[0].contains("percent-encoded"), "{errors:?}");
            assert!(!errors[0].contains("hun") && !errors[0].contains("ter2"), "{errors:?}");
        }
        let (_, errors) = read(&[("MONGO_URI", "mongodb://me:p@host:high/db")]);
        assert!(errors[0].contains("port"), "the driver's words help: {errors:?}");
    }
}
