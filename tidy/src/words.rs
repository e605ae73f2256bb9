//! Phrases that docs/words.md bans.

use crate::Repository;
use crate::repository::File;

/// The document that lists the phrases.
pub const LIST: &str = "docs/words.md";

/// Its texts about earlier versions stay as they were.
const CHANGELOG: &str = "CHANGELOG.md";

/// The heading above the table of phrases.
const HEADING: &str = "## Phrases to avoid";

/// The files that people read.
const READ: [&str; 11] = [
    ".rs",
    ".md",
    ".py",
    ".js",
    ".ts",
    ".yml",
    ".html",
    ".ci/run",
    ".ci/page-run",
    "dashboards/load-test.json",
    "pipeline.json",
];

/// Phrases to avoid, in lower case: the first column of the table, in backticks.
pub fn phrases(list: &str) -> Vec<String> {
    let table = list.split_once(HEADING).map_or("", |(_, after)| after);
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(phrase, _)| phrase.to_lowercase()).collect()
}

/// Every use of one of these phrases, across line breaks too, but never as a part of a word.
pub fn check(repository: &Repository, phrases: &[String]) -> Vec<String> {
    let files = repository.with(&READ).filter(|file| file.path != LIST && file.path != CHANGELOG);
    files.flat_map(|file| uses(file, phrases)).collect()
}

fn uses(file: &File, phrases: &[String]) -> Vec<String> {
    let (text, lines) = flowing(file);
    let mut found = Vec::new();
    for phrase in phrases {
        for start in starts(&text, phrase) {
            let line = lines.partition_point(|line_start| *line_start <= start);
            found.push((line, format!("{}:{line}: `{phrase}`, see {LIST}", file.path)));
        }
    }
    found.sort();
    found.into_iter().map(|(_, found)| found).collect()
}

/// The text in lower case, with spaces for line breaks and comment marks, and where each of its lines starts.
fn flowing(file: &File) -> (String, Vec<usize>) {
    let (mut text, mut lines) = (String::with_capacity(file.text.len()), Vec::new());
    for (_, line) in file.lines() {
        lines.push(text.len());
        // A name in JSON is an interface.
        let line = if line.contains("rename = ") { "" } else { line };
        let line = line.trim_start().trim_start_matches(['/', '#', '>', '!']).trim_start();
        text.push_str(&line.trim_end_matches('\\').trim_end().to_lowercase());
        text.push(' ');
    }
    (text, lines)
}

fn starts(text: &str, phrase: &str) -> impl Iterator<Item = usize> {
    let is_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(phrase).map(|(start, _)| start).filter(move |start| {
        !is_word(text[..*start].chars().next_back()) && !is_word(text[start + phrase.len()..].chars().next())
    })
}
