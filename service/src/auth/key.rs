//! An API key and its hash. A key is 256 random bits, so nobody finds it by trying, however fast the hash is: a slow
//! one, as passwords need, would protect nothing and would cost each request milliseconds. What is stored is the hash,
//! so that a file that gets into wrong hands lets nobody in.

use std::fmt::Write;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

/// What every key begins with, so that people and scanners recognise one that got lost.
const PREFIX: &str = "sk_";

/// What the text of a hash begins with.
const ALGORITHM: &str = "sha256:";

/// The hash of a key. It may be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyHash([u8; 32]);

/// A key that has just been made, which nothing but its one output may show.
pub(super) fn fresh() -> anyhow::Result<String> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok().context("the system has no random numbers")?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

impl KeyHash {
    /// That of this key.
    pub(super) fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// The hash that a text spells, such as `sha256:` and 64 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(ALGORITHM)?.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
        }
        Some(Self(bytes))
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        let mut text = ALGORITHM.to_owned();
        for byte in self.0 {
            write!(text, "{byte:02x}").expect("a String takes everything");
        }
        text
    }

    /// Its first eight bytes, by which it is looked up.
    pub(super) fn start(&self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("a hash has 32 bytes"))
    }

    /// Whether it is the same hash, in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> bool {
        let differences = self.0.iter().zip(&other.0).fold(0, |differences, (own, other)| differences | (own ^ other));
        std::hint::black_box(differences) == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_recognised_and_no_two_are_the_same() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        for key in [one, other] {
            assert_eq!(key.len(), PREFIX.len() + 43);
            assert!(key.starts_with(PREFIX) && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(KeyHash::of(b"abc").text(), text);
        assert!(KeyHash::parse(&text.to_uppercase().replace("SHA256", "sha256")).unwrap().is(&KeyHash::of(b"abc")));
        for wrong in ["", "sha256:", &text[7..], &text[..70], &format!("{text}0"), &text.replace('b', "g")] {
            assert!(KeyHash::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_hash_is_itself_and_no_other(bytes: [u8; 32], place in 0_usize..32, difference in 1_u8..) {
            let hash = KeyHash(bytes);
            let read = KeyHash::parse(&hash.text()).unwrap();
            prop_assert!(read.is(&hash));
            let mut other = bytes;
            other[place] ^= difference;
            prop_assert!(!hash.is(&KeyHash(other)));
        }
    }
}
