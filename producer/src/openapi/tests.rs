//! The document against the routes, and against itself.

use std::collections::BTreeSet;

use service::health;

use super::*;
use crate::{DOCUMENTATION_ROUTES, ROUTES};

/// Every choice of kinds.
const CHOICES: [&[Kind]; 3] = [&[Kind::Post], &[Kind::Order], &Kind::ALL];

#[test]
fn every_route_is_described_and_no_other() {
    for kinds in CHOICES {
        let of_kinds = ROUTES.iter().filter(|(kind, _)| kinds.contains(kind)).flat_map(|(_, routes)| *routes);
        let routes: BTreeSet<String> = of_kinds
            .chain(DOCUMENTATION_ROUTES)
            .chain(health::ROUTES)
            .map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path))
            .collect();
        let document = document(kinds);
        let described: BTreeSet<String> =
            operations(&document).map(|(path, method, _)| format!("{method} {path}")).collect();
        assert_eq!(described, routes);
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document(&Kind::ALL);
    let names: Vec<&str> =
        operations(&document).map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    for kinds in CHOICES {
        let document = document(kinds);
        let mut references = BTreeSet::new();
        visit(&document, &mut |value| references.extend(value["$ref"].as_str().map(str::to_owned)));
        for reference in &references {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
        let groups = document["components"].as_object().unwrap().iter();
        let components: BTreeSet<String> = groups
            .flat_map(|(group, components)| {
                components.as_object().unwrap().keys().map(move |name| format!("#/components/{group}/{name}"))
            })
            .collect();
        assert_eq!(components, references);
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = document(&Kind::ALL);
    let mut examples = 0;
    visit(&document, &mut |value| {
        for (_, media_type) in value["content"].as_object().into_iter().flatten() {
            // Only a media type: a record may have a field `content`.
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

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
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
