//! How the validator sees a [`Tree`]: without a copy into a value of its own.

use std::borrow::Cow;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};
use serde_json::{Number, Value};

use super::tree::{Member, Tree, nearest};

/// The representation of records.
pub(super) struct Records;

impl Json for Records {
    type Node<'a> = &'a Tree<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    /// A tree is made by one pass over a text.
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        f(&Tree::Text(Cow::Borrowed(string)))
    }
}

/// A number of a record.
pub(super) enum RecordNumber {
    Integer(i64),
    Double(f64),
}

impl JsonNumber for RecordNumber {
    fn as_u64(&self) -> Option<u64> {
        self.as_i64().and_then(|integer| u64::try_from(integer).ok())
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            RecordNumber::Integer(integer) => Some(*integer),
            RecordNumber::Double(_) => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            RecordNumber::Integer(integer) => Some(*integer as f64),
            RecordNumber::Double(double) => Some(*double),
        }
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_number().to_string())
    }

    fn to_number(&self) -> Cow<'_, Number> {
        Cow::Owned(match self {
            RecordNumber::Integer(integer) => Number::from(*integer),
            RecordNumber::Double(double) => Number::from_f64(*double).expect("a tree has finite doubles only"),
        })
    }
}

impl<'a> Node<'a, Records> for &'a Tree<'a> {
    type Object = &'a [Member<'a>];
    type Array = &'a [Tree<'a>];
    type Number = RecordNumber;

    fn as_object(&self) -> Option<Self::Object> {
        if let Tree::Object(members) = self { Some(members) } else { None }
    }

    fn as_array(&self) -> Option<Self::Array> {
        if let Tree::Array(elements) = self { Some(elements) } else { None }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        (*self).text().map(Cow::Borrowed)
    }

    fn as_number(&self) -> Option<RecordNumber> {
        match self {
            Tree::Integer(integer) => Some(RecordNumber::Integer(*integer)),
            Tree::Double(double) => Some(RecordNumber::Double(*double)),
            Tree::Inexact(text) => Some(RecordNumber::Double(nearest(text))),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        if let Tree::Boolean(boolean) = self { Some(*boolean) } else { None }
    }

    fn is_null(&self) -> bool {
        matches!(self, Tree::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Tree::Null => JsonType::Null,
            Tree::Boolean(_) => JsonType::Boolean,
            Tree::Integer(_) | Tree::Double(_) | Tree::Inexact(_) => JsonType::Number,
            Tree::Text(_) | Tree::BrokenText(_) => JsonType::String,
            Tree::Array(_) => JsonType::Array,
            Tree::Object(_) => JsonType::Object,
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(self.to_json())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Tree<'_>>(self) as usize))
    }
}

impl<'a> Object<'a, Records> for &'a [Member<'a>] {
    type Node = &'a Tree<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn get(&self, key: &Box<str>) -> Option<&'a Tree<'a>> {
        self.iter().find(|member| member.name == **key).map(|member| &member.value)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

/// The members of an object, in turn.
pub(super) struct Members<'a>(slice::Iter<'a, Member<'a>>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Tree<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|member| (&*member.name, &member.value))
    }
}

impl<'a> Array<'a, Records> for &'a [Tree<'a>] {
    type Node = &'a Tree<'a>;
    type ElementsIter = slice::Iter<'a, Tree<'a>>;

    fn len(&self) -> usize {
        (**self).len()
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}
