//! Settings from environment variables. Each variable is named once, where it is read, with its default and its
//! meaning: `--help` and `--check-config` print what those reads collect. All variables are read before anything fails,
//! and all errors are reported together.

use std::fmt;
use std::ops::RangeBounds;
use std::str::FromStr;
use std::time::Duration;

use crate::secrets::{HIDDEN, without_secrets};

mod in_files;
mod near_misses;

pub use near_misses::{OF_OTHERS, near_misses};

/// Reads variables through a lookup and collects their errors.
pub struct Settings<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    variables: Vec<Variable>,
    /// What Kafka calls the next variable.
    in_kafka: Option<&'static str>,
    errors: Vec<SettingError>,
    warnings: Vec<SettingError>,
}

/// One variable as it was read; a row of `--help`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The text that holds when it is unset.
    pub default: String,
    /// The text in force: the one that was set, or the default.
    pub value: String,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// What Kafka calls it, if Kafka has it too, as Markdown.
    pub in_kafka: Option<&'static str>,
    /// Whether all of its value is a secret.
    pub is_secret: bool,
}

impl Variable {
    /// The value without secrets.
    pub fn shown(&self) -> String {
        if self.is_secret && !self.value.is_empty() { HIDDEN.to_owned() } else { without_secrets(&self.value) }
    }
}

/// A variable with a value that cannot be used, or that is probably not what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

impl<'a> Settings<'a> {
    /// Settings that ask `lookup` for each variable. Both an unset and an empty variable mean the default.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, variables: Vec::new(), in_kafka: None, errors: Vec::new(), warnings: Vec::new() }
    }

    /// What can be used, but is probably not what was meant.
    pub fn warnings(&self) -> &[SettingError] {
        &self.warnings
    }

    /// What was read, in order, and the errors.
    pub fn finish(self) -> (Vec<Variable>, Vec<SettingError>) {
        (self.variables, self.errors)
    }

    /// What was read so far, without secrets.
    pub fn in_force(&self) -> Vec<Variable> {
        self.variables.iter().map(|variable| Variable { value: variable.shown(), ..variable.clone() }).collect()
    }

    /// Adds an error that concerns several variables.
    pub fn error(&mut self, name: &'static str, reason: impl Into<String>) {
        self.errors.push(SettingError { name, reason: reason.into() });
    }

    /// Adds a warning: the service runs, but the log says this at its start.
    pub fn warning(&mut self, name: &'static str, reason: impl Into<String>) {
        self.warnings.push(SettingError { name, reason: reason.into() });
    }

    /// Names Kafka's term for the variable that is read next.
    pub fn in_kafka(&mut self, term: &'static str) -> &mut Self {
        self.in_kafka = Some(term);
        self
    }

    /// A non-empty text.
    pub fn text(&mut self, name: &'static str, default: &str, meaning: &'static str) -> String {
        self.read(name, default, meaning, |text| Ok(text.to_owned()))
    }

    /// A whole number within bounds.
    pub fn number<N>(
        &mut self,
        name: &'static str,
        default: N,
        bounds: impl RangeBounds<N> + fmt::Debug,
        meaning: &'static str,
    ) -> N
    where
        N: FromStr + PartialOrd + fmt::Display,
    {
        self.read(name, &default.to_string(), meaning, |text| parse_number(text, &bounds))
    }

    /// A duration with its unit, such as `250ms`, `5s` or `5m`; more than zero.
    pub fn duration(&mut self, name: &'static str, default: &str, meaning: &'static str) -> Duration {
        self.read(name, default, meaning, parse_some_time)
    }

    /// A duration that may be zero (`0ms`).
    pub fn duration_or_zero(&mut self, name: &'static str, default: &str, meaning: &'static str) -> Duration {
        self.read(name, default, meaning, |text| {
            parse_duration(text).ok_or_else(|| "must be a number with its unit, such as 5ms, or 0ms".to_owned())
        })
    }

    /// A value that is another setting's unless it is set; `parse` makes it from a text that is not empty.
    pub fn unless_set<T>(
        &mut self,
        name: &'static str,
        otherwise: T,
        meaning: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let set = self.read(name, "", meaning, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) });
        set.unwrap_or(otherwise)
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        default: &str,
        choices: &[(&str, T)],
        meaning: &'static str,
    ) -> T {
        self.read(name, default, meaning, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                format!("must be one of {}", words.join(", "))
            })
        })
    }

    /// A value that `parse` makes from the text; its error says why the text cannot be used.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        default: &str,
        meaning: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.read_shown(name, default, meaning, parse, without_secrets)
    }

    /// The same; `shown` makes what an error shows of a text that cannot be used.
    fn read_shown<T>(
        &mut self,
        name: &'static str,
        default: &str,
        meaning: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
        shown: impl Fn(&str) -> String,
    ) -> T {
        let set = (self.lookup)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let value = set.unwrap_or_else(|| default.to_owned());
        let parsed = parse(&value).unwrap_or_else(|reason| {
            self.error(name, format!("{reason}, not `{}`", shown(&value)));
            parse(default).unwrap_or_else(|reason| unreachable!("the default of {name} is valid: {reason}"))
        });
        self.variables.push(Variable {
            name,
            default: default.to_owned(),
            value,
            meaning,
            in_kafka: self.in_kafka.take(),
            is_secret: false,
        });
        parsed
    }
}

/// The whole number that a text spells, within these bounds.
///
/// # Errors
/// What it must be.
pub fn parse_number<N>(text: &str, bounds: &(impl RangeBounds<N> + fmt::Debug)) -> Result<N, String>
where
    N: FromStr + PartialOrd,
{
    match text.parse::<N>() {
        Ok(number) if bounds.contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number within {bounds:?}")),
    }
}

/// The duration that a text spells, if it is more than zero.
///
/// # Errors
/// What it must be.
pub fn parse_some_time(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        Some(_) => Err("must be more than zero".to_owned()),
        None => Err("must be a number with its unit, such as 250ms, 5s or 5m".to_owned()),
    }
}

/// The duration that a text such as `250ms`, `1.5s`, `5m`, `1h` or `30d` spells.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit_start = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_start);
    let unit_seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * unit_seconds).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read<T>(set: &[(&str, &str)], read: impl Fn(&mut Settings<'_>) -> T) -> (T, Vec<String>) {
        let set: HashMap<String, String> = set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let lookup = |name: &str| set.get(name).cloned();
        let mut settings = Settings::new(&lookup);
        let value = read(&mut settings);
        (value, settings.finish().1.iter().map(SettingError::to_string).collect())
    }

    #[test]
    fn unset_and_empty_mean_the_default() {
        for set in [&[][..], &[("A", "")], &[("A", " ")]] {
            assert_eq!(read(set, |s| s.number("A", 7, 1..=9, "")), (7, vec![]));
        }
        assert_eq!(read(&[("A", " 8 ")], |s| s.number("A", 7, 1..=9, "")), (8, vec![]));
    }

    #[test]
    fn a_setting_that_is_not_set_follows_another_one() {
        let follow = |s: &mut Settings<'_>| s.unless_set("A", 7, "", |text| parse_number(text, &(1..=9)));
        assert_eq!(read(&[], follow), (7, vec![]));
        assert_eq!(read(&[("A", "3")], follow), (3, vec![]));
        let error = "A: must be a whole number within 1..=9, not `12`";
        assert_eq!(read(&[("A", "12")], follow), (7, vec![error.to_owned()]));
    }

    #[test]
    fn all_errors_are_named_at_once() {
        let set = [("A", "12"), ("B", "5"), ("C", "brotli"), ("D", "0s"), ("E", "-1s")];
        let (_, errors) = read(&set, |s| {
            s.number("A", 7, 1..=9, "");
            s.duration("B", "5s", "");
            s.choice("C", "none", &[("none", 0), ("gzip", 1)], "");
            s.duration("D", "5s", "");
            s.duration_or_zero("E", "5s", "");
        });
        assert_eq!(
            errors,
            [
                "A: must be a whole number within 1..=9, not `12`",
                "B: must be a number with its unit, such as 250ms, 5s or 5m, not `5`",
                "C: must be one of none, gzip, not `brotli`",
                "D: must be more than zero, not `0s`",
                "E: must be a number with its unit, such as 5ms, or 0ms, not `-1s`",
            ]
        );
    }

    #[test]
    fn neither_an_error_nor_the_settings_in_force_show_a_password() {
        let lookup = |_: &str| Some("mongodb://me:secret@host".to_owned());
        let mut settings = Settings::new(&lookup);
        settings.read(
            "URI",
            "",
            "",
            |text| if text.is_empty() { Ok(()) } else { Err("must name a database".to_owned()) },
        );
        assert_eq!(settings.in_force()[0].value, "mongodb://***@host");
        assert_eq!(settings.finish().1[0].to_string(), "URI: must name a database, not `mongodb://***@host`");
    }

    #[test]
    fn kafkas_term_holds_for_the_next_variable_alone() {
        let mut settings = Settings::new(&|_| None);
        settings.in_kafka("`linger.ms`").duration("LINGER", "2ms", "");
        settings.text("TOPIC", "post", "");
        let terms: Vec<_> = settings.finish().0.iter().map(|variable| variable.in_kafka).collect();
        assert_eq!(terms, [Some("`linger.ms`"), None]);
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        let millis = |text| parse_duration(text).map(|duration| duration.as_micros());
        assert_eq!(millis("250ms"), Some(250_000));
        assert_eq!(millis("1.5s"), Some(1_500_000));
        assert_eq!(millis("5m"), Some(300_000_000));
        assert_eq!(millis("1h"), Some(3_600_000_000));
        assert_eq!(millis("1d"), Some(86_400_000_000));
        assert_eq!(millis("10us"), Some(10));
        assert_eq!(millis("0ms"), Some(0));
        for wrong in ["", "5", "s", "5 parsecs", "1e3", "NaNs", "infs", "1e30s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
