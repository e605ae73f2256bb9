//! A file of every accepted post: its number and the id that the client got, 24 bytes each, in the order of the
//! answers. The ledger keeps only sums of the ids in memory; this file is read when the sums differ, to name the posts
//! with findings. It is kept beside the report, and removed after a run without findings.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use contract::PostId;
use uuid::Uuid;

/// The file's name.
pub(crate) const ACCEPTED_IDS: &str = "accepted.ids";

const ENTRY_LENGTH: usize = 24;
const BUFFER_LENGTH: usize = 256 * 1024;

/// The file while it is being written.
#[derive(Debug)]
pub(crate) struct AcceptedLog {
    path: PathBuf,
    file: BufWriter<File>,
}

impl AcceptedLog {
    /// Creates an empty file.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: BufWriter::with_capacity(BUFFER_LENGTH, File::create(path)?) })
    }

    /// Post `n` was accepted, and the client got this id.
    ///
    /// # Errors
    /// When the file cannot be written, say because the disk is full.
    pub(crate) fn add(&mut self, n: u64, id: PostId) -> io::Result<()> {
        let mut entry = [0; ENTRY_LENGTH];
        entry[..8].copy_from_slice(&n.to_le_bytes());
        entry[8..].copy_from_slice(id.uuid().as_bytes());
        self.file.write_all(&entry)
    }

    /// Writes what is still in memory and returns the finished file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(mut self) -> io::Result<FinishedLog> {
        self.file.flush()?;
        Ok(FinishedLog { paths: vec![self.path] })
    }
}

/// The finished file, or the files of all shares of a run.
#[derive(Debug)]
pub(crate) struct FinishedLog {
    paths: Vec<PathBuf>,
}

impl FinishedLog {
    /// The files that several shares left.
    pub(crate) fn of_shares(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }

    /// Every entry, in the order of writing.
    ///
    /// # Errors
    /// When a file cannot be opened. An error while reading is returned as an entry.
    pub(crate) fn entries(&self) -> io::Result<impl Iterator<Item = io::Result<(u64, PostId)>>> {
        let files = self.paths.iter().map(File::open).collect::<io::Result<Vec<_>>>()?;
        Ok(files.into_iter().flat_map(Self::entries_in))
    }

    fn entries_in(file: File) -> impl Iterator<Item = io::Result<(u64, PostId)>> {
        let mut file = BufReader::with_capacity(BUFFER_LENGTH, file);
        std::iter::from_fn(move || {
            let mut entry = [0; ENTRY_LENGTH];
            match file.read_exact(&mut entry) {
                Ok(()) => {
                    let (n, id) = entry.split_at(8);
                    let n = u64::from_le_bytes(n.try_into().expect("the first part has eight bytes"));
                    Some(Ok((n, Uuid::from_slice(id).expect("the second part has sixteen bytes").into())))
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// Removes the files.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub(crate) fn remove(self) -> io::Result<()> {
        self.paths.iter().try_for_each(std::fs::remove_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap();
        let entries: Vec<(u64, PostId)> = (0..1_000).map(|n| (n * 7, PostId::fresh())).collect();
        for (n, id) in &entries {
            log.add(*n, *id).unwrap();
        }
        let log = log.finish().unwrap();
        assert_eq!(log.entries().unwrap().collect::<io::Result<Vec<_>>>().unwrap(), entries);
        log.remove().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_end() {
        let folder = tempfile::tempdir().unwrap();
        // A folder can be opened, but not read.
        let log = FinishedLog { paths: vec![folder.path().to_owned()] };
        assert!(log.entries().unwrap().next().is_some_and(|entry| entry.is_err()));
    }
}
