//! The text of a threshold, such as `p95<2000ms`, taken apart.

/// A name, a comparison, and a limit with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Condition<'a> {
    pub(crate) name: &'a str,
    pub(crate) relation: Relation,
    pub(crate) limit: f64,
    /// Empty for a number alone.
    pub(crate) unit: &'a str,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl<'a> Condition<'a> {
    /// Reads a text without spaces.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn read(text: &'a str) -> Result<Self, &'static str> {
        let (name, rest) = text.split_at(text.find(['<', '>', '=']).unwrap_or(text.len()));
        let (relation, limit) =
            Relation::at_start(rest).ok_or("it must compare with <, <=, >, >= or ==, such as p95<2000ms")?;
        let digits = limit.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(limit.len());
        let (number, unit) = limit.split_at(digits);
        let limit = number.parse().map_err(|_| "it must end with a number, such as p95<2000ms or missing==0")?;
        Ok(Self { name, relation, limit, unit })
    }
}

impl Relation {
    /// Whether a value stands so to a limit.
    pub(crate) fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Relation::Less => value < limit,
            Relation::LessOrEqual => value <= limit,
            Relation::Greater => value > limit,
            Relation::GreaterOrEqual => value >= limit,
            Relation::Equal => value == limit,
        }
    }

    /// The comparison at the start of a text, and what follows it.
    fn at_start(text: &str) -> Option<(Self, &str)> {
        let known = [
            ("<=", Relation::LessOrEqual),
            (">=", Relation::GreaterOrEqual),
            ("==", Relation::Equal),
            ("<", Relation::Less),
            (">", Relation::Greater),
        ];
        known.into_iter().find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?)))
    }
}
