//! What a browser keeps of somebody who has signed in: the credential itself, sealed. So nobody who reads its cookies
//! learns the key or the token, and nobody can make a session or move its end. Nothing is kept here: a session holds in
//! each process that has the same key.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What a sealed text is for: a text that was sealed for something else with the same key cannot be opened.
const PURPOSE: &[u8] = b"session 1";

/// Base64 as people paste it, with padding or without.
const BASE64: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// What sessions are sealed with. Nothing shows it.
pub struct SessionKey(LessSafeKey);

impl SessionKey {
    /// The key that a text spells: 32 bytes as hexadecimal digits or base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = match text.len() == 2 * KEY_BYTES {
            true => hexadecimal(text)?,
            false => {
                let alphabet = if text.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
                GeneralPurpose::new(&alphabet, BASE64).decode(text).ok()?
            }
        };
        Self::of(bytes.try_into().ok()?)
    }

    /// One that nobody else has.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> anyhow::Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        fill(&mut bytes)?;
        Self::of(bytes).ok_or_else(|| anyhow::anyhow!("32 bytes are no key"))
    }

    fn of(bytes: [u8; KEY_BYTES]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, &bytes).ok().map(LessSafeKey::new).map(Self)
    }

    /// A credential that can be opened until this time, in seconds since 1970, as a text that a cookie can have.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn seal(&self, credential: &[u8], until: u64) -> anyhow::Result<String> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce)?;
        let mut sealed = [&until.to_be_bytes()[..], credential].concat();
        let done =
            self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut sealed);
        done.map_err(|_| anyhow::anyhow!("a session could not be sealed"))?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// The credential of a text that [`Self::seal`] made with this key, if its time is not over `now`.
    pub fn open(&self, text: &[u8], now: u64) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(PURPOSE), sealed).ok()?;
        let (until, credential) = opened.split_first_chunk()?;
        (now < u64::from_be_bytes(*until)).then(|| credential.to_vec())
    }
}

fn fill(bytes: &mut [u8]) -> anyhow::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| anyhow::anyhow!("the system has no random numbers"))
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    text.as_bytes().chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn key(byte: u8) -> SessionKey {
        SessionKey::of([byte; KEY_BYTES]).unwrap()
    }

    #[test]
    fn a_key_is_32_bytes_as_hexadecimal_digits_or_base64() {
        let bytes = [0xfb; KEY_BYTES];
        let sealed = key(0xfb).seal(b"sk_1", 2).unwrap();
        let standard = STANDARD.encode(bytes);
        for text in [&"fB".repeat(32), &standard, standard.trim_end_matches('='), &URL_SAFE_NO_PAD.encode(bytes)] {
            assert!(SessionKey::parse(text).unwrap().open(sealed.as_bytes(), 1).is_some(), "{text}");
        }
        for wrong in ["", "fb", &"fb".repeat(31), &"fb".repeat(33), &"fg".repeat(32), &standard[..40], "a word"] {
            assert!(SessionKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_key() {
        let sealed = key(1).seal(b"sk_1", 1_000).unwrap();
        for (opened_by, now, expected) in [(1, 0, true), (1, 999, true), (1, 1_000, false), (2, 0, false)] {
            assert_eq!(key(opened_by).open(sealed.as_bytes(), now).is_some(), expected, "{opened_by} {now}");
        }
        let random = SessionKey::random().unwrap();
        assert!(random.open(sealed.as_bytes(), 0).is_none());
        assert_ne!(key(1).seal(b"sk_1", 1_000).unwrap(), sealed, "each has a nonce of its own");
    }

    proptest! {
        #[test]
        fn what_is_sealed_comes_back_and_shows_nothing(
            credential in prop::collection::vec(any::<u8>(), 0..3_000),
            until in 1_u64..,
        ) {
            let sealed = key(7).seal(&credential, until).unwrap();
            prop_assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            prop_assert!(sealed.len() <= 48 + credential.len() * 4 / 3 + 2);
            prop_assert_eq!(key(7).open(sealed.as_bytes(), until - 1), Some(credential));
            prop_assert_eq!(key(7).open(sealed.as_bytes(), until), None);
        }

        #[test]
        fn what_is_changed_or_cut_cannot_be_opened(
            credential in prop::collection::vec(any::<u8>(), 0..60),
            place: prop::sample::Index,
            bit in 0_u8..8,
            cut: prop::sample::Index,
        ) {
            let sealed = URL_SAFE_NO_PAD.decode(key(7).seal(&credential, 100).unwrap()).unwrap();
            let opened = |bytes: &[u8]| key(7).open(URL_SAFE_NO_PAD.encode(bytes).as_bytes(), 1);
            prop_assert!(opened(&sealed).is_some());
            let mut changed = sealed.clone();
            changed[place.index(sealed.len())] ^= 1 << bit;
            prop_assert_eq!(opened(&changed), None);
            prop_assert_eq!(opened(&sealed[..cut.index(sealed.len())]), None);
            prop_assert_eq!(opened(&[&sealed[..], b"x"].concat()), None);
        }

        #[test]
        fn no_cookie_is_too_strange(text in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(key(7).open(&text, 0), None);
        }
    }
}
