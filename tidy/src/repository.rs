//! The files of a repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Folders that nobody writes by hand.
const BUILT: [&str; 4] = ["target", ".git", "node_modules", "dist"];

/// A text file.
#[derive(Debug)]
pub struct File {
    /// Its path from the root, with `/` between folders.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl File {
    /// Whether its name ends with one of these.
    pub fn is(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }

    /// Its lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().zip(1..).map(|(line, number)| (number, line))
    }
}

/// A repository's text files, in the order of their paths.
#[derive(Debug)]
pub struct Repository {
    /// Where it is.
    pub top: PathBuf,
    /// Its files.
    pub files: Vec<File>,
}

impl Repository {
    /// Reads all files that are text.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn read(top: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default();
                if path.is_dir() {
                    if !BUILT.iter().any(|built| name == *built) {
                        folders.push(path);
                    }
                    continue;
                }
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let path = path.strip_prefix(top)?.to_string_lossy().into_owned();
                files.push(File { path, text });
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { top: top.to_owned(), files })
    }

    /// The file of this path.
    pub fn file(&self, path: &str) -> Option<&File> {
        let index = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[index])
    }

    /// The files whose names end with one of these.
    pub fn with<'a>(&'a self, endings: &'a [&'a str]) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(|file| file.is(endings))
    }
}
