//! The document against the routes, and against itself.

use std::collections::BTreeSet;

use contract::{KindFile, read_kinds};
use service::health;

use super::*;
use crate::{DOCUMENTATION_ROUTES, ROUTES, routes_of_file};

/// A choice of kinds for each case: with one of a file, without the other ones, with all.
fn choices() -> Vec<Vec<Kind>> {
    vec![vec![Kind::Post], vec![Kind::Order], of_files(), all()]
}

fn all() -> Vec<Kind> {
    [Kind::BUILT_IN.to_vec(), of_files()].concat()
}

/// The kind of the example, and one whose schema refers to itself and whose name is that of a shared component.
fn of_files() -> Vec<Kind> {
    let tree = json!({
        "kind": "problem", "route": "/api/problems", "topic": "problems", "collection": "problems", "write": "upsert",
        "key": "/id",
        "schema": {
            "type": "object",
            "required": ["id", "tree"],
            "properties": {
                "id": { "type": "string", "minLength": 1, "maxLength": 64 },
                "tree": { "$ref": "#/$defs/tree" },
            },
            "$defs": { "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } } },
        },
    });
    let file = |name: &str, bytes: &[u8]| KindFile { name: name.to_owned(), bytes: bytes.to_vec() };
    let reading = include_bytes!("../../../examples/kinds/reading.json");
    let files = [file("reading.json", reading), file("problem.json", tree.to_string().as_bytes())];
    let kinds = read_kinds(&files).unwrap();
    kinds.into_iter().map(|kind| Kind::Schema(Box::leak(Box::new(kind)))).collect()
}

#[test]
fn every_route_is_described_and_no_other() {
    for kinds in choices() {
        let built_in = ROUTES.iter().filter(|(kind, _)| kinds.contains(kind)).flat_map(|(_, routes)| *routes);
        let of_files = kinds.iter().flat_map(|kind| match kind {
            Kind::Schema(kind) => routes_of_file(kind).to_vec(),
            Kind::Post | Kind::Order => Vec::new(),
        });
        let routes: BTreeSet<String> = built_in
            .chain(DOCUMENTATION_ROUTES)
            .chain(health::CLIENT_ROUTES)
            .cloned()
            .chain(of_files)
            .map(|route| format!("{} {}", route.method.as_str().to_lowercase(), route.path))
            .collect();
        let document = document(&kinds);
        let described: BTreeSet<String> =
            operations(&document).map(|(path, method, _)| format!("{method} {path}")).collect();
        assert_eq!(described, routes);
    }
}

#[test]
fn the_operations_on_records_need_a_key_and_no_others() {
    let document = document(&all());
    for (path, _, operation) in operations(&document) {
        let of_records = operation["requestBody"].is_object();
        assert_eq!(operation["security"].is_array(), of_records, "{path}");
        for status in ["401", "403", "429"] {
            assert_eq!(operation["responses"][status].is_object(), of_records, "{path} {status}");
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document(&all());
    let names: Vec<&str> =
        operations(&document).map(|(.., operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    for kinds in choices() {
        let document = document(&kinds);
        let mut references = BTreeSet::new();
        visit(&document, &mut |value| references.extend(value["$ref"].as_str().map(str::to_owned)));
        for reference in &references {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
        let groups = document["components"].as_object().unwrap().iter();
        let groups = groups.filter(|(group, _)| *group != "securitySchemes");
        let components: BTreeSet<String> = groups
            .flat_map(|(group, components)| {
                components.as_object().unwrap().keys().map(move |name| format!("#/components/{group}/{name}"))
            })
            .collect();
        // A schema of a file may also refer to its own parts.
        let of_components = references.into_iter().filter(|reference| reference.split('/').count() == 4);
        assert_eq!(components, of_components.collect());
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let document = document(&all());
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

#[test]
fn a_kind_of_a_file_has_an_example_and_its_own_answers() {
    let document = document(&of_files());
    for (path, name, is_keyed) in [("/api/readings", "reading", false), ("/api/problems", "problem", true)] {
        let operation = &document["paths"][path]["post"];
        assert_eq!(operation["operationId"], format!("create_{name}"));
        let content = &operation["requestBody"]["content"]["application/json"];
        assert_eq!(content["schema"]["$ref"], format!("#/components/schemas/{name}"));
        assert!(content["examples"]["valid"]["value"].is_object(), "{content}");
        assert_eq!(operation["responses"]["422"].is_null(), is_keyed);
    }
}
