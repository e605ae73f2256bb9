//! The kinds of record that a process knows and serves: the built-in ones, and those of `KINDS_DIR`, whose files are
//! read once, at the start.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use contract::{Kind, KindError, KindFile, SchemaKind, Write, read_kinds};

use crate::{Settings, exit};

/// The kinds of a process.
#[derive(Debug, Clone)]
pub struct Kinds {
    /// Every kind that there is: the built-in ones, and those of `KINDS_DIR` in the order of their files.
    pub all: Vec<Kind>,
    /// `KINDS`: those that are served, each once, in the order of [`Self::all`].
    pub served: Vec<Kind>,
}

impl Kinds {
    /// Reads `KINDS_DIR`, the files in it, and `KINDS`. Each error of each file is one of the settings' errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let directory = settings.read(
            "KINDS_DIR",
            "",
            "directory whose *.json files describe further kinds of record, see docs/kinds.md; empty is none",
            |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
        );
        let mut all = Kind::BUILT_IN.to_vec();
        let mut are_known = true;
        match directory.as_deref().map(of_directory) {
            None => {}
            Some(Ok(kinds)) => all.extend(kinds.into_iter().map(|kind| Kind::Schema(Box::leak(Box::new(kind))))),
            Some(Err(errors)) => {
                are_known = false;
                errors.into_iter().for_each(|error| settings.error("KINDS_DIR", error));
            }
        }
        let names = names(&all, ",");
        let meaning = "kinds of record that are served, comma-separated; by default all, those of KINDS_DIR too";
        let served = settings.read("KINDS", &names, meaning, |text| served(&all, are_known, text));
        Self { all, served }
    }

    /// The kind that has this name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn named(&self, name: &str) -> Result<Kind, String> {
        let kind = self.all.iter().copied().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("there is no kind {name}; these are: {}", names(&self.all, ", ")))
    }

    /// Those that have files.
    pub fn of_files(&self) -> impl Iterator<Item = Kind> {
        self.all.iter().copied().filter(|kind| matches!(kind, Kind::Schema(_)))
    }
}

fn names(kinds: &[Kind], separator: &str) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(separator)
}

/// The kinds that a text names. Where some are unknown because of an error in a file, that error is enough.
fn served(all: &[Kind], are_known: bool, text: &str) -> Result<Vec<Kind>, String> {
    let wanted: Vec<&str> = text.split(',').map(str::trim).collect();
    let is_known = |name: &&str| all.iter().any(|kind| kind.name() == *name);
    if are_known && !wanted.iter().all(is_known) {
        return Err(format!("must be names of kinds, comma-separated, among {}", names(all, ", ")));
    }
    Ok(all.iter().copied().filter(|kind| wanted.contains(&kind.name())).collect())
}

/// The kinds of the files of a directory, or all errors of all files.
fn of_directory(directory: &Path) -> Result<Vec<SchemaKind>, Vec<String>> {
    let files = files(directory).map_err(|error| vec![format!("{error:#}")])?;
    let line = |(file, error): (String, KindError)| format!("{file}: {error}");
    read_kinds(&files).map_err(|errors| errors.into_iter().map(line).collect())
}

/// The files of a directory whose names end in `.json`, in the order of their names.
fn files(directory: &Path) -> anyhow::Result<Vec<KindFile>> {
    let shown = directory.display();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read the directory {shown}"))? {
        let path = entry.with_context(|| format!("cannot read the directory {shown}"))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(file(&path)?);
        }
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

/// A kind's file.
///
/// # Errors
/// When it cannot be read.
pub fn file(path: &Path) -> anyhow::Result<KindFile> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(KindFile { name, bytes })
}

/// `kinds check DIR` of this program: says for each file of the directory which kind it describes, or names every error
/// by file and JSON pointer. The exit code is 0 if there is none.
pub fn check(program: &str, directory: &Path) -> ExitCode {
    match of_directory(directory) {
        Ok(kinds) if kinds.is_empty() => exit::unusable(program, [format!("{}: no *.json there", directory.display())]),
        Ok(kinds) => {
            kinds.iter().for_each(|kind| println!("{}", summary(kind)));
            ExitCode::SUCCESS
        }
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            ExitCode::from(exit::FAILED)
        }
    }
}

fn summary(kind: &SchemaKind) -> String {
    let (name, route, topic, collection) = (kind.name(), kind.route(), kind.topic(), kind.collection());
    let writes = match (kind.write(), kind.key_pointer()) {
        (Write::Upsert, Some(key)) => format!("upsert by {key}"),
        _ => "insert".to_owned(),
    };
    format!("{name}: POST {route} → topic {topic} → collection {collection} ({writes})")
}

/// A table as text: these rows, the first of which has the headings, in columns.
pub fn columns<const COLUMNS: usize>(rows: &[[&str; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let line = |row: &[&str; COLUMNS]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const READING: &str = include_str!("../../examples/kinds/reading.json");

    /// The kinds, and the errors of the settings.
    fn read(set: &[(&str, &str)]) -> (Kinds, Vec<String>) {
        let lookup = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let kinds = Kinds::read(&mut settings);
        (kinds, settings.finish().1.iter().map(ToString::to_string).collect())
    }

    fn names_of(kinds: &[Kind]) -> Vec<&str> {
        kinds.iter().map(|kind| kind.name()).collect()
    }

    #[test]
    fn kinds_are_named_in_any_order_and_all_of_them_by_default() {
        for (text, expected) in [
            ("post,order", &["post", "order"][..]),
            (" order , post,order", &["post", "order"]),
            ("post", &["post"]),
            ("order", &["order"]),
            ("", &["post", "order"]),
        ] {
            let (kinds, errors) = read(&[("KINDS", text)]);
            assert_eq!((names_of(&kinds.served), errors), (expected.to_vec(), vec![]), "{text}");
        }
        for wrong in ["posts", "post,", "post;order"] {
            let expected = format!("KINDS: must be names of kinds, comma-separated, among post, order, not `{wrong}`");
            assert_eq!(read(&[("KINDS", wrong)]).1, [expected]);
        }
    }

    #[test]
    fn the_kinds_of_a_directory_come_after_the_built_in_ones() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        std::fs::write(directory.path().join("reading.json"), READING).unwrap();
        std::fs::write(directory.path().join("notes.txt"), "no kind").unwrap();
        let (kinds, errors) = read(&[("KINDS_DIR", path)]);
        assert_eq!((names_of(&kinds.served), errors), (vec!["post", "order", "reading"], vec![]));
        assert_eq!(kinds.named("reading").map(Kind::topic), Ok("readings"));
        assert_eq!(kinds.named("x").unwrap_err(), "there is no kind x; these are: post, order, reading");
        assert_eq!(names_of(&read(&[("KINDS_DIR", path), ("KINDS", "reading,post")]).0.served), ["post", "reading"]);
    }

    #[test]
    fn every_error_of_every_file_is_an_error_of_the_settings() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let broken = READING.replace("\"readings\"", "\"a/b\"");
        std::fs::write(directory.path().join("a.json"), "{").unwrap();
        std::fs::write(directory.path().join("b.json"), broken).unwrap();
        let (_, errors) = read(&[("KINDS_DIR", path), ("KINDS", "reading")]);
        let starts = ["a.json: is not valid JSON", "b.json: /collection must", "b.json: /topic must"];
        assert_eq!(errors.len(), starts.len(), "{errors:?}");
        for (error, start) in errors.iter().zip(starts) {
            assert!(error.starts_with(&format!("KINDS_DIR: {start}")), "{error}");
        }
        let (_, errors) = read(&[("KINDS_DIR", "/nowhere/at/all")]);
        assert!(errors[0].starts_with("KINDS_DIR: cannot read the directory /nowhere/at/all"), "{errors:?}");
    }
}
