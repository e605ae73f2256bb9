//! Phrases that docs/words.md refuses.

use crate::Repository;
use crate::repository::File;

/// The document that lists them, and is the only one that may have them.
pub const LIST: &str = "docs/words.md";

/// The heading above its table of phrases.
const HEADING: &str = "## Phrases to avoid";

/// Where people read what we write.
const READ: [&str; 9] =
    [".rs", ".md", ".py", ".js", ".yml", ".html", ".ci/run", "dashboards/load-test.json", "pipeline.json"];

/// Phrases to avoid, in lower case: the first column of the table, in backticks.
pub fn phrases(list: &str) -> Vec<String> {
    let table = list.split_once(HEADING).map_or("", |(_, after)| after);
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(phrase, _)| phrase.to_lowercase()).collect()
}

/// Every use of one of these phrases, alone or at the start or end of other words' company, never as a part of a word.
pub fn check(repository: &Repository, phrases: &[String]) -> Vec<String> {
    let files = repository.with(&READ).filter(|file| file.path != LIST && !file.path.starts_with("CHANGELOG"));
    files.flat_map(|file| uses(file, phrases)).collect()
}

fn uses(file: &File, phrases: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        let line = line.to_lowercase();
        let used = phrases.iter().filter(|phrase| has(&line, phrase));
        found.extend(used.map(|phrase| format!("{}:{number}: `{phrase}`, see {LIST}", file.path)));
    }
    found
}

fn has(line: &str, phrase: &str) -> bool {
    let is_word = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(phrase).any(|(start, _)| {
        !is_word(line[..start].chars().next_back()) && !is_word(line[start + phrase.len()..].chars().next())
    })
}
