//! The checks, each on this repository.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use tidy::{Repository, dependencies, layers, links, openapi, reference, text, words};

fn this() -> Repository {
    Repository::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap()
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "{} are out of order:\n{}", found.len(), found.join("\n"));
}

#[test]
fn lines_and_files_are_short_enough() {
    assert_none(text::check(&this()));
}

#[test]
fn imports_go_downward_and_in_no_circle() {
    assert_none(layers::check(&this()).unwrap());
}

#[test]
fn every_dependency_is_used() {
    assert_none(dependencies::check(&this()));
}

#[test]
fn every_crate_is_there_when_the_images_are_built() {
    assert_none(dependencies::left_out_of_images(&this()));
}

#[test]
fn every_link_leads_somewhere() {
    assert_none(links::check(&this()));
}

#[test]
fn no_phrase_to_avoid_is_used() {
    let repository = this();
    let phrases = words::phrases(&repository.file(words::LIST).unwrap().text);
    assert!(phrases.len() >= 10, "{phrases:?}");
    assert_none(words::check(&repository, &phrases));
}

#[test]
fn the_tables_of_the_readme_come_from_the_code() {
    let repository = this();
    let document = &repository.file(reference::DOCUMENT).unwrap().text;
    let current = reference::current(document).unwrap();
    let outdated = current.lines().filter(|line| !document.lines().any(|row| row == *line));
    let outdated: Vec<&str> = outdated.collect();
    assert!(current == *document, "`cargo run -p tidy` rewrites these:\n{}", outdated.join("\n"));
}

#[test]
fn the_openapi_documents_come_from_the_code() {
    let repository = this();
    for (path, current) in openapi::snapshots() {
        let document = repository.file(path).map_or("", |file| file.text.as_str());
        let outdated: Vec<&str> =
            current.lines().filter(|line| !document.lines().any(|other| other == *line)).collect();
        assert!(current == *document, "{path}: `cargo run -p tidy` rewrites these:\n{}", outdated.join("\n"));
    }
}
