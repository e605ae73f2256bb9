//! The ids of a bulk's posts, one for each position.

use uuid::{NoContext, Timestamp, Uuid};

use super::{PostId, check_idempotency_key, keys_of};

/// The part of a UUIDv7 below its variant, which is random.
const RANDOM_LOW_BITS: u128 = (1 << 62) - 1;

/// The ids of a bulk's posts, by position.
pub struct BulkIds(Source);

enum Source {
    /// The id of the first post.
    Fresh(u128),
    /// The namespace of the caller's keys; and the key with a space, which no key contains, so that what follows can
    /// only be the position.
    Derived(Uuid, Vec<u8>),
}

impl BulkIds {
    /// Fresh ids (UUIDv7) from one look at the clock and one draw of 74 random bits. Each is its predecessor plus one,
    /// so two bulks of the same millisecond share an id only if they draw nearly the same number.
    pub fn fresh() -> Self {
        Self(Source::Fresh(Uuid::new_v7(Timestamp::now(NoContext)).as_u128()))
    }

    /// The ids for a client's `Idempotency-Key` (UUIDv5), the same for every retry of the bulk.
    ///
    /// # Errors
    /// What is wrong with the key, see [`PostId::from_idempotency_key`].
    pub fn from_idempotency_key(key: &[u8]) -> Result<Self, &'static str> {
        Self::from_idempotency_key_of(None, key)
    }

    /// The same for a key of this caller, see [`PostId::from_idempotency_key_of`].
    ///
    /// # Errors
    /// What is wrong with the key.
    pub fn from_idempotency_key_of(caller: Option<&str>, key: &[u8]) -> Result<Self, &'static str> {
        check_idempotency_key(key)?;
        Ok(Self(Source::Derived(keys_of(caller), [key, b" "].concat())))
    }

    /// The id of the post at this position, counted from 0.
    pub fn at(&self, position: usize) -> PostId {
        match &self.0 {
            Source::Fresh(first) => {
                let low = first.wrapping_add(position as u128) & RANDOM_LOW_BITS;
                PostId(Uuid::from_u128(first & !RANDOM_LOW_BITS | low))
            }
            Source::Derived(namespace, name) => {
                let name = [name, position.to_string().as_bytes()].concat();
                PostId(Uuid::new_v5(namespace, &name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn ids(ids: &BulkIds) -> Vec<PostId> {
        (0..10_000).map(|position| ids.at(position)).collect()
    }

    #[test]
    fn fresh_ids_are_all_different() {
        let all = [ids(&BulkIds::fresh()), ids(&BulkIds::fresh())].concat();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|id| id.uuid().get_version_num() == 7));
    }

    #[test]
    fn an_overflow_keeps_version_and_variant() {
        let last = Uuid::from_u128(0x0192_0000_0000_7fff_bfff_ffff_ffff_ffff);
        let next = BulkIds(Source::Fresh(last.as_u128())).at(1).uuid();
        assert_eq!(next, Uuid::from_u128(0x0192_0000_0000_7fff_8000_0000_0000_0000));
        assert_eq!((next.get_version(), next.get_variant()), (last.get_version(), last.get_variant()));
    }

    #[test]
    fn equal_keys_of_two_callers_give_different_ids() {
        let of = |caller: Option<&str>| {
            let one = PostId::from_idempotency_key_of(caller, b"order-1").unwrap();
            [vec![one], ids(&BulkIds::from_idempotency_key_of(caller, b"order-1").unwrap())].concat()
        };
        let all = [None, Some("shop"), Some("till"), Some("")].map(of);
        assert_eq!(all.concat().iter().collect::<BTreeSet<_>>().len(), 4 * 10_001);
        assert_eq!(of(Some("shop")), all[1], "the same for each retry");
        assert_eq!(all[1][0].to_string(), "5f996b5a-6692-503f-988b-23cf04646f12", "stored ids depend on it");
        // A caller's name is not a way to another one's keys.
        let key = |caller, key: &str| PostId::from_idempotency_key_of(caller, key.as_bytes());
        assert!(key(None, "caller shop").is_err());
        assert_ne!(key(Some("a"), "bc").unwrap(), key(Some("ab"), "c").unwrap());
    }

    #[test]
    fn a_key_always_gives_the_same_ids() {
        let of_key = |key: &str| ids(&BulkIds::from_idempotency_key(key.as_bytes()).unwrap());
        assert_eq!(of_key("order-1"), of_key("order-1"));
        assert_eq!(of_key("order-1")[0].to_string(), "e9ef1e54-b142-5c80-a251-7e904133574b", "stored ids depend on it");
        // No position under one key equals a position under another key, or a single post.
        let keys = ["order-1", "order-11", "order", "1"];
        let mut all: Vec<PostId> = keys.into_iter().flat_map(of_key).collect();
        all.extend(["order-1", "order-10", "order1"].map(|key| PostId::from_idempotency_key(key.as_bytes()).unwrap()));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(BulkIds::from_idempotency_key(b"a b").is_err());
    }
}
