//! What all records of a run follow from. Pure.

use contract::{Kind, Write};

use super::post::RunId;
use super::post::bodies::Shape;
use super::schema_bodies::SchemaBodies;

/// What all records of a run follow from, and how often each is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunPlan {
    pub(crate) run: RunId,
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) repeat: u32,
    /// The kind of all its records.
    pub(crate) kind: Kind,
    /// Whose keys they have, if their kind has one document for each key.
    pub(crate) keys: Keys,
    /// The bodies of a kind of a schema. They are made once and stay in memory, as their kind does.
    pub(crate) bodies: Option<&'static SchemaBodies>,
    /// Records in a request; 1 for single ones, which have a path of their own.
    pub(crate) bulk: u32,
}

/// The keys of a run: each user owns some. A user sends one request at a time, so the numbers of the records of a key
/// grow with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The users of the whole run.
    pub(crate) users: u32,
    /// The keys of all users together, if each user has one at least.
    pub(crate) all: u64,
}

impl RunPlan {
    /// Whether some records are sent more than once, so that there are more answers than records.
    pub(crate) fn sends_repeatedly(&self) -> bool {
        self.repeat > 1 || self.shape.retry_share > 0.0
    }

    /// Whether the last record of a key is its document.
    pub(crate) fn is_of_states(&self) -> bool {
        self.kind.write() == Write::Upsert
    }

    /// A run of posts, each sent once.
    #[cfg(test)]
    pub(crate) fn of_posts(run: RunId, seed: u64, shape: Shape) -> Self {
        Self { run, seed, shape, repeat: 1, kind: Kind::Post, keys: Keys { users: 1, all: 1 }, bodies: None, bulk: 1 }
    }
}

impl Keys {
    /// How many keys a user has, at least one.
    pub(crate) fn of_user(self, vu: u32) -> u64 {
        let users = u64::from(self.users.max(1));
        (self.all / users + u64::from(u64::from(vu) < self.all % users)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_keys_are_dealt_out_and_every_user_has_one(users in 1_u32..400, all in 1_u64..20_000) {
            let keys = Keys { users, all };
            let of_users: Vec<u64> = (0..users).map(|vu| keys.of_user(vu)).collect();
            prop_assert_eq!(of_users.iter().sum::<u64>(), all.max(u64::from(users)));
            prop_assert!(of_users.iter().max().unwrap() - of_users.iter().min().unwrap() <= 1);
        }
    }
}
