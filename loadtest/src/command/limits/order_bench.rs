//! The measures of orders: what the ordered publisher sends, what the store replaces, and what the consumer makes of
//! both.

use contract::Kind;

use super::bench::LimitsBench;
use super::cpu::Meter;
use super::produce_ordered::ProduceOrdered;
use super::update::Update;
use crate::pipeline::services::ServiceOptions;
use crate::report::limits::measure::{BROKER, LimitsMeasure, LimitsSample, STORE};

impl LimitsBench {
    /// Takes those measures of orders that are asked for. `note` gets each.
    pub(super) async fn orders_round(
        &self,
        round: u32,
        note: &mut impl FnMut(LimitsMeasure, LimitsSample),
    ) -> anyhow::Result<()> {
        let is_taken = |measure: LimitsMeasure| measure.is_taken(&self.plan.only);
        let mut backlog = 0;
        if is_taken(LimitsMeasure::ProduceOrdered) {
            let sample = self.produce_ordered(round).await?;
            backlog = sample.posts;
            note(LimitsMeasure::ProduceOrdered, sample);
        }
        let updates = self.updates(round).await?;
        if is_taken(LimitsMeasure::Update) {
            if updates.is_possible().await? {
                note(LimitsMeasure::Update, self.update(&updates).await?);
            } else {
                eprintln!("update          not measured: this store does not replace documents in one step");
            }
        }
        if is_taken(LimitsMeasure::OrderConsumer) {
            note(LimitsMeasure::OrderConsumer, self.consumer(&self.order_options(round), backlog).await?);
        }
        Ok(())
    }

    /// Into a collection of its own. The orders of a round have ids of their own: places in another topic say nothing.
    pub(super) async fn updates(&self, round: u32) -> anyhow::Result<Update> {
        let collection = format!("{}_updates", self.name().replace('-', "_"));
        Update::new(&self.mongo_uri, &collection, &self.settings.consumer_config, self.orders_of(round)).await
    }

    async fn produce_ordered(&self, round: u32) -> anyhow::Result<LimitsSample> {
        let mut config = self.settings.producer_config.orders.clone();
        config.cluster = self.kafka.clone();
        config.topic = self.topic(round, "orders");
        config.replication = self.replication;
        let produce = ProduceOrdered::connect(&config, self.orders_of(round)).await?;
        let meter = Meter::start(vec![(BROKER, &self.brokers)]);
        Ok(meter.done(produce.records(self.plan.duration).await?))
    }

    async fn update(&self, updates: &Update) -> anyhow::Result<LimitsSample> {
        updates.prepare().await?;
        let meter = Meter::start(vec![(STORE, &self.store)]);
        let sample = meter.done(updates.documents(self.plan.duration).await?);
        updates.drop_collection().await?;
        Ok(sample)
    }

    fn order_options(&self, round: u32) -> ServiceOptions {
        let more = vec![
            ("ORDER_KAFKA_TOPIC", self.topic(round, "orders")),
            ("KAFKA_REPLICATION", self.replication.to_string()),
        ];
        ServiceOptions { kind: Kind::Order, more, ..self.service_options(String::new()) }
    }

    fn orders_of(&self, round: u32) -> String {
        format!("{}-{round}", self.plan.run)
    }
}
