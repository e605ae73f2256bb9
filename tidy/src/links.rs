//! The links of documents.

use std::collections::BTreeSet;

use crate::Repository;
use crate::repository::File;

/// Every link within the repository that leads to no file, folder or heading.
pub fn check(repository: &Repository) -> Vec<String> {
    repository.with(&[".md"]).flat_map(|file| broken(repository, file)).collect()
}

fn broken(repository: &Repository, file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (number, link) in links(file) {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
        let Some(target) = target.filter(|target| repository.top.join(target).exists()) else {
            found.push(format!("{}:{number}: the link {link} leads to no file", file.path));
            continue;
        };
        let has_anchor = |target: &File| anchors(&target.text).contains(anchor);
        if !anchor.is_empty() && !repository.file(&target).is_some_and(has_anchor) {
            found.push(format!("{}:{number}: the link {link} leads to no heading", file.path));
        }
    }
    found
}

/// The links of a document outside its code, with their lines: `](…)`, `src="…"` and `href="…"`.
fn links(file: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for (open, close) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            let rests = line.match_indices(open).map(|(start, _)| &line[start + open.len()..]);
            let links = rests.filter_map(|rest| rest.split_once(close));
            found.extend(links.map(|(link, _)| (number, link.to_owned())));
        }
    }
    found
}

/// The path to which a link in this document leads.
fn resolve(document: &str, link: &str) -> Option<String> {
    let mut folders: Vec<&str> = document.split('/').collect();
    folders.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(folders.pop()?),
            name => folders.push(name),
        }
    }
    Some(folders.join("/"))
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}
