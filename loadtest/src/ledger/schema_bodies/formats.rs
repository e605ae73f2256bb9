//! Texts of the formats that JSON Schema names. The time that a `date-time` means is known before it is written.

use super::json::Json;
use super::words::words;
use crate::ledger::draws::Draws;

/// The most characters of texts whose length is free.
const LONGEST_FREE: usize = 63;
/// The days since 1970 of plain dates, in the years 2020 to 2039, and of all: from the year 1 to 9999. The last days
/// of both years stay free, so that an offset does not leave them.
const USUAL_DAYS: (i64, i64) = (18_262, 25_566);
const ALL_DAYS: (i64, i64) = (-719_161, 2_932_895);
const MS_PER_DAY: i64 = 86_400_000;

/// A format whose texts the lab makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    DateTime,
    Date,
    Time,
    Uuid,
    Email,
    Uri,
    Ipv4,
    Ipv6,
    Hostname,
}

impl Format {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "time" => Self::Time,
            "uuid" => Self::Uuid,
            "email" => Self::Email,
            "uri" => Self::Uri,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "hostname" => Self::Hostname,
            _ => return None,
        })
    }

    /// Whether its texts can have these lengths, in characters.
    pub(super) fn fits(self, shortest: usize, longest: Option<usize>) -> bool {
        let (least, most) = self.lengths();
        let longest = longest.unwrap_or(usize::MAX);
        if self.start().is_some() { shortest <= most && least <= longest } else { shortest <= least && most <= longest }
    }

    /// A text without any difficulty.
    pub(super) fn plain(self, shortest: usize, longest: Option<usize>, draws: &mut Draws) -> Json {
        self.text(shortest, longest, false, draws)
    }

    /// A text at the edge of what the format allows.
    pub(super) fn hostile(self, shortest: usize, longest: Option<usize>, draws: &mut Draws) -> Json {
        self.text(shortest, longest, true, draws)
    }

    fn text(self, shortest: usize, longest: Option<usize>, is_hostile: bool, draws: &mut Draws) -> Json {
        Json::Text(match self {
            Self::DateTime => return date_time(is_hostile, draws),
            Self::Date => date(day(is_hostile, draws)),
            Self::Time => format!("{}Z", written_time(time(draws), false, draws)),
            Self::Uuid => uuid(is_hostile, draws),
            Self::Ipv4 => (0..4).map(|_| draws.below(256).to_string()).collect::<Vec<_>>().join("."),
            Self::Ipv6 => ipv6(is_hostile, draws),
            Self::Email | Self::Uri | Self::Hostname => {
                let (start, end) = self.start().expect("these have one");
                let around = start.len() + end.len();
                let (least, most) = self.lengths();
                let (least, most) = (shortest.max(least), longest.unwrap_or(most).clamp(least, most));
                let usual = most.min(least + 16);
                let length = if is_hostile { draws.one_of(&[least, most, usual]) } else { draws.between(least, usual) };
                let name = words(length - around, draws).replace(' ', if is_hostile { "-" } else { "x" });
                format!("{start}{name}{end}")
            }
        })
    }

    /// What stands before and after the letters of a text whose length is free.
    fn start(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Email => Some(("", "@example.com")),
            Self::Uri => Some(("https://example.com/", "")),
            Self::Hostname => Some(("", "")),
            _ => None,
        }
    }

    /// The shortest and the longest text, in characters.
    fn lengths(self) -> (usize, usize) {
        match self {
            Self::DateTime => (20, 35),
            Self::Date => (10, 10),
            Self::Time => (9, 13),
            Self::Uuid => (36, 36),
            Self::Ipv4 => (7, 15),
            Self::Ipv6 => (2, 39),
            Self::Email | Self::Uri | Self::Hostname => {
                let (start, end) = self.start().expect("these have one");
                let around = start.len() + end.len();
                (around + 1, around + LONGEST_FREE)
            }
        }
    }
}

/// A date and a time to the millisecond.
fn date_time(is_hostile: bool, draws: &mut Draws) -> Json {
    let ms = day(is_hostile, draws) * MS_PER_DAY + whole(time(draws));
    let minutes = if is_hostile && draws.one_in(2) { draws.between(0, 2 * 839) as i64 - 839 } else { 0 };
    let local = ms + minutes * 60_000;
    let ms_of_day = usize::try_from(local.rem_euclid(MS_PER_DAY)).expect("within a day");
    let time = written_time(ms_of_day, is_hostile, draws);
    let offset = match minutes {
        0 => draws.one_of(if is_hostile { &["Z", "+00:00", "-00:00"][..] } else { &["Z"] }).to_owned(),
        _ => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    let mut text = format!("{}T{time}{offset}", date(local.div_euclid(MS_PER_DAY)));
    if is_hostile && draws.one_in(8) {
        text.make_ascii_lowercase();
    }
    Json::Date { text, ms }
}

fn day(is_hostile: bool, draws: &mut Draws) -> i64 {
    let (first, last) = if is_hostile && draws.one_in(2) { ALL_DAYS } else { USUAL_DAYS };
    if is_hostile && draws.one_in(8) {
        return draws.one_of(&[first, last, 0, -1]);
    }
    first + whole(draws.below(usize::try_from(last - first + 1).expect("some days")))
}

/// A time of the day in ms; every fourth is a whole second.
fn time(draws: &mut Draws) -> usize {
    let ms = draws.below(86_400_000);
    if draws.one_in(4) { ms - ms % 1_000 } else { ms }
}

/// A time of the day, with the decimals that it needs, and in hostile texts with zeros that it does not.
fn written_time(ms: usize, is_hostile: bool, draws: &mut Draws) -> String {
    let fraction = match ms % 1_000 {
        0 if !is_hostile => String::new(),
        fraction if is_hostile && draws.one_in(4) => format!(".{fraction:03}000"),
        fraction => format!(".{fraction:03}"),
    };
    let seconds = ms / 1_000;
    format!("{:02}:{:02}:{:02}{fraction}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A day since 1970 in the Gregorian calendar, counted in eras of 400 years that start in March.
fn date(day: i64) -> String {
    let day = day + 719_468;
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, next_year) = if month_from_march < 10 { (month_from_march + 3, 0) } else { (month_from_march - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + next_year)
}

fn uuid(is_hostile: bool, draws: &mut Draws) -> String {
    let mut digits = |count: usize| (0..count).map(|_| digit(draws)).collect::<String>();
    let text = [8, 4, 4, 4, 12].map(&mut digits).join("-");
    if is_hostile && draws.one_in(2) { text.to_uppercase() } else { text }
}

fn ipv6(is_hostile: bool, draws: &mut Draws) -> String {
    if is_hostile && draws.one_in(2) {
        return draws.one_of(&["::", "::1", "fe80::", "2001:DB8::1", "::ffff:192.0.2.1"]).to_owned();
    }
    (0..8).map(|_| (0..4).map(|_| digit(draws)).collect::<String>()).collect::<Vec<_>>().join(":")
}

fn digit(draws: &mut Draws) -> char {
    char::from(b"0123456789abcdef"[draws.below(16)])
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).expect("few bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_time_means_the_time_that_is_known() {
        for seed in 0..20_000 {
            let Json::Date { text, ms } = date_time(seed % 2 == 0, &mut Draws::new(seed)) else { unreachable!() };
            let upper = text.to_uppercase();
            assert_eq!(bson::DateTime::parse_rfc3339_str(&upper).unwrap().timestamp_millis(), ms, "{text}");
            assert!((20..=35).contains(&text.len()), "{text}");
        }
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(ALL_DAYS.0), "0001-01-02");
        assert_eq!(date(ALL_DAYS.1), "9999-12-30");
    }

    #[test]
    fn every_text_has_a_length_that_its_format_can_have() {
        let formats = ["date-time", "date", "time", "uuid", "email", "uri", "ipv4", "ipv6", "hostname"];
        for (seed, format) in (0..5_000).flat_map(|seed| formats.map(|format| (seed, Format::of(format).unwrap()))) {
            let (least, most) = format.lengths();
            let (Json::Text(text) | Json::Date { text, .. }) =
                format.text(0, None, seed % 2 == 0, &mut Draws::new(seed))
            else {
                unreachable!("a format is of texts")
            };
            assert!((least..=most).contains(&text.len()), "{text}");
        }
    }
}
