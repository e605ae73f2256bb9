//! The id of a record of any kind, which is that of its document: a post's UUID, or the key of a record whose kind
//! stores one document for each key.

use std::fmt;

use super::PostId;

/// The longest key that a kind allows, in characters.
pub(crate) const KEY_MAX_CHARS: usize = 64;

/// The id of a record. Make it by [`RecordId::from_text`] or from a [`PostId`], so that a UUID has only one form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordId {
    /// A UUID, as it is written in lowercase with hyphens.
    Uuid(PostId),
    /// Any other text.
    Key(String),
}

impl RecordId {
    /// The id that this text spells.
    pub fn from_text(text: &str) -> Self {
        match PostId::from_key(text.as_bytes()) {
            Some(id) if id.to_key() == text.as_bytes() => Self::Uuid(id),
            _ => Self::Key(text.to_owned()),
        }
    }

    /// The id of a record of a kind with one document for each key, as its key says it, or without a key its place. A
    /// key that is longer than any kind allows is cut, and what is not text in it is replaced.
    pub(crate) fn of_keyed(key: Option<&[u8]>, topic: &str, partition: i32, offset: i64) -> Self {
        let Some(key) = key.filter(|key| !key.is_empty()) else {
            return Self::Key(format!("{topic}/{partition}/{offset}"));
        };
        // A character has at most four bytes, so what is beyond these is cut in any case.
        let start = &key[..key.len().min(4 * (KEY_MAX_CHARS + 1))];
        let text = String::from_utf8_lossy(start);
        match text.char_indices().nth(KEY_MAX_CHARS) {
            Some((end, _)) => Self::Key(format!("{}…", &text[..end])),
            None => Self::from_text(&text),
        }
    }

    /// The UUID, if it is one.
    pub fn post_id(&self) -> Option<PostId> {
        match self {
            Self::Uuid(id) => Some(*id),
            Self::Key(_) => None,
        }
    }

    /// Its text as the key of a record.
    pub fn to_key(&self) -> Vec<u8> {
        match self {
            Self::Uuid(id) => id.to_key().to_vec(),
            Self::Key(text) => text.clone().into_bytes(),
        }
    }

    /// What it takes in memory besides its own size, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Uuid(_) => 0,
            Self::Key(text) => text.len(),
        }
    }
}

impl From<PostId> for RecordId {
    fn from(id: PostId) -> Self {
        Self::Uuid(id)
    }
}

impl PartialEq<PostId> for RecordId {
    fn eq(&self, other: &PostId) -> bool {
        self.post_id() == Some(*other)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => id.fmt(f),
            Self::Key(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_key(key: &[u8]) -> RecordId {
        RecordId::of_keyed(Some(key), "orders", 3, 17)
    }

    #[test]
    fn a_uuid_has_one_form_and_other_text_stays_as_it_is() {
        let id = PostId::fresh();
        assert_eq!(RecordId::from_text(&id.to_string()), RecordId::Uuid(id));
        assert_eq!(of_key(&id.to_key()), id);
        let upper = id.to_string().to_uppercase();
        for text in [&*upper, "A-17", "Bestellung 17 ü", ""] {
            assert_eq!(RecordId::from_text(text), RecordId::Key(text.to_owned()));
        }
        assert_ne!(RecordId::from_text(&PostId::fresh().to_string()), id);
    }

    #[test]
    fn a_record_without_a_key_has_the_id_of_its_place() {
        for key in [None, Some(&b""[..])] {
            assert_eq!(RecordId::of_keyed(key, "orders", 3, 17).to_string(), "orders/3/17");
        }
    }

    #[test]
    fn a_key_beyond_what_any_kind_allows_is_cut() {
        for character in ["k", "ü", "😀"] {
            let whole = character.repeat(KEY_MAX_CHARS);
            assert_eq!(of_key(whole.as_bytes()).to_string(), whole);
            for more in ["x", "xx", &"😀".repeat(1000)] {
                assert_eq!(of_key(format!("{whole}{more}").as_bytes()).to_string(), format!("{whole}…"));
            }
        }
        assert_eq!(of_key(b"A-\xff17").to_string(), "A-\u{fffd}17");
    }

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text_and_is_bounded(
            key in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..400),
                "\\PC{0,80}".prop_map(String::into_bytes),
                any::<[u8; 16]>().prop_map(|bytes| PostId::from(uuid::Uuid::from_bytes(bytes)).to_key().to_vec()),
            ],
        ) {
            let id = of_key(&key);
            let text = id.to_string();
            prop_assert!((1..=KEY_MAX_CHARS + 1).contains(&text.chars().count()));
            prop_assert_eq!(id.to_key(), text.as_bytes());
            prop_assert_eq!(RecordId::from_text(&text), id);
        }
    }
}
