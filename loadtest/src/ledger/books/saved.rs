//! A ledger as a file: what the clients of one share of a run got, so that the ledgers of all shares can be merged into
//! the ledger of the run. The file holds words of eight bytes, the lowest byte first: for each of the four bitmaps,
//! for the sums and for the times, first their number and then the words themselves.

use std::io::{self, ErrorKind, Read, Write};

use super::Ledger;
use crate::ledger::bitmap::Bitmap;
use crate::ledger::block_sums::BlockSums;
use crate::ledger::request_times::RequestTimes;
use crate::ledger::unknown_times::UnknownTimes;

/// How the file starts.
const MAGIC: &[u8; 8] = b"ledger 3";

impl Ledger {
    /// Writes down what the clients got.
    pub(crate) fn save(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(MAGIC)?;
        for bitmap in [&self.accepted, &self.rejected, &self.unknown, &self.ever_unknown] {
            write_words(to, bitmap.as_words())?;
        }
        write_words(to, self.answered_ids.as_sums().iter().copied())?;
        write_words(to, [u64::from(self.answers_have_ids)])?;
        write_words(to, self.times.as_words())?;
        write_words(to, self.unknown_times.as_words())
    }

    /// Reads what was saved.
    ///
    /// # Errors
    /// Also when it is not a saved ledger, or not a complete one.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic)?;
        if magic != *MAGIC {
            return Err(io::Error::new(ErrorKind::InvalidData, "this is not a saved ledger"));
        }
        let mut bitmap = || read_words::<Bitmap>(from);
        let (accepted, rejected, unknown, ever_unknown) = (bitmap()?, bitmap()?, bitmap()?, bitmap()?);
        let answered_ids = BlockSums::from_sums(read_words(from)?);
        let answers_have_ids = read_words::<Vec<_>>(from)? == [1];
        let times = RequestTimes::from_words(&read_words::<Vec<_>>(from)?);
        let unknown_times = UnknownTimes::from_words(&read_words::<Vec<_>>(from)?);
        let answers = Self { accepted, rejected, unknown, ever_unknown, answered_ids, ..Self::default() };
        Ok(Self { answers_have_ids, times, unknown_times, ..answers })
    }

    /// Adds what the clients of another share got, which sent other posts.
    pub(crate) fn merge(&mut self, other: &Ledger) {
        self.accepted.merge(&other.accepted);
        self.rejected.merge(&other.rejected);
        self.unknown.merge(&other.unknown);
        self.ever_unknown.merge(&other.ever_unknown);
        self.answered_ids.merge(&other.answered_ids);
        self.answers_have_ids |= other.answers_have_ids;
        self.times.merge(&other.times);
        self.unknown_times.merge(&other.unknown_times);
    }
}

fn write_words<W>(to: &mut impl Write, words: W) -> io::Result<()>
where
    W: IntoIterator<Item = u64, IntoIter: ExactSizeIterator>,
{
    let mut words = words.into_iter();
    to.write_all(&(words.len() as u64).to_le_bytes())?;
    words.try_for_each(|word| to.write_all(&word.to_le_bytes()))
}

/// Reserves no memory on the word of the number that comes first.
fn read_words<C: FromIterator<u64>>(from: &mut impl Read) -> io::Result<C> {
    let mut word = || {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    };
    let length = word()?;
    (0..length).map(|_| word()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::books::{Reply, SentPost};

    fn any_reply() -> impl Strategy<Value = Reply> {
        let id = (0_u128..3).prop_map(|small| uuid::Uuid::from_u128(small).into());
        prop_oneof![4 => id.prop_map(Reply::Accepted), 1 => Just(Reply::Rejected), 1 => Just(Reply::Unknown)]
    }

    proptest! {
        #[test]
        fn merged_ledgers_equal_one_ledger(
            answers in proptest::collection::btree_map((0_u64..40).prop_map(|small| small * 331), any_reply(), 0..40),
            documents in proptest::collection::vec(((0_u64..45).prop_map(|small| small * 331), 0_u128..3), 0..60),
            shares in 1_u64..5,
        ) {
            let mut whole = Ledger::default();
            let mut parts: Vec<Ledger> = (0..shares).map(|_| Ledger::default()).collect();
            for (n, reply) in &answers {
                let sent_ms = 1_000_000 + i64::try_from(*n).unwrap();
                let post = SentPost { n: *n, reply: *reply, was_unknown: n % 3 == 0, sent_ms, ended_ms: sent_ms + 5 };
                whole.answered(post);
                parts[(n % shares) as usize].answered(post);
            }
            let mut merged = Ledger::default();
            for part in &parts {
                let mut file = Vec::new();
                part.save(&mut file).unwrap();
                merged.merge(&Ledger::read(&mut file.as_slice()).unwrap());
                prop_assert!(Ledger::read(&mut &file[..file.len() - 1]).is_err(), "the end is missing");
            }
            prop_assert_eq!(merged.counts(0), whole.counts(0));
            for (n, reply) in &answers {
                prop_assert_eq!(whole.was_unknown(*n), n % 3 == 0 || *reply == Reply::Unknown);
                prop_assert_eq!(merged.was_unknown(*n), whole.was_unknown(*n));
                prop_assert_eq!(merged.is_near_unknown(*n), whole.is_near_unknown(*n));
            }
            for (n, id) in documents {
                let id = uuid::Uuid::from_u128(id).into();
                whole.stored(n, id, false);
                merged.stored(n, id, false);
                prop_assert_eq!(merged.date_distance_ms(n, 1_000_003), whole.date_distance_ms(n, 1_000_003));
            }
            prop_assert_eq!(merged.counts(0), whole.counts(0));
            prop_assert_eq!((merged.balances(), merged.has_ids()), (whole.balances(), whole.has_ids()));
            prop_assert!(merged.differing_blocks().eq(whole.differing_blocks()));
        }
    }

    #[test]
    fn a_file_that_is_not_a_ledger_is_an_error() {
        for (file, kind) in [(&b"{\"run\":1}"[..], ErrorKind::InvalidData), (b"", ErrorKind::UnexpectedEof)] {
            assert_eq!(Ledger::read(&mut &file[..]).unwrap_err().kind(), kind);
        }
        let huge = [&MAGIC[..], &[255; 8]].concat();
        assert_eq!(Ledger::read(&mut huge.as_slice()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
