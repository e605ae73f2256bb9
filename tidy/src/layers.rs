//! The direction of imports, between crates and between the folders of a crate.

use std::path::Path;

use crate::Repository;
use crate::dependencies::dependencies;
use crate::imports::{Imports, cycles, imports};
use crate::modules::modules;

/// The crates, each row below the next. Crates of one row do not know each other.
const CRATES: [&[&str]; 6] = [
    &["bench", "contract", "simulation", "stack"],
    &["service"],
    &["kafka"],
    &["producer", "consumer", "submissions"],
    &["loadtest"],
    &["tidy"],
];

/// A crate's folders, each row below the next. The crate's other files may import all of them.
const FOLDERS: [(&str, &[&[&str]]); 2] = [
    ("kafka", &[&["security"], &["broker"], &["topics"], &["publish", "group"]]),
    ("loadtest", &[&["base"], &["ledger"], &["load"], &["pipeline"], &["report"], &["command"]]),
];

/// Every dependency and every import that goes upward, and every cycle of files.
///
/// # Errors
/// When a crate cannot be read.
pub fn check(repository: &Repository) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (level, name) in CRATES.iter().enumerate().flat_map(|(level, row)| row.iter().map(move |name| (level, name))) {
        let Some(manifest) = repository.file(&format!("{name}/Cargo.toml")) else { continue };
        let above = dependencies(&manifest.text).into_iter().filter(|(section, _)| section == "dependencies");
        let above = above.filter(|(_, other)| row_of(other).is_some_and(|other| other >= level));
        found.extend(above.map(|(_, other)| format!("{}: {name} may not depend on {other}", manifest.path)));
        let graph = imports(&modules(repository, &format!("{name}/src/lib.rs"))?);
        found.extend(upward(name, &graph));
        found.extend(cycles(&graph).into_iter().map(|cycle| format!("{}: imports form a cycle", cycle.join(" → "))));
    }
    Ok(found)
}

fn row_of(name: &str) -> Option<usize> {
    CRATES.iter().position(|row| row.contains(&name))
}

/// Every import from a folder into one that is not below it.
fn upward(name: &str, graph: &Imports) -> Vec<String> {
    let Some((_, rows)) = FOLDERS.iter().find(|(of, _)| *of == name) else { return Vec::new() };
    let place = |file: &str| {
        let folder = Path::new(file).strip_prefix(format!("{name}/src")).ok()?.components().next()?;
        let folder = Path::new(&folder).file_stem()?.to_str()?.to_owned();
        let row = rows.iter().position(|row| row.contains(&folder.as_str()))?;
        Some((row, folder))
    };
    let edges = graph.iter().flat_map(|(file, imported)| imported.iter().map(move |other| (file, other)));
    let is_upward = |file: &str, other: &str| match (place(file), place(other)) {
        (Some((row, folder)), Some((other_row, other_folder))) => folder != other_folder && other_row >= row,
        (Some(_), None) => is_root(other),
        _ => false,
    };
    let upward = edges.filter(|(file, other)| is_upward(file, other));
    upward.map(|(file, other)| format!("{file}: imports {other}, which is not below it")).collect()
}

/// The crate's own root, which knows every folder.
fn is_root(file: &str) -> bool {
    file.ends_with("/src/lib.rs")
}
