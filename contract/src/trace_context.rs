//! The W3C trace context of a request or a record: its trace, and the span that precedes it. Read from a `traceparent`
//! header, and written as one.

use std::fmt;

/// The length of a `traceparent`, in bytes; later versions may be longer.
const LENGTH: usize = 55;

/// Set in [`TraceContext::flags`] when the caller records its trace.
const SAMPLED: u8 = 1;

/// A span's place: its trace, its own id, and whether the trace is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The flags, including those not defined yet.
    pub flags: u8,
}

/// The id of a trace; never all zero in a context that was read. Shown as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span; never all zero in a context that was read. Shown as 16 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

impl TraceContext {
    /// Reads a `traceparent` as the W3C recommends it, `00-<32 hex>-<16 hex>-<2 hex>`. A later version is read as far
    /// as it is known: more may follow the flags. `None` for anything else, which counts as no header.
    pub fn parse(traceparent: &[u8]) -> Option<Self> {
        let (known, more) = traceparent.split_at_checked(LENGTH)?;
        if [known[2], known[35], known[52]] != [b'-'; 3] {
            return None;
        }
        let [version] = hex(&known[..2])?;
        let (trace_id, span_id, [flags]) = (hex(&known[3..35])?, hex(&known[36..52])?, hex(&known[53..])?);
        let ends = more.is_empty() || (version != 0 && more[0] == b'-');
        let is_valid = version != 0xff && trace_id != [0; 16] && span_id != [0; 8];
        (ends && is_valid).then_some(Self { trace_id: TraceId(trace_id), span_id: SpanId(span_id), flags })
    }

    /// The `traceparent` that [`Self::parse`] reads.
    pub fn to_traceparent(self) -> Vec<u8> {
        let mut text = [b'-'; LENGTH];
        text[..2].copy_from_slice(b"00");
        write_hex(&mut text[3..35], &self.trace_id.0);
        write_hex(&mut text[36..52], &self.span_id.0);
        write_hex(&mut text[53..], &[self.flags]);
        text.to_vec()
    }

    /// Whether the caller records its trace.
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The bytes that lowercase hex digits spell, two digits each; capital letters are not allowed.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

/// Writes the bytes as hex digits, two each.
fn write_hex(digits: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read() {
        let context = TraceContext::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id.to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled());
        assert!(!TraceContext { flags: 2, ..context }.is_sampled());
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let read = TraceContext::parse(EXAMPLE.as_bytes());
        for later in
            ["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &format!("01{}-what-else", &EXAMPLE[2..])]
        {
            assert_eq!(TraceContext::parse(later.as_bytes()), read, "{later}");
        }
    }

    #[test]
    fn malformed_text_is_not_a_traceparent() {
        for wrong in [
            "",
            "00",
            "00-4bf9-00f0-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_traceparent_is_written_as_it_was_read(text in "00-[0-9a-f]{31}1-[0-9a-f]{15}1-[0-9a-f]{2}") {
            let context = TraceContext::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(context.to_traceparent(), text.as_bytes());
            prop_assert_eq!(format!("00-{}-{}-{:02x}", context.trace_id, context.span_id, context.flags), text);
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..80), like in "[0-9a-f-]{0,60}") {
            for bytes in [bytes, like.into_bytes()] {
                if let Some(context) = TraceContext::parse(&bytes) {
                    prop_assert_eq!(TraceContext::parse(&context.to_traceparent()), Some(context));
                }
            }
        }
    }
}
