//! Values that break a rule on purpose: a rule of the schema, or one that holds for every record, because a document
//! could not keep the value exactly.

use super::drawing::{Drawing, Pin};
use super::json::{Json, Number};
use super::plan::{Items, Members, Node, Shape, Type};
use crate::ledger::draws::Draws;

/// A number that no double keeps, and a time that is finer than a document's.
const INEXACT: &str = "0.1234567890123456789";
const TOO_FINE: &str = "2026-11-28T20:15:00.1234Z";
/// The name of a member that is not in a schema.
const UNKNOWN_NAME: &str = "load_unknown_member";
/// The most items that are added to make an array too long.
const MOST_ITEMS: usize = 64;

impl Drawing<'_> {
    /// In place of a value of this node, one that breaks a rule of it; `None` if there is no rule to break. Places with
    /// a text of the ledger stay as they are.
    pub(super) fn broken(&mut self, node: &Node, pins: &[Pin<'_>]) -> Option<Json> {
        broken(self, node, pins)
    }
}

fn broken(drawing: &mut Drawing<'_>, node: &Node, pins: &[Pin<'_>]) -> Option<Json> {
    if pins.is_empty()
        && drawing.draws.one_in(3)
        && let Some(value) = of_other_type(node, &mut drawing.draws)
    {
        return Some(value);
    }
    if let Some(listed) = &node.listed {
        let value = Json::Text("not one of those that are listed".to_owned());
        return (pins.is_empty() && !listed.contains(&value)).then_some(value);
    }
    let shape = drawing.draws.below(node.shapes.len());
    let broken = match &node.shapes[shape] {
        Shape::Null | Shape::Boolean => None,
        Shape::Numbers(_) if drawing.draws.one_in(4) => Some(Json::Number(Number::of(INEXACT.to_owned()))),
        Shape::Numbers(numbers) => numbers.broken(&mut drawing.draws),
        Shape::Texts(texts) if texts.is_time() && drawing.draws.one_in(2) => Some(Json::Text(TOO_FINE.to_owned())),
        Shape::Texts(texts) => texts.broken(&mut drawing.draws),
        Shape::Items(items) => broken_items(drawing, items),
        Shape::Members(members) => broken_members(drawing, members, pins),
    };
    // Where several types are allowed, a value of one may break its rules only to keep those of another.
    broken.or_else(|| if pins.is_empty() { of_other_type(node, &mut drawing.draws) } else { None })
}

/// A value that has none of the types that the node names.
fn of_other_type(node: &Node, draws: &mut Draws) -> Option<Json> {
    let types = node.types.as_ref()?;
    let values = [
        Json::Null,
        Json::Bool(true),
        Json::whole(7),
        Json::Number(Number::of("0.5".to_owned())),
        Json::Text("of another type".to_owned()),
        Json::Array(Vec::new()),
        Json::Object(Vec::new()),
    ];
    let other = values.into_iter().filter(|value| !types.iter().any(|kind: &Type| kind.has(value)));
    let mut other: Vec<Json> = other.collect();
    (!other.is_empty()).then(|| other.swap_remove(draws.below(other.len())))
}

fn broken_items(drawing: &mut Drawing<'_>, items: &Items) -> Option<Json> {
    let count = match (items.most.filter(|most| *most < MOST_ITEMS), items.fewest.checked_sub(1)) {
        (Some(most), Some(fewer)) => drawing.draws.one_of(&[most + 1, fewer]),
        (Some(most), None) => most + 1,
        (None, Some(fewer)) => fewer,
        (None, None) if items.are_unique => {
            let twice = drawing.value(items.at(0)?, &[]);
            return Some(Json::Array(vec![twice.clone(), twice]));
        }
        (None, None) => return None,
    };
    // What stands where nothing may be is wrong whatever it is.
    let value = |index| items.at(index).map_or(Json::Null, |node| drawing.value(node, &[]));
    Some(Json::Array((0..count).map(value).collect()))
}

fn broken_members(drawing: &mut Drawing<'_>, members: &Members, pins: &[Pin<'_>]) -> Option<Json> {
    let mut drawn = Vec::new();
    for member in &members.named {
        let pins: Vec<Pin<'_>> = pins.iter().filter_map(|pin| pin.below(&member.name)).collect();
        if member.is_required || !pins.is_empty() {
            drawn.push((member.name.clone(), drawing.value(member.node, &pins), !pins.is_empty()));
        }
    }
    let removable: Vec<usize> = (0..drawn.len()).filter(|index| !drawn[*index].2).collect();
    let plain = |drawn: Vec<(String, Json, bool)>| drawn.into_iter().map(|(name, value, _)| (name, value)).collect();
    let forbids_others = members.others.is_none() && members.named(UNKNOWN_NAME).is_none();
    match drawing.draws.below(3) {
        0 if forbids_others => {
            drawn.push((UNKNOWN_NAME.to_owned(), Json::Bool(true), false));
            Some(Json::Object(plain(drawn)))
        }
        1 if !drawn.is_empty() => {
            let twice = drawn[drawing.draws.below(drawn.len())].clone();
            drawn.push(twice);
            Some(Json::Object(plain(drawn)))
        }
        _ if !removable.is_empty() => {
            drawn.remove(drawing.draws.one_of(&removable));
            Some(Json::Object(plain(drawn)))
        }
        _ if forbids_others => {
            drawn.push((UNKNOWN_NAME.to_owned(), Json::Bool(true), false));
            Some(Json::Object(plain(drawn)))
        }
        _ => None,
    }
}
