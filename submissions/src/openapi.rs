//! The description of the HTTP interface as an OpenAPI 3.1 document. The rules of a content are made from those that
//! judge it; tests compare the paths with the routes and each example with its schema.

use serde_json::{Value, json};
use service::openapi::shared::{self, SharedWords};
use service::openapi::{access, answers};

mod bulk;
mod components;
mod dead_letters;
mod operations;
mod parts;

/// What it says in the operations of every service.
const WORDS: SharedWords = SharedWords { service: "submissions", description: "An OpenAPI 3.1 document of the API" };

/// What holds for all requests.
const DESCRIPTION: &str = "\
Takes content, answers 202 once it is durable in the database, works on it, and lets clients watch its status.

- A submission is PENDING, then PROCESSING, then PASSED or FAILED; until then it can be CANCELLED. FAILED and \
CANCELLED ones can be tried again. What a worker could not finish is PENDING again by itself.
- Each path of the API may end with a slash.
- Errors are problem documents (RFC 9457), and name every field that is wrong.
- Where the service asks for credentials, a request needs an API key or a token: as `Authorization: Bearer KEY` or as \
`X-API-Key: KEY`. A caller then sees and changes only what it has submitted itself: whatever belongs to others is \
answered as if it did not exist. Only the scope `admin` reaches everything. People sign in on the page.
- After a 503 with `Retry-After`, try again after that number of seconds.
- An unknown path gets 404, another method than those described 405 with `Allow`. Each path with GET also has HEAD.
- A POST from a page of another site gets 403.
- A request that is not HTTP/1.1 gets 400 without a body, and the connection closes.
- A request without a `Host` header, or with several, gets 400.

Limits whose names are in capitals are settings of this service; those who run it see them on its status page.";

/// The OpenAPI document of a service that takes contents of at most this length, as JSON in plain ASCII: pretty, and
/// with a line feed at its end.
pub fn openapi(max_content_chars: usize) -> String {
    service::openapi::pretty(&document(max_content_chars))
}

/// The OpenAPI document of a service that takes contents of at most this length.
pub(crate) fn document(max_content_chars: usize) -> Value {
    let mut paths = operations::paths();
    let of_service = shared::operations(&WORDS);
    let shared: Vec<&str> = of_service.iter().map(|(path, _)| *path).collect();
    for (path, operation) in of_service {
        let operation = if path == "/" { page() } else { operation };
        paths.insert(path.to_owned(), json!({ "get": operation }));
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Submissions",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": operations::TAG, "description": "Contents, each with what has become of it" },
            { "name": operations::FIGURES, "description": "Submissions in each status, and the workers" },
            { "name": shared::TAG, "description": "Health, pages and this description" },
        ],
        "paths": paths,
        "components": {
            "schemas": components::schemas(max_content_chars),
            "responses": components::responses(),
            "headers": answers::headers(),
            "parameters": components::parameters(),
        },
    });
    access::describe(&mut document, |path| shared.contains(&path) && path != "/");
    describe_session(&mut document);
    service::openapi::remove_unused(&mut document);
    document
}

/// The cookie of the page, as one more way to show a credential.
fn describe_session(document: &mut Value) {
    const SCHEME: &str = "session";
    document["components"]["securitySchemes"][SCHEME] = json!({
        "type": "apiKey",
        "in": "cookie",
        "name": "ingest-session",
        "description": "The cookie of a browser that has signed in on the page (`/sign-in`), over TLS \
                        `__Host-ingest-session`. A POST with it must come from a page of this service, or gets 403",
    });
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let operations = paths.flat_map(|(_, operations)| operations.as_object_mut().into_iter().flatten());
    for ways in operations.filter_map(|(_, operation)| operation.get_mut("security")?.as_array_mut()) {
        ways.push(json!({ SCHEME: [] }));
    }
}

/// The page for people, in place of name and version.
fn page() -> Value {
    shared::get("getPage", "The page on which people submit and watch", json!({ "200": shared::html("The page") }))
}

#[cfg(test)]
mod tests;
