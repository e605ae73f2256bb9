//! Where the texts of a record become dates: in the places to which the schema gives `format: date-time`. They are
//! found once, at the start, so that a document is written without asking the schema again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::places::{Place, Schema};

/// The places of dates. The root is 0.
#[derive(Debug)]
pub(super) struct Dates(Vec<Node>);

/// What is known of one place.
#[derive(Debug, Default)]
struct Node {
    is_date: bool,
    /// The members that the schema names, dates or not.
    members: Vec<(String, Option<usize>)>,
    other_members: Option<usize>,
    /// The first elements.
    prefix: Vec<Option<usize>>,
    elements: Option<usize>,
}

/// A place that is a date, or in which there may be some.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'d> {
    dates: &'d Dates,
    node: usize,
}

impl Dates {
    /// Those of this schema.
    pub(super) fn of(schema: Schema<'_>) -> Self {
        let (mut known, mut nodes, mut places) = (BTreeMap::new(), Vec::new(), vec![schema.root()]);
        known.insert(places[0].clone(), 0);
        while let Some(place) = places.get(nodes.len()).cloned() {
            let mut node_of = |place: Place| {
                if place.is_empty() {
                    return None;
                }
                let new = known.len();
                let node = *known.entry(place.clone()).or_insert(new);
                if node == new {
                    places.push(place);
                }
                Some(node)
            };
            let names: BTreeSet<&String> =
                schema.keyword(&place, "properties").filter_map(Value::as_object).flat_map(|map| map.keys()).collect();
            let prefixes = schema.keyword(&place, "prefixItems").filter_map(Value::as_array).map(Vec::len);
            let longest = prefixes.max().unwrap_or(0);
            nodes.push(Node {
                is_date: schema.keyword(&place, "format").any(|format| format == "date-time"),
                members: names.iter().map(|name| ((*name).clone(), node_of(schema.member(&place, name)))).collect(),
                other_members: node_of(schema.other_members(&place)),
                prefix: (0..longest).map(|index| node_of(schema.element(&place, index))).collect(),
                elements: node_of(schema.element(&place, longest)),
            });
        }
        Self(nodes).with_dates_only()
    }

    /// Without the ways that lead to no date.
    fn with_dates_only(mut self) -> Self {
        let mut leads: Vec<bool> = self.0.iter().map(|node| node.is_date).collect();
        loop {
            let is_new = |node: &usize| !leads[*node] && self.0[*node].next().any(|next| leads[next]);
            let found: Vec<usize> = (0..self.0.len()).filter(is_new).collect();
            if found.is_empty() {
                break;
            }
            found.into_iter().for_each(|node| leads[node] = true);
        }
        for node in &mut self.0 {
            let ways = node.members.iter_mut().map(|(_, way)| way).chain(&mut node.prefix);
            for way in ways.chain([&mut node.other_members, &mut node.elements]) {
                *way = way.filter(|next| leads[*next]);
            }
        }
        self
    }

    /// The whole record.
    pub(super) fn root(&self) -> At<'_> {
        At { dates: self, node: 0 }
    }
}

impl Node {
    fn next(&self) -> impl Iterator<Item = usize> {
        let ways = self.members.iter().map(|(_, way)| *way).chain(self.prefix.iter().copied());
        ways.chain([self.other_members, self.elements]).flatten()
    }
}

impl At<'_> {
    /// Whether a text in this place becomes a date.
    pub(super) fn is_date(self) -> bool {
        self.node().is_date
    }

    /// The place of a member, if dates may be there.
    pub(super) fn member(self, name: &str) -> Option<Self> {
        let node = self.node();
        let named = node.members.iter().find(|(known, _)| known == name);
        self.to(named.map_or(node.other_members, |(_, way)| *way))
    }

    /// The place of an element, if dates may be there.
    pub(super) fn element(self, index: usize) -> Option<Self> {
        let node = self.node();
        self.to(node.prefix.get(index).copied().unwrap_or(node.elements))
    }

    fn node(&self) -> &Node {
        &self.dates.0[self.node]
    }

    fn to(self, way: Option<usize>) -> Option<Self> {
        way.map(|node| Self { node, ..self })
    }
}
