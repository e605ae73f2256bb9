//! A kill exactly at a named step, in builds with failpoints.

use std::time::{Duration, Instant};

use anyhow::ensure;
use service::failpoint::Step;
use tokio::time::sleep;

use super::{Stage, leave};
use crate::pipeline::chaos::fault::{Fault, StagePart};
use crate::pipeline::scrape::MetricsPage;
use crate::pipeline::services::Service;

/// Longest wait until the step is reached. The load reaches most steps at once, but the broker may be away.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_PAUSE: Duration = Duration::from_millis(200);

impl Stage {
    /// Lets a service die at the step, does what leads there, and restarts it after the hold.
    pub(crate) async fn kill_at(&self, step: Step, hold: Duration) -> anyhow::Result<String> {
        let is_producers = Fault::KillAt(step).parts().contains(&StagePart::Producer);
        let mut service = if is_producers { self.producer.lock().await } else { self.consumer.lock().await };
        ensure!(service.is_running(), service.failure().await);
        if step == Step::RevokeAnswered {
            until_assigned(&service).await?;
        }
        service.arm(step)?;
        match step {
            Step::DeadLettered => {
                let sent = self.poison.send(&self.sender).await;
                service.dies_at(step, PATIENCE).await?;
                restart(&mut service, hold).await?;
                Ok(format!("{sent} bad records"))
            }
            Step::RevokeAnswered => {
                // Its joining takes partitions away from the consumer.
                let member = self.start_member().await?;
                let died = service.dies_at(step, PATIENCE).await;
                let restarted = if died.is_ok() { restart(&mut service, hold).await } else { Ok(()) };
                let ready = member.ready().await;
                let left = leave(&member).await;
                died.and(restarted).and(ready)?;
                Ok(format!("{} joined and {left}", member.name()))
            }
            Step::ProduceSent | Step::ProduceAcknowledged | Step::Inserted | Step::Noted | Step::CommitSent => {
                service.dies_at(step, PATIENCE).await?;
                restart(&mut service, hold).await?;
                Ok(String::new())
            }
        }
    }
}

/// Waits until a member holds partitions, because none can be taken away from one that holds none.
async fn until_assigned(member: &Service) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while held(member).await.is_none() {
        ensure!(Instant::now() < deadline, "the consumer holds no partition after {} s", PATIENCE.as_secs());
        sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

/// The lag of the partitions that a member holds.
async fn held(member: &Service) -> Option<f64> {
    MetricsPage::get(&member.operators, member.kind).await.ok()?.sum("kafka_consumergroup_lag")
}

async fn restart(service: &mut Service, hold: Duration) -> anyhow::Result<()> {
    sleep(hold).await;
    service.start_again()
}
