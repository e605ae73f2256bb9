//! Reads a JSON Schema into a plan, and names everything in it that the lab cannot draw bodies for.

use std::collections::HashMap;

use serde_json::Value;

use super::decimal::Decimal;
use super::formats::Format;
use super::json::{Json, Kept};
use super::keywords::Keywords;
use super::numbers::{Bound, Limits, Numbers};
use super::patterns::Pattern;
use super::plan::{Items, Member, Members, Node, NodeId, Shape, Type};
use super::texts::Texts;
use super::unsupported::Unsupported;

const NUMBER_KEYWORDS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const STRING_KEYWORDS: [&str; 4] = ["minLength", "maxLength", "format", "pattern"];
const ARRAY_KEYWORDS: [&str; 5] = ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"];
/// The most items that an array must have, and the most that it must have if they must differ.
const MOST_NEEDED_ITEMS: usize = 1_000;
const MOST_UNIQUE_ITEMS: usize = 8;
/// The longest text that a body must have, in characters.
const LONGEST_NEEDED: usize = 8_192;

/// The nodes of this schema, the root first.
pub(super) fn read(schema: &Value) -> Result<Vec<Node>, Vec<Unsupported>> {
    let mut reader = Reader { root: schema, nodes: Vec::new(), known: HashMap::new(), errors: Vec::new() };
    reader.node(schema, "");
    reader.errors.is_empty().then_some(reader.nodes).ok_or(reader.errors)
}

struct Reader<'a> {
    root: &'a Value,
    nodes: Vec<Node>,
    /// The nodes by the pointers of their schemas.
    known: HashMap<String, NodeId>,
    errors: Vec<Unsupported>,
}

impl<'a> Reader<'a> {
    /// The node of a schema, which is read only once; `None` for the schema `false`.
    fn node(&mut self, schema: &'a Value, pointer: &str) -> Option<NodeId> {
        if schema == &Value::Bool(false) {
            return None;
        }
        if let Some(known) = self.known.get(pointer) {
            return Some(*known);
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.known.insert(pointer.to_owned(), id);
        let keywords = Keywords::gather(self.root, schema, pointer, &mut self.errors);
        self.nodes[id] = self.read(&keywords, pointer);
        Some(id)
    }

    /// The node of any value at all.
    fn anything(&mut self) -> NodeId {
        self.nodes.push(Node { shapes: any_shapes(), ..Node::default() });
        self.nodes.len() - 1
    }

    fn read(&mut self, keywords: &Keywords<'a>, pointer: &str) -> Node {
        let types = self.types(keywords);
        if keywords.has_any(&["enum", "const"]) {
            let listed = self.listed(keywords, types.as_deref());
            return Node { listed: Some(listed), types, shapes: Vec::new() };
        }
        let drawn = types.clone().unwrap_or_else(|| implied_types(keywords));
        let is_number = drawn.contains(&Type::Number);
        let drawn = drawn.into_iter().filter(|kind| !(is_number && *kind == Type::Integer));
        let mut shapes: Vec<Shape> = drawn.filter_map(|kind| self.shape(kind, keywords, pointer)).collect();
        if types.is_none() && shapes.is_empty() {
            shapes = any_shapes();
        }
        Node { listed: None, types, shapes }
    }

    fn types(&mut self, keywords: &Keywords<'a>) -> Option<Vec<Type>> {
        let (pointer, value) = keywords.get("type")?;
        let names = match value {
            Value::Array(names) => names.iter().collect(),
            name => vec![name],
        };
        let types: Option<Vec<Type>> = names.into_iter().map(|name| Type::of(name.as_str()?)).collect();
        let types = types.filter(|types| !types.is_empty());
        if types.is_none() {
            self.errors.push(Unsupported::new(pointer, "must be a type of JSON Schema or a list of them"));
        }
        types
    }

    fn listed(&mut self, keywords: &Keywords<'a>, types: Option<&[Type]>) -> Vec<Json> {
        let (pointer, value) = keywords.get("const").or(keywords.get("enum")).expect("one of them is there");
        let alone = keywords.names().all(|name| matches!(name, "type" | "enum" | "const"))
            && keywords.properties.is_empty()
            && !(keywords.has_any(&["const"]) && keywords.has_any(&["enum"]));
        let values = match value {
            Value::Array(values) if !keywords.has_any(&["const"]) => values.iter().collect(),
            value => vec![value],
        };
        let has_type = |value: &Json| types.is_none_or(|types| types.iter().any(|kind| kind.has(value)));
        let values: Vec<Json> =
            values.into_iter().map(Json::of_value).filter(|value| has_type(value) && is_exact(value)).collect();
        if !alone {
            self.errors.push(Unsupported::new(pointer, "is not understood beside keywords other than type"));
        } else if values.is_empty() {
            self.errors.push(Unsupported::new(pointer, "leaves no value"));
        }
        values
    }

    fn shape(&mut self, kind: Type, keywords: &Keywords<'a>, pointer: &str) -> Option<Shape> {
        match kind {
            Type::Null => Some(Shape::Null),
            Type::Boolean => Some(Shape::Boolean),
            Type::Integer | Type::Number => self.numbers(kind == Type::Integer, keywords, pointer).map(Shape::Numbers),
            Type::String => self.texts(keywords, pointer).map(Shape::Texts),
            Type::Array => Some(Shape::Items(self.items(keywords, pointer))),
            Type::Object => Some(Shape::Members(self.members(keywords, pointer))),
        }
    }

    fn numbers(&mut self, is_whole: bool, keywords: &Keywords<'a>, pointer: &str) -> Option<Numbers> {
        let mut bound = |keyword: &str, is_exclusive: bool| {
            let at = self.decimal(keyword, keywords)?;
            Some(Bound { at, is_exclusive })
        };
        let low = [bound("minimum", false), bound("exclusiveMinimum", true)];
        let high = [bound("maximum", false), bound("exclusiveMaximum", true)];
        // Of two equal bounds the exclusive one is the tighter, and comes last.
        let low = low.into_iter().flatten().max_by(|one, other| one.at.compare(other.at));
        let high = high.into_iter().flatten().rev().min_by(|one, other| one.at.compare(other.at));
        let step = self.decimal("multipleOf", keywords).filter(|step| step.units > 0);
        let numbers = Numbers::new(Limits { is_whole, low, high, step });
        numbers.map_err(|why| self.errors.push(Unsupported::new(pointer, why))).ok()
    }

    fn decimal(&mut self, keyword: &str, keywords: &Keywords<'a>) -> Option<Decimal> {
        let (pointer, value) = keywords.get(keyword)?;
        let decimal = value.as_number().and_then(|number| Decimal::of(&number.to_string()));
        if decimal.is_none() {
            self.errors.push(Unsupported::new(pointer, "must be a number of at most 19 digits and 19 decimals"));
        }
        decimal
    }

    fn texts(&mut self, keywords: &Keywords<'a>, pointer: &str) -> Option<Texts> {
        let shortest = self.count("minLength", keywords, LONGEST_NEEDED).unwrap_or(0);
        let longest = self.count("maxLength", keywords, usize::MAX);
        let format = keywords.get("format").map(|(at, name)| {
            let format = name.as_str().and_then(Format::of);
            if format.is_none() {
                self.errors.push(Unsupported::new(at, "is not a format that bodies are drawn for"));
            }
            format
        });
        let format = format.flatten();
        let pattern = self.pattern(keywords, format.is_some());
        let fits = longest.is_none_or(|longest| shortest <= longest)
            && format.is_none_or(|format| format.fits(shortest, longest))
            && pattern
                .as_ref()
                .map(Pattern::lengths)
                .is_none_or(|(least, most)| shortest <= least && longest.is_none_or(|longest| most <= longest));
        if !fits {
            let why = "leaves no text of every length that its format or its pattern has";
            self.errors.push(Unsupported::new(pointer, why));
        }
        fits.then_some(Texts { shortest, longest, format, pattern })
    }

    fn pattern(&mut self, keywords: &Keywords<'a>, has_format: bool) -> Option<Pattern> {
        let (at, text) = keywords.get("pattern")?;
        let pattern = text.as_str().and_then(Pattern::read).filter(|_| !has_format);
        if pattern.is_none() {
            let why = "is not understood: only characters, classes, groups and repetitions are, without a format";
            self.errors.push(Unsupported::new(at, why));
        }
        pattern
    }

    fn items(&mut self, keywords: &Keywords<'a>, pointer: &str) -> Items {
        let fewest = self.count("minItems", keywords, MOST_NEEDED_ITEMS).unwrap_or(0);
        let most = self.count("maxItems", keywords, usize::MAX);
        let are_unique = keywords.get("uniqueItems").is_some_and(|(_, value)| value == &Value::Bool(true));
        let mut items = Items { first: Vec::new(), rest: None, fewest, most, are_unique };
        if let Some((at, Value::Array(schemas))) = keywords.get("prefixItems") {
            for (index, schema) in schemas.iter().enumerate() {
                let Some(node) = self.node(schema, &format!("{at}/{index}")) else { break };
                items.first.push(node);
            }
            // What stands behind an item that cannot be is never reached.
            if items.first.len() < schemas.len() {
                items.most = Some(items.most.map_or(items.first.len(), |most| most.min(items.first.len())));
            }
        }
        items.rest = match keywords.get("items") {
            Some((at, schema)) => self.node(schema, at),
            None => Some(self.anything()),
        };
        if items.rest.is_none() {
            items.most = Some(items.most.map_or(items.first.len(), |most| most.min(items.first.len())));
        }
        if items.most.is_some_and(|most| most < fewest) {
            self.errors.push(Unsupported::new(pointer, "leaves no array"));
        }
        self.check_unique(&items, pointer);
        items
    }

    /// Items that must differ are drawn until they do, so there must be enough of them.
    fn check_unique(&mut self, items: &Items, pointer: &str) {
        if !items.are_unique || items.fewest < 2 {
            return;
        }
        let rest = items.rest.filter(|_| items.first.is_empty()).map(|rest| &self.nodes[rest]);
        let can_differ = rest.is_some_and(|node| match (&node.listed, &node.shapes[..]) {
            (Some(listed), _) => listed.len() >= items.fewest,
            (None, [Shape::Numbers(numbers)]) => {
                numbers.all(256).map_or(items.fewest <= MOST_UNIQUE_ITEMS, |all| all.len() >= items.fewest)
            }
            (None, [Shape::Texts(texts)]) => {
                items.fewest <= MOST_UNIQUE_ITEMS
                    && (texts.pattern.is_none() && (texts.format.is_some() || texts.longest != Some(0)))
            }
            _ => false,
        });
        if !can_differ {
            let why = format!(
                "uniqueItems is understood with minItems up to {MOST_UNIQUE_ITEMS}, of strings or numbers, or of \
                 values that are listed"
            );
            self.errors.push(Unsupported::new(pointer, &why));
        }
    }

    fn members(&mut self, keywords: &Keywords<'a>, pointer: &str) -> Members {
        let others = match keywords.get("additionalProperties") {
            Some((at, schema)) => self.node(schema, at),
            None => Some(self.anything()),
        };
        let mut named = Vec::new();
        for (name, at, schema) in &keywords.properties {
            let is_required = keywords.required.contains(name);
            match self.node(schema, at) {
                Some(node) => named.push(Member { name: (*name).to_owned(), node, is_required }),
                None if is_required => self.errors.push(Unsupported::new(at, "leaves no value")),
                None => {}
            }
        }
        let is_known = |name: &str| keywords.properties.iter().any(|(known, _, _)| *known == name);
        for name in keywords.required.iter().filter(|name| !is_known(name)) {
            match others {
                Some(node) => named.push(Member { name: (*name).to_owned(), node, is_required: true }),
                None => {
                    let why = format!("{name} is required, but additionalProperties does not allow it");
                    self.errors.push(Unsupported::new(pointer, &why));
                }
            }
        }
        Members { named, others }
    }

    /// The value of a keyword that counts; an error if it is above `most`.
    fn count(&mut self, keyword: &str, keywords: &Keywords<'a>, most: usize) -> Option<usize> {
        let (pointer, value) = keywords.get(keyword)?;
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= most);
        if count.is_none() {
            self.errors.push(Unsupported::new(pointer, &format!("must be a whole number, at most {most}")));
        }
        count
    }
}

/// The types that the keywords are about, where no type is named.
fn implied_types(keywords: &Keywords<'_>) -> Vec<Type> {
    let is_object =
        !keywords.properties.is_empty() || !keywords.required.is_empty() || keywords.has_any(&["additionalProperties"]);
    let implied = [
        (keywords.has_any(&NUMBER_KEYWORDS), Type::Number),
        (keywords.has_any(&STRING_KEYWORDS), Type::String),
        (keywords.has_any(&ARRAY_KEYWORDS), Type::Array),
        (is_object, Type::Object),
    ];
    implied.into_iter().filter_map(|(is_implied, kind)| is_implied.then_some(kind)).collect()
}

/// Values of several types, none of which has any rules.
fn any_shapes() -> Vec<Shape> {
    let numbers = Numbers::new(Limits::default()).expect("there is a number");
    vec![Shape::Null, Shape::Boolean, Shape::Numbers(numbers), Shape::Texts(Texts::default())]
}

/// Whether every number in it is kept as it is written.
fn is_exact(value: &Json) -> bool {
    match value {
        Json::Number(number) => match number.kept {
            Kept::Int64(_) => true,
            Kept::Double(kept) => {
                kept.to_string() == number.text || Decimal::of(&number.text) == Decimal::of(&kept.to_string())
            }
        },
        Json::Array(items) => items.iter().all(is_exact),
        Json::Object(members) => members.iter().all(|(_, value)| is_exact(value)),
        _ => true,
    }
}
