//! A JSON value as a record has it: the names and texts of the body wherever they need no decoding, the members of an
//! object in their order, and numbers as what they become in a document.

use std::borrow::Cow;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree<'a> {
    Null,
    Boolean(bool),
    /// A whole number that is written without fraction and exponent.
    Integer(i64),
    /// Any other number whose value a double has. Never NaN, infinite, or a negative zero.
    Double(f64),
    /// A number that neither an integer nor a double holds, as it is written.
    Inexact(&'a str),
    Text(Cow<'a, str>),
    /// A text with a lone surrogate, which is replaced here.
    BrokenText(String),
    Array(Vec<Tree<'a>>),
    Object(Vec<Member<'a>>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member<'a> {
    pub(super) name: Cow<'a, str>,
    /// True if the name has a lone surrogate, which is replaced here.
    pub(super) has_broken_name: bool,
    pub(super) value: Tree<'a>,
}

impl<'a> Tree<'a> {
    /// What it is, with an article.
    pub(super) fn noun(&self) -> &'static str {
        match self {
            Tree::Null => "null",
            Tree::Boolean(_) => "a boolean",
            Tree::Integer(_) | Tree::Double(_) | Tree::Inexact(_) => "a number",
            Tree::Text(_) | Tree::BrokenText(_) => "a string",
            Tree::Array(_) => "an array",
            Tree::Object(_) => "an object",
        }
    }

    /// The value of a member of an object. Of members with the same name, the first one.
    pub(super) fn member(&self, name: &str) -> Option<&Tree<'a>> {
        match self {
            Tree::Object(members) => members.iter().find(|member| member.name == name).map(|member| &member.value),
            _ => None,
        }
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            Tree::BrokenText(text) => Some(text),
            _ => None,
        }
    }

    /// The value that this JSON pointer leads to through objects.
    pub(super) fn at(&self, path: &[String]) -> Option<&Tree<'a>> {
        path.iter().try_fold(self, |tree, name| tree.member(name))
    }

    /// The same value in serde_json's form. A number that is not exact becomes the nearest double.
    pub(super) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Tree::Null => Value::Null,
            Tree::Boolean(boolean) => Value::Bool(*boolean),
            Tree::Integer(integer) => Value::from(*integer),
            Tree::Double(double) => Value::from(*double),
            Tree::Inexact(text) => Value::from(nearest(text)),
            Tree::Text(text) => Value::from(&**text),
            Tree::BrokenText(text) => Value::from(&**text),
            Tree::Array(elements) => elements.iter().map(Tree::to_json).collect(),
            Tree::Object(members) => {
                members.iter().map(|Member { name, value, .. }| (name.clone().into_owned(), value.to_json())).collect()
            }
        }
    }
}

/// The finite double that is nearest to this number.
pub(super) fn nearest(number: &str) -> f64 {
    number.parse::<f64>().unwrap_or_default().clamp(f64::MIN, f64::MAX)
}
