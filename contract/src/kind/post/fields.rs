//! The fields of a post as one pass over the JSON finds them, and the rules that judge them.

use std::fmt;

use garde::Validate;
use garde::rules::length::chars::Chars;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How long a title is at least and at most, in characters.
pub(super) const TITLE_CHARS: (usize, usize) = (2, 100);

/// The same of a content.
pub(super) const CONTENT_CHARS: (usize, usize) = (10, 1000);

/// The rules of a post. `chars` counts code points; garde's default would count bytes.
#[derive(Default, Validate)]
pub(super) struct PostFields<'a> {
    #[garde(length(chars, min = TITLE_CHARS.0, max = TITLE_CHARS.1))]
    pub(super) title: Field<'a>,
    #[garde(length(chars, min = CONTENT_CHARS.0, max = CONTENT_CHARS.1))]
    pub(super) content: Field<'a>,
}

/// What the body has under a field's name.
#[derive(Default)]
pub(super) enum Field<'a> {
    #[default]
    Missing,
    Text(&'a str),
    /// Not a string; what it is instead.
    Other(&'static str),
    /// The name occurs more than once, so readers may disagree about which one counts.
    Repeated,
}

impl Chars for Field<'_> {
    fn validate_num_chars(&self, min: usize, max: usize) -> Result<(), garde::Error> {
        match self {
            Field::Text(text) => match text.chars().count() {
                count if (min..=max).contains(&count) => Ok(()),
                count => Err(garde::Error::new(format!("must be {min} to {max} characters long, has {count}"))),
            },
            Field::Missing => Err(garde::Error::new("is required")),
            Field::Other(kind) => Err(garde::Error::new(format!("must be a string, not {kind}"))),
            Field::Repeated => Err(garde::Error::new("must be given only once")),
        }
    }
}

impl<'a> Field<'a> {
    fn set(&mut self, value: Field<'a>) {
        *self = if matches!(self, Field::Missing) { value } else { Field::Repeated };
    }
}

/// Any JSON value, as a whole body.
pub(super) enum Body<'a> {
    Object(PostFields<'a>),
    Other(&'static str),
}

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(|any| match any {
            Any::Text(text) => Field::Text(text),
            Any::Object(_) => Field::Other("an object"),
            Any::Other(kind) => Field::Other(kind),
        })
    }
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(|any| match any {
            Any::Object(fields) => Body::Object(fields),
            Any::Text(_) => Body::Other("a string"),
            Any::Other(kind) => Body::Other(kind),
        })
    }
}

/// What [`AnyVisitor`] found. It never fails, so that one wrong field cannot hide another's error.
enum Any<'a> {
    Text(&'a str),
    Object(PostFields<'a>),
    Other(&'static str),
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Any::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = PostFields::default();
        while let Some(name) = map.next_key::<&str>()? {
            match name {
                "title" => fields.title.set(map.next_value()?),
                "content" => fields.content.set(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Any::Object(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Any::Other("an array"))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Any::Other("a boolean"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Any::Other("a number"))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Any::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Any::Other("a number"))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Any::Other("null"))
    }
}
