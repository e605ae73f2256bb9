//! What the body of a request says: one submission, or a bulk of them. As in the producer, other fields are dropped,
//! and everything that is wrong has its own error.

use std::fmt;

use contract::{BulkFormat, FieldError};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most submissions of a bulk.
pub(crate) const MAX_SUBMISSIONS: usize = 10_000;

/// The content of one submission, or what is wrong with it.
pub(super) type Judged = Result<String, Vec<FieldError>>;

/// Why a body is not a bulk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BulkError {
    /// It cannot be read, or holds nothing.
    Broken(Vec<FieldError>),
    /// It has more submissions than it may have.
    TooMany,
}

/// The content of the submission in this body. `rule` says what is wrong with a content.
pub(super) fn one(body: &[u8], rule: impl Fn(&str) -> Option<String>) -> Judged {
    let json: Json = serde_json::from_slice(body).map_err(|error| broken(&error))?;
    judge(json, &rule)
}

/// The same for each submission of a bulk, in their order.
pub(super) fn bulk(
    body: &[u8],
    format: BulkFormat,
    rule: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Judged>, BulkError> {
    let judged: Vec<Judged> = match format {
        BulkFormat::Array if body.trim_ascii_start().starts_with(b"[") => {
            let Elements(elements) = serde_json::from_slice(body).map_err(|error| BulkError::Broken(broken(&error)))?;
            elements.into_iter().map(|json| judge(json, &rule)).collect()
        }
        BulkFormat::Array => {
            let lines = "lines of JSON with content-type: application/x-ndjson";
            return Err(BulkError::Broken(of_body(format!("must be a JSON array of submissions, or {lines}"))));
        }
        BulkFormat::Lines => {
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            lines.take(MAX_SUBMISSIONS + 1).map(|line| one(line, &rule)).collect()
        }
    };
    match judged.len() {
        0 => Err(BulkError::Broken(of_body("must hold at least one submission".to_owned()))),
        1..=MAX_SUBMISSIONS => Ok(judged),
        _ => Err(BulkError::TooMany),
    }
}

fn judge(json: Json, rule: &impl Fn(&str) -> Option<String>) -> Judged {
    let message = match json {
        Json::Object(Field::Text(content)) => match rule(&content) {
            None => return Ok(content),
            Some(message) => message,
        },
        Json::Object(Field::Missing) => "is required".to_owned(),
        Json::Object(Field::Other(kind)) => format!("must be a string, not {kind}"),
        Json::Object(Field::Repeated) => "must be given only once".to_owned(),
        Json::Text(_) => return Err(of_body("must be a JSON object, not a string".to_owned())),
        Json::Other(kind) => return Err(of_body(format!("must be a JSON object, not {kind}"))),
    };
    Err(vec![FieldError { field: "content".to_owned(), message }])
}

fn broken(error: &serde_json::Error) -> Vec<FieldError> {
    of_body(format!("is not valid JSON: {error}"))
}

fn of_body(message: String) -> Vec<FieldError> {
    vec![FieldError { field: "body".to_owned(), message }]
}

/// Any JSON value, as far as it matters.
enum Json {
    Object(Field),
    Text(String),
    Other(&'static str),
}

/// What an object has under the name `content`.
enum Field {
    Missing,
    Text(String),
    /// Not a string; what it is instead.
    Other(&'static str),
    /// The name occurs more than once, so readers may disagree about which one counts.
    Repeated,
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

/// Never fails, so that one wrong value cannot hide another's error.
struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut content = Field::Missing;
        while let Some(name) = map.next_key::<Name>()? {
            if let Name::Other = name {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = match map.next_value()? {
                Json::Text(text) => Field::Text(text),
                Json::Object(_) => Field::Other("an object"),
                Json::Other(kind) => Field::Other(kind),
            };
            content = if matches!(content, Field::Missing) { value } else { Field::Repeated };
        }
        Ok(Json::Object(content))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::Other("an array"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other("a boolean"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other("a number"))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other("null"))
    }
}

/// The name of a field.
enum Name {
    Content,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(if name == "content" { Name::Content } else { Name::Other })
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// The elements of an array: no more of them than tell whether there are too many, however small they are.
struct Elements(Vec<Json>);

impl<'de> Deserialize<'de> for Elements {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;

        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Elements, A::Error> {
                let mut elements = Vec::new();
                while elements.len() <= MAX_SUBMISSIONS
                    && let Some(element) = array.next_element()?
                {
                    elements.push(element);
                }
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_seq(ElementsVisitor)
    }
}

#[cfg(test)]
mod tests;
