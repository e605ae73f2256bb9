//! Who may do what on a broker with an authorizer. The rules are made with raw Kafka requests, because neither client
//! offers them.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Lines of `server.properties`: whatever has no rule is allowed for all.
pub const AUTHORIZER: &str = "\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
";

const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
const VERSION: i16 = 1;
const LITERAL: i8 = 3;
const ALL: Operation = Operation(2);
const DENY: i8 = 2;
const ALLOW: i8 = 3;
const EVERYBODY: &str = "*";

/// What a rule is about.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// A topic by its name, or all of them: `*`.
    Topic(&'a str),
    /// A consumer group by its name.
    Group(&'a str),
    /// The cluster itself.
    Cluster,
}

/// What may be done, by its number in Kafka's protocol.
#[derive(Clone, Copy)]
pub struct Operation(i8);

/// Reading a topic, or as a group.
pub const READ: Operation = Operation(3);
/// Writing to a topic.
pub const WRITE: Operation = Operation(4);
/// Knowing that there is a topic, or what a group has committed.
pub const DESCRIBE: Operation = Operation(8);
/// Creating topics.
pub const CREATE: Operation = Operation(5);
/// Deleting a topic, or records of it.
pub const DELETE: Operation = Operation(6);
/// Reading settings.
pub const DESCRIBE_CONFIGS: Operation = Operation(10);
/// Producing idempotently, which anyone may who may write to some topic.
pub const IDEMPOTENT_WRITE: Operation = Operation(12);

/// From now on nobody may do this, and everybody may do everything else.
///
/// # Errors
/// When the broker does not make the rules.
pub async fn deny(broker: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
    // First, because where others have a rule, a user without one is allowed nothing.
    request(broker, CREATE_ACLS, EVERYBODY, resource, ALL, ALLOW).await?;
    request(broker, CREATE_ACLS, EVERYBODY, resource, operation, DENY).await
}

/// From now on it may be done again.
///
/// # Errors
/// When the broker does not delete the rule.
pub async fn allow(broker: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
    request(broker, DELETE_ACLS, EVERYBODY, resource, operation, DENY).await
}

/// From now on this user may do this.
///
/// # Errors
/// When the broker does not make the rule.
pub async fn grant(broker: &str, user: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
    request(broker, CREATE_ACLS, user, resource, operation, ALLOW).await
}

/// From now on this user may no longer do this.
///
/// # Errors
/// When the broker does not delete the rule.
pub async fn withdraw(broker: &str, user: &str, resource: Resource<'_>, operation: Operation) -> anyhow::Result<()> {
    request(broker, DELETE_ACLS, user, resource, operation, ALLOW).await
}

/// A rule and the filter that finds just this rule are written alike.
async fn request(
    broker: &str,
    api: i16,
    user: &str,
    resource: Resource<'_>,
    operation: Operation,
    permission: i8,
) -> anyhow::Result<()> {
    let text = |text: &str| [&(text.len() as i16).to_be_bytes(), text.as_bytes()].concat();
    let (kind, name) = match resource {
        Resource::Topic(name) => (2, name),
        Resource::Group(name) => (3, name),
        Resource::Cluster => (4, "kafka-cluster"),
    };
    let body = [
        &api.to_be_bytes()[..],
        &VERSION.to_be_bytes(),
        // The number of the request.
        &7_i32.to_be_bytes(),
        &text("test"),
        // One rule.
        &1_i32.to_be_bytes(),
        &i8::to_be_bytes(kind),
        &text(name),
        &LITERAL.to_be_bytes(),
        &text(&format!("User:{user}")),
        &text("*"),
        &operation.0.to_be_bytes(),
        &permission.to_be_bytes(),
    ]
    .concat();
    let exchange = async {
        let mut stream = TcpStream::connect(broker).await?;
        stream.write_all(&[&(body.len() as i32).to_be_bytes(), &body[..]].concat()).await?;
        let mut answer = vec![0; usize::try_from(stream.read_i32().await?)?];
        stream.read_exact(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), exchange).await.context("no answer of the broker")??;
    // The request's number, the time to wait, how many results there are, and the first one's code.
    let is_done = answer.starts_with(&7_i32.to_be_bytes()) && answer.get(8..14) == Some(&[0, 0, 0, 1, 0, 0]);
    ensure!(is_done, "the broker does not change its rules: {answer:?}");
    Ok(())
}
