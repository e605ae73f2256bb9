//! Notices that files have changed: secrets, certificates.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use crate::renewal::Renewal;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Some files that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(Vec<PathBuf>);

/// What all the files held at one moment. Two are equal if nothing has changed in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(u64);

impl FromIterator<PathBuf> for Files {
    fn from_iter<T: IntoIterator<Item = PathBuf>>(paths: T) -> Self {
        Self(paths.into_iter().collect())
    }
}

impl Files {
    /// Whether there is none, and so nothing that could change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they hold now. A file that cannot be read counts as one that is empty. Blocks while they are read.
    pub fn version(&self) -> Version {
        let mut hasher = DefaultHasher::new();
        for path in &self.0 {
            std::fs::read(path).unwrap_or_default().hash(&mut hasher);
        }
        Version(hasher.finish())
    }

    /// Returns once one of them differs from this version, and they have then stayed as they are for a moment: a file
    /// may be written in parts. Never, if there is none. A caller takes the version before it reads the files, so that
    /// no change comes between the two.
    pub async fn changed_since(&self, version: Version) {
        if self.is_empty() {
            return std::future::pending().await;
        }
        let mut renewal = Renewal::new(version);
        loop {
            tokio::time::sleep(LOOK).await;
            if renewal.look(self.version_now().await) {
                return;
            }
        }
    }

    async fn version_now(&self) -> Version {
        let files = self.clone();
        tokio::task::spawn_blocking(move || files.version()).await.expect("reading files does not panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &tempfile::TempDir) -> Files {
        ["a", "b"].map(|name| directory.path().join(name)).into_iter().collect()
    }

    #[test]
    fn every_change_of_any_file_makes_another_version() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory);
        let missing = files.version();
        for path in &files.0 {
            std::fs::write(path, "1").unwrap();
        }
        let before = files.version();
        assert_ne!(before, missing);
        for path in &files.0 {
            std::fs::write(path, "2").unwrap();
            assert_ne!(files.version(), before);
            std::fs::write(path, "1").unwrap();
            assert_eq!(files.version(), before);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_noticed_once_the_files_stay_as_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(&directory);
        let unchanged = tokio::time::timeout(LOOK * 10, files.changed_since(files.version())).await;
        assert!(unchanged.is_err());
        let before = files.version();
        std::fs::write(&files.0[0], "new").unwrap();
        files.changed_since(before).await;
        let none = Files::default();
        assert!(tokio::time::timeout(LOOK * 10, none.changed_since(none.version())).await.is_err());
    }
}
