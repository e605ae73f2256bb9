//! A body as the lab means it: JSON whose members have an order, whose numbers are what is written, and whose dates are
//! known as dates. It is what a body is written from and what a document is compared with.

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    /// A text of the format `date-time`, and the time that it means in ms since 1970.
    Date {
        text: String,
        ms: i64,
    },
    Array(Vec<Json>),
    /// Its members, in order. A body that breaks this rule on purpose has a name twice.
    Object(Vec<(String, Json)>),
}

/// A number as it is written, and as it must be kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) kept: Kept,
}

/// What a document has in place of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kept {
    /// For a whole number without a point or an exponent, if it fits.
    Int64(i64),
    Double(f64),
}

impl Number {
    /// The number that this JSON writes.
    pub(crate) fn of(text: String) -> Self {
        // Without a point and an exponent, and within 64 bits; anything else is a double.
        let kept = text.parse().map(Kept::Int64);
        let kept = kept.unwrap_or_else(|_| Kept::Double(text.parse().expect("JSON writes numbers as Rust reads them")));
        Self { text, kept }
    }
}

impl Json {
    /// A whole number, as it is usually written.
    pub(crate) fn whole(number: i64) -> Self {
        Json::Number(Number { text: number.to_string(), kept: Kept::Int64(number) })
    }

    /// What a value of a schema says.
    pub(crate) fn of_value(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(is_true) => Json::Bool(*is_true),
            serde_json::Value::Number(number) => Json::Number(Number::of(number.to_string())),
            serde_json::Value::String(text) => Json::Text(text.clone()),
            serde_json::Value::Array(items) => Json::Array(items.iter().map(Json::of_value).collect()),
            serde_json::Value::Object(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.clone(), Json::of_value(value))).collect())
            }
        }
    }

    /// Puts a text at the end of a path of names, whatever is there. Objects on the way that are not there are added.
    pub(super) fn set(&mut self, path: &[String], text: &str) {
        let [name, path @ ..] = path else {
            *self = Json::Text(text.to_owned());
            return;
        };
        if !matches!(self, Json::Object(_)) {
            *self = Json::Object(Vec::new());
        }
        let Json::Object(members) = self else { unreachable!("it is one now") };
        let index = members.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            members.push((name.clone(), Json::Null));
            members.len() - 1
        });
        members[index].1.set(path, text);
    }

    /// Whether the two are equal for JSON Schema: numbers by value, objects in any order of their members.
    pub(crate) fn equals(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Number(one), Json::Number(other)) => one.kept.as_double() == other.kept.as_double(),
            (Json::Text(one) | Json::Date { text: one, .. }, Json::Text(other) | Json::Date { text: other, .. }) => {
                one == other
            }
            (Json::Array(one), Json::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.equals(other))
            }
            (Json::Object(one), Json::Object(other)) => {
                let has = |name: &str, value: &Json| other.iter().any(|(at, there)| at == name && there.equals(value));
                one.len() == other.len() && one.iter().all(|(name, value)| has(name, value))
            }
            (one, other) => one == other,
        }
    }
}

impl Kept {
    /// Whether it has no fraction, however it is written.
    pub(super) fn is_whole(self) -> bool {
        self.as_double().fract() == 0.0
    }

    /// As a double, which two whole numbers beyond 53 bits may share.
    fn as_double(self) -> f64 {
        match self {
            Kept::Int64(number) => number as f64,
            Kept::Double(number) => number,
        }
    }
}
