//! What differs between what was sent and what is there, in a line for each field. Long texts are cut to where they
//! differ, and characters that cannot be seen, combining marks among them, are written as escapes.

use bson::{RawBsonRef, RawDocument};
use contract::document::decode_id;

use crate::base::text::common_start;

/// The most lines; all that is different beyond them is counted.
const MAX_LINES: usize = 10;

/// The characters that are shown of a text, and how many of them come before the first that differs.
const WINDOW: usize = 60;
const BEFORE: usize = 15;

/// What differs between a record's document and the one that is stored, whatever the order of their fields.
pub(crate) fn of_documents(sent: &RawDocument, stored: &RawDocument) -> Vec<String> {
    let ((sent, _), (stored, is_whole)) = (fields(sent), fields(stored));
    let mut lines = Vec::new();
    for (name, value) in &sent {
        let same_name: Vec<RawBsonRef<'_>> =
            stored.iter().filter(|(other, _)| other == name).map(|(_, value)| *value).collect();
        match same_name[..] {
            [] => lines.push(format!("{name}: sent {}, not stored", shown(*value))),
            [other] if *value == other => {}
            [other] => lines.push(two_values(name, *value, other)),
            _ => lines.push(format!("{name}: stored {} times", same_name.len())),
        }
    }
    let added = stored.iter().filter(|(name, _)| !sent.iter().any(|(other, _)| other == name));
    lines.extend(added.map(|(name, value)| format!("{name}: not sent, stored {}", shown(*value))));
    if !is_whole {
        lines.push("the stored document is not valid BSON".to_owned());
    }
    bounded(lines)
}

/// The fields of a document that must not be there.
pub(crate) fn of_unwanted(stored: &RawDocument) -> Vec<String> {
    let lines = fields(stored).0.into_iter().map(|(name, value)| format!("{name}: stored {}", shown(value)));
    bounded(lines.collect())
}

/// What differs between a part of a record and the same part of its dead letter.
pub(crate) fn of_bytes(name: &str, sent: Option<&[u8]>, there: Option<&[u8]>) -> Option<String> {
    if sent == there {
        return None;
    }
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let (sent, there) = (text(sent), text(there));
    let start = match (&sent, &there) {
        (Some(sent), Some(there)) => common_start(sent, there),
        _ => 0,
    };
    let part = |text: Option<String>| text.map_or("nothing".to_owned(), |text| window(&text, start));
    Some(format!("{name}: sent {}, dead-lettered {}", part(sent), part(there)))
}

/// The fields up to the first that cannot be read, and whether that is all of them.
fn fields(document: &RawDocument) -> (Vec<(&str, RawBsonRef<'_>)>, bool) {
    let mut fields = Vec::new();
    for field in document {
        let Ok((name, value)) = field else { return (fields, false) };
        fields.push((name.as_str(), value));
    }
    (fields, true)
}

fn two_values(name: &str, sent: RawBsonRef<'_>, stored: RawBsonRef<'_>) -> String {
    match (sent, stored) {
        (RawBsonRef::String(sent), RawBsonRef::String(stored)) => {
            let start = common_start(sent, stored);
            format!("{name}: sent {}, stored {}", window(sent, start), window(stored, start))
        }
        _ => format!("{name}: sent {}, stored {}", shown(sent), shown(stored)),
    }
}

/// A value with its type, where that is not a text's.
fn shown(value: RawBsonRef<'_>) -> String {
    match value {
        RawBsonRef::String(text) => window(text, 0),
        RawBsonRef::DateTime(date) => match date.try_to_rfc3339_string() {
            Ok(text) => format!("the date {text}"),
            Err(_) => format!("the date {} ms", date.timestamp_millis()),
        },
        RawBsonRef::Binary(binary) => match decode_id(value) {
            Some(id) => format!("the UUID {id}"),
            None => format!("{} bytes of type {}", binary.bytes.len(), u8::from(binary.subtype)),
        },
        other => format!("{:?} {}", other.element_type(), cut(&format!("{other:?}"))),
    }
}

/// The part of a text around this character, quoted, with the length of the whole where it is cut.
fn window(text: &str, at: usize) -> String {
    let length = text.chars().count();
    let start = if length <= WINDOW { 0 } else { at.saturating_sub(BEFORE).min(length) };
    let part: String = text.chars().skip(start).take(WINDOW).collect();
    if part.len() == text.len() {
        return format!("{part:?}");
    }
    let before = if start > 0 { "…" } else { "" };
    let after = if start + WINDOW < length { "…" } else { "" };
    format!("{before}{part:?}{after} ({length} characters)")
}

fn cut(text: &str) -> String {
    let part: String = text.chars().take(WINDOW).collect();
    if part.len() == text.len() { part } else { format!("{part}…") }
}

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use bson::spec::BinarySubtype;
    use bson::{Binary, DateTime, RawDocumentBuf, cstr, rawdoc};

    use super::*;

    fn post(content: &str) -> RawDocumentBuf {
        let id = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
        rawdoc! { "_id": id, "title": "Hello", "content": content, "createdAt": DateTime::from_millis(0) }
    }

    #[test]
    fn every_field_that_differs_is_named() {
        let id = Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] };
        let stored = rawdoc! { "more": 5, "createdAt": "then", "content": "now\u{e9}", "_id": id };
        assert_eq!(
            of_documents(&post("nowe\u{301}"), &stored),
            [
                r#"title: sent "Hello", not stored"#,
                r#"content: sent "nowe\u{301}", stored "nowé""#,
                r#"createdAt: sent the date 1970-01-01T00:00:00Z, stored "then""#,
                "more: not sent, stored Int32 Int32(5)",
            ]
        );
        let mut same = rawdoc! { "createdAt": DateTime::from_millis(0), "content": "x", "title": "Hello" };
        same.append(cstr!("_id"), Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] });
        assert_eq!(of_documents(&post("x"), &same), [""; 0], "whatever the order");
        let mut twice = post("x");
        twice.append(cstr!("content"), "x");
        assert_eq!(of_documents(&post("x"), &twice), ["content: stored 2 times"]);
    }

    #[test]
    fn a_long_text_is_shown_where_it_differs() {
        let (long, cut) = ("word ".repeat(100), "word ".repeat(80));
        let lines = of_documents(&post(&long), &post(&cut));
        let (sent, stored) = (&long[385..445], &cut[385..]);
        let line = format!("content: sent …{sent:?}… (500 characters), stored …{stored:?} (400 characters)");
        assert_eq!(lines, [line]);
        let wide = "é".repeat(61);
        assert_eq!(window(&wide, 0), format!("\"{}\"… (61 characters)", "é".repeat(60)));
        assert_eq!(window("ab\0", 2), r#""ab\0""#);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let mut bytes = rawdoc! { "_id": 1, "title": "ab" }.into_bytes();
        bytes[13] = 0x7e; // No type.
        let lines = of_documents(&post("x"), &RawDocumentBuf::from_bytes(bytes).unwrap());
        assert_eq!(lines.last().unwrap(), "the stored document is not valid BSON");
        assert_eq!(lines.len(), 5, "{lines:?}");
    }

    #[test]
    fn lines_are_bounded() {
        let mut many = post("x");
        for field in 0..20 {
            many.append(bson::raw::CString::try_from(format!("field {field}")).unwrap(), field);
        }
        let lines = of_documents(&post("x"), &many);
        assert_eq!((lines.len(), lines[10].as_str()), (11, "and 10 more"));
        assert_eq!(of_unwanted(&many).len(), 11);
    }

    #[test]
    fn parts_of_a_letter_are_compared_as_bytes() {
        assert_eq!(of_bytes("value", Some(b"[]"), Some(b"[]")), None);
        assert_eq!(of_bytes("key", None, Some(b"7")).unwrap(), r#"key: sent nothing, dead-lettered "7""#);
        let line = of_bytes("value", Some(b"\xff"), Some(b"{}")).unwrap();
        assert_eq!(line, "value: sent \"\u{fffd}\", dead-lettered \"{}\"");
    }
}
