//! Writes a BSON document straight into its bytes, element by element. The library's own way, `rawdoc!`, makes a value
//! of each element first: an order's document takes 7,300 instructions with it and 1,700 here. Names of elements are
//! checked where they are made ([`CStr`]), so whatever is written here is a document.

use bson::raw::CStr;
use bson::spec::{BinarySubtype, ElementType};
use bson::{RawDocument, RawDocumentBuf};
use uuid::Uuid;

use crate::decimal;

/// A document that grows at its end. Its elements keep the order in which they are written; a name must not be written
/// twice.
pub struct BsonWriter {
    bytes: Vec<u8>,
}

impl BsonWriter {
    /// An empty document, with memory for this number of bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut writer = Self { bytes: Vec::with_capacity(bytes) };
        writer.begin();
        writer
    }

    /// The document that was written.
    pub fn finish(mut self) -> RawDocumentBuf {
        self.end(0);
        RawDocumentBuf::from_bytes(self.bytes).expect("the length is that of the bytes")
    }

    /// Writes a string.
    #[inline]
    pub fn text(&mut self, name: &CStr, text: &str) {
        self.name(ElementType::String, name);
        // The closing zero counts.
        self.length(text.len() + 1);
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
    }

    /// Writes a whole number of 32 bits.
    #[inline]
    pub fn int32(&mut self, name: &CStr, number: i32) {
        self.name(ElementType::Int32, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a whole number of 64 bits.
    #[inline]
    pub fn int64(&mut self, name: &CStr, number: i64) {
        self.name(ElementType::Int64, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a binary float of 64 bits.
    #[inline]
    pub fn double(&mut self, name: &CStr, number: f64) {
        self.name(ElementType::Double, name);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// Writes a truth value.
    #[inline]
    pub fn boolean(&mut self, name: &CStr, is_true: bool) {
        self.name(ElementType::Boolean, name);
        self.bytes.push(is_true.into());
    }

    /// Writes null.
    #[inline]
    pub fn null(&mut self, name: &CStr) {
        self.name(ElementType::Null, name);
    }

    /// Writes a time, in ms since 1970.
    #[inline]
    pub fn date(&mut self, name: &CStr, time_ms: i64) {
        self.name(ElementType::DateTime, name);
        self.bytes.extend_from_slice(&time_ms.to_le_bytes());
    }

    /// Writes a UUID, as a binary of subtype 4.
    #[inline]
    pub fn uuid(&mut self, name: &CStr, id: Uuid) {
        self.name(ElementType::Binary, name);
        self.length(size_of::<Uuid>());
        self.bytes.push(BinarySubtype::Uuid.into());
        self.bytes.extend_from_slice(id.as_bytes());
    }

    /// Writes a document within this one, with the elements that `write` writes.
    #[inline]
    pub fn document(&mut self, name: &CStr, write: impl FnOnce(&mut Self)) {
        self.name(ElementType::EmbeddedDocument, name);
        let start = self.begin();
        write(self);
        self.end(start);
    }

    /// Writes a document that is there already within this one.
    #[inline]
    pub fn raw_document(&mut self, name: &CStr, document: &RawDocument) {
        self.name(ElementType::EmbeddedDocument, name);
        self.bytes.extend_from_slice(document.as_bytes());
    }

    /// Writes an array. `write` must write one element for each item, under the name that it gets.
    pub fn array<T>(
        &mut self,
        name: &CStr,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, &CStr, T),
    ) {
        self.name(ElementType::Array, name);
        let start = self.begin();
        for (index, item) in items.into_iter().enumerate() {
            let index = decimal::Text::of(index as u64);
            write(self, index.as_str().try_into().expect("digits are not zero bytes"), item);
        }
        self.end(start);
    }

    #[inline]
    fn name(&mut self, element: ElementType, name: &CStr) {
        let name: &str = name.as_ref();
        self.bytes.push(element as u8);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
    }

    #[inline]
    fn length(&mut self, length: usize) {
        self.bytes.extend_from_slice(&checked(length));
    }

    /// Leaves room for a document's length and returns where it is.
    #[inline]
    fn begin(&mut self) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        start
    }

    /// Ends the document that starts here.
    #[inline]
    fn end(&mut self, start: usize) {
        self.bytes.push(0);
        let length = checked(self.bytes.len() - start);
        self.bytes[start..start + 4].copy_from_slice(&length);
    }
}

fn checked(length: usize) -> [u8; 4] {
    i32::try_from(length).expect("a record is far smaller than 2 GiB").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use bson::raw::{CString, cstr};
    use bson::{Binary, Bson, DateTime, Document};
    use proptest::prelude::*;

    use super::*;

    fn write(writer: &mut BsonWriter, name: &CStr, value: &Bson) {
        match value {
            Bson::String(text) => writer.text(name, text),
            Bson::Int32(number) => writer.int32(name, *number),
            Bson::Int64(number) => writer.int64(name, *number),
            Bson::Double(number) => writer.double(name, *number),
            Bson::Boolean(is_true) => writer.boolean(name, *is_true),
            Bson::Null => writer.null(name),
            Bson::DateTime(time) => writer.date(name, time.timestamp_millis()),
            Bson::Binary(id) => writer.uuid(name, Uuid::from_slice(&id.bytes).unwrap()),
            Bson::Document(document) if document.len() % 2 == 0 => {
                writer.raw_document(name, &RawDocumentBuf::try_from(document).unwrap());
            }
            Bson::Document(document) => writer.document(name, |writer| write_all(writer, document)),
            Bson::Array(items) => writer.array(name, items, write),
            other => panic!("{other:?}"),
        }
    }

    fn write_all(writer: &mut BsonWriter, document: &Document) {
        for (name, value) in document {
            write(writer, &CString::try_from(name.as_str()).unwrap(), value);
        }
    }

    fn value() -> impl Strategy<Value = Bson> {
        let leaf = prop_oneof![
            "(?s).{0,40}".prop_map(Bson::String),
            any::<i32>().prop_map(Bson::Int32),
            any::<i64>().prop_map(Bson::Int64),
            any::<f64>().prop_map(Bson::Double),
            any::<bool>().prop_map(Bson::Boolean),
            Just(Bson::Null),
            any::<i64>().prop_map(|time_ms| DateTime::from_millis(time_ms).into()),
            any::<[u8; 16]>().prop_map(|id| Binary { subtype: BinarySubtype::Uuid, bytes: id.to_vec() }.into()),
        ];
        leaf.prop_recursive(4, 40, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Bson::Array),
                document(inner).prop_map(Bson::Document),
            ]
        })
    }

    fn document(value: impl Strategy<Value = Bson>) -> impl Strategy<Value = Document> {
        prop::collection::vec(("[^\0]{0,12}", value), 0..8).prop_map(|elements| elements.into_iter().collect())
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_that_the_library_writes(document in document(value()), capacity in 0..200_usize) {
            let mut writer = BsonWriter::with_capacity(capacity);
            write_all(&mut writer, &document);
            let (written, same) = (writer.finish(), RawDocumentBuf::try_from(&document).unwrap());
            prop_assert_eq!(written.as_bytes(), same.as_bytes());
        }
    }

    #[test]
    fn an_empty_document_has_its_length_and_its_end() {
        assert_eq!(BsonWriter::with_capacity(0).finish().as_bytes(), [5, 0, 0, 0, 0]);
        let mut writer = BsonWriter::with_capacity(0);
        writer.array(cstr!("a"), [(); 11], |writer, name, ()| writer.null(name));
        assert!(writer.finish().get_array("a").unwrap().into_iter().count() == 11, "names of two digits are read, too");
    }
}
