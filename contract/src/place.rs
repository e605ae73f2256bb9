//! Where a record stands in its topic, which decides the order of the records of one key. A record that is sent back
//! from the dead letters carries in headers where it stood first, so that it takes no newer record's place.

/// Name of the header with the partition in which a record that was sent back stood first.
pub const ORIGIN_PARTITION_HEADER: &str = "origin-partition";

/// Name of the header with the offset at which a record that was sent back stood first.
pub const ORIGIN_OFFSET_HEADER: &str = "origin-offset";

/// The place of a record in its topic, with its time. Offsets give the order within a partition; times give it where a
/// key has moved to another partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its partition.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp, in ms since 1970.
    pub timestamp_ms: i64,
}

impl Place {
    /// The headers of a record that stood here first. Its time needs none, because it is sent back with its own.
    pub fn origin_headers(&self) -> [(&'static str, String); 2] {
        [(ORIGIN_PARTITION_HEADER, self.partition.to_string()), (ORIGIN_OFFSET_HEADER, self.offset.to_string())]
    }

    /// Where a record with this time stood first, by the values of its headers; `None` unless both are there and name a
    /// place.
    pub fn from_origin_headers(partition: Option<&[u8]>, offset: Option<&[u8]>, timestamp_ms: i64) -> Option<Self> {
        let partition = std::str::from_utf8(partition?).ok()?.parse::<i32>().ok().filter(|number| *number >= 0)?;
        let offset = std::str::from_utf8(offset?).ok()?.parse::<i64>().ok().filter(|number| *number >= 0)?;
        Some(Self { partition, offset, timestamp_ms })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_origin_reads_back_from_its_headers(partition in 0..=i32::MAX, offset in 0..=i64::MAX, timestamp_ms: i64) {
            let place = Place { partition, offset, timestamp_ms };
            let [(partition_name, partition), (offset_name, offset)] = place.origin_headers();
            prop_assert_eq!((partition_name, offset_name), (ORIGIN_PARTITION_HEADER, ORIGIN_OFFSET_HEADER));
            let (partition, offset) = (Some(partition.as_bytes()), Some(offset.as_bytes()));
            prop_assert_eq!(Place::from_origin_headers(partition, offset, timestamp_ms), Some(place));
        }
    }

    #[test]
    fn headers_that_name_no_place_are_none() {
        let read = |partition, offset| Place::from_origin_headers(partition, offset, 5);
        assert_eq!(read(Some(b"3"), Some(b"17")), Some(Place { partition: 3, offset: 17, timestamp_ms: 5 }));
        for other in [None, Some(&b""[..]), Some(b"-1"), Some(b"\xff"), Some(b"99999999999999999999")] {
            assert_eq!(read(other, Some(b"17")), None, "{other:?}");
            assert_eq!(read(Some(b"3"), other), None, "{other:?}");
        }
    }
}
