//! The id of a post: a UUID, made once by the producer that accepts the post, and the `_id` of its document. The same
//! post always has the same id, which makes every repeat harmless. The ids of other kinds are their own keys.

use std::fmt;

use uuid::fmt::Hyphenated;
use uuid::{Uuid, Variant};

mod bulk;
mod record;

pub use bulk::BulkIds;
pub(crate) use record::KEY_MAX_CHARS;
pub use record::RecordId;

/// The namespace of ids derived from an `Idempotency-Key`. Changing it would store retried posts twice.
const IDEMPOTENCY_KEYS: Uuid = Uuid::from_u128(0x6f1d_9c52_2b0e_4d0a_9f5b_3c7e_a1d4_8e26);

/// The namespace of ids derived from a record's position. Changing it would store re-read records twice.
const POSITIONS: Uuid = Uuid::from_u128(0xb3a8_47e0_5c19_4f6d_8a72_e90d_146b_f35c);

/// The longest `Idempotency-Key` that is accepted, in bytes.
const IDEMPOTENCY_KEY_MAX_BYTES: usize = 255;

/// The id of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(Uuid);

impl PostId {
    /// A fresh id (UUIDv7: ids grow with time, which keeps the store's index compact).
    pub fn fresh() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id for a client's `Idempotency-Key` (UUIDv5), the same for every retry.
    ///
    /// # Errors
    /// What is wrong with the key: it must be 1–255 visible ASCII characters.
    pub fn from_idempotency_key(key: &[u8]) -> Result<Self, &'static str> {
        Self::from_idempotency_key_of(None, key)
    }

    /// The same for a key of this caller. Where nobody is asked who he is, all callers share their keys; the ids of
    /// equal keys of two known callers differ.
    ///
    /// # Errors
    /// What is wrong with the key.
    pub fn from_idempotency_key_of(caller: Option<&str>, key: &[u8]) -> Result<Self, &'static str> {
        check_idempotency_key(key)?;
        Ok(Self(Uuid::new_v5(&keys_of(caller), key)))
    }

    /// The id that a record's key spells, if it is a hyphenated UUID as the producer writes it.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        if key.len() != Hyphenated::LENGTH {
            return None;
        }
        Uuid::try_parse_ascii(key).ok().map(Self)
    }

    /// The id that a record of this topic has by its key, or by its place where the key is not an id as the producer
    /// makes it. A UUID of another version is another program's name for something, such as a device, whose records all
    /// have this key.
    pub fn of_record(key: Option<&[u8]>, topic: &str, partition: i32, offset: i64, timestamp_ms: i64) -> Self {
        let by_key = key.and_then(Self::from_key).filter(|id| id.is_of_producer());
        by_key.unwrap_or_else(|| Self::from_position(topic, partition, offset, timestamp_ms))
    }

    /// Whether it is of one of the versions that are made here.
    fn is_of_producer(self) -> bool {
        self.0.get_variant() == Variant::RFC4122 && matches!(self.0.get_version_num(), 5 | 7)
    }

    /// The id of a record without a usable key. The timestamp (ms) is part of it: a recreated topic reuses offsets, and
    /// without the timestamp its new records would look as if they were stored already.
    pub fn from_position(topic: &str, partition: i32, offset: i64, timestamp_ms: i64) -> Self {
        let position = format!("{topic}/{partition}/{offset}/{timestamp_ms}");
        Self(Uuid::new_v5(&POSITIONS, position.as_bytes()))
    }

    /// The UUID, as MongoDB stores it.
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The record key: 36 characters, lowercase.
    pub fn to_key(self) -> [u8; Hyphenated::LENGTH] {
        let mut key = [0; Hyphenated::LENGTH];
        self.0.as_hyphenated().encode_lower(&mut key);
        key
    }
}

/// The namespace of ids derived from the keys of a caller. Changing it would store retried posts twice. No key has a
/// space, so a caller's namespace is no id that follows from a key.
fn keys_of(caller: Option<&str>) -> Uuid {
    match caller {
        None => IDEMPOTENCY_KEYS,
        Some(name) => Uuid::new_v5(&IDEMPOTENCY_KEYS, format!("caller {name}").as_bytes()),
    }
}

/// Whether a client's `Idempotency-Key` can be used.
///
/// # Errors
/// What it must be: 1–255 visible ASCII characters.
pub fn check_idempotency_key(key: &[u8]) -> Result<(), &'static str> {
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_MAX_BYTES || !key.iter().all(u8::is_ascii_graphic) {
        return Err("must be 1 to 255 visible ASCII characters, without spaces");
    }
    Ok(())
}

impl From<Uuid> for PostId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for PostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_its_id() {
        let id = PostId::fresh();
        assert_eq!(PostId::from_key(&id.to_key()), Some(id));
        assert_eq!(id.to_key(), id.to_string().as_bytes());
    }

    #[test]
    fn only_a_hyphenated_uuid_is_a_usable_key() {
        let simple = PostId::fresh().uuid().simple().to_string();
        for key in ["", "42", &simple, "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", "{6f1d9c52-2b0e-4d0a-9f5b-3c7ea1d48e26}"]
        {
            assert_eq!(PostId::from_key(key.as_bytes()), None, "{key}");
        }
    }

    /// Otherwise all records that another program keys by its device would be one document.
    #[test]
    fn a_uuid_as_the_producer_makes_none_is_not_the_id_of_a_record() {
        let of_key = |key: &[u8], offset| PostId::of_record(Some(key), "readings", 0, offset, 3);
        let ours = [PostId::fresh(), PostId::from_idempotency_key(b"a").unwrap(), BulkIds::fresh().at(9_999)];
        for id in ours {
            assert_eq!((of_key(&id.to_key(), 1), of_key(&id.to_key(), 2)), (id, id));
        }
        for of_another_program in [
            "9c5b94b1-35ad-49bb-b118-8e8fc24abf80",
            "2ed6657d-e927-11ee-95ea-0242ac120002",
            "00000000-0000-0000-0000-000000000000",
            "9c5b94b1-35ad-79bb-3118-8e8fc24abf80",
        ] {
            let ids = [1, 2].map(|offset| of_key(of_another_program.as_bytes(), offset));
            assert_eq!(ids, [1, 2].map(|offset| PostId::from_position("readings", 0, offset, 3)));
        }
    }

    #[test]
    fn an_idempotency_key_always_gives_the_same_id() {
        let id = PostId::from_idempotency_key(b"order-1").unwrap();
        assert_eq!(id.to_string(), "6ae2dfe4-1723-5035-a463-d55783a966eb", "stored ids depend on it");
        assert_ne!(id, PostId::from_idempotency_key(b"order-2").unwrap());
    }

    #[test]
    fn a_malformed_idempotency_key_is_rejected() {
        for key in [&b""[..], b"a b", b"\xc3\xa9", b"a\n", &[b'a'; 256]] {
            assert!(PostId::from_idempotency_key(key).is_err(), "{key:?}");
        }
        assert!(PostId::from_idempotency_key(&[b'a'; 255]).is_ok());
    }

    #[test]
    fn each_part_of_a_position_counts() {
        let id = PostId::from_position("post", 1, 2, 3);
        assert_eq!(id, PostId::from_position("post", 1, 2, 3));
        for other in [("p", 1, 2, 3), ("post", 0, 2, 3), ("post", 1, 0, 3), ("post", 1, 2, 0)] {
            assert_ne!(id, PostId::from_position(other.0, other.1, other.2, other.3));
        }
    }
}
