//! A secret setting, which nothing shows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};

use super::Files;

/// A password, a token or a URI that contains one: the text itself, or the file that holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Text(Arc<str>),
    File(PathBuf),
}

impl Secret {
    /// This text.
    pub fn text(text: &str) -> Self {
        Self(Source::Text(text.into()))
    }

    /// What the file holds whenever it is read, without line breaks at its end.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// The file, if it is in one: who keeps what he has read looks there for changes.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Text(_) => None,
            Source::File(path) => Some(path),
        }
    }

    /// The same as files that may change.
    pub fn files(&self) -> Files {
        self.path().map(Path::to_owned).into_iter().collect()
    }

    /// The secret as it is now. A file is read each time.
    ///
    /// # Errors
    /// When the file cannot be read or is empty. The error names the file and nothing that is in it.
    pub fn read(&self) -> anyhow::Result<String> {
        match &self.0 {
            Source::Text(text) => Ok(text.as_ref().to_owned()),
            Source::File(path) => {
                let shown = path.display();
                let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the file {shown}"))?;
                let text = text.trim_end_matches(['\r', '\n']);
                ensure!(!text.is_empty(), "the file {shown} is empty");
                Ok(text.to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Text(_) => f.write_str(super::HIDDEN),
            Source::File(path) => write!(f, "{} in {}", super::HIDDEN, path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_each_time_and_never_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        let secret = Secret::file(&path);
        let missing = secret.read().unwrap_err();
        assert!(format!("{missing:#}").contains("password: No such file"), "{missing:#}");
        for (content, read) in [("first\n", "first"), ("second\r\n", "second"), (" third ", " third ")] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(secret.read().unwrap(), read);
            assert!(!format!("{secret:?}").contains(read));
        }
        std::fs::write(&path, "\n").unwrap();
        assert!(secret.read().unwrap_err().to_string().ends_with("password is empty"));
    }

    #[test]
    fn a_text_is_never_shown() {
        let secret = Secret::text("hunter2");
        assert_eq!((secret.read().unwrap().as_str(), format!("{secret:?}").as_str()), ("hunter2", "***"));
        assert_eq!(secret.path(), None);
    }
}
