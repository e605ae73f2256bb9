//! The settings of the producer and the consumer that the lab starts. The services' own code reads them, so that an
//! error shows before anything is started, and the report keeps them.

use std::collections::BTreeMap;

use service::Settings;
use service::secrets::without_secrets;
use service::settings::SettingError;

use crate::base::exit::Unusable;

/// The environment, as a lookup.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Every variable of one service with the value in force, without passwords.
pub(crate) type Variables = BTreeMap<&'static str, String>;

/// What the lab must know of the services' settings.
#[derive(Debug, Clone)]
pub(crate) struct PipelineSettings {
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
    /// Reads both services' settings.
    ///
    /// # Errors
    /// Every error of both.
    pub(crate) fn read(lookup: Lookup<'_>) -> Result<Self, Unusable> {
        let (producer_config, producer, mut errors) = read(lookup, producer::ProducerConfig::read);
        let (consumer_config, consumer, more) = read(lookup, consumer::ConsumerConfig::read);
        let news: Vec<SettingError> = more.into_iter().filter(|error| !errors.contains(error)).collect();
        errors.extend(news);
        if !errors.is_empty() {
            let errors: Vec<String> = errors.iter().map(SettingError::to_string).collect();
            return Err(Unusable(errors.join("\n")));
        }
        Ok(Self { producer, consumer, producer_config, consumer_config })
    }
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
    fn an_option_goes_before_its_variable() {
        let lookup = |_: &str| Some("variable".to_owned());
        let option = Some("option".to_owned());
        assert_eq!(with_option(&lookup, "A", &option)("A").as_deref(), Some("option"));
        assert_eq!(with_option(&lookup, "A", &option)("B").as_deref(), Some("variable"));
        assert_eq!(with_option(&lookup, "A", &None)("A").as_deref(), Some("variable"));
    }
}
