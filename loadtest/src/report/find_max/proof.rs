//! What became of the accepted posts of all probes together. A pass over the store is exact but takes some 60 µs per
//! document on FerretDB, so above a certain number of posts the services' own totals decide.

use serde::Serialize;
use service::status::figures::grouped;

use crate::ledger::books::Counts;
use crate::pipeline::counted::Counted;

/// At most this many posts are looked for one by one, which takes at most twenty seconds.
pub(crate) const RECONCILED: u64 = 300_000;

/// How the posts were found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Each post was looked for in the store.
    Reconciled,
    /// The services' own counts were compared.
    CountedByTheServices,
    /// The store counted the documents.
    CountedInTheStore,
    /// Not at all: the store cannot be reached, or a service did not report its counts.
    None,
}

/// The balance of all probes; null where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Proof {
    pub(crate) method: Method,
    pub(crate) accepted: u64,
    pub(crate) stored: Option<u64>,
    pub(crate) dead_lettered: Option<u64>,
    pub(crate) missing: Option<u64>,
    /// Documents beyond the first of each post.
    pub(crate) duplicated: Option<u64>,
    /// Stored although rejected, never sent, or under another id; with the counts alone, what is stored beyond the
    /// accepted and the unknown posts.
    pub(crate) unexpected: Option<u64>,
}

impl Proof {
    /// Whether nothing is known to be wrong.
    pub(crate) fn holds(&self) -> bool {
        [self.missing, self.duplicated, self.unexpected].into_iter().flatten().all(|count| count == 0)
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let (accepted, number) = (grouped(self.accepted), |count: Option<u64>| grouped(count.unwrap_or_default()));
        let how = match self.method {
            Method::Reconciled => "looked for one by one".to_owned(),
            Method::CountedByTheServices => {
                format!(
                    "as the services counted them: more than {} posts are not looked for one by one",
                    grouped(RECONCILED)
                )
            }
            Method::CountedInTheStore => {
                format!(
                    "as the store counts them: more than {} posts are not looked for one by one",
                    grouped(RECONCILED)
                )
            }
            Method::None => return format!("{accepted} posts accepted; whether they are stored is not known"),
        };
        let dead_letters = match self.dead_lettered {
            None | Some(0) => String::new(),
            Some(count) => format!(", {} dead-lettered", grouped(count)),
        };
        let faults = if self.holds() {
            "nothing missing".to_owned()
        } else {
            format!(
                "MISSING {}, DUPLICATED {}, UNEXPECTED {}",
                number(self.missing),
                number(self.duplicated),
                number(self.unexpected)
            )
        };
        format!("{accepted} accepted, {} stored{dead_letters}, {faults} ({how})", number(self.stored))
    }

    /// Nothing but the answers is known.
    pub(crate) fn unknown(answered: &Counts) -> Self {
        Self {
            method: Method::None,
            accepted: answered.accepted,
            stored: None,
            dead_lettered: None,
            missing: None,
            duplicated: None,
            unexpected: None,
        }
    }

    /// The ledger was compared with the store.
    pub(crate) fn reconciled(counts: &Counts) -> Self {
        Self {
            method: Method::Reconciled,
            accepted: counts.accepted,
            stored: Some(counts.stored),
            dead_lettered: Some(counts.dead_lettered),
            missing: Some(counts.missing),
            duplicated: Some(counts.duplicated),
            unexpected: Some(counts.unexpected),
        }
    }

    /// The services count each id once when it is first stored, so nothing is known about duplicates.
    pub(crate) fn counted(answered: &Counts, counted: &Counted) -> Self {
        let dead_lettered = counted.ingest_posts_dead_lettered_total;
        Self {
            dead_lettered: Some(dead_lettered),
            ..Self::balanced(Method::CountedByTheServices, answered, counted.ingest_posts_stored_total, dead_lettered)
        }
    }

    /// The store counted its documents.
    pub(crate) fn in_store(answered: &Counts, stored: u64) -> Self {
        Self::balanced(Method::CountedInTheStore, answered, stored, 0)
    }

    fn balanced(method: Method, answered: &Counts, stored: u64, dead_lettered: u64) -> Self {
        let found = stored + dead_lettered;
        Self {
            method,
            stored: Some(stored),
            missing: Some(answered.accepted.saturating_sub(found)),
            unexpected: Some(found.saturating_sub(answered.accepted + answered.unknown)),
            ..Self::unknown(answered)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(accepted: u64, unknown: u64) -> Counts {
        Counts { accepted, unknown, ..Counts::default() }
    }

    #[test]
    fn counts_balance_if_every_accepted_post_and_no_more_than_the_unknown_ones_are_there() {
        let counted = |stored, dead_lettered| {
            let counted = Counted {
                ingest_posts_stored_total: stored,
                ingest_posts_dead_lettered_total: dead_lettered,
                ..Counted::default()
            };
            Proof::counted(&answered(100, 3), &counted)
        };
        for (stored, dead_lettered) in [(100, 0), (98, 2), (103, 0)] {
            assert!(counted(stored, dead_lettered).holds());
        }
        assert_eq!(counted(98, 1).missing, Some(1));
        assert_eq!(counted(104, 0).unexpected, Some(1));
        assert!(counted(98, 1).line().contains("MISSING 1, DUPLICATED 0, UNEXPECTED 0"), "{}", counted(98, 1).line());
    }

    #[test]
    fn an_unknown_proof_says_so() {
        let proof = Proof::unknown(&answered(1_234, 0));
        assert_eq!(proof.line(), "1,234 posts accepted; whether they are stored is not known");
        assert!(proof.holds() && !Proof::in_store(&answered(9, 0), 8).holds());
    }
}
