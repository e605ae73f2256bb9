//! Kills, stops or freezes services, brokers and the store, and restarts them after the hold.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use stack::Server;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::{Stage, first_line};
use crate::pipeline::chaos::fault::Fault;
use crate::pipeline::chaos::toxics::Toxic;
use crate::pipeline::services::Service;

impl Stage {
    /// Ends a service and restarts it. A service that is stopped while Kafka or the store is away may have to give up:
    /// that is a remark, not an error.
    pub(crate) async fn hit_service(
        &self,
        service: &Mutex<Service>,
        fault: Fault,
        hold: Duration,
    ) -> anyhow::Result<String> {
        let mut service = service.lock().await;
        ensure!(service.is_running(), service.failure().await);
        let remark = if matches!(fault, Fault::ConsumerStop | Fault::ProducerStop) {
            service.stop().await.err().map(|error| first_line(&error)).unwrap_or_default()
        } else {
            service.kill().await?;
            String::new()
        };
        sleep(hold).await;
        service.start_again()?;
        Ok(remark)
    }

    pub(crate) async fn hit_broker(&self, fault: Fault, hold: Duration, dice: u64) -> anyhow::Result<String> {
        let mut brokers = self.brokers.lock().await;
        let index = match fault {
            Fault::LeaderKill => self.leader().await?,
            _ => usize::try_from(dice % brokers.len() as u64).unwrap_or_default(),
        };
        let broker = brokers.get_mut(index).context("the leader is none of our brokers")?;
        let name = format!("broker-{}", index + 1);
        if fault == Fault::CutBroker {
            return self.trouble(&name, Toxic::cut(dice), hold).await;
        }
        hit_server(broker, fault, hold).await.map(|()| name)
    }

    /// The index of the broker that leads the topic's first partition.
    async fn leader(&self) -> anyhow::Result<usize> {
        let (kafka, topic) = (Arc::clone(&self.kafka), self.topic.clone());
        let partitions =
            spawn_blocking(move || kafka.partitions(&topic)).await.context("asking for the leader failed")??;
        let first = partitions.first().with_context(|| format!("there is no topic {}", self.topic))?;
        usize::try_from(first.leader - 1).context("the topic has no leader")
    }

    /// Kills or freezes the store.
    pub(crate) async fn hit_store(&self, fault: Fault, hold: Duration) -> anyhow::Result<String> {
        hit_server(&mut *self.store.lock().await, fault, hold).await.map(|()| String::new())
    }
}

/// Kills, stops or freezes a server, and brings it back after the hold.
async fn hit_server(server: &mut Server, fault: Fault, hold: Duration) -> anyhow::Result<()> {
    match fault {
        Fault::BrokerPause | Fault::StorePause => server.pause()?,
        Fault::BrokerStop => server.stop().await?,
        _ => server.kill().await?,
    }
    sleep(hold).await;
    match fault {
        Fault::BrokerPause | Fault::StorePause => server.resume(),
        _ => server.restart().await,
    }
}
