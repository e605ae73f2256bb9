//! What is in trouble, each on its own: a flush that works says nothing about one that fails. Pure.

use std::collections::BTreeMap;
use std::time::Instant;

/// What can be in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TroubleSubject {
    Flush(u64),
    Letter(u64),
    Commit,
}

/// Something that fails, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When it first failed.
    pub since: Instant,
    /// Why it last failed.
    pub reason: String,
}

#[derive(Debug, Default)]
pub(super) struct Troubles {
    troubles: BTreeMap<TroubleSubject, Trouble>,
}

impl Troubles {
    /// It failed, perhaps not for the first time.
    pub(super) fn failed(&mut self, subject: TroubleSubject, reason: String, now: Instant) {
        match self.troubles.get_mut(&subject) {
            Some(trouble) => trouble.reason = reason,
            None => _ = self.troubles.insert(subject, Trouble { since: now, reason }),
        }
    }

    /// It got through, or is given up.
    pub(super) fn over(&mut self, subject: TroubleSubject) {
        self.troubles.remove(&subject);
    }

    /// What has been in trouble for longest, commits excepted.
    pub(super) fn of_writes(&self) -> Option<&Trouble> {
        let writes = self.troubles.iter().filter(|(subject, _)| **subject != TroubleSubject::Commit);
        writes.map(|(_, trouble)| trouble).min_by_key(|trouble| trouble.since)
    }

    pub(super) fn of_commits(&self) -> Option<&Trouble> {
        self.troubles.get(&TroubleSubject::Commit)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flush_that_works_does_not_speak_for_one_that_does_not() {
        let now = Instant::now();
        let mut troubles = Troubles::default();
        troubles.failed(TroubleSubject::Flush(1), "first".to_owned(), now);
        troubles.failed(TroubleSubject::Letter(1), "other".to_owned(), now + Duration::from_secs(1));
        troubles.failed(TroubleSubject::Flush(1), "again".to_owned(), now + Duration::from_secs(2));
        troubles.over(TroubleSubject::Flush(2));
        let expected = Trouble { since: now, reason: "again".to_owned() };
        assert_eq!(troubles.of_writes(), Some(&expected));
        troubles.over(TroubleSubject::Flush(1));
        assert_eq!(troubles.of_writes().unwrap().reason, "other");
        assert_eq!(troubles.of_commits(), None);
    }
}
