//! What the OpenAPI documents of all services share: how they are written, problems and their headers, and the
//! operations of every service.

use serde_json::Value;

pub mod access;
pub mod answers;
mod ascii_json;
pub mod shared;

pub use ascii_json::pretty;

/// Removes the components that nothing refers to. Those of credentials are referred to by their names.
pub fn remove_unused(document: &mut Value) {
    let text = document.to_string();
    let groups = document["components"].as_object_mut().into_iter().flatten();
    for (group, components) in groups.filter(|(group, _)| *group != "securitySchemes") {
        let is_used = |name: &str| text.contains(&format!("\"#/components/{group}/{name}\""));
        if let Some(components) = components.as_object_mut() {
            components.retain(|name, _| is_used(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_referred_to_stays() {
        let mut document = json!({
            "paths": { "/": { "$ref": "#/components/schemas/Used" } },
            "components": { "schemas": { "Used": {}, "UsedNot": {} }, "headers": { "Used": {} } },
        });
        remove_unused(&mut document);
        assert_eq!(document["components"], json!({ "schemas": { "Used": {} }, "headers": {} }));
    }
}
