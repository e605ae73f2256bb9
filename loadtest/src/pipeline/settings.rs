//! The settings of the producer and the consumer that the lab starts. The services' own code reads them, so that an
//! error shows before anything is started, and the report keeps them.

use std::collections::BTreeMap;

use contract::{Kind, Write};
use kafka::group::GroupConfig;
use service::Settings;
use service::secrets::without_secrets;
use service::settings::SettingError;

use crate::base::exit::Unusable;

/// How many records make a flush.
pub(crate) const BATCH_MESSAGES: &str = "CONSUMER_BATCH_MESSAGES";
const LARGE_BATCH: &str = "1000";

/// The environment, as a lookup.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every variable of one service with the value in force, without passwords.
pub(crate) type Variables = BTreeMap<&'static str, String>;

/// What the lab must know of the services' settings.
#[derive(Debug, Clone)]
pub(crate) struct PipelineSettings {
    /// The kind of record whose names are used.
    pub(crate) kind: Kind,
    /// The producer's variables.
    pub(crate) producer: Variables,
    /// The consumer's variables.
    pub(crate) consumer: Variables,
    /// How the producer creates the topic and batches.
    pub(crate) producer_config: producer::ProducerConfig,
    /// Names of topics and group, and where the servers are.
    pub(crate) consumer_config: consumer::ConsumerConfig,
}

impl PipelineSettings {
    /// Reads both services' settings, to serve posts.
    ///
    /// # Errors
    /// Every error of both.
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, Unusable> {
        Self::of(Kind::Post, lookup)
    }

    /// Reads both services' settings, to serve this kind.
    ///
    /// # Errors
    /// Every error of both.
    pub(crate) fn of(kind: Kind, lookup: Lookup<'_>) -> Result<Self, Unusable> {
        let lookup = &|name: &str| match name {
            "KINDS" => Some(kind.name().to_owned()),
            // The services that the lab starts are without TLS.
            name if service::tls::VARIABLES.as_flattened().contains(&name) => None,
            name => lookup(name),
        };
        let (producer_config, producer, mut errors) = read(lookup, producer::ProducerConfig::read);
        let (consumer_config, consumer, more) = read(lookup, consumer::ConsumerConfig::read);
        let news: Vec<SettingError> = more.into_iter().filter(|error| !errors.contains(error)).collect();
        errors.extend(news);
        if !errors.is_empty() {
            let errors: Vec<String> = errors.iter().map(SettingError::to_string).collect();
            return Err(Unusable(errors.join("\n")));
        }
        Ok(Self { kind, producer, consumer, producer_config, consumer_config })
    }
}

impl PipelineSettings {
    /// The names of the kind's topics and group, and how the group works.
    pub(crate) fn group(&self) -> &GroupConfig {
        self.consumer_config.group(self.kind)
    }
}

/// The name of a kind's own variable for a setting that all kinds have. Names of variables are static everywhere; the
/// few that are made here stay in memory.
pub(crate) fn of_kind(kind: Kind, name: &'static str) -> &'static str {
    if kind == Kind::Post { name } else { format!("{}_{name}", kind.name().to_uppercase()).leak() }
}

/// The lookup with a larger batch where the store replaces documents slowly, unless a batch is set: the store built on
/// FerretDB replaces 745 a second in batches of 1,000, and 128 in batches of 100.
pub(crate) fn with_batch_of_store(
    lookup: Lookup<'_>,
    kind: Kind,
    store: stack::StoreKind,
) -> impl Fn(&str) -> Option<String> {
    let name = of_kind(kind, BATCH_MESSAGES);
    let is_slow = matches!(store, stack::StoreKind::Auto | stack::StoreKind::Ferretdb);
    let is_ours = set(lookup, "MONGO_URI").is_none();
    let is_set = [name, BATCH_MESSAGES].into_iter().any(|name| set(lookup, name).is_some());
    let is_larger = kind.write() == Write::Upsert && is_slow && is_ours && !is_set;
    move |asked| if is_larger && asked == name { Some(LARGE_BATCH.to_owned()) } else { lookup(asked) }
}

fn read<C>(lookup: Lookup<'_>, read: fn(&mut Settings<'_>) -> C) -> (C, Variables, Vec<SettingError>) {
    let mut settings = Settings::new(lookup);
    let config = read(&mut settings);
    let (variables, errors) = settings.finish();
    let variables = variables.into_iter().map(|variable| (variable.name, variable.shown()));
    (config, variables.collect(), errors)
}

/// The variables of a service, those that the lab has set for it included.
pub(crate) fn in_force(variables: &Variables, set: &[(&'static str, String)]) -> Variables {
    let mut in_force = variables.clone();
    for (name, value) in set {
        if let Some(shown) = in_force.get_mut(name) {
            *shown = without_secrets(value);
        }
    }
    in_force
}

/// A variable, unless it is empty.
pub(crate) fn set(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.is_empty())
}

/// The lookup with one variable set by an option of the command line.
pub(crate) fn with_option<'a>(
    lookup: Lookup<'a>,
    name: &'a str,
    option: &'a Option<String>,
) -> impl Fn(&str) -> Option<String> + 'a {
    move |asked| if asked == name { option.clone().or_else(|| lookup(asked)) } else { lookup(asked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_services_are_reported_once() {
        let lookup = |name: &str| match name {
            "PRODUCER_LINGER" | "CONSUMER_BATCH_MESSAGES" | "STOP_GRACE" => Some("x".to_owned()),
            _ => None,
        };
        let message = PipelineSettings::read(&lookup).unwrap_err().to_string();
        assert_eq!(message.lines().count(), 3, "{message}");
    }

    #[test]
    fn the_variables_in_force_are_those_that_the_service_has() {
        let variables = Variables::from([("PORT", "3000".to_owned()), ("LOG", "info".to_owned())]);
        let set = [("PORT", "20123".to_owned()), ("MONGO_URI", "mongodb://me:secret@localhost/db".to_owned())];
        let expected = Variables::from([("PORT", "20123".to_owned()), ("LOG", "info".to_owned())]);
        assert_eq!(in_force(&variables, &set), expected);
        let variables = Variables::from([("MONGO_URI", String::new())]);
        assert_eq!(in_force(&variables, &set)["MONGO_URI"], "mongodb://***@localhost/db");
    }

    #[test]
    fn only_a_kind_of_states_has_a_larger_batch_where_the_store_is_slow() {
        use stack::StoreKind::{Auto, Ferretdb, Secantus};
        let batch = |set: &'static [(&str, &str)], kind, store| {
            let lookup = |name: &str| set.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            let lookup = with_batch_of_store(&lookup, kind, store);
            PipelineSettings::of(kind, &lookup).unwrap().group().limits.batch.messages
        };
        assert_eq!([Auto, Ferretdb, Secantus].map(|store| batch(&[], Kind::Order, store)), [1_000, 1_000, 100]);
        assert_eq!(batch(&[], Kind::Post, Ferretdb), 100);
        assert_eq!(batch(&[("CONSUMER_BATCH_MESSAGES", "7")], Kind::Order, Ferretdb), 7);
        assert_eq!(batch(&[("ORDER_CONSUMER_BATCH_MESSAGES", "8")], Kind::Order, Ferretdb), 8);
        assert_eq!(batch(&[("MONGO_URI", "mongodb://localhost/db")], Kind::Order, Ferretdb), 100);
    }

    #[test]
    fn an_option_goes_before_its_variable() {
        let lookup = |_: &str| Some("variable".to_owned());
        let option = Some("option".to_owned());
        assert_eq!(with_option(&lookup, "A", &option)("A").as_deref(), Some("option"));
        assert_eq!(with_option(&lookup, "A", &option)("B").as_deref(), Some("variable"));
        assert_eq!(with_option(&lookup, "A", &None)("A").as_deref(), Some("variable"));
    }
}
