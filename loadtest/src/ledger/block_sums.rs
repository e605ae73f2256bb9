//! Order-free hash sums of (number, id) pairs, one sum for each block of numbers: eight bytes for 4096 posts. Two sets
//! of pairs with equal sums are the same set, except with a probability of 2^-64.

use contract::PostId;

use crate::ledger::mix::mix;

/// The sums.
#[derive(Debug, Default)]
pub(crate) struct BlockSums {
    sums: Vec<u64>,
}

impl BlockSums {
    /// Numbers in a block.
    pub(crate) const BLOCK_LENGTH: u64 = 4096;

    /// These sums, one for each block.
    pub(crate) fn from_sums(sums: Vec<u64>) -> Self {
        Self { sums }
    }

    /// All the sums.
    pub(crate) fn as_sums(&self) -> &[u64] {
        &self.sums
    }

    /// Adds all pairs of another set.
    pub(crate) fn merge(&mut self, other: &BlockSums) {
        if other.sums.len() > self.sums.len() {
            self.sums.resize(other.sums.len(), 0);
        }
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
    }

    /// The block that holds a number.
    pub(crate) fn block(n: u64) -> u64 {
        n / Self::BLOCK_LENGTH
    }

    /// The place of a number in its block.
    pub(crate) fn place(n: u64) -> usize {
        (n % Self::BLOCK_LENGTH) as usize
    }

    /// Adds a pair. The order does not matter.
    pub(crate) fn add(&mut self, n: u64, id: PostId) {
        let sum = self.sum_mut(n);
        *sum = sum.wrapping_add(hash(n, id));
    }

    /// Removes a pair that was added.
    pub(crate) fn remove(&mut self, n: u64, id: PostId) {
        let sum = self.sum_mut(n);
        *sum = sum.wrapping_sub(hash(n, id));
    }

    /// The blocks in which the two differ.
    pub(crate) fn differing(&self, other: &BlockSums) -> impl Iterator<Item = u64> {
        let length = self.sums.len().max(other.sums.len());
        let sum = |sums: &BlockSums, block| sums.sums.get(block).copied().unwrap_or(0);
        (0..length).filter(move |block| sum(self, *block) != sum(other, *block)).map(|block| block as u64)
    }

    fn sum_mut(&mut self, n: u64) -> &mut u64 {
        let block = usize::try_from(Self::block(n)).expect("only numbers that were sent are added");
        if block >= self.sums.len() {
            self.sums.resize(block + 1, 0);
        }
        &mut self.sums[block]
    }
}

fn hash(n: u64, id: PostId) -> u64 {
    let (high, low) = id.uuid().as_u64_pair();
    mix(mix(mix(n) ^ high) ^ low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_ids_do() {
        let ids: Vec<PostId> = (0..20).map(|_| PostId::fresh()).collect();
        let (mut one, mut other) = (BlockSums::default(), BlockSums::default());
        for (n, id) in (0..).step_by(1_000).zip(&ids) {
            one.add(n, *id);
        }
        for (n, id) in (0..).step_by(1_000).zip(&ids).collect::<Vec<_>>().into_iter().rev() {
            other.add(n, *id);
        }
        assert_eq!(one.differing(&other).count(), 0);

        let passing = PostId::fresh();
        other.add(9_000, passing);
        assert_eq!(one.differing(&other).collect::<Vec<_>>(), [2]);
        other.remove(9_000, passing);
        assert_eq!(one.differing(&other).count(), 0, "what is removed has left nothing");

        other.add(9_000, PostId::fresh());
        other.remove(0, ids[0]);
        other.add(0, ids[1]);
        assert_eq!(one.differing(&other).collect::<Vec<_>>(), [0, 2]);
    }
}
