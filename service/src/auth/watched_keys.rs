//! The keys of a file, read again whenever it changes: a new key is valid, and one that was taken out is not any more,
//! within a second.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use crate::auth::caller::Known;
use crate::auth::key_file;
use crate::auth::key_table::KeyTable;
use crate::rate::Limiter;

/// How often to look at the file.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// A file that was changed this short a time before it was read is read again: it may have changed twice within one
/// step of the file system's clock, with the same size.
const SETTLED: Duration = Duration::from_secs(2);

/// The keys of a file.
pub(crate) struct WatchedKeys {
    path: PathBuf,
    limiter: Arc<Limiter>,
    table: RwLock<KeyTable>,
}

/// What a look at the file has found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It is the same file as before, or another one with the same error.
    Same,
    /// It has this many keys, which are in force.
    Read(usize),
    /// It cannot be used, for this reason. The keys that it had before stay in force.
    Broken(String),
}

/// What the previous look saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    file: Option<FileState>,
    error: Option<String>,
}

/// What distinguishes a file from another version of it, or from another file under its name: Kubernetes exchanges a
/// symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileState {
    place: (u64, u64),
    size: u64,
    changed: (i64, i64),
    modified: Option<SystemTime>,
}

impl WatchedKeys {
    /// Reads the file for the first time, for callers who are limited by this.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(path: &Path, limiter: Arc<Limiter>) -> Result<(Self, Seen), String> {
        let seen = Seen { file: state(path).ok(), error: None };
        let table = key_file::read(path).map_err(|errors| errors.join("; "))?;
        let table = table.with_standings(&limiter, &KeyTable::default());
        Ok((Self { path: path.to_owned(), limiter, table: RwLock::new(table) }, seen))
    }

    /// Whose key this is.
    pub(crate) fn find(&self, key: &[u8]) -> Option<Known> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).find(key)
    }

    /// How many keys are in force.
    pub(crate) fn len(&self) -> usize {
        self.table.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Reads the file if it has changed. A file that is missing, empty or broken changes nothing: an editor or a
    /// volume that is exchanged leaves such a one for a moment. `[]` is the file that revokes all keys.
    pub(crate) fn look(&self, seen: &mut Seen, now: SystemTime) -> Looked {
        let file = state(&self.path).ok();
        let is_settled = |file: &FileState| {
            file.modified.is_none_or(|modified| now.duration_since(modified).is_ok_and(|age| age > SETTLED))
        };
        if file.as_ref().is_some_and(|file| is_settled(file) && seen.file.as_ref() == Some(file)) {
            return Looked::Same;
        }
        let is_new = file != seen.file;
        seen.file = file;
        match key_file::read(&self.path) {
            Ok(table) => {
                let keys = table.len();
                let table = {
                    let earlier = self.table.read().unwrap_or_else(PoisonError::into_inner);
                    table.with_standings(&self.limiter, &earlier)
                };
                let earlier =
                    std::mem::replace(&mut *self.table.write().unwrap_or_else(PoisonError::into_inner), table);
                // Not while requests wait for the lock.
                drop(earlier);
                let was_broken = seen.error.take().is_some();
                if is_new || was_broken { Looked::Read(keys) } else { Looked::Same }
            }
            Err(errors) => {
                let error = errors.join("; ");
                let is_known = seen.error.as_ref() == Some(&error);
                seen.error = Some(error.clone());
                if is_known { Looked::Same } else { Looked::Broken(error) }
            }
        }
    }
}

fn state(path: &Path) -> io::Result<FileState> {
    // Of the file itself, wherever links lead.
    let file = std::fs::metadata(path)?;
    Ok(FileState {
        place: (file.dev(), file.ino()),
        size: file.size(),
        changed: (file.ctime(), file.ctime_nsec()),
        modified: file.modified().ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::key::KeyHash;

    fn limiter() -> Arc<Limiter> {
        Arc::new(Limiter::new(Vec::new(), None))
    }

    fn file_of(keys: &[&str]) -> String {
        let entry = |key: &&str| format!(r#"{{"name":"shop","hash":"{}"}}"#, KeyHash::of(key.as_bytes()).text());
        format!("[{}]", keys.iter().map(entry).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn a_file_that_changes_is_read_and_a_broken_one_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys.json");
        std::fs::write(&path, file_of(&["one", "two"])).unwrap();
        let (keys, mut seen) = WatchedKeys::read(&path, limiter()).unwrap();
        let known = |key: &str| keys.find(key.as_bytes()).is_some();
        let mut look = || keys.look(&mut seen, SystemTime::now());
        assert_eq!(look(), Looked::Same);
        // Of the same length, and probably within the same step of the clock.
        for valid in ["six", "ten", "one"] {
            std::fs::write(&path, file_of(&["two", valid])).unwrap();
            look();
            assert!(known(valid) && known("two"), "{valid}");
        }
        assert!(!known("six") && !known("ten"), "revoked");
        for broken in ["", "[", "{}", r#"[{"name":"shop"}]"#] {
            std::fs::write(&path, broken).unwrap();
            assert!(matches!(look(), Looked::Broken(_)), "{broken}");
            assert_eq!(look(), Looked::Same, "an error is reported once");
            assert!(known("one") && known("two"));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(look(), Looked::Broken(_)));
        assert!(known("one"));
        std::fs::write(&path, "[]").unwrap();
        assert_eq!(look(), Looked::Read(0));
        assert_eq!((known("one"), keys.len()), (false, 0));
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_followed() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        for (name, key) in [("old", "one"), ("new", "two")] {
            std::fs::create_dir(place(name)).unwrap();
            let file = place(name).join("keys.json");
            std::fs::write(&file, file_of(&[key])).unwrap();
            let past = SystemTime::now() - Duration::from_secs(3600);
            std::fs::File::options().write(true).open(file).unwrap().set_modified(past).unwrap();
        }
        // As Kubernetes does it: the file is a link into a directory that is itself a link.
        std::os::unix::fs::symlink(place("old"), place("data")).unwrap();
        std::os::unix::fs::symlink("data/keys.json", place("keys.json")).unwrap();
        let (keys, mut seen) = WatchedKeys::read(&place("keys.json"), limiter()).unwrap();
        assert_eq!(keys.look(&mut seen, SystemTime::now()), Looked::Same);
        std::os::unix::fs::symlink(place("new"), place("data_tmp")).unwrap();
        std::fs::rename(place("data_tmp"), place("data")).unwrap();
        assert_eq!(keys.look(&mut seen, SystemTime::now()), Looked::Read(1));
        assert!(keys.find(b"two").is_some() && keys.find(b"one").is_none());
    }
}
