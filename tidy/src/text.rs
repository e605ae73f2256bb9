//! The lengths of lines and files.

use crate::Repository;
use crate::repository::File;

/// The longest line of a program in characters, comments included.
const MAX_COLUMNS: usize = 120;

/// The most lines of a Rust file; a longer one holds more than one idea.
const MAX_LINES: usize = 350;

/// The files whose lines are measured. Markdown has tables, and data are as they are.
const PROGRAMS: [&str; 6] = [".rs", ".py", ".js", ".ts", ".ci/run", ".ci/page-run"];

/// Every line and file that is too long, and every `#[path]`, which includes a file by its path.
pub fn check(repository: &Repository) -> Vec<String> {
    let lines = repository.with(&PROGRAMS).flat_map(long_lines);
    let files = repository.with(&[".rs"]).filter_map(long_file);
    let included = repository.with(&[".rs"]).flat_map(included);
    lines.chain(files).chain(included).collect()
}

fn long_lines(file: &File) -> impl Iterator<Item = String> {
    file.lines()
        .map(|(number, line)| (number, line.chars().count()))
        .filter(|(_, columns)| *columns > MAX_COLUMNS)
        .map(|(number, columns)| format!("{}:{number}: {columns} columns, the limit is {MAX_COLUMNS}", file.path))
}

fn long_file(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: {lines} lines, the limit is {MAX_LINES}", file.path))
}

fn included(file: &File) -> impl Iterator<Item = String> {
    let lines = file.lines().filter(|(_, line)| line.trim_start().starts_with("#[path"));
    lines.map(|(number, _)| format!("{}:{number}: a module belongs to one crate, without #[path]", file.path))
}
