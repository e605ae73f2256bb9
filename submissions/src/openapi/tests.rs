//! The document against the routes, the rules, and itself.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Map;
use service::health;

use super::*;
use crate::{DOCUMENTATION_ROUTES, api, content};

const MAX_CHARS: usize = 20;

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, operations)| {
        operations.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    })
}

fn visit(value: &Value, visitor: &mut impl FnMut(&Value)) {
    visitor(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| visit(member, visitor)),
        Value::Array(elements) => elements.iter().for_each(|element| visit(element, visitor)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_and_no_other() {
    let routes = api::ROUTES.iter().chain(DOCUMENTATION_ROUTES).chain(health::CLIENT_ROUTES);
    let routes: BTreeSet<String> =
        routes.map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path)).collect();
    let document = document(MAX_CHARS);
    let described: BTreeSet<String> =
        operations(&document).map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document(MAX_CHARS);
    let names: Vec<&str> =
        operations(&document).map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document(MAX_CHARS);
    let mut references = BTreeSet::new();
    visit(&document, &mut |value| references.extend(value["$ref"].as_str().map(str::to_owned)));
    for reference in &references {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    let groups = document["components"].as_object().unwrap().iter();
    let groups = groups.filter(|(group, _)| *group != "securitySchemes");
    let components: BTreeSet<String> = groups
        .flat_map(|(group, components)| {
            let names = components.as_object().into_iter().flat_map(Map::keys);
            names.map(move |name| format!("#/components/{group}/{name}"))
        })
        .collect();
    assert_eq!(components, references);
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = document(100);
    let mut examples = 0;
    visit(&document, &mut |value| {
        for (_, media_type) in value["content"].as_object().into_iter().flatten() {
            // Only a media type: a submission has a field `content`.
            let Some(own) = media_type.get("schema") else { continue };
            let schema = json!({ "allOf": [own], "components": document["components"] });
            let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            for (_, example) in media_type["examples"].as_object().into_iter().flatten() {
                let errors: Vec<_> = schema.iter_errors(&example["value"]).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?} in {media_type:#}");
                examples += 1;
            }
        }
    });
    assert!(examples > 20, "{examples}");
}

proptest! {
    #[test]
    fn the_schema_accepts_the_contents_that_are_accepted(
        content in "(?s)[ \t\u{a0}\u{2003}\u{feff}\u{0}x\n]{0,4}|(?s).{0,3}|x{18,22}|😀{18,22}"
    ) {
        let schema = document(MAX_CHARS)["components"]["schemas"]["NewSubmission"].clone();
        let is_accepted = content::error(&content, MAX_CHARS).is_none();
        let schema = jsonschema::validator_for(&schema).unwrap();
        prop_assert_eq!(schema.is_valid(&json!({ "content": content })), is_accepted, "{:?}", content);
    }
}
