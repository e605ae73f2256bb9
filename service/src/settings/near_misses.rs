//! Variables that are set and mean nothing, although they look like settings: most likely typing errors. They would
//! have no effect, and nobody would notice.

/// What begins the name of a setting of any service, besides the service's own name in capitals.
const PREFIX: &str = "KAFKA_";

/// The variables with [`PREFIX`] that a program may find in its environment without reading them itself: settings of
/// the other services and of Compose, and what Kafka's own scripts read (`KAFKA_…_OPTS`, too).
pub const OF_OTHERS: &[&str] = &[
    "KAFKA_AUTO_OFFSET_RESET",
    "KAFKA_BROKER",
    "KAFKA_GROUP",
    "KAFKA_HOME",
    "KAFKA_HOST_PORT",
    "KAFKA_PARTITIONS",
    "KAFKA_REPLICATION",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET_FILE",
    "KAFKA_SASL_OAUTHBEARER_SCOPE",
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SASL_PASSWORD_FILE",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SSL_CA",
    "KAFKA_SSL_CERTIFICATE",
    "KAFKA_SSL_KEY",
    "KAFKA_TOPIC",
];

/// A line for each of the variables in `set` that this program does not know, but that is one or two edits away from
/// one that it knows, or begins as its settings do. The line names the setting that is probably meant.
pub fn near_misses(program: &str, set: impl IntoIterator<Item = String>, known: &[&str]) -> Vec<String> {
    let own = format!("{}_", program.split(' ').next().unwrap_or_default().to_ascii_uppercase());
    let mut misses: Vec<String> = set.into_iter().filter_map(|name| near_miss(&own, &name, known)).collect();
    misses.sort_unstable();
    misses
}

fn near_miss(own: &str, name: &str, known: &[&str]) -> Option<String> {
    if known.contains(&name) || OF_OTHERS.contains(&name) {
        return None;
    }
    let is_ours = !name.ends_with("_OPTS") && !is_of_orchestrator(name);
    let prefix = [own, PREFIX].into_iter().find(|prefix| is_ours && name.starts_with(prefix));
    let candidates = known.iter().filter(|known| prefix.is_none_or(|prefix| known.starts_with(prefix)));
    let (edits, nearest) = candidates.map(|known| (edits(name, known), *known)).min()?;
    // Two edits turn HOME into HOST.
    let most = if nearest.len() < 8 { 1 } else { 2 };
    (prefix.is_some() || edits <= most).then(|| format!("{name} is set, but there is no such setting: see {nearest}"))
}

/// Kubernetes and Docker's links set such variables for each service that a container can reach, such as
/// `KAFKA_SERVICE_HOST` and `KAFKA_PORT_9092_TCP`.
fn is_of_orchestrator(name: &str) -> bool {
    ["_SERVICE_HOST", "_SERVICE_PORT", "_PORT_"].iter().any(|part| name.contains(part)) || name.ends_with("_PORT")
}

/// How many characters must be inserted, removed or replaced to make one text of the other.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] =
        &["HOST", "PORT", "LOG", "STOP_GRACE", "KAFKA_BROKER", "KAFKA_TOPIC", "PRODUCER_TIMEOUT", "PRODUCER_LINGER"];

    fn likely(name: &str) -> Option<String> {
        let lines = near_misses("producer", [name.to_owned()], KNOWN);
        let line = lines.first()?;
        let (start, likely) = line.rsplit_once(' ').unwrap();
        assert_eq!(start, format!("{name} is set, but there is no such setting: see"));
        Some(likely.to_owned())
    }

    #[test]
    fn a_typing_error_is_named_with_what_was_meant() {
        for (name, meant) in [
            ("PRODUCER_TIMOUT", "PRODUCER_TIMEOUT"),
            ("PRODUCER_TIMEUOT", "PRODUCER_TIMEOUT"),
            ("PRODUCER_LINGER_MS", "PRODUCER_LINGER"),
            ("RODUCER_LINGER", "PRODUCER_LINGER"),
            ("STOPGRACE", "STOP_GRACE"),
            ("KAFKA_BROKERS", "KAFKA_BROKER"),
            ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKER"),
            ("HOSTS", "HOST"),
        ] {
            assert_eq!(likely(name).as_deref(), Some(meant), "{name}");
        }
    }

    #[test]
    fn what_others_set_is_not_a_typing_error() {
        for name in KNOWN.iter().chain(OF_OTHERS).chain(&[
            "HOME",
            "LANG",
            "PATH",
            "HOSTNAME",
            "CONSUMER_BATCH_BYTES",
            "KAFKA_HEAP_OPTS",
            "KAFKA_SERVICE_HOST",
            "KAFKA_PORT",
            "KAFKA_PORT_9092_TCP_ADDR",
            "PRODUCER_SERVICE_PORT_HTTP",
        ]) {
            assert_eq!(likely(name), None, "{name}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (one, other, expected) in
            [("", "", 0), ("", "ab", 2), ("abc", "abc", 0), ("abc", "acb", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!((edits(one, other), edits(other, one)), (expected, expected), "{one} {other}");
        }
    }
}
