//! Where the lines go: a file, which is opened again when its name leads to another one, or standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where the lines go.
pub(super) enum Sink {
    /// To the file of this name.
    File(LogFile),
    /// To standard output, where nothing else goes.
    Output,
}

/// A file that others may rename.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens it, or makes it, for this process and those who run it alone. A line that an earlier process, which was
    /// killed, has begun is ended: the next one would be lost with it.
    ///
    /// # Errors
    /// When that is not possible.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
        if ends_within_a_line(path, &file)? {
            file.write_all(b"\n")?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Whether its name leads to another file, or to none.
    fn is_replaced(&self) -> bool {
        let place = |file: io::Result<std::fs::Metadata>| file.ok().map(|file| (file.dev(), file.ino()));
        place(std::fs::metadata(&self.path)) != place(self.file.metadata())
    }
}

/// Whether a file, which is also open for writing, has bytes after its last line. What cannot be read, or has no end,
/// such as a pipe, counts as whole.
fn ends_within_a_line(path: &Path, writing: &File) -> io::Result<bool> {
    let about = writing.metadata()?;
    if !about.is_file() || about.len() == 0 {
        return Ok(false);
    }
    let Ok(mut file) = File::open(path) else { return Ok(false) };
    let mut last = [b'\n'];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl Sink {
    /// Opens the file again if it was renamed or removed; returns whether it is another one.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn follow(&mut self) -> io::Result<bool> {
        match self {
            Sink::File(file) if file.is_replaced() => {
                *file = LogFile::open(&file.path)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Writes some of the bytes; returns how many.
    ///
    /// # Errors
    /// When none can be written.
    #[allow(clippy::disallowed_methods, reason = "a part is what the caller wants to know")]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Sink::File(LogFile { file, .. }) => file.write(bytes),
            Sink::Output => {
                let mut output = io::stdout().lock();
                output.write_all(bytes).and_then(|()| output.flush()).map(|()| bytes.len())
            }
        };
        match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        }
    }
}
