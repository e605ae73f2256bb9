//! Checks that the disk has room.
//!
//! On a full disk a broker crashes oddly, long after its start, so the room is checked before anything starts.

use std::path::Path;
use std::process::{Command, Stdio};

/// Room for the data of an ordinary run.
pub(crate) const TO_RUN: u64 = 512;
/// Room for that, and for the downloads and builds of Maven and Go.
pub(crate) const TO_BUILD: u64 = 2048;

/// `None` if `directory` has room for this many MiB, otherwise a sentence that says it has not.
pub(crate) fn full(directory: &Path, needed_mib: u64) -> Option<String> {
    let output = Command::new("df").arg("-Pk").arg(directory).stdin(Stdio::null()).output().ok()?;
    let free_mib = free_mib(&String::from_utf8_lossy(&output.stdout))?;
    (free_mib < needed_mib).then(|| {
        format!(
            "The disk is too full: {free_mib} MiB are free for {}, and the stack needs {needed_mib} MiB.",
            directory.display()
        )
    })
}

/// Reads the fourth column of POSIX `df -Pk`, in KiB.
fn free_mib(df: &str) -> Option<u64> {
    let available_kib: u64 = df.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(available_kib / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_room_is_read_from_df() {
        let df = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                  /dev/vda         264212084 12782460  82718804      14% /\n";
        assert_eq!(free_mib(df), Some(80_780));
        assert_eq!(free_mib("df: no such file\n"), None);
    }

    #[test]
    fn a_disk_without_room_is_named() {
        let sentence = full(Path::new("."), u64::MAX).unwrap();
        assert!(sentence.starts_with("The disk is too full: "), "{sentence}");
        assert_eq!(full(Path::new("."), 0), None);
    }
}
