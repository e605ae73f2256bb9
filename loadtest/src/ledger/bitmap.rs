//! A set of numbers that grows as needed, with one bit for each number up to the largest.

const BITS: u64 = u64::BITS as u64;

/// A set of numbers.
#[derive(Debug, Default)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// The set stored in these words, 64 numbers each.
    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        Self { words }
    }

    /// All the words.
    pub(crate) fn as_words(&self) -> &[u64] {
        &self.words
    }

    /// Adds all numbers of another set.
    pub(crate) fn merge(&mut self, other: &Bitmap) {
        if other.words.len() > self.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, more)| *word |= more);
    }

    /// Adds a number.
    pub(crate) fn insert(&mut self, n: u64) {
        let word = index(n);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (n % BITS);
    }

    /// Whether a number was added.
    pub(crate) fn contains(&self, n: u64) -> bool {
        !self.is_beyond(n) && self.words[index(n)] & (1 << (n % BITS)) != 0
    }

    /// The size of the set.
    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many of the numbers are not in another set, and how many are.
    pub(crate) fn divided_by(&self, other: &Bitmap) -> (u64, u64) {
        let ours = self.words.iter().enumerate();
        let both: u64 = ours.map(|(index, word)| u64::from((word & other.word(index)).count_ones())).sum();
        (self.count() - both, both)
    }

    /// Whether `n` would make the bitmap grow.
    pub(crate) fn is_beyond(&self, n: u64) -> bool {
        n / BITS >= self.words.len() as u64
    }

    /// The number of words, 64 numbers each.
    pub(crate) fn words(&self) -> usize {
        self.words.len()
    }

    /// The number that a bit of a word stands for.
    pub(crate) fn number(index: usize, bit: u32) -> u64 {
        index as u64 * BITS + u64::from(bit)
    }

    /// The bits of 64 numbers; zero beyond the largest.
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.words.get(index).copied().unwrap_or(0)
    }
}

fn index(n: u64) -> usize {
    usize::try_from(n / BITS).expect("a bitmap larger than the address space is never made")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bitmap_is_a_set(numbers in proptest::collection::vec(0_u64..1_000, 0..200), asked in 0_u64..2_000) {
            let mut bitmap = Bitmap::default();
            for n in &numbers {
                bitmap.insert(*n);
            }
            let model: BTreeSet<u64> = numbers.into_iter().collect();
            prop_assert_eq!(bitmap.count(), model.len() as u64);
            prop_assert_eq!(bitmap.contains(asked), model.contains(&asked));
            prop_assert!(!bitmap.contains(u64::MAX));
            let mut low = Bitmap::default();
            (0..asked.min(1_000)).for_each(|n| low.insert(n));
            let both = model.range(..asked).count() as u64;
            prop_assert_eq!(bitmap.divided_by(&low), (model.len() as u64 - both, both));
        }
    }
}
