//! The bytes that must go to the log, whole lines at a time. Pure: what was written is an argument.

/// The most bytes that wait for a log that cannot be written; lines beyond it are lost.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Lines that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    bytes: Vec<u8>,
    /// How many of them are written: a write may end within a line.
    written: usize,
    /// How many lines were added since all were written.
    lines: usize,
}

impl Unwritten {
    /// Adds a line; returns whether there was room.
    pub(super) fn add(&mut self, line: &[u8]) -> bool {
        if self.bytes.len() + line.len() > MOST_BYTES {
            return false;
        }
        self.bytes.extend_from_slice(line);
        self.lines += 1;
        true
    }

    /// What must be written next.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// This many more bytes were written.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= self.bytes.len() {
            (self.written, self.lines) = (0, 0);
            self.bytes.clear();
            // Not for as long as the log cannot be written.
            self.bytes.shrink_to(64 * 1024);
        }
    }

    /// The rest goes to another file: a line of which a part is in the old one is written whole.
    pub(super) fn restart_line(&mut self) {
        let start = self.bytes[..self.written].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.written = start;
    }

    /// How many lines were added since all were written.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_finds_no_room_is_not_taken() {
        let mut unwritten = Unwritten::default();
        let line = [vec![b'x'; MOST_BYTES / 2 - 1], vec![b'\n']].concat();
        assert!(unwritten.add(&line) && unwritten.add(&line) && !unwritten.add(b"\n"));
        unwritten.advance(line.len());
        assert!(!unwritten.add(b"\n"), "a part that is written is kept until all is");
        unwritten.advance(line.len());
        assert!(unwritten.add(b"\n"));
    }

    proptest! {
        #[test]
        fn every_line_is_whole_in_one_file(
            steps in proptest::collection::vec((0_usize..6, 0_usize..12, any::<bool>()), 1..60),
        ) {
            let (mut unwritten, mut files, mut expected) = (Unwritten::default(), vec![String::new()], Vec::new());
            for (number, (length, written, is_new_file)) in steps.into_iter().enumerate() {
                let line = format!("{number}{}\n", "x".repeat(length));
                prop_assert!(unwritten.add(line.as_bytes()));
                expected.push(line.trim_end().to_owned());
                let part = unwritten.rest()[..written.min(unwritten.rest().len())].to_vec();
                files.last_mut().unwrap().push_str(std::str::from_utf8(&part).unwrap());
                unwritten.advance(part.len());
                if is_new_file {
                    unwritten.restart_line();
                    files.push(String::new());
                }
            }
            files.last_mut().unwrap().push_str(std::str::from_utf8(unwritten.rest()).unwrap());
            let rest = unwritten.rest().len();
            unwritten.advance(rest);
            prop_assert_eq!((unwritten.lines(), unwritten.rest().len()), (0, 0));
            // A file that was left within a line has a part of it at its end, and the next file has the line.
            let whole = |text: &String| {
                let end = text.rfind('\n').map_or(0, |end| end + 1);
                text[..end].lines().map(str::to_owned).collect::<Vec<_>>()
            };
            prop_assert_eq!(files.iter().flat_map(whole).collect::<Vec<_>>(), expected);
        }
    }
}
