//! A set of numbers that grows as needed: a bit for each number, in blocks. Only blocks with a number take memory.

/// Numbers in a word, and words in a block: half a kilobyte for 4,096 numbers.
const BITS: u64 = u64::BITS as u64;
const BLOCK_WORDS: usize = 64;

/// A set of numbers.
#[derive(Debug, Default)]
pub(crate) struct Bitmap {
    /// `None` for a block without a number.
    blocks: Vec<Option<Box<[u64; BLOCK_WORDS]>>>,
    /// The words up to that of the largest number.
    words: usize,
}

/// The set stored in these words, 64 numbers each.
impl FromIterator<u64> for Bitmap {
    fn from_iter<T: IntoIterator<Item = u64>>(words: T) -> Self {
        let mut bitmap = Self::default();
        for (index, word) in words.into_iter().enumerate() {
            bitmap.add_word(index, word);
        }
        bitmap
    }
}

impl Bitmap {
    /// All the words.
    pub(crate) fn as_words(&self) -> impl ExactSizeIterator<Item = u64> {
        (0..self.words).map(|index| self.word(index))
    }

    /// Adds all numbers of another set.
    pub(crate) fn merge(&mut self, other: &Bitmap) {
        other.as_words().enumerate().for_each(|(index, word)| self.add_word(index, word));
    }

    /// Adds a number.
    pub(crate) fn insert(&mut self, n: u64) {
        self.add_word(index(n), 1 << (n % BITS));
    }

    /// Whether a number was added.
    pub(crate) fn contains(&self, n: u64) -> bool {
        !self.is_beyond(n) && self.word(index(n)) & (1 << (n % BITS)) != 0
    }

    /// The size of the set.
    pub(crate) fn count(&self) -> u64 {
        self.blocks.iter().flatten().flat_map(|block| block.iter()).map(|word| u64::from(word.count_ones())).sum()
    }

    /// How many of the numbers are not in another set, and how many are.
    pub(crate) fn divided_by(&self, other: &Bitmap) -> (u64, u64) {
        let ours = self.as_words().enumerate();
        let both: u64 = ours.map(|(index, word)| u64::from((word & other.word(index)).count_ones())).sum();
        (self.count() - both, both)
    }

    /// Whether `n` would make the bitmap grow.
    pub(crate) fn is_beyond(&self, n: u64) -> bool {
        n / BITS >= self.words as u64
    }

    /// The number of words, 64 numbers each.
    pub(crate) fn words(&self) -> usize {
        self.words
    }

    /// The number that a bit of a word stands for.
    pub(crate) fn number(index: usize, bit: u32) -> u64 {
        index as u64 * BITS + u64::from(bit)
    }

    /// The bits of 64 numbers; zero beyond the largest.
    pub(crate) fn word(&self, index: usize) -> u64 {
        match self.blocks.get(index / BLOCK_WORDS) {
            Some(Some(block)) => block[index % BLOCK_WORDS],
            _ => 0,
        }
    }

    /// Adds 64 numbers.
    fn add_word(&mut self, index: usize, bits: u64) {
        self.words = self.words.max(index + 1);
        if bits == 0 {
            return;
        }
        let block = index / BLOCK_WORDS;
        if block >= self.blocks.len() {
            self.blocks.resize_with(block + 1, || None);
        }
        self.blocks[block].get_or_insert_with(|| Box::new([0; BLOCK_WORDS]))[index % BLOCK_WORDS] |= bits;
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

    /// Of a few blocks, some of which stay without a number.
    fn any_number() -> impl Strategy<Value = u64> {
        prop_oneof![0_u64..100, 4_000_u64..4_200, 12_000_u64..20_000]
    }

    proptest! {
        #[test]
        fn a_bitmap_is_a_set(numbers in proptest::collection::vec(any_number(), 0..200), asked in any_number()) {
            let mut bitmap = Bitmap::default();
            for n in &numbers {
                bitmap.insert(*n);
            }
            let model: BTreeSet<u64> = numbers.into_iter().collect();
            prop_assert_eq!(bitmap.count(), model.len() as u64);
            prop_assert_eq!(bitmap.contains(asked), model.contains(&asked));
            prop_assert!(!bitmap.contains(u64::MAX));
            let mut low = Bitmap::default();
            (0..asked).for_each(|n| low.insert(n));
            let both = model.range(..asked).count() as u64;
            prop_assert_eq!(bitmap.divided_by(&low), (model.len() as u64 - both, both));

            let largest = model.last().copied();
            prop_assert_eq!(bitmap.is_beyond(asked), largest.is_none_or(|largest| asked / BITS > largest / BITS));
            let copy: Bitmap = bitmap.as_words().collect();
            prop_assert!(copy.as_words().eq(bitmap.as_words()));
            low.merge(&bitmap);
            prop_assert_eq!(low.count(), model.len() as u64 + asked - both);
        }
    }
}
