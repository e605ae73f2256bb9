//! What a document says of credentials: how they are sent, which operations need them, and the answers without.

use serde_json::{Value, json};

use super::answers::{component, problem, response, with_retry_after};

/// The names of the two ways to send a key.
const SCHEMES: [&str; 2] = ["bearer", "apiKey"];

/// The answers of an operation that needs credentials and counts what its callers send.
const ANSWERS: [(&str, &str); 3] = [("401", "NoCredentials"), ("403", "NotAllowed"), ("429", "TooManyRequests")];

/// Describes the credentials of the operations on these paths. They are needed only where the service has been given
/// keys, so each operation can also be used without.
pub fn describe(document: &mut Value, is_open: impl Fn(&str) -> bool) {
    document["components"]["securitySchemes"] = json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`API_KEYS_FILE`) or a token (`JWT_JWKS`), if the service asks for one",
        },
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The same key in a header of its own; a request has only one of the two",
        },
    });
    let challenge = || json!({ "WWW-Authenticate": component("headers", "WwwAuthenticate") });
    let mut unauthorized = problem(
        401,
        "The service asks for credentials, and the request has none that are valid",
        "send a key or token that this service knows, as `Authorization: Bearer KEY` or `X-API-Key: KEY`",
    );
    unauthorized["headers"] = challenge();
    let forbidden = problem(
        403,
        "The key or token may not be used for this",
        "with this credential you may not use the kind `post`",
    );
    document["components"]["headers"]["WwwAuthenticate"] = json!({
        "description": "How to send credentials, and what was wrong with those that were sent (RFC 6750)",
        "schema": { "type": "string" },
        "required": true,
    });
    document["components"]["responses"]["NoCredentials"] = unauthorized;
    if document["components"]["responses"].get("NotAllowed").is_none() {
        document["components"]["responses"]["NotAllowed"] = forbidden;
    }
    let mut limited = with_retry_after(
        problem(
            429,
            "The caller has used up its quota (`RATE_LIMIT`, or the rate of its key)",
            "you may send 1000/s of the kind `post`, which is used up: try again after 1 s",
        ),
        true,
    );
    for (header, name, description) in [
        ("RateLimit", "RateLimit", "What is left of the quota, and the seconds until it is whole"),
        ("RateLimit-Policy", "RateLimitPolicy", "The quota, and its period in seconds"),
    ] {
        limited["headers"][header] = component("headers", name);
        document["components"]["headers"][name] = json!({
            "description": format!("{description} (draft-ietf-httpapi-ratelimit-headers)"),
            "schema": { "type": "string" },
            "required": true,
        });
    }
    document["components"]["responses"]["TooManyRequests"] = limited;
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, operations) in paths.filter(|(path, _)| !is_open(path)) {
        for operation in operations.as_object_mut().into_iter().flatten().map(|(_, operation)| operation) {
            let mut needs = vec![json!({})];
            needs.extend(SCHEMES.map(|scheme| json!({ scheme: [] })));
            operation["security"] = json!(needs);
            for (status, name) in ANSWERS {
                if operation["responses"].get(status).is_none() {
                    operation["responses"][status] = response(name);
                }
            }
        }
    }
}
