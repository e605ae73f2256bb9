//! The record that a stored document was made of, as far as the document shows it.

use bson::{RawArray, RawBsonRef, RawDocument};
use serde_json::{Map, Number, Value};

use super::errors::Errors;
use super::faults::reserved;
use super::pointer::joined;
use super::schema_kind::SchemaKind;
use crate::kind::errors::FieldErrors;
use crate::kind::time;

impl SchemaKind {
    /// Judges what is stored of a record, whatever schema it was judged by: the document without the fields of its own,
    /// with its dates as texts.
    ///
    /// # Errors
    /// As of [`Self::judge`]; also where the document has what no record becomes.
    pub fn judge_document(&self, document: &RawDocument) -> Result<(), FieldErrors> {
        let record = record_of(document)?;
        self.judge(record.to_string().as_bytes()).map(drop)
    }
}

/// The record, without the fields that are the document's own.
///
/// # Errors
/// The values that no record becomes.
fn record_of(document: &RawDocument) -> Result<Value, FieldErrors> {
    let mut errors = Errors::of_record();
    let record = members(document, "", &mut errors);
    errors.into_field_errors().map_or(Ok(record), Err)
}

fn members(document: &RawDocument, pointer: &str, errors: &mut Errors) -> Value {
    let mut members = Map::new();
    for field in document {
        let Ok((name, value)) = field else {
            errors.add(pointer, "is not valid BSON");
            break;
        };
        let (is_own, name) = (pointer.is_empty() && reserved(name.as_str()).is_some(), name.as_str());
        if !is_own {
            members.insert(name.to_owned(), json(value, &joined(pointer, name), errors));
        }
    }
    Value::Object(members)
}

fn elements(array: &RawArray, pointer: &str, errors: &mut Errors) -> Value {
    let mut elements = Vec::new();
    for element in array {
        let Ok(element) = element else {
            errors.add(pointer, "is not valid BSON");
            break;
        };
        elements.push(json(element, &joined(pointer, &elements.len().to_string()), errors));
    }
    Value::Array(elements)
}

fn json(value: RawBsonRef<'_>, pointer: &str, errors: &mut Errors) -> Value {
    let found = match value {
        RawBsonRef::Null => Some(Value::Null),
        RawBsonRef::Boolean(boolean) => Some(boolean.into()),
        RawBsonRef::Int32(integer) => Some(integer.into()),
        RawBsonRef::Int64(integer) => Some(integer.into()),
        RawBsonRef::Double(double) => Number::from_f64(double).map(Value::Number),
        RawBsonRef::String(text) => Some(text.into()),
        RawBsonRef::DateTime(date) => {
            let time_ms = date.timestamp_millis();
            time::is_writable(time_ms).then(|| time::text(time_ms).into())
        }
        RawBsonRef::Document(document) => Some(members(document, pointer, errors)),
        RawBsonRef::Array(array) => Some(elements(array, pointer, errors)),
        _ => None,
    };
    found.unwrap_or_else(|| {
        errors.add(pointer, format!("is a BSON value that no record becomes ({:?})", value.element_type()));
        Value::Null
    })
}
