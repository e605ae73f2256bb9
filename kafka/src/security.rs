//! How connections to a cluster are secured, for both clients of Kafka: rskafka's messages go over the [`stream`]s that
//! a [`Connector`] opens, and librdkafka gets the same as settings ([`librdkafka`]). What is wrong is named in one way
//! ([`reasons`]), whichever client meets it: librdkafka does not say it by itself, so the connector is asked
//! ([`crate::reach()`]). Files are read again for each connection.

pub(crate) mod connector;
pub(crate) mod librdkafka;
pub(crate) mod reasons;
mod sasl;
pub(crate) mod stream;
mod tls;
mod tokens;

pub(crate) use connector::{Connector, SignInRefused, authenticate};
