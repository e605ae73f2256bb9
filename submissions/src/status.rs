//! The status of a submission, and which status may follow which.

use serde::Serialize;

/// What has become of a submission so far. The numbers are those of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[repr(i16)]
pub enum Status {
    /// It waits for a worker.
    Pending = 0,
    /// A worker holds its lease.
    Processing = 1,
    /// Its content is as the rule asks.
    Passed = 2,
    /// Its content is not, or its attempts are used up.
    Failed = 3,
    /// Somebody has cancelled it before it was final.
    Cancelled = 4,
}

impl Status {
    /// Every status, each at the place of its number.
    pub const ALL: [Status; 5] =
        [Status::Pending, Status::Processing, Status::Passed, Status::Failed, Status::Cancelled];

    /// Its name in the API, in logs and in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Processing => "PROCESSING",
            Status::Passed => "PASSED",
            Status::Failed => "FAILED",
            Status::Cancelled => "CANCELLED",
        }
    }

    /// The status that has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The status that has this number in the database.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as i16 == number)
    }

    /// Whether a series of attempts ends with it.
    pub fn is_final(self) -> bool {
        matches!(self, Status::Passed | Status::Failed | Status::Cancelled)
    }

    /// Whether this status may directly follow `self`. A final status is left only by a retry, which begins another
    /// series; what has passed is never tried again.
    pub fn may_become(self, next: Status) -> bool {
        use Status::{Cancelled, Failed, Passed, Pending, Processing};
        matches!(
            (self, next),
            (Pending, Processing | Cancelled)
                | (Processing, Pending | Passed | Failed | Cancelled)
                | (Failed | Cancelled, Pending)
        )
    }

    /// Whether somebody who looks now and then may see `next` after `self`, having missed what was between.
    pub fn may_be_seen_before(self, next: Status) -> bool {
        self != Status::Passed || next == Status::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_name_one_status_each() {
        for (number, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(Status::from_number(number as i16), Some(status));
            assert_eq!(Status::from_name(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!((Status::from_number(5), Status::from_name("pending")), (None, None));
    }

    #[test]
    fn what_may_be_seen_is_what_steps_lead_to() {
        for first in Status::ALL {
            let mut reached = vec![first];
            while let Some(next) = Status::ALL
                .into_iter()
                .find(|next| !reached.contains(next) && reached.iter().any(|from| from.may_become(*next)))
            {
                reached.push(next);
            }
            for next in Status::ALL {
                assert_eq!(first.may_be_seen_before(next), reached.contains(&next), "{first:?} {next:?}");
            }
        }
    }

    #[test]
    fn a_final_status_is_left_only_by_a_retry() {
        for status in Status::ALL.into_iter().filter(|status| status.is_final()) {
            for next in Status::ALL.into_iter().filter(|next| *next != Status::Pending) {
                assert!(!status.may_become(next), "{status:?} {next:?}");
            }
        }
        assert!(!Status::Passed.may_become(Status::Pending));
    }
}
