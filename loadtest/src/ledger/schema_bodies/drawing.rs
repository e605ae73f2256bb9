//! Draws a body from a plan. Each value follows from the draws before it, so a body is a function of what they start
//! with. How deep and how large it becomes is bounded, whatever the schema allows.

use super::json::Json;
use super::plan::{Items, Members, Node, NodeId, Shape};
use super::texts::Given;
use crate::ledger::draws::Draws;

/// Below this depth, and after this number of values, a body gets only what it must have.
const USUAL_DEPTH: usize = 6;
const USUAL_VALUES: usize = 300;
/// The most items of an array, beyond those that it must have.
const USUAL_ITEMS: usize = 4;
const HOSTILE_ITEMS: usize = 24;
/// How often an item is drawn again that must differ from the others.
const MOST_REDRAWN: usize = 1_000;
/// The names of members that no schema has, and any store keeps.
const OTHER_NAMES: [&str; 10] = [
    "extra",
    "Großmaß",
    "e\u{301}",
    "名前",
    "😀",
    "two words",
    "\"quoted\"",
    "back\\slash",
    "__proto__",
    "line\nbreak",
];

/// What the values of a body are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As small as the schema allows.
    Smallest,
    Plain,
    Hostile,
}

/// A text that the ledger gives to a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pin<'a> {
    /// The names that lead to the place.
    pub(super) path: &'a [String],
    pub(super) given: Given<'a>,
}

/// One body being drawn.
pub(super) struct Drawing<'a> {
    nodes: &'a [Node],
    depths: &'a [Option<usize>],
    pub(super) draws: Draws,
    manner: Manner,
    /// The number of values so far that could break a rule, and the one that must, if one must.
    pub(super) breakable: usize,
    pub(super) to_break: Option<usize>,
    /// Whether it does.
    pub(super) is_broken: bool,
    depth: usize,
    values: usize,
    /// How many arrays of different items enclose the value; their items may be dropped, so they break no rule.
    within_unique: usize,
}

impl<'a> Drawing<'a> {
    /// A body of these nodes, the root first, whose values are not yet drawn.
    pub(super) fn new(nodes: &'a [Node], depths: &'a [Option<usize>], draws: Draws, manner: Manner) -> Self {
        let (depth, values, within_unique) = (0, 0, 0);
        let (breakable, to_break, is_broken) = (0, None, false);
        Self { nodes, depths, draws, manner, breakable, to_break, is_broken, depth, values, within_unique }
    }

    /// The body, with these texts in their places.
    pub(super) fn body(&mut self, pins: &[Pin<'_>]) -> Json {
        self.value(0, pins)
    }

    /// A value of a node.
    pub(super) fn value(&mut self, id: NodeId, pins: &[Pin<'_>]) -> Json {
        self.values += 1;
        let node = &self.nodes[id];
        if let Some(pin) = pins.iter().find(|pin| pin.path.is_empty())
            && let Some(texts) = node.pinnable()
        {
            return texts.given(pin.given, self.manner == Manner::Hostile, &mut self.draws);
        }
        let is_to_break = self.within_unique == 0 && self.to_break == Some(self.breakable);
        self.breakable += usize::from(self.within_unique == 0);
        if is_to_break && let Some(broken) = self.broken(node, pins) {
            self.is_broken = true;
            return broken;
        }
        if let Some(listed) = &node.listed {
            let index = self.draws.below(listed.len());
            return listed[index].clone();
        }
        let shape = self.shape(node, pins);
        self.of_shape(shape, pins)
    }

    /// A value of a shape.
    fn of_shape(&mut self, shape: &'a Shape, pins: &[Pin<'_>]) -> Json {
        match (shape, self.manner) {
            (Shape::Null, _) => Json::Null,
            (Shape::Boolean, _) => Json::Bool(self.draws.one_in(2)),
            (Shape::Numbers(numbers), Manner::Hostile) => numbers.hostile(&mut self.draws),
            (Shape::Numbers(numbers), _) => numbers.plain(&mut self.draws),
            (Shape::Texts(texts), Manner::Hostile) => texts.hostile(&mut self.draws),
            (Shape::Texts(texts), Manner::Plain) => texts.plain(&mut self.draws),
            (Shape::Texts(texts), Manner::Smallest) => texts.smallest(&mut self.draws),
            (Shape::Items(items), _) => self.nested(|drawing| drawing.items(items)),
            (Shape::Members(members), _) => self.nested(|drawing| drawing.members(members, pins)),
        }
    }

    /// One of a node's shapes: any, or the shallowest where the body is deep or large enough.
    fn shape(&mut self, node: &'a Node, pins: &[Pin<'_>]) -> &'a Shape {
        let is_object = |shape: &&Shape| matches!(shape, Shape::Members(_));
        if !pins.is_empty()
            && let Some(object) = node.shapes.iter().find(is_object)
        {
            return object;
        }
        let depth = |shape: &&Shape| shape.depth(self.depths).unwrap_or(usize::MAX);
        if self.is_enough() {
            return node.shapes.iter().min_by_key(depth).expect("a node has a shape");
        }
        // A shape that never ends is no choice.
        let ending = node.shapes.iter().filter(|shape| depth(shape) < usize::MAX).count();
        let index = self.draws.below(ending);
        node.shapes.iter().filter(|shape| depth(shape) < usize::MAX).nth(index).expect("it is among them")
    }

    fn nested(&mut self, draw: impl FnOnce(&mut Self) -> Json) -> Json {
        self.depth += 1;
        let value = draw(self);
        self.depth -= 1;
        value
    }

    fn items(&mut self, items: &Items) -> Json {
        let more = match self.manner {
            _ if self.is_enough() => 0,
            Manner::Hostile => HOSTILE_ITEMS,
            _ => USUAL_ITEMS,
        };
        let most = items.most.map_or(items.fewest + more, |most| most.min(items.fewest + more));
        let length = match (self.manner, self.draws.below(8)) {
            (Manner::Hostile, 0) => most,
            (_, 1) => items.fewest,
            _ => self.draws.between(items.fewest, most.min(items.fewest + USUAL_ITEMS)),
        };
        self.within_unique += usize::from(items.are_unique);
        let drawn = if items.are_unique { self.unique_items(items, length) } else { self.any_items(items, length) };
        self.within_unique -= usize::from(items.are_unique);
        Json::Array(drawn)
    }

    fn any_items(&mut self, items: &Items, length: usize) -> Vec<Json> {
        (0..length).map_while(|index| Some(self.value(items.at(index)?, &[]))).collect()
    }

    /// Items that differ; fewer than `length` if no more are found, but not fewer than there must be.
    fn unique_items(&mut self, items: &Items, length: usize) -> Vec<Json> {
        let mut drawn: Vec<Json> = Vec::new();
        if let Some(mut all) = items.rest.filter(|_| items.first.is_empty()).and_then(|rest| self.all(rest)) {
            while drawn.len() < length && !all.is_empty() {
                let value = all.swap_remove(self.draws.below(all.len()));
                if !drawn.iter().any(|other| other.equals(&value)) {
                    drawn.push(value);
                }
            }
            return drawn;
        }
        let mut redrawn = 0;
        while let Some(node) = items.at(drawn.len()).filter(|_| drawn.len() < length) {
            let value = self.value(node, &[]);
            if !drawn.iter().any(|other| other.equals(&value)) {
                drawn.push(value);
            } else if drawn.len() >= items.fewest || redrawn == MOST_REDRAWN {
                break;
            } else {
                redrawn += 1;
            }
        }
        drawn
    }

    /// All values of a node, if they are few.
    fn all(&self, id: NodeId) -> Option<Vec<Json>> {
        match (&self.nodes[id].listed, &self.nodes[id].shapes[..]) {
            (Some(listed), _) => Some(listed.clone()),
            (None, [Shape::Numbers(numbers)]) => numbers.all(256),
            _ => None,
        }
    }

    fn members(&mut self, members: &Members, pins: &[Pin<'_>]) -> Json {
        let mut drawn = Vec::with_capacity(members.named.len());
        for member in &members.named {
            let pins: Vec<Pin<'_>> = pins.iter().filter_map(|pin| pin.below(&member.name)).collect();
            let is_there = !pins.is_empty() || member.is_required || self.is_optional_there(member.node);
            if is_there {
                drawn.push((member.name.clone(), self.value(member.node, &pins)));
            }
        }
        if let Some(others) = members.others
            && self.manner == Manner::Hostile
            && !self.is_enough()
            && self.depths[others].is_some()
            && self.draws.one_in(4)
        {
            let name = self.draws.one_of(&OTHER_NAMES);
            if members.named(name).is_none() {
                drawn.push((name.to_owned(), self.value(others, &[])));
            }
        }
        Json::Object(drawn)
    }

    /// Whether a member is there that need not be.
    fn is_optional_there(&mut self, node: NodeId) -> bool {
        let is_possible = !self.is_enough() && self.depths[node].is_some();
        is_possible && !self.draws.one_in(4)
    }

    fn is_enough(&self) -> bool {
        self.manner == Manner::Smallest || self.depth >= USUAL_DEPTH || self.values >= USUAL_VALUES
    }
}

impl<'a> Pin<'a> {
    /// The pin as the member with this name has it, if the path leads there.
    pub(super) fn below(&self, name: &str) -> Option<Pin<'a>> {
        let (first, path) = self.path.split_first()?;
        (first == name).then_some(Pin { path, given: self.given })
    }
}
