//! Dependencies that no file uses.

use crate::Repository;

/// Every dependency that no file of its crate names.
pub fn check(repository: &Repository) -> Vec<String> {
    let manifests = repository.with(&["/Cargo.toml"]);
    let mut found = Vec::new();
    for manifest in manifests {
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let sources: Vec<&str> = repository
            .with(&[".rs"])
            .filter(|file| file.path.starts_with(folder))
            .map(|file| file.text.as_str())
            .collect();
        for (section, name) in dependencies(&manifest.text) {
            let identifier = name.replace('-', "_");
            if !sources.iter().any(|source| names(source, &identifier)) {
                found.push(format!("{}: no file uses {name} of [{section}]", manifest.path));
            }
        }
    }
    found
}

/// The dependencies that a manifest names, each with its section.
pub fn dependencies(manifest: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if section.ends_with("dependencies") && !section.starts_with("workspace") && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                found.push((section.clone(), name.to_owned()));
            }
        }
    }
    found
}

/// Whether a source names the crate, at the start of a path or alone in a `use`.
fn names(source: &str, identifier: &str) -> bool {
    source.match_indices(identifier).any(|(start, _)| {
        let before = source[..start].chars().next_back();
        let after = &source[start + identifier.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

/// Every member of the workspace that the images are built without: cargo needs the manifest of each.
pub fn left_out_of_images(repository: &Repository) -> Vec<String> {
    let text = |path: &str| repository.file(path).map_or("", |file| file.text.as_str());
    let members = text("Cargo.toml").lines().find_map(|line| line.strip_prefix("members = [")).unwrap_or_default();
    let members = members.trim_end_matches(']').split(", ").map(|member| member.trim_matches('"'));
    let is_left_out =
        |member: &&str| !text(".dockerignore").lines().any(|line| line.strip_prefix('!') == Some(*member));
    members.filter(is_left_out).map(|member| format!(".dockerignore: leaves out the crate {member}")).collect()
}
