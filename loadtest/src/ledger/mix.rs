//! A 64-bit mixing function, the finaliser of SplitMix64: each bit of the result depends on each bit of the input. Its
//! definition is fixed, so bodies are the same in every build, and it is a bijection, so two different inputs never mix
//! to the same number. It makes the lab's pseudo-random texts and the hash sums of the ledger.

/// The mixed number.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_ne!(mix(1), mix(2));
    }
}
