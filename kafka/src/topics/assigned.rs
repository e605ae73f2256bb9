//! What a member of a group was assigned, as the bytes in which the group's leader wrote it: Kafka passes them on
//! without looking into them, so they are foreign. Pure.

/// The partitions of a topic.
pub type Assigned = (String, Vec<i32>);

/// Reads an assignment of the consumer protocol, of any version: later ones only add fields at the end. `None` if these
/// bytes are not one. What it allocates grows with what it has read, whatever they claim.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Assigned>> {
    let mut bytes = Bytes(bytes);
    let version = bytes.i16()?;
    if version < 0 {
        return None;
    }
    let topics = bytes.count()?;
    let mut assigned = Vec::new();
    for _ in 0..topics {
        let length = usize::try_from(bytes.i16()?).ok()?;
        let topic = std::str::from_utf8(bytes.take(length)?).ok()?;
        let partitions = bytes.count()?;
        let mut ids = Vec::new();
        for _ in 0..partitions {
            ids.push(bytes.i32()?);
        }
        assigned.push((topic.to_owned(), ids));
    }
    Some(assigned)
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.take(2)?.try_into().ok().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.take(4)?.try_into().ok().map(i32::from_be_bytes)
    }

    /// The length of an array, as it is claimed.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.i32()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(assigned: &[Assigned], user_data: &[u8]) -> Vec<u8> {
        let mut bytes = 1_i16.to_be_bytes().to_vec();
        bytes.extend(i32::try_from(assigned.len()).unwrap().to_be_bytes());
        for (topic, partitions) in assigned {
            bytes.extend(i16::try_from(topic.len()).unwrap().to_be_bytes());
            bytes.extend(topic.as_bytes());
            bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
            partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        bytes.extend(i32::try_from(user_data.len()).unwrap().to_be_bytes());
        bytes.extend(user_data);
        bytes
    }

    #[test]
    fn bytes_that_claim_more_than_they_have_are_no_assignment() {
        let claims_topics = [&0_i16.to_be_bytes()[..], &i32::MAX.to_be_bytes()].concat();
        let mut claims_partitions = written(&[("post".to_owned(), vec![])], b"");
        claims_partitions[12..16].copy_from_slice(&i32::MAX.to_be_bytes());
        let negative = [&0_i16.to_be_bytes()[..], &(-1_i32).to_be_bytes()].concat();
        for bytes in [&[][..], &[0], &(-1_i16).to_be_bytes(), &claims_topics, &claims_partitions, &negative] {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_a_leader_writes_is_read_and_every_cut_is_noticed(
            assigned in prop::collection::vec(("[a-z.ü]{1,20}", prop::collection::vec(any::<i32>(), 0..8)), 0..5),
            user_data in prop::collection::vec(any::<u8>(), 0..20),
            cut: prop::sample::Index,
        ) {
            let bytes = written(&assigned, &user_data);
            let without_user_data = bytes.len() - 4 - user_data.len();
            prop_assert_eq!(parse(&bytes), Some(assigned));
            prop_assert_eq!(parse(&bytes[..cut.index(without_user_data)]), None);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(assigned) = parse(&bytes) {
                let read: usize = assigned.iter().map(|(topic, ids)| topic.len() + 4 * ids.len()).sum();
                prop_assert!(read <= bytes.len());
            }
        }
    }
}
