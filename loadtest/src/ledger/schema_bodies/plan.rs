//! A schema as the lab draws bodies from it: nodes in one list, so that a schema can contain itself.

use super::json::Json;
use super::numbers::Numbers;
use super::texts::Texts;

/// The place of a node in its plan.
pub(super) type NodeId = usize;

/// What the values in one place may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// The values of `enum` or `const`, if the schema lists them; then nothing else matters.
    pub(super) listed: Option<Vec<Json>>,
    /// The types that `type` names, if it does.
    pub(super) types: Option<Vec<Type>>,
    /// The types of values that are drawn, each with its rules. Never empty unless values are listed.
    pub(super) shapes: Vec<Shape>,
}

/// The types of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// Values of one type.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Null,
    Boolean,
    Numbers(Numbers),
    Texts(Texts),
    Items(Items),
    Members(Members),
}

/// The items of an array.
#[derive(Debug, Clone, Default)]
pub(super) struct Items {
    pub(super) first: Vec<NodeId>,
    /// What follows the first; `None` if nothing may.
    pub(super) rest: Option<NodeId>,
    pub(super) fewest: usize,
    pub(super) most: Option<usize>,
    pub(super) are_unique: bool,
}

/// The members of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    pub(super) named: Vec<Member>,
    /// What members with other names are; `None` if there must be none.
    pub(super) others: Option<NodeId>,
}

/// A member with a name in the schema.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: NodeId,
    pub(super) is_required: bool,
}

impl Type {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            _ => return None,
        })
    }

    /// Whether a value has this type.
    pub(super) fn has(self, value: &Json) -> bool {
        match (self, value) {
            (Self::Null, Json::Null)
            | (Self::Boolean, Json::Bool(_))
            | (Self::Number, Json::Number(_))
            | (Self::String, Json::Text(_) | Json::Date { .. })
            | (Self::Array, Json::Array(_))
            | (Self::Object, Json::Object(_)) => true,
            (Self::Integer, Json::Number(number)) => number.kept.is_whole(),
            _ => false,
        }
    }
}

impl Items {
    /// The node of the item at this index, if there may be one.
    pub(super) fn at(&self, index: usize) -> Option<NodeId> {
        self.first.get(index).copied().or(self.rest)
    }
}

impl Members {
    /// The member with this name.
    pub(super) fn named(&self, name: &str) -> Option<&Member> {
        self.named.iter().find(|member| member.name == name)
    }
}

/// How deep the shallowest value of each node is: 0 for one without items and members; `None` if none ends.
pub(super) fn depths(nodes: &[Node]) -> Vec<Option<usize>> {
    let mut depths = vec![None; nodes.len()];
    loop {
        let next: Vec<Option<usize>> = nodes.iter().map(|node| node.depth(&depths)).collect();
        if next == depths {
            return depths;
        }
        depths = next;
    }
}

impl Node {
    /// The rules of its texts, if a text of the ledger can stand here.
    pub(super) fn pinnable(&self) -> Option<&Texts> {
        let texts = self.shapes.iter().find_map(|shape| match shape {
            Shape::Texts(texts) => Some(texts),
            _ => None,
        });
        texts.filter(|texts| texts.format.is_none() && texts.pattern.is_none())
    }

    /// The node of the member with this name, if its values can be objects that have one.
    pub(super) fn member(&self, name: &str) -> Option<NodeId> {
        let named = |shape: &Shape| match shape {
            Shape::Members(members) => members.named(name).map(|member| member.node),
            _ => None,
        };
        self.shapes.iter().find_map(named)
    }

    fn depth(&self, depths: &[Option<usize>]) -> Option<usize> {
        if self.listed.is_some() {
            return Some(0);
        }
        self.shapes.iter().filter_map(|shape| shape.depth(depths)).min()
    }
}

impl Shape {
    /// As [`depths`] has it, for this shape alone.
    pub(super) fn depth(&self, depths: &[Option<usize>]) -> Option<usize> {
        let mut needed: Vec<NodeId> = Vec::new();
        match self {
            Shape::Items(items) => needed.extend((0..items.fewest).map_while(|index| items.at(index))),
            Shape::Members(members) => {
                needed.extend(members.named.iter().filter(|member| member.is_required).map(|member| member.node));
            }
            _ => return Some(0),
        }
        let deepest = needed.into_iter().map(|node| depths[node]).collect::<Option<Vec<usize>>>()?;
        Some(1 + deepest.into_iter().max().unwrap_or(0))
    }
}
