//! Decides where the two servers come from, by what was requested and what is given.

use anyhow::bail;

use crate::options::{Options, StackKind, StoreKind};

/// What the environment names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) kafka_broker: Option<String>,
    pub(crate) mongo_uri: Option<String>,
}

impl Given {
    pub(crate) fn new(lookup: impl Fn(&str) -> Option<String>) -> Given {
        let set = |name| lookup(name).filter(|value| !value.is_empty());
        Given { kafka_broker: set("KAFKA_BROKER"), mongo_uri: set("MONGO_URI") }
    }

    fn missing(&self) -> Vec<&'static str> {
        let broker = self.kafka_broker.is_none().then_some("KAFKA_BROKER");
        let uri = self.mongo_uri.is_none().then_some("MONGO_URI");
        [broker, uri].into_iter().flatten().collect()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Containers; if they do not come up and `or_native` is set, native servers.
    Docker { or_native: bool },
    /// Uses what is given, and starts native servers for the rest.
    Processes { given: Given, why: String },
}

pub(crate) fn choose(options: &Options, given: Given) -> anyhow::Result<Choice> {
    let Options { stack, store, brokers, .. } = *options;
    let missing = given.missing();
    match stack {
        StackKind::Docker if brokers > 1 => bail!(
            "--brokers {brokers} starts native brokers, and --stack docker starts one in a container: leave out one of \
             them."
        ),
        StackKind::Auto | StackKind::External if brokers > 1 && given.kafka_broker.is_some() => {
            bail!("--brokers {brokers} starts brokers, and KAFKA_BROKER names a running one: leave out one of them.")
        }
        StackKind::External if missing.is_empty() => {
            Ok(Choice::Processes { given, why: "--stack external".to_owned() })
        }
        StackKind::External => bail!(
            "--stack external needs {}: set KAFKA_BROKER (host:port) and MONGO_URI (mongodb://host:port/database), or \
             leave --stack out.",
            missing.join(" and ")
        ),
        StackKind::Docker if store == StoreKind::Auto => Ok(Choice::Docker { or_native: false }),
        StackKind::Docker => bail!(
            "--store {store} starts a native store, and --stack docker starts MongoDB in a container: leave out one of \
             them."
        ),
        StackKind::Native => Ok(Choice::Processes { given: Given::default(), why: "--stack native".to_owned() }),
        StackKind::Auto => Ok(match missing.as_slice() {
            [] => Choice::Processes { given, why: "KAFKA_BROKER and MONGO_URI are set".to_owned() },
            [one] => Choice::Processes { why: format!("{one} is not set, and the other is"), given },
            _ if store != StoreKind::Auto => Choice::Processes { given, why: format!("--store {store}") },
            _ if brokers > 1 => Choice::Processes { given, why: format!("--brokers {brokers}") },
            _ => Choice::Docker { or_native: true },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(broker: bool, uri: bool) -> Given {
        Given {
            kafka_broker: broker.then(|| "kafka:9092".to_owned()),
            mongo_uri: uri.then(|| "mongodb://mongo/db".to_owned()),
        }
    }

    fn options(stack: StackKind, store: StoreKind) -> Options {
        Options { stack, store, ..Options::default() }
    }

    fn why(choice: Choice) -> (Given, String) {
        match choice {
            Choice::Processes { given, why } => (given, why),
            Choice::Docker { .. } => panic!("{choice:?}"),
        }
    }

    #[test]
    fn what_is_given_is_used_before_anything_is_started() {
        for (broker, uri) in [(true, true), (true, false), (false, true)] {
            for store in [StoreKind::Auto, StoreKind::Ferretdb] {
                let (used, _) = why(choose(&options(StackKind::Auto, store), given(broker, uri)).unwrap());
                assert_eq!(used, given(broker, uri));
            }
        }
    }

    #[test]
    fn docker_is_tried_first_unless_a_native_store_is_requested() {
        let nothing = || given(false, false);
        let choice = choose(&options(StackKind::Auto, StoreKind::Auto), nothing()).unwrap();
        assert_eq!(choice, Choice::Docker { or_native: true });
        let (used, reason) = why(choose(&options(StackKind::Auto, StoreKind::Ferretdb), nothing()).unwrap());
        assert_eq!((used, reason.as_str()), (nothing(), "--store ferretdb"));
    }

    #[test]
    fn a_requested_kind_is_used_even_if_something_is_given() {
        let choice = choose(&options(StackKind::Docker, StoreKind::Auto), given(true, true)).unwrap();
        assert_eq!(choice, Choice::Docker { or_native: false });
        let (used, _) = why(choose(&options(StackKind::Native, StoreKind::Auto), given(true, true)).unwrap());
        assert_eq!(used, Given::default());
    }

    #[test]
    fn external_names_the_variables_that_are_not_set() {
        let sentence = |broker, uri| {
            choose(&options(StackKind::External, StoreKind::Auto), given(broker, uri)).unwrap_err().to_string()
        };
        assert!(sentence(false, false).starts_with("--stack external needs KAFKA_BROKER and MONGO_URI: "));
        assert!(sentence(true, false).starts_with("--stack external needs MONGO_URI: "));
        assert!(choose(&options(StackKind::External, StoreKind::Auto), given(true, true)).is_ok());
    }

    #[test]
    fn docker_with_a_native_store_is_a_contradiction() {
        assert!(choose(&options(StackKind::Docker, StoreKind::Mongod), Given::default()).is_err());
    }

    #[test]
    fn several_brokers_are_native_and_nothing_else() {
        let asked = |stack, given| choose(&Options { brokers: 3, ..options(stack, StoreKind::Auto) }, given);
        let (used, reason) = why(asked(StackKind::Auto, given(false, false)).unwrap());
        assert_eq!((used, reason.as_str()), (given(false, false), "--brokers 3"));
        assert!(asked(StackKind::Auto, given(false, true)).is_ok());
        assert!(asked(StackKind::Native, given(true, true)).is_ok());
        for (stack, given) in [
            (StackKind::Docker, given(false, false)),
            (StackKind::Auto, given(true, false)),
            (StackKind::External, given(true, true)),
        ] {
            let error = asked(stack, given).unwrap_err().to_string();
            assert!(error.starts_with("--brokers 3 starts "), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        assert_eq!(Given::new(|_| Some(String::new())), Given::default());
    }
}
