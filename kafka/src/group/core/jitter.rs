//! Jitter without randomness.

/// A fraction for a backoff's jitter that differs from batch to batch, without randomness.
pub(super) fn jitter(number: u64, attempt: u32) -> f64 {
    let mixed = (number ^ (u64::from(attempt) << 32)).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
