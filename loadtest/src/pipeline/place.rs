//! The place of one trial: a topic, a dead-letter topic, a consumer group and a database of its own, so that nothing is
//! inherited from the previous trial, and whatever is in them is the trial's; and their removal, because the servers
//! may belong to somebody else.

use std::time::Duration;

use anyhow::Context;
use contract::Kind;
use kafka::Cluster;
use kafka::topics::Admin;
use mongodb::options::ClientOptions;
use tokio::time::timeout;

use crate::pipeline::settings::{Lookup, of_kind};
use crate::pipeline::topic::CLIENT_ID;

/// Longest wait for the removal of one of them.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Names of what a trial fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrialPlace {
    kind: Kind,
    pub(crate) topic: String,
    pub(crate) dead_letter_topic: String,
    pub(crate) group: String,
    /// The URI with a database of its own.
    pub(crate) mongo_uri: String,
}

impl TrialPlace {
    /// The one of this name, on these servers, for records of this kind.
    pub(crate) fn of(kind: Kind, name: String, mongo_uri: &str) -> anyhow::Result<Self> {
        Ok(Self {
            kind,
            dead_letter_topic: format!("{name}.dlq"),
            group: name.clone(),
            mongo_uri: with_database(mongo_uri, &name).context("MONGO_URI must name a database")?,
            topic: name,
        })
    }

    /// Its variables.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            (of_kind(self.kind, "KAFKA_TOPIC"), self.topic.clone()),
            (of_kind(self.kind, "DLQ_TOPIC"), self.dead_letter_topic.clone()),
            (of_kind(self.kind, "KAFKA_GROUP"), self.group.clone()),
            ("MONGO_URI", self.mongo_uri.clone()),
        ]
    }

    /// A lookup in which they are set.
    pub(crate) fn within(&self, lookup: Lookup<'_>) -> impl Fn(&str) -> Option<String> {
        let variables = self.variables();
        move |asked| match variables.iter().find(|(name, _)| *name == asked) {
            Some((_, value)) => Some(value.clone()),
            None => lookup(asked),
        }
    }

    /// Removes everything, once the services have ended.
    ///
    /// # Errors
    /// What could not be removed.
    pub(crate) async fn remove(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let (kafka, store) = tokio::join!(self.remove_from_kafka(cluster), self.remove_from_store());
        kafka.with_context(|| format!("cannot remove the topic {}", self.topic))?;
        store.with_context(|| format!("cannot remove the database {}", self.topic))
    }

    async fn remove_from_kafka(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let admin = Admin::new(cluster, CLIENT_ID, REMOVAL_TIMEOUT)?;
        admin.delete(&[&self.topic, &self.dead_letter_topic]).await?;
        admin.delete_group(&self.group).await
    }

    async fn remove_from_store(&self) -> anyhow::Result<()> {
        let removal = async {
            let client = mongodb::Client::with_options(ClientOptions::parse(&self.mongo_uri).await?)?;
            let database = client.default_database().context("the URI names no database")?;
            anyhow::Ok(database.drop().await?)
        };
        timeout(REMOVAL_TIMEOUT, removal).await.context("no answer in time")?
    }
}

/// A MongoDB URI with another database; `None` if it is not a URI.
fn with_database(uri: &str, database: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    let (before, options) = match rest.split_once('?') {
        Some((before, options)) => (before, format!("?{options}")),
        None => (rest, String::new()),
    };
    let hosts = before.split('/').next()?;
    // The user still belongs to the database that the URI named.
    let named = before.split_once('/').map_or("", |(_, named)| named);
    let needs_source = hosts.contains('@') && !named.is_empty() && !options.contains("authSource=");
    let source = match (needs_source, options.is_empty()) {
        (false, _) => String::new(),
        (true, true) => format!("?authSource={named}"),
        (true, false) => format!("&authSource={named}"),
    };
    Some(format!("{scheme}://{hosts}/{database}{options}{source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_is_another_one() {
        for (uri, other) in [
            ("mongodb://127.0.0.1:27017/scalable-api", "mongodb://127.0.0.1:27017/t"),
            ("mongodb://a:1,b:2/db?replicaSet=rs", "mongodb://a:1,b:2/t?replicaSet=rs"),
            ("mongodb+srv://me:secret@host/db", "mongodb+srv://me:secret@host/t?authSource=db"),
            ("mongodb://me:secret@host/db?w=1", "mongodb://me:secret@host/t?w=1&authSource=db"),
            ("mongodb://me:secret@host/db?authSource=admin", "mongodb://me:secret@host/t?authSource=admin"),
        ] {
            assert_eq!(with_database(uri, "t").as_deref(), Some(other));
        }
        assert_eq!(with_database("localhost", "t"), None);
    }

    #[test]
    fn settings_within_a_place_are_those_of_the_place() {
        let place = TrialPlace::of(Kind::Post, "t-1".to_owned(), "mongodb://a/db").unwrap();
        let lookup = |name: &str| (name != "LOG").then(|| format!("other {name}"));
        let within = place.within(&lookup);
        assert_eq!(within("KAFKA_TOPIC").as_deref(), Some("t-1"));
        assert_eq!(within("DLQ_TOPIC").as_deref(), Some("t-1.dlq"));
        assert_eq!(within("MONGO_URI").as_deref(), Some("mongodb://a/t-1"));
        assert_eq!((within("PORT").as_deref(), within("LOG")), (Some("other PORT"), None));
    }
}
