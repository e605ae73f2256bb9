//! `loadtest show ID`: where a post is, or an [order](states). It looks first where posts end, in the store and the
//! dead letters, and then in the topic, where the group's committed offset says whether the post still waits or should
//! have been stored.

use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context;
use contract::{DeadLetter, PostId, Write};
use kafka::topics::Reader;
use tokio::task::spawn_blocking;

use crate::base::exit::{self, Unusable};
use crate::command::options::ShowOptions;
use crate::pipeline::settings::{Lookup, PipelineSettings, with_option};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of, id_of};

mod shown;
mod states;

use shown::{place, readable, there};

/// Says where the post is. The exit code is 1 for a post that is nowhere, and 99 for one that is lost.
pub(crate) async fn show(options: ShowOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let kind = options.kind;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let lookup = with_option(&lookup, "KAFKA_BROKER", &options.kafka_broker);
    let settings = PipelineSettings::of(kind, &lookup)?;
    let id = match kind.write() {
        Write::Insert => post_id(&options.id)?,
        Write::Upsert => {
            let store = StoreReader::given(kind, &lookup).await?;
            return states::show(kind, &options.id, &store, settings.group().clone()).await;
        }
    };
    let store = StoreReader::given(kind, &lookup).await?;
    let mut place = PostPlace::Finished(String::new());
    // The group may finish the record just after the store was asked, so the store is asked once more before a post is
    // called lost.
    for _ in 0..2 {
        if let Some(document) = store.find(id).await? {
            println!("{}:\n{:#}", there(&document)?, readable(&id, &document)?);
            return Ok(ExitCode::SUCCESS);
        }
        let names = settings.group().clone();
        place = spawn_blocking(move || place_in_kafka(id, &names)).await.context("looking into Kafka failed")??;
        if !matches!(place, PostPlace::Finished(_)) {
            break;
        }
    }
    Ok(match place {
        PostPlace::DeadLettered(text) => {
            println!("dead-lettered: {text}");
            ExitCode::SUCCESS
        }
        PostPlace::Waiting(text) => {
            println!("waiting: {text}");
            ExitCode::SUCCESS
        }
        PostPlace::Finished(text) => {
            println!("lost: {text}, but it is neither stored nor dead-lettered");
            ExitCode::from(exit::THRESHOLD_FAILED)
        }
        PostPlace::Nowhere(text) => {
            println!("not found: {text}");
            ExitCode::from(exit::FAILED)
        }
    })
}

fn post_id(text: &str) -> Result<PostId, Unusable> {
    let id = PostId::from_key(text.as_bytes());
    id.ok_or(Unusable("ID must be the id from the answer, such as 01890a5d-ac96-774b-bcce-b302099a8057".to_owned()))
}

/// Where in Kafka a post is, each with the details in words.
enum PostPlace {
    DeadLettered(String),
    /// In the topic, the group has not finished it.
    Waiting(String),
    /// In the topic, the group has finished it.
    Finished(String),
    Nowhere(String),
}

fn place_in_kafka(id: PostId, names: &kafka::group::GroupConfig) -> anyhow::Result<PostPlace> {
    let kafka = topic::reader(&names.cluster, &names.group)?;
    if let Some(letter) = find_dead_letter(&kafka, &names.dead_letter_topic, id)? {
        let DeadLetter { topic, partition, offset, reason, message, .. } = letter;
        let (reason, place) = (reason.as_str(), place(&topic, partition, offset));
        return Ok(PostPlace::DeadLettered(format!("{message} ({reason}); it was in {place}")));
    }
    let Some((partition, offset)) = find_record(&kafka, &names.topic, id)? else {
        let (topic, dead_letters) = (&names.topic, &names.dead_letter_topic);
        return Ok(PostPlace::Nowhere(format!("neither in the store, nor in topic {topic}, nor in {dead_letters}")));
    };
    let progress = kafka.progress(&names.topic)?.into_iter().find(|progress| progress.partition == partition);
    let progress = progress.context("the record's partition is gone")?;
    let (place, group, before) = (place(&names.topic, partition, offset), &names.group, offset - progress.next());
    Ok(if before < 0 {
        PostPlace::Finished(format!("group {group} has committed past {place}"))
    } else {
        let lag = progress.lag();
        PostPlace::Waiting(format!("{place}; {before} records are before it, lag of group {group}: {lag}"))
    })
}

fn find_dead_letter(kafka: &Reader, topic: &str, id: PostId) -> anyhow::Result<Option<DeadLetter>> {
    topic::scan(kafka, topic, |record| match dead_letter_of(record).filter(|letter| letter.id == id) {
        Some(letter) => ControlFlow::Break(letter),
        None => ControlFlow::Continue(()),
    })
}

/// Its partition and offset.
fn find_record(kafka: &Reader, topic: &str, id: PostId) -> anyhow::Result<Option<(i32, i64)>> {
    topic::scan(kafka, topic, |record| {
        if id_of(topic, record) == id {
            return ControlFlow::Break((record.partition(), record.offset()));
        }
        ControlFlow::Continue(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_no_post_has_is_an_error() {
        assert!(post_id("42").unwrap_err().to_string().contains("must be the id from the answer"));
    }
}
