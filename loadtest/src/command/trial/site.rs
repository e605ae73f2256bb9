//! Where a trial takes place: in a pipeline, or at a place of its own.

use kafka::Cluster;
use kafka::group::GroupConfig;
use stack::Stack;

use crate::pipeline::settings::PipelineSettings;
use crate::pipeline::store::Documents;
use crate::pipeline::under_test::PipelineUnderTest;

/// Where the posts of a trial go, and who else uses it.
pub(crate) struct TrialSite<'a> {
    /// The names of topics and group.
    pub(crate) names: GroupConfig,
    /// `None` where Kafka cannot be reached.
    pub(crate) kafka: Option<&'a Cluster>,
    /// `None` where the store cannot be reached.
    pub(crate) documents: Option<&'a Documents>,
    /// Whether the lab has started the services.
    pub(crate) is_ours: bool,
    /// Whether the database, and the topics, were empty before the trial and serve nobody else.
    pub(crate) is_own_store: bool,
    pub(crate) is_own_kafka: bool,
}

impl<'a> TrialSite<'a> {
    /// A whole pipeline. Only servers that the lab has started are certain to be empty.
    pub(crate) fn of(settings: &PipelineSettings, pipeline: &'a PipelineUnderTest) -> Self {
        let is_own = |count: fn(&Stack) -> usize| pipeline.stack.as_ref().is_some_and(|stack| count(stack) > 0);
        Self {
            names: settings.group().clone(),
            kafka: pipeline.kafka.as_ref(),
            documents: pipeline.documents.as_ref(),
            is_ours: pipeline.services.is_some(),
            is_own_store: is_own(|stack| stack.store.iter().count()),
            is_own_kafka: is_own(|stack| stack.brokers.len()),
        }
    }
}
