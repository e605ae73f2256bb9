//! The bodies of a kind that is described by a JSON Schema. What the n-th one says, and how it is written, is a
//! function of the schema, the seed and n; [`compare`] compares a document with it. A body carries the run and its
//! number in a text of its own, the marker. A share of the bodies may be hostile: valid, but at the edges of what the
//! schema allows, and in an unusual spelling. Another share may break one rule on purpose.
//!
//! A schema is read into a [`plan`] once, which names every keyword that bodies cannot be drawn for; bodies are
//! then drawn from the plan ([`drawing`]).

use bytes::Bytes;
use serde_json::Value;

use self::drawing::{Drawing, Manner, Pin};
use self::plan::Node;
use self::texts::{Given, Texts};
pub(crate) use self::unsupported::Unsupported;
use super::draws::{Draws, is_within};
use super::mix::mix;
use super::post::RunId;
use super::post::bodies::Shape;

mod breaches;
pub(crate) mod compare;
mod dates;
mod decimal;
mod drawing;
mod formats;
pub(crate) mod json;
mod keywords;
mod marker;
mod numbers;
mod patterns;
mod plan;
mod read;
mod reader;
mod texts;
mod unsupported;
mod words;
mod written;

use json::Json;

/// The most bytes of a body: what the producer takes by default.
const MOST_BYTES: usize = 65_536;
/// A key of the ledger has at least this many characters, and no more for the first hundred thousand users.
pub(crate) const KEY_CHARACTERS: usize = marker::NEEDED_CHARACTERS;
/// Texts of the ledger: markers as long and as short as they are, and a key.
const SAMPLE_MARKERS: [&str; 2] = ["load 00000000 9999999999", "load 00000000 0"];
const SAMPLE_KEY: &str = "00000000-99999-999999999";
/// What the texts of the ledger may add to the smallest body.
const ROOM_FOR_TEXTS: usize = 512;
/// One invalid body in this many ends early; the others break a rule somewhere within them.
const CUT_OFF_ONE_IN: usize = 8;

const KIND_SALT: u64 = 0x5851_f42d_4c95_7f2d;
const INVALID_SALT: u64 = 0x1405_7b7e_f767_814f;
const HOSTILE_SALT: u64 = 0x9fb2_1c65_1e98_df25;
const SPELLING_SALT: u64 = 0xd6e8_feb8_6659_fd93;

/// Where in a body the texts of the ledger stand, as JSON pointers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Places<'a> {
    /// The marker; by default it is in the first string that can have one.
    pub(crate) marker: Option<&'a str>,
    /// The key, if records have one.
    pub(crate) key: Option<&'a str>,
}

/// What the bodies of a run follow from, beside the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) seed: u64,
    /// Its lengths are for posts.
    pub(crate) shape: Shape,
    /// Whether they are sent in bulks, where a body that is cut off would break the whole bulk.
    pub(crate) is_bulk: bool,
}

/// The bodies of a kind.
#[derive(Debug)]
pub(crate) struct SchemaBodies {
    source: Source,
    marker: Vec<String>,
    key: Option<Vec<String>>,
}

/// Where bodies come from.
#[derive(Debug)]
enum Source {
    /// From a plan, with the depth of each of its nodes.
    Drawn { nodes: Vec<Node>, depths: Vec<Option<usize>> },
    /// From a file; never empty.
    Given(Vec<Json>),
}

/// A body that is ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Body {
    pub(crate) text: Bytes,
    /// What it says; `None` if it breaks a rule, so that it must not be stored.
    pub(crate) said: Option<Json>,
}

impl SchemaBodies {
    /// Bodies that are drawn from this schema.
    ///
    /// # Errors
    /// Everything in the schema that bodies cannot be drawn for, by JSON pointer.
    pub(crate) fn drawn(schema: &Value, places: Places<'_>) -> Result<Self, Vec<Unsupported>> {
        let nodes = reader::read(schema)?;
        let depths = plan::depths(&nodes);
        if depths[0].is_none() {
            return Err(vec![Unsupported::new("", "contains itself without an end")]);
        }
        let smallest = Drawing::new(&nodes, &depths, Draws::new(0), Manner::Smallest).body(&[]);
        let bodies = Self::of(Source::Drawn { nodes, depths }, schema, places)?;
        bodies.check(&bodies.marker, marker::NEEDED_CHARACTERS, "the marker")?;
        if let Some(key) = &bodies.key {
            bodies.check(key, KEY_CHARACTERS, "the run's keys")?;
            bodies.check_shortest(key)?;
        }
        if written::plain(&smallest).len() > MOST_BYTES - ROOM_FOR_TEXTS {
            return Err(vec![Unsupported::new("", &format!("leaves no body within {MOST_BYTES} bytes"))]);
        }
        Ok(bodies)
    }

    /// The bodies of a file, one in each line that is not empty, over and over again. `judge` says what is wrong with a
    /// body that has a marker and a key.
    ///
    /// # Errors
    /// The lines that are not valid bodies, or that there is none; and a marker that is not found.
    pub(crate) fn given(
        lines: &str,
        schema: &Value,
        places: Places<'_>,
        judge: impl Fn(&[u8]) -> Option<String>,
    ) -> Result<Self, Vec<String>> {
        let of_schema = |errors: Vec<Unsupported>| errors.iter().map(Unsupported::to_string).collect::<Vec<_>>();
        let mut bodies = Self::of(Source::Given(Vec::new()), schema, places).map_err(of_schema)?;
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(lines.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let body = read::object(line).and_then(|body| {
                let wrong = SAMPLE_MARKERS.iter().find_map(|marker| {
                    let mut sample = body.clone();
                    bodies.set_texts(&mut sample, marker, SAMPLE_KEY);
                    judge(sample.plain().as_bytes())
                });
                wrong.map_or(Ok(body), Err)
            });
            match body {
                Ok(body) => read.push(dates::dated(schema, body)),
                Err(error) => errors.push(format!("line {number}: {error}")),
            }
        }
        if read.is_empty() && errors.is_empty() {
            errors.push("there is no body in it".to_owned());
        }
        bodies.source = Source::Given(read);
        if errors.is_empty() { Ok(bodies) } else { Err(errors) }
    }

    fn of(source: Source, schema: &Value, places: Places<'_>) -> Result<Self, Vec<Unsupported>> {
        let names = |pointer: &str| {
            let error = || vec![Unsupported::new(pointer, "must be a JSON pointer, such as /device/note")];
            marker::names(pointer).ok_or_else(error)
        };
        let key = places.key.map(names).transpose()?;
        let marker = match places.marker {
            Some(pointer) => names(pointer)?,
            None => marker::find(schema, key.as_deref()).ok_or_else(|| {
                let why = "has no string without a format or a list of values, with room for the 24 characters of the \
                           marker: name a field with --marker";
                vec![Unsupported::new("", why)]
            })?,
        };
        if key.as_ref() == Some(&marker) {
            let why = "is the key, which cannot hold the marker, too: name another field with --marker";
            return Err(vec![Unsupported::new(places.marker.unwrap_or_default(), why)]);
        }
        Ok(Self { source, marker, key })
    }

    /// The number of bodies in the file that they come from; `None` if they are drawn.
    pub(crate) fn lines(&self) -> Option<usize> {
        match &self.source {
            Source::Drawn { .. } => None,
            Source::Given(bodies) => Some(bodies.len()),
        }
    }

    /// The JSON pointer of the marker.
    pub(crate) fn marker_pointer(&self) -> String {
        pointer(&self.marker)
    }

    /// The names that lead to the marker.
    pub(crate) fn marker(&self) -> &[String] {
        &self.marker
    }

    /// The names that lead to the key, if records have one.
    pub(crate) fn key(&self) -> Option<&[String]> {
        self.key.as_deref()
    }

    /// Body `n` of a run, with this text as its key if records have keys.
    pub(crate) fn body(&self, run: Run, n: u64, key: &str) -> Body {
        let random = random(run.seed, n);
        let is_hostile = is_within(mix(random ^ HOSTILE_SALT), run.shape.hostile_share);
        let manner = if is_hostile { Manner::Hostile } else { Manner::Plain };
        if self.breaks_rule(run, n) {
            return Body { text: self.broken(run, n, key, manner).into(), said: None };
        }
        let (said, text) = self.valid(run, n, key, manner);
        Body { text: text.into(), said: Some(said) }
    }

    /// Whether body `n` of a run breaks a rule, so that it must not be stored.
    pub(crate) fn breaks_rule(&self, run: Run, n: u64) -> bool {
        is_within(mix(random(run.seed, n) ^ INVALID_SALT), run.shape.invalid_share)
    }

    /// A valid body in this manner, or in a smaller one if it became too large.
    fn valid(&self, run: Run, n: u64, key: &str, manner: Manner) -> (Json, Vec<u8>) {
        for manner in [manner, Manner::Plain] {
            let body = self.said(run, n, key, manner);
            let mut spelling = Draws::new(random(run.seed, n) ^ SPELLING_SALT);
            let is_hostile = manner == Manner::Hostile;
            let text = if is_hostile { written::unusual(&body, &mut spelling) } else { written::plain(&body) };
            if text.len() <= MOST_BYTES {
                return (body, text);
            }
        }
        let body = self.said(run, n, key, Manner::Smallest);
        let text = written::plain(&body);
        (body, text)
    }

    fn said(&self, run: Run, n: u64, key: &str, manner: Manner) -> Json {
        let marker = marker(run, n);
        match &self.source {
            Source::Drawn { nodes, depths } => {
                let mut drawing = Drawing::new(nodes, depths, Draws::new(random(run.seed, n)), manner);
                drawing.body(&self.pins(&marker, key))
            }
            Source::Given(bodies) => {
                let count = u64::try_from(bodies.len()).expect("a file has fewer lines");
                let mut body = bodies[usize::try_from(n % count).expect("less than the lines")].clone();
                self.set_texts(&mut body, &marker, key);
                body
            }
        }
    }

    /// A body that breaks a rule: somewhere within it, or because it ends early.
    fn broken(&self, run: Run, n: u64, key: &str, manner: Manner) -> Vec<u8> {
        let mut draws = Draws::new(random(run.seed, n) ^ INVALID_SALT);
        // In a bulk it would break the others, too.
        let is_cut_off = !run.is_bulk && draws.one_in(CUT_OFF_ONE_IN);
        if let (Source::Drawn { nodes, depths }, false) = (&self.source, is_cut_off) {
            let marker = marker(run, n);
            let pins = self.pins(&marker, key);
            let drawing = || Drawing::new(nodes, depths, Draws::new(random(run.seed, n)), manner);
            let mut valid = drawing();
            valid.body(&pins);
            let first = draws.below(valid.breakable.max(1));
            for attempt in 0..valid.breakable {
                let mut drawing = drawing();
                drawing.to_break = Some((first + attempt) % valid.breakable);
                let text = written::plain(&drawing.body(&pins));
                if drawing.is_broken && text.len() <= MOST_BYTES {
                    return text;
                }
            }
        }
        let (_, mut text) = self.valid(run, n, key, Manner::Plain);
        if is_cut_off {
            text.pop();
        } else {
            // A record is an object, whatever its schema says.
            text.insert(0, b'[');
            text.push(b']');
        }
        text
    }

    fn set_texts(&self, body: &mut Json, marker: &str, key: &str) {
        body.set(&self.marker, marker);
        if let Some(path) = &self.key {
            body.set(path, key);
        }
    }

    fn pins<'a>(&'a self, marker: &'a str, key: &'a str) -> Vec<Pin<'a>> {
        let mut pins = vec![Pin { path: &self.marker, given: Given { text: marker, may_grow: true } }];
        pins.extend(self.key.as_ref().map(|path| Pin { path, given: Given { text: key, may_grow: false } }));
        pins
    }

    /// Whether the run's keys are long enough for this path: what is longer than a key would be another key.
    fn check_shortest(&self, path: &[String]) -> Result<(), Vec<Unsupported>> {
        if self.texts_at(path).is_none_or(|texts| texts.shortest <= KEY_CHARACTERS) {
            return Ok(());
        }
        let why =
            format!("cannot hold the run's keys, which have {KEY_CHARACTERS} characters: its minLength is larger");
        Err(vec![Unsupported::new(&pointer(path), &why)])
    }

    fn texts_at(&self, path: &[String]) -> Option<&Texts> {
        let Source::Drawn { nodes, .. } = &self.source else { return None };
        let node = path.iter().try_fold(0, |id, name| nodes[id].member(name));
        node.and_then(|node| nodes[node].pinnable())
    }

    /// Whether a text of this length, of the lab's own, can stand at the end of a path.
    fn check(&self, path: &[String], length: usize, what: &str) -> Result<(), Vec<Unsupported>> {
        let texts = self.texts_at(path);
        if texts.is_some_and(|texts| texts.longest.is_none_or(|longest| longest >= length)) {
            return Ok(());
        }
        let why = format!(
            "cannot hold {what}: it must be a string among properties, without a format or a list of values, and with \
             room for {length} characters"
        );
        Err(vec![Unsupported::new(&pointer(path), &why)])
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|name| format!("/{}", keywords::escaped(name))).collect()
}

fn random(seed: u64, n: u64) -> u64 {
    mix(seed ^ mix(n ^ KIND_SALT))
}

fn marker(run: Run, n: u64) -> String {
    format!("{}{n}", run.id.title_prefix())
}

#[cfg(test)]
mod tests;
