//! Plants in a small repository what each check must find.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use tempfile::TempDir;
use tidy::{Repository, dependencies, layers, links, text, words};

/// A repository of these files, and the folder that holds them until it is dropped.
fn planted(files: &[(&str, &str)]) -> (TempDir, Repository) {
    let top = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = top.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let repository = Repository::read(top.path()).unwrap();
    (top, repository)
}

fn imports_of(files: &[(&str, &str)]) -> Vec<String> {
    layers::check(&planted(files).1).unwrap()
}

#[test]
fn a_long_line_a_long_file_and_a_module_by_its_path_are_found() {
    let (wide, fits) = (format!("// {}\n", "ä".repeat(118)), format!("// {}\n", "ä".repeat(117)));
    let long = "//\n".repeat(351);
    let (_top, repository) = planted(&[
        ("a/wide.rs", &wide),
        ("a/fits.rs", &fits),
        ("a/long.rs", &long),
        ("a/shared.rs", "#[path = \"../b.rs\"]\nmod b;\n"),
        ("a/table.md", &wide),
    ]);
    assert_eq!(
        text::check(&repository),
        [
            "a/wide.rs:1: 121 columns, the limit is 120",
            "a/long.rs: 351 lines, the limit is 350",
            "a/shared.rs:1: a module belongs to one crate, without #[path]",
        ]
    );
}

#[test]
fn an_upward_import_is_found_between_folders_and_between_crates() {
    let found = imports_of(&[
        ("loadtest/Cargo.toml", "[dependencies]\nkafka.workspace = true\ntidy.workspace = true\n"),
        ("loadtest/src/lib.rs", "mod ledger;\nmod load;\nmod report;\nfn used() { report::a() }\nstruct Root;\n"),
        ("loadtest/src/ledger.rs", "use crate::load::Load;\nuse crate::Root;\n"),
        ("loadtest/src/load.rs", "pub struct Load;\n"),
        ("loadtest/src/report.rs", "use crate::load::Load;\npub(crate) fn a() {}\n"),
    ]);
    assert_eq!(
        found,
        [
            "loadtest/Cargo.toml: loadtest may not depend on tidy",
            "loadtest/src/ledger.rs: imports loadtest/src/lib.rs, which is not below it",
            "loadtest/src/ledger.rs: imports loadtest/src/load.rs, which is not below it",
        ]
    );
}

#[test]
fn a_cycle_is_found_through_re_exports_paths_and_macros_but_not_through_tests() {
    let root = ("service/src/lib.rs", "mod a;\nmod b;\nmod c;\nmod d;\nmod e;\n");
    let found = imports_of(&[
        ("service/Cargo.toml", "[dependencies]\n"),
        root,
        ("service/src/a.rs", "pub use inner::Inner;\nmod inner;\nfn f() { crate::b::g() }\n"),
        // Defined in a/inner.rs, and only re-exported by a.rs.
        ("service/src/a/inner.rs", "pub struct Inner;\n"),
        ("service/src/b.rs", "use crate::a::Inner;\npub fn g() {}\n"),
        // A cycle of c, d and c, through a macro.
        ("service/src/c.rs", "use super::d::D;\npub struct C;\n"),
        ("service/src/d.rs", "pub struct D;\nfn f() { assert_eq!(1, crate::c::C) }\n"),
        ("service/src/e.rs", "pub struct E;\n#[cfg(test)]\nmod tests { use crate::c::C; }\npub(crate) fn f() {}\n"),
    ]);
    assert_eq!(found, ["service/src/c.rs → service/src/d.rs: imports form a cycle"]);
}

#[test]
fn a_dependency_that_no_file_names_is_found() {
    let manifest = "[dependencies]\nserde_json.workspace = true\nuser-agent = \"1\"\ntokio.workspace = true\n";
    let (_top, repository) = planted(&[
        ("a/Cargo.toml", manifest),
        ("a/src/lib.rs", "use tokio::net;\nfn f() { my_serde_json::g() }\nuse user_agent as agent;\n"),
    ]);
    assert_eq!(dependencies::check(&repository), ["a/Cargo.toml: no file uses serde_json of [dependencies]"]);
}

#[test]
fn a_crate_that_is_left_out_of_the_images_is_found() {
    let (_top, repository) =
        planted(&[("Cargo.toml", "members = [\"a\", \"b\"]\n"), (".dockerignore", "*\n!Cargo.toml\n!a\n")]);
    assert_eq!(dependencies::left_out_of_images(&repository), [".dockerignore: leaves out the crate b"]);
}

#[test]
fn links_to_no_file_and_to_no_heading_are_found() {
    let page = "[a](docs/other.md#two-words) [b](docs/none.md) [c](#nowhere) <img src=\"none.png\">\n\
                [d](https://example.com/none) [e](a)\n```\n[f](none)\n```\n";
    let (_top, repository) = planted(&[
        ("README.md", page),
        ("docs/other.md", "# Two `words`\n[up](../README.md) [none](../README.md#none)\n"),
        ("a/x.rs", ""),
    ]);
    assert_eq!(
        links::check(&repository),
        [
            "README.md:1: the link docs/none.md leads to no file",
            "README.md:1: the link #nowhere leads to no heading",
            "README.md:1: the link none.png leads to no file",
            "docs/other.md:2: the link ../README.md#none leads to no heading",
        ]
    );
}

#[test]
fn a_phrase_is_found_in_any_case_but_not_as_part_of_a_word() {
    let list = "# Words\n\n| `not this` | a term |\n\n## Phrases to avoid\n\n| avoid | write |\n| --- | --- |\n\
                | `gadget` | … |\n| `Two words` | pair |\n";
    let phrases = words::phrases(list);
    assert_eq!(phrases, ["gadget", "two words"]);
    let source = "/// It has two\n/// words in a test.\nfn is_gadget(gadgets: u8) {}\nlet gadget = 1;\n";
    let (_top, repository) = planted(&[("docs/words.md", list), ("a/b.rs", source), ("README.md", "GADGET.\n")]);
    assert_eq!(
        words::check(&repository, &phrases),
        [
            "README.md:1: `gadget`, see docs/words.md",
            "a/b.rs:1: `two words`, see docs/words.md",
            "a/b.rs:4: `gadget`, see docs/words.md",
        ]
    );
}
