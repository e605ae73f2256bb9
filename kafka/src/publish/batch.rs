//! The next batch: collects items until their encoded size reaches the bound or the linger time is over. Pure: the time
//! is an argument, and it says when it wants to be sent.

use std::time::{Duration, Instant};

/// Items collected so far; never empty.
#[derive(Debug)]
pub struct Batch<T> {
    items: Vec<T>,
    size_bytes: usize,
    max_bytes: usize,
    deadline: Instant,
}

impl<T> Batch<T> {
    /// A batch with its first item, which arms the linger time. An item larger than the bound makes a batch of its own.
    pub fn new(first: T, first_bytes: usize, max_bytes: usize, now: Instant, linger: Duration) -> Self {
        Self { items: vec![first], size_bytes: first_bytes, max_bytes, deadline: now + linger }
    }

    /// Takes the item, or hands it back if the batch would grow beyond its bound: then the batch must be sent.
    pub fn push(&mut self, item: T, item_bytes: usize) -> Result<(), T> {
        if self.size_bytes + item_bytes > self.max_bytes {
            return Err(item);
        }
        self.size_bytes += item_bytes;
        self.items.push(item);
        Ok(())
    }

    /// Encoded size of the items, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// When the batch must be sent even if it is not full.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The items, in the order in which they came.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_item_arms_the_linger_and_later_ones_do_not_move_it() {
        let now = Instant::now();
        let mut batch = Batch::new(1, 10, 100, now, Duration::from_millis(5));
        assert_eq!(batch.push(2, 10), Ok(()));
        assert_eq!(batch.deadline(), now + Duration::from_millis(5));
    }

    #[test]
    fn an_item_above_the_bound_is_sent_alone() {
        let mut batch = Batch::new(1, 1000, 100, Instant::now(), Duration::ZERO);
        assert_eq!(batch.push(2, 1), Err(2));
        assert_eq!(batch.into_items(), [1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_order_and_bound_are_kept(
            sizes in proptest::collection::vec(1_usize..200, 1..200),
            max in 1_usize..500,
        ) {
            let now = Instant::now();
            let start = |index: usize| Batch::new(index, sizes[index], max, now, Duration::ZERO);
            let mut batches = Vec::new();
            let mut batch = start(0);
            for (index, size) in sizes.iter().enumerate().skip(1) {
                if let Err(index) = batch.push(index, *size) {
                    batches.push(std::mem::replace(&mut batch, start(index)).into_items());
                }
            }
            batches.push(batch.into_items());
            for batch in &batches {
                let bytes: usize = batch.iter().map(|index| sizes[*index]).sum();
                prop_assert!(batch.len() == 1 || bytes <= max);
            }
            let all: Vec<usize> = batches.concat();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
        }
    }
}
