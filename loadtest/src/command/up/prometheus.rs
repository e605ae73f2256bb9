//! The Prometheus of `loadtest up`: the configuration for native runs, with the actual ports.

use stack::{OnProgress, Server, prometheus};

use crate::pipeline::settings::Lookup;
use crate::pipeline::under_test::{Ports, free_or_another};

const CONFIG: &str = include_str!("../../../../prometheus/native.yml");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../prometheus/rules/*.yml");
const DEFAULT_PORT: u16 = 9090;

/// Starts it, if this machine has one.
pub(crate) async fn start(lookup: Lookup<'_>, ports: Ports, progress: OnProgress) -> anyhow::Result<Option<Server>> {
    match prometheus::find(lookup)? {
        Some(program) => {
            let port = free_or_another(DEFAULT_PORT);
            prometheus::start(&program, port, &config(ports), progress).await.map(Some)
        }
        None => Ok(None),
    }
}

fn config(ports: Ports) -> String {
    CONFIG
        .replace("localhost:3100", &format!("127.0.0.1:{}", ports.producer.operators))
        .replace("localhost:3101", &format!("127.0.0.1:{}", ports.consumer.operators))
        .replace("rules/*.yml", RULES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::services::ServicePorts;

    #[test]
    fn the_ports_and_the_rules_are_those_of_this_run() {
        let ports = |clients| ServicePorts { clients, operators: clients + 100 };
        let config = config(Ports { producer: ports(40_001), consumer: ports(40_002) });
        for part in ["[127.0.0.1:40101]", "[127.0.0.1:40102]", RULES] {
            assert!(config.contains(part), "{part} in\n{config}");
        }
        assert!(!config.contains("localhost:31"), "{config}");
    }
}
