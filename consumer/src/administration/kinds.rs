//! `GET /kinds`, `POST /kinds/{kind}/pause` and `…/resume`, `consumer pause` and `consumer resume`: which kinds are
//! paused by operators. A pause or a resume is written to the kind's own database, from which every member reads it.

use contract::Kind;
use kafka::group::GroupConfig;
use serde::Serialize;

use crate::config::ConsumerConfig;
use crate::store::control::{Control, Pause};

/// All kinds that are served.
#[derive(Debug, Serialize)]
pub(super) struct KindsReport {
    kinds: Vec<KindReport>,
}

/// A kind with the names that are in force.
#[derive(Debug, Serialize)]
pub(super) struct KindReport {
    kind: &'static str,
    topic: String,
    group: String,
    dead_letter_topic: String,
    collection: &'static str,
    /// `null` if nobody has paused it.
    paused: Option<PauseReport>,
}

#[derive(Debug, Serialize)]
struct PauseReport {
    since: String,
    by: String,
}

impl KindsReport {
    /// Asks the store.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn ask(config: &ConsumerConfig) -> anyhow::Result<Self> {
        let control = Control::connect(&config.mongo_uri).await?;
        let mut kinds = Vec::new();
        for kind in &config.kinds {
            let pause = control.pause_of(*kind).await.map_err(does_not_answer)?;
            kinds.push(KindReport::of(*kind, config, pause));
        }
        Ok(Self { kinds })
    }
}

impl KindReport {
    fn of(kind: Kind, config: &ConsumerConfig, pause: Option<Pause>) -> Self {
        let GroupConfig { topic, group, dead_letter_topic, .. } = config.group(kind).clone();
        let paused = pause.map(|pause| PauseReport { since: pause.since_text(), by: pause.by });
        Self { kind: kind.name(), topic, group, dead_letter_topic, collection: kind.collection(), paused }
    }
}

/// Pauses the kind, or resumes it, in the store.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn set(config: &ConsumerConfig, kind: Kind, pauser: Option<&str>) -> anyhow::Result<KindReport> {
    let control = Control::connect(&config.mongo_uri).await?;
    let pause = match pauser {
        Some(by) => Some(control.pause(kind, by).await.map_err(does_not_answer)?.0),
        None => {
            control.resume(kind).await.map_err(does_not_answer)?;
            None
        }
    };
    Ok(KindReport::of(kind, config, pause))
}

/// The same for people: a sentence about what was done.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn set_and_say(config: &ConsumerConfig, kind: Kind, pauser: Option<&str>) -> anyhow::Result<String> {
    let control = Control::connect(&config.mongo_uri).await?;
    let name = kind.name();
    Ok(match pauser {
        Some(by) => match control.pause(kind, by).await.map_err(does_not_answer)? {
            (_, true) => format!("kind {name}: paused; within about a second nothing more of it is fetched"),
            (pause, false) => format!("kind {name}: already paused by {} since {}", pause.by, pause.since_text()),
        },
        None => match control.resume(kind).await.map_err(does_not_answer)? {
            Some(pause) => format!("kind {name}: resumed; it was paused by {} since {}", pause.by, pause.since_text()),
            None => format!("kind {name}: it was not paused"),
        },
    })
}

fn does_not_answer(error: String) -> anyhow::Error {
    anyhow::anyhow!("MongoDB, see MONGO_URI: {error}")
}
