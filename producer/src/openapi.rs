//! The description of the producer's HTTP interface as an OpenAPI 3.1 document, made from the kinds that are served and
//! from the routes. The rules of each kind are its own JSON Schema; the rest says what the handlers answer.

use contract::Kind;
use serde_json::{Map, Value, json};
use service::openapi::shared::{self, SharedWords};
use service::openapi::{access, remove_unused};

use crate::paths;

mod answers;
mod built_in;
mod bulk;
mod embedded;
mod example;
mod of_file;
mod record;
mod single;

use record::RecordShape;

/// What it says in the operations of every service.
const WORDS: SharedWords =
    SharedWords { service: "producer", description: "An OpenAPI 3.1 document of the kinds that are served" };

/// What holds for all requests.
const DESCRIPTION: &str = "\
Takes records over HTTP, publishes them to Kafka, and answers 201 once Kafka has acknowledged them with acks=all.

- A record is validated before anything else: an invalid one gets 400 even while Kafka is away.
- Errors are problem documents (RFC 9457), and name every field that is wrong.
- Where the service asks for credentials, a request needs an API key or a token: as `Authorization: Bearer KEY` or as \
`X-API-Key: KEY`.
- After a 503 with `Retry-After`, try again after that number of seconds.
- An unknown path gets 404, another method than those described 405 with `Allow`. Each path with GET also has HEAD.
- A request that is not HTTP/1.1 gets 400 without a body, and the connection closes.
- A request without a `Host` header, or with several, gets 400.

Limits whose names are in capitals are settings of this service; those who run it see them on its status page.";

/// The OpenAPI document of a producer that serves these kinds, as JSON in plain ASCII: pretty, and with a line feed at
/// its end.
pub fn openapi(kinds: &[Kind]) -> String {
    service::openapi::pretty(&document(kinds))
}

/// The OpenAPI document of a producer that serves these kinds.
pub(crate) fn document(kinds: &[Kind]) -> Value {
    let mut tags = Vec::new();
    let mut paths = Map::new();
    let mut schemas = answers::schemas();
    for shape in kinds.iter().map(|kind| shape_of(*kind)) {
        for (path, suffix) in &shape.single_paths {
            paths.insert((*path).to_owned(), json!({ "post": single::operation(&shape, suffix) }));
        }
        paths.insert(shape.bulk_path.to_owned(), json!({ "post": bulk::operation(&shape) }));
        schemas.insert(shape.result_name(), bulk::result_schema(&shape));
        tags.push(json!({ "name": shape.tag, "description": shape.about }));
        schemas.insert(shape.name, shape.schema);
    }
    let mut of_service = shared::operations(&WORDS);
    if kinds.contains(&Kind::Order) {
        let summary = "Whether the service is ready, for clients of orders";
        of_service.push((paths::HEALTH, shared::get("getHealthOfOrders", summary, shared::readiness("healthy"))));
    }
    let open: Vec<String> = of_service.iter().map(|(path, _)| (*path).to_owned()).collect();
    for (path, operation) in of_service {
        paths.insert(path.to_owned(), json!({ "get": operation }));
    }
    tags.push(json!({ "name": shared::TAG, "description": "Health and this description" }));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Producer",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": answers::responses(),
            "headers": service::openapi::answers::headers(),
            "parameters": answers::parameters(),
        },
    });
    access::describe(&mut document, |path| open.iter().any(|open| open == path));
    remove_unused(&mut document);
    document
}

/// What is particular to a kind.
fn shape_of(kind: Kind) -> RecordShape {
    match kind {
        Kind::Post => built_in::post(),
        Kind::Order => built_in::order(),
        Kind::Schema(kind) => of_file::of_file(kind),
    }
}

#[cfg(test)]
mod tests;
