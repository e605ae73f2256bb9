//! The next batch: collects items until it is full. Pure.

/// Items collected so far; never empty.
#[derive(Debug)]
pub struct Batch<T> {
    items: Vec<T>,
    size_bytes: usize,
    limits: BatchLimits,
}

/// When a batch is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Upper bound of the items' encoded size.
    pub bytes: usize,
    /// Upper bound of their number.
    pub items: usize,
}

impl<T> Batch<T> {
    /// A batch with its first item. One that is larger than the bound makes a batch of its own.
    pub fn new(first: T, first_bytes: usize, limits: BatchLimits) -> Self {
        Self { items: vec![first], size_bytes: first_bytes, limits }
    }

    /// Takes the item, or hands it back if the batch would grow beyond a bound: then the batch must be sent.
    pub fn push(&mut self, item: T, item_bytes: usize) -> Result<(), T> {
        if self.size_bytes + item_bytes > self.limits.bytes || self.items.len() >= self.limits.items {
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
    fn an_item_above_the_bound_is_sent_alone() {
        let mut batch = Batch::new(1, 1000, BatchLimits { bytes: 100, items: 10 });
        assert_eq!(batch.push(2, 1), Err(2));
        assert_eq!(batch.into_items(), [1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_order_and_bounds_are_kept(
            sizes in proptest::collection::vec(1_usize..200, 1..200),
            bytes in 1_usize..500,
            items in 1_usize..20,
        ) {
            let start = |index: usize| Batch::new(index, sizes[index], BatchLimits { bytes, items });
            let mut batches = Vec::new();
            let mut batch = start(0);
            for (index, size) in sizes.iter().enumerate().skip(1) {
                if let Err(index) = batch.push(index, *size) {
                    batches.push(std::mem::replace(&mut batch, start(index)).into_items());
                }
            }
            batches.push(batch.into_items());
            for batch in &batches {
                let size: usize = batch.iter().map(|index| sizes[*index]).sum();
                prop_assert!(batch.len() == 1 || size <= bytes);
                prop_assert!(batch.len() <= items);
            }
            let all: Vec<usize> = batches.concat();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
        }
    }
}
