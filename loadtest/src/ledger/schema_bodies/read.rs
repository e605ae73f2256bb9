//! Reads a body of a file: the order of its members and the spelling of its numbers stay as they are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Json, Number};

/// The body in a line.
///
/// # Errors
/// Why it is not a JSON object, or that a name is in an object twice.
pub(super) fn object(line: &str) -> Result<Json, String> {
    let raw: &RawValue = serde_json::from_str(line).map_err(|error| error.to_string())?;
    match value(raw)? {
        object @ Json::Object(_) => Ok(object),
        _ => Err("must be a JSON object".to_owned()),
    }
}

fn value(raw: &RawValue) -> Result<Json, String> {
    let json = raw.get();
    let read = |error: serde_json::Error| error.to_string();
    Ok(match json.as_bytes()[0] {
        b'{' => {
            let Members(members) = serde_json::from_str(json).map_err(read)?;
            let mut object: Vec<(String, Json)> = Vec::with_capacity(members.len());
            for (name, raw) in members {
                if object.iter().any(|(known, _)| *known == name) {
                    return Err(format!("{name:?} must be given only once"));
                }
                object.push((name, value(raw)?));
            }
            Json::Object(object)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).map_err(read)?;
            Json::Array(items.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        b'"' => Json::Text(serde_json::from_str(json).map_err(read)?),
        b't' => Json::Bool(true),
        b'f' => Json::Bool(false),
        b'n' => Json::Null,
        _ => Json::Number(Number::of(json.to_owned())),
    })
}

/// The members of an object in order, with names that may be there twice.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        let read = object(r#" {"b":1.50,"a":[1e2,"\u00e9",null,true,false,{"":12345678901234567890}]} "#).unwrap();
        let number = |text: &str| Json::Number(Number::of(text.to_owned()));
        let inner = Json::Object(vec![(String::new(), number("12345678901234567890"))]);
        let list =
            vec![number("1e2"), Json::Text("é".to_owned()), Json::Null, Json::Bool(true), Json::Bool(false), inner];
        assert_eq!(read, Json::Object(vec![("b".to_owned(), number("1.50")), ("a".to_owned(), Json::Array(list))]));
    }

    #[test]
    fn what_is_not_an_object_is_named() {
        for (line, error) in [
            ("[]", "must be a JSON object"),
            ("{", "EOF"),
            ("{} {}", "trailing characters"),
            (r#"{"a":{"b":1,"b":1}}"#, r#""b" must be given only once"#),
        ] {
            assert!(object(line).is_err_and(|message| message.contains(error)), "{line}");
        }
    }
}
