//! Who sent a request.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::audit::Outcome;
use crate::rate::{Held, Limited, Limiter, Rate, RateState, Standing, Who};

/// The scope of a caller that sees what others have sent.
const ADMIN: &str = "admin";

/// Who sent a request, and from where. A caller without a name is one that nobody asked for credentials.
pub struct Caller {
    known: Option<Known>,
    address: IpAddr,
    limiter: Option<Arc<Limiter>>,
    is_from_allowed_page: bool,
    is_signed_in: bool,
    /// What became of its records, where somebody wants to know.
    noted: Option<Mutex<Option<Outcome>>>,
}

/// A caller whose credentials have been checked.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// How it stands.
    pub standing: Arc<Standing>,
}

/// Whom a credential stands for, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The caller's name. Several credentials may have the same one.
    pub name: String,
    /// The kinds of record that it may use; `None` is all.
    pub kinds: Option<Vec<String>>,
    /// What else it may do.
    pub scopes: Vec<String>,
    /// Its own rate, if it has one.
    pub rate: Option<Rate>,
}

impl Caller {
    /// A caller that nobody asked who it is.
    pub fn open(address: IpAddr) -> Self {
        Self { known: None, address, limiter: None, is_from_allowed_page: false, is_signed_in: false, noted: None }
    }

    /// A caller whose credentials have been checked, if any are needed, and whose records are counted.
    pub(crate) fn counted(known: Option<Known>, address: IpAddr, limiter: Arc<Limiter>) -> Self {
        Self { known, limiter: Some(limiter), ..Self::open(address) }
    }

    /// The same through a page of another site that may send requests.
    #[must_use]
    pub(crate) fn on_allowed_page(self) -> Self {
        Self { is_from_allowed_page: true, ..self }
    }

    /// Whether a page of another site sent the request that may do so (`CORS_ORIGINS`).
    pub fn is_from_allowed_page(&self) -> bool {
        self.is_from_allowed_page
    }

    /// The same by the cookie of a browser that has signed in.
    #[must_use]
    pub(crate) fn signed_in(self) -> Self {
        Self { is_signed_in: true, ..self }
    }

    /// Whether it has its credential in the cookie of a browser that has signed in.
    pub fn is_signed_in(&self) -> bool {
        self.is_signed_in
    }

    /// The same, of whose records [`Self::note`] keeps what became of them.
    #[must_use]
    pub(crate) fn audited(self) -> Self {
        Self { noted: Some(Mutex::default()), ..self }
    }

    /// Notes what has become of the request's records so far. A handler does so before it hands them on, when nobody
    /// knows, and when it knows.
    pub fn note(&self, outcome: impl FnOnce() -> Outcome) {
        if let Some(noted) = &self.noted {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome());
        }
    }

    /// What was noted last.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        *self.noted.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name, if it has shown credentials.
    pub fn name(&self) -> Option<&str> {
        self.known.as_ref().map(|known| known.identity.name.as_str())
    }

    /// Whether it may use this kind of record.
    pub(crate) fn may_use(&self, kind: &str) -> bool {
        self.known.as_ref().is_none_or(|known| known.identity.may_use(kind))
    }

    /// What it holds of the records of this kind that are in flight, if it is known.
    pub fn held(&self, kind: &str) -> Option<&Arc<Held>> {
        self.limiter.as_ref()?.held(&self.known.as_ref()?.standing, kind)
    }

    /// Counts a request with at least one record of this kind.
    ///
    /// # Errors
    /// When the caller has used up its quota.
    pub(crate) fn take(&self, kind: &str) -> Result<(), Limited> {
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.take(self.who(), kind))
    }

    /// Counts the further records of a request, whose first one was counted before it was read.
    ///
    /// # Errors
    /// When the caller has used up its quota meanwhile.
    pub fn take_rest(&self, kind: &str, records: usize) -> Result<(), Limited> {
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.take_rest(self.who(), kind, records))
    }

    /// How it stands with its limit for this kind, if it has one.
    pub(crate) fn rate_state(&self, kind: &str) -> Option<RateState> {
        self.limiter.as_ref()?.state(self.who(), kind)
    }

    fn who(&self) -> Who<'_> {
        self.known.as_ref().map_or(Who::Address(self.address), |known| Who::Known(&known.standing))
    }

    /// The address of the other end of its connection, which may be a proxy's.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether it may do what only administrators may. Where nobody is asked who he is, everybody may.
    pub fn is_admin(&self) -> bool {
        self.known.as_ref().is_none_or(|known| known.identity.scopes.iter().any(|scope| scope == ADMIN))
    }
}

impl Identity {
    /// Whether it may use this kind of record.
    pub fn may_use(&self, kind: &str) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|own| own == kind))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn identity(kinds: Option<&[&str]>, scopes: &[&str]) -> Identity {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Identity { name: "shop".to_owned(), kinds: kinds.map(owned), scopes: owned(scopes), rate: None }
    }

    #[test]
    fn a_caller_may_use_the_kinds_that_are_listed_and_all_if_none_are() {
        for (kinds, expected) in
            [(None, true), (Some(&["order"][..]), true), (Some(&["post"]), false), (Some(&[]), false)]
        {
            assert_eq!(identity(kinds, &[]).may_use("order"), expected, "{kinds:?}");
        }
    }

    #[test]
    fn an_administrator_has_the_scope_or_is_on_an_open_service() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(Caller::open(address).is_admin());
        for (scopes, expected) in [(&["admin"][..], true), (&["read", "admin"], true), (&["administrator"], false)] {
            let limiter = Arc::new(Limiter::new(vec!["post"], None));
            let (identity, standing) = (Arc::new(identity(None, scopes)), Arc::new(limiter.standing(None)));
            let caller = Caller::counted(Some(Known { identity, standing }), address, limiter);
            assert!(caller.held("post").is_some() && caller.take("post").is_ok());
            assert_eq!((caller.is_admin(), caller.name()), (expected, Some("shop")), "{scopes:?}");
        }
    }
}
