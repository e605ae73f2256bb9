//! What the query of an address says.

use contract::FieldError;
use uuid::Uuid;

use crate::form::{self, FormError, MAX_FIELDS};
use crate::operations::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::status::Status;
use crate::store::{DeadLetterKey, Listing};

/// The page of the list that a query asks for.
pub(super) fn listing(query: Option<&str>) -> Result<Listing, Vec<FieldError>> {
    let parameters = Parameters::of(query)?;
    let mut errors = Vec::new();
    let status = parameters.read("status", &mut errors, status);
    let after = parameters.read("after", &mut errors, |text| {
        Uuid::try_parse(text).map_err(|_| "must be the id of a submission".to_owned())
    });
    let limit = parameters.read("limit", &mut errors, limit);
    if errors.is_empty() { Ok(Listing { status, after, limit: limit.unwrap_or(DEFAULT_LIMIT) }) } else { Err(errors) }
}

/// The page of dead letters that a query asks for: the one after which it begins, and its limit.
pub(super) fn dead_letters(query: Option<&str>) -> Result<(Option<DeadLetterKey>, u32), Vec<FieldError>> {
    let parameters = Parameters::of(query)?;
    let mut errors = Vec::new();
    let after = parameters.read("after", &mut errors, |text| {
        dead_letter(text).ok_or_else(|| "must be the id of a submission, a dot, and a series".to_owned())
    });
    let limit = parameters.read("limit", &mut errors, limit);
    if errors.is_empty() { Ok((after, limit.unwrap_or(DEFAULT_LIMIT))) } else { Err(errors) }
}

/// The status whose submissions a query wants to be tried again.
pub(super) fn status_to_retry(query: Option<&str>) -> Result<Status, Vec<FieldError>> {
    let parameters = Parameters::of(query)?;
    let mut errors = Vec::new();
    let status = parameters.read("status", &mut errors, |text| match Status::from_name(text) {
        Some(status) if status.is_final() && status.may_become(Status::Pending) => Ok(status),
        _ => Err("must be FAILED or CANCELLED".to_owned()),
    });
    if status.is_none() && errors.is_empty() {
        errors.push(error("status", "is required: FAILED or CANCELLED".to_owned()));
    }
    status.ok_or(errors)
}

/// The address of the page that follows one.
pub(super) fn next_page(listing: Listing, after: Uuid) -> String {
    let mut address = format!("/api/submissions?after={after}");
    if let Some(status) = listing.status {
        address.push_str("&status=");
        address.push_str(status.as_str());
    }
    if listing.limit != DEFAULT_LIMIT {
        address.push_str(&format!("&limit={}", listing.limit));
    }
    address
}

/// The address of the page of dead letters that follows one.
pub(super) fn next_dead_letters(limit: u32, after: DeadLetterKey) -> String {
    let DeadLetterKey { id, series } = after;
    let mut address = format!("/api/dead-letters?after={id}.{series}");
    if limit != DEFAULT_LIMIT {
        address.push_str(&format!("&limit={limit}"));
    }
    address
}

fn dead_letter(text: &str) -> Option<DeadLetterKey> {
    let (id, series) = text.split_once('.')?;
    Some(DeadLetterKey { id: Uuid::try_parse(id).ok()?, series: series.parse().ok()? })
}

fn limit(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        _ => Err(format!("must be a whole number from 1 to {MAX_LIMIT}")),
    }
}

fn status(text: &str) -> Result<Status, String> {
    let names = || Status::ALL.map(Status::as_str).join(", ");
    Status::from_name(text).ok_or_else(|| format!("must be one of {}", names()))
}

fn error(field: &str, message: String) -> FieldError {
    FieldError { field: field.to_owned(), message }
}

struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let fields = form::fields(query.unwrap_or_default().as_bytes());
        fields.map(Self).map_err(|unread| {
            let message = match unread {
                FormError::NotText => "is not UTF-8".to_owned(),
                FormError::TooMany => format!("must not have more than {MAX_FIELDS} parameters"),
            };
            vec![error("query", message)]
        })
    }

    /// The value of a parameter, if it has one. What is wrong with it becomes an error.
    fn read<T>(
        &self,
        name: &str,
        errors: &mut Vec<FieldError>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut values = self.0.iter().filter(|(other, _)| other == name);
        let (_, text) = values.next()?;
        let parsed = if values.next().is_some() { Err("must be given only once".to_owned()) } else { parse(text) };
        parsed.map_err(|message| errors.push(error(name, message))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b";

    fn shown(errors: Vec<FieldError>) -> String {
        errors.iter().map(|FieldError { field, message }| format!("{field} {message}")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_list_has_a_status_a_start_and_a_limit() {
        let all = Listing { status: None, after: None, limit: 50 };
        let id = Uuid::try_parse(ID).ok();
        for (query, expected) in [
            ("", all),
            ("other=1", all),
            ("status=FAILED", Listing { status: Some(Status::Failed), ..all }),
            ("limit=200", Listing { limit: 200, ..all }),
            (&format!("after={ID}&limit=1"), Listing { after: id, limit: 1, ..all }),
        ] {
            assert_eq!(listing(Some(query)).map_err(shown), Ok(expected), "{query}");
        }
        assert_eq!(listing(None).map_err(shown), Ok(all));
    }

    #[test]
    fn every_parameter_that_is_wrong_is_named() {
        for (query, expected) in [
            ("status=failed", "status must be one of PENDING, PROCESSING, PASSED, FAILED, CANCELLED"),
            ("limit=0", "limit must be a whole number from 1 to 200"),
            ("limit=201", "limit must be a whole number from 1 to 200"),
            ("limit=1&limit=1", "limit must be given only once"),
            ("after=7&limit=x", "after must be the id of a submission; limit must be a whole number from 1 to 200"),
            ("a=%FF", "query is not UTF-8"),
            (&"a&".repeat(17), "query must not have more than 16 parameters"),
        ] {
            assert_eq!(shown(listing(Some(query)).unwrap_err()), expected, "{query}");
        }
    }

    #[test]
    fn the_next_page_of_dead_letters_begins_after_the_last_one() {
        let key = DeadLetterKey { id: Uuid::try_parse(ID).unwrap(), series: 12 };
        for limit in [1, 50, 200] {
            let address = next_dead_letters(limit, key);
            let (_, query) = address.split_once('?').unwrap();
            assert_eq!(dead_letters(Some(query)).map_err(shown), Ok((Some(key), limit)), "{query}");
        }
        assert_eq!(dead_letters(None).map_err(shown), Ok((None, 50)));
        for wrong in [ID, &format!("{ID}."), &format!("{ID}.x"), &format!("{ID}.9999999999"), "7.1", ".", ""] {
            let error = "after must be the id of a submission, a dot, and a series";
            assert_eq!(shown(dead_letters(Some(&format!("after={wrong}"))).unwrap_err()), error);
        }
    }

    #[test]
    fn only_what_may_become_pending_again_is_tried_again() {
        for (query, expected) in [
            (Some("status=FAILED"), Ok(Status::Failed)),
            (Some("status=CANCELLED"), Ok(Status::Cancelled)),
            (Some("status=PASSED"), Err("status must be FAILED or CANCELLED".to_owned())),
            (Some("status=PROCESSING"), Err("status must be FAILED or CANCELLED".to_owned())),
            (Some("status=x"), Err("status must be FAILED or CANCELLED".to_owned())),
            (None, Err("status is required: FAILED or CANCELLED".to_owned())),
        ] {
            assert_eq!(status_to_retry(query).map_err(shown), expected, "{query:?}");
        }
    }

    #[test]
    fn the_next_page_is_of_the_same_list() {
        let id = Uuid::try_parse(ID).unwrap();
        for listing in [
            Listing { status: None, after: None, limit: 50 },
            Listing { status: Some(Status::Passed), after: Some(id), limit: 7 },
        ] {
            let address = next_page(listing, id);
            let (_, query) = address.split_once('?').unwrap();
            assert_eq!(
                self::listing(Some(query)).map_err(shown),
                Ok(Listing { after: Some(id), ..listing }),
                "{query}"
            );
        }
    }
}
