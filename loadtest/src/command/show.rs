//! `loadtest show ID`: where a post is. It looks first where posts end, in the store and the dead letters, and then in
//! the topic, where the group's committed offset says whether the post still waits or should have been stored.

use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context;
use bson::{Bson, Document};
use contract::document::ID_FIELD;
use contract::{DeadLetter, Kind, PostId};
use kafka::topics::Reader;
use tokio::task::spawn_blocking;

use crate::base::exit;
use crate::command::options::ShowOptions;
use crate::pipeline::settings::{Lookup, PipelineSettings, with_option};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of, id_of};

/// Says where the post is. The exit code is 1 for a post that is nowhere, and 99 for one that is lost.
pub(crate) async fn show(options: ShowOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let id = options.id;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let lookup = with_option(&lookup, "KAFKA_BROKER", &options.kafka_broker);
    let settings = PipelineSettings::read(&lookup)?;
    let store = StoreReader::given(Kind::Post, &lookup).await?;
    let mut place = PostPlace::Finished(String::new());
    // The group may finish the record just after the store was asked, so the store is asked once more before a post is
    // called lost.
    for _ in 0..2 {
        if let Some(document) = store.find(id).await? {
            println!("stored:\n{:#}", readable(id, &document)?);
            return Ok(ExitCode::SUCCESS);
        }
        let names = settings.consumer_config.kafka.clone();
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

/// The document as JSON for people: MongoDB's extended JSON would show the id in base64.
fn readable(id: PostId, document: &Document) -> anyhow::Result<serde_json::Value> {
    let mut fields = serde_json::Map::new();
    for (name, value) in document {
        let value = match value {
            Bson::Binary(_) if name == ID_FIELD => id.to_string().into(),
            Bson::DateTime(date) => date.try_to_rfc3339_string().context("a date is far off")?.into(),
            other => serde_json::to_value(other).context("the document is not JSON")?,
        };
        fields.insert(name.clone(), value);
    }
    Ok(fields.into())
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
    let kafka = topic::reader(&names.brokers, &names.group)?;
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

fn place(topic: &str, partition: i32, offset: i64) -> String {
    format!("topic {topic}, partition {partition}, offset {offset}")
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
    fn a_document_is_shown_as_people_read_it() {
        let id = PostId::fresh();
        let mut body = br#"{"title":"Hello","content":"long enough"}"#.to_vec();
        let post = contract::Parser::default().parse(&mut body).map(|post| contract::document::encode(id, &post, 0));
        let document = Document::try_from(post.unwrap()).unwrap();
        let shown = readable(id, &document).unwrap();
        assert_eq!(shown["_id"], id.to_string());
        assert_eq!(shown["title"], "Hello");
        assert_eq!(shown["createdAt"], "1970-01-01T00:00:00Z");
    }
}
