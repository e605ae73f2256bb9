//! When a certificate ends. This is all that is read of one here; whether clients can trust it is up to them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
/// A time with two digits for its year.
const UTC_TIME: u8 = 0x17;
/// A time with four digits for its year.
const GENERALIZED_TIME: u8 = 0x18;

/// The last moment of a certificate (DER); `None` if it is not one.
pub fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, rest)) = expect(VERSION, fields) {
        fields = rest;
    }
    let (_serial, fields) = expect(INTEGER, fields)?;
    let (_algorithm, fields) = expect(SEQUENCE, fields)?;
    let (_issuer, fields) = expect(SEQUENCE, fields)?;
    let (validity, _) = expect(SEQUENCE, fields)?;
    let (_, _, not_after) = element(validity)?;
    let (tag, time, _) = element(not_after)?;
    let time = std::str::from_utf8(time).ok()?;
    match tag {
        UTC_TIME => {
            // RFC 5280: from 1950 to 2049.
            let century = if digits(time.get(..2)?)? < 50 { "20" } else { "19" };
            at(&format!("{century}{time}"))
        }
        GENERALIZED_TIME => at(time),
        _ => None,
    }
}

/// The content of the first element, which must have this tag, and what follows the element.
fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Tag and content of the first element, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The moment that `YYYYMMDDHHMMSSZ` spells, if it is not before 1970.
fn at(text: &str) -> Option<SystemTime> {
    let text = text.strip_suffix('Z').filter(|text| text.len() == 14)?;
    let part = |from: usize, to: usize| text.get(from..to).and_then(digits);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last day of one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(UNIX_EPOCH + Duration::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stack::certificates::{Authority, Validity};
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::*;

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let seconds = |text: &str| at(text).map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(seconds("19700101000000Z"), Some(0));
        assert_eq!(seconds("20000229235959Z"), Some(951_868_799));
        assert_eq!(seconds("20261129191500Z"), Some(1_795_979_700));
        assert_eq!(seconds("99991231235959Z"), Some(253_402_300_799));
        for wrong in
            ["", "Z", "19691231235959Z", "20261329191500Z", "20261129191500", "2026112919150aZ", "2026112é191500Z"]
        {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_end_of_any_certificate_is_read(
            until in 86_400_u64..8_000_000_000,
            cut in 0_usize..400,
            flip in 0_usize..400,
        ) {
            let authority = Authority::new("tests").unwrap();
            let until = UNIX_EPOCH + Duration::from_secs(until);
            let validity = Validity { from: UNIX_EPOCH, until };
            let certificate = der(&authority.server_during(&["localhost"], validity).unwrap().chain);
            prop_assert_eq!(not_after(&certificate), Some(until));
            // What is cut or changed is refused, or means something else.
            prop_assert_eq!(not_after(&certificate[..cut.min(certificate.len() - 1)]), None);
            let mut changed = certificate.to_vec();
            let at = flip % changed.len();
            changed[at] ^= 0xff;
            not_after(&changed);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            not_after(&bytes);
        }
    }
}
