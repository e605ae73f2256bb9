//! Who sent a request.

use std::net::IpAddr;
use std::sync::Arc;

/// The scope of a caller that sees what others have sent.
const ADMIN: &str = "admin";

/// Who sent a request, and from where. A caller without a name is one that nobody asked for credentials.
#[derive(Debug, Clone)]
pub struct Caller {
    identity: Option<Arc<Identity>>,
    address: IpAddr,
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
}

impl Caller {
    /// A caller that nobody asked who it is.
    pub fn open(address: IpAddr) -> Self {
        Self { identity: None, address }
    }

    /// A caller whose credentials have been checked.
    pub fn known(identity: Arc<Identity>, address: IpAddr) -> Self {
        Self { identity: Some(identity), address }
    }

    /// Its name, if it has shown credentials.
    pub fn name(&self) -> Option<&str> {
        self.identity.as_deref().map(|identity| identity.name.as_str())
    }

    /// The address of the other end of its connection, which may be a proxy's.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether it may do what only administrators may. Where nobody is asked who he is, everybody may.
    pub fn is_admin(&self) -> bool {
        self.identity.as_ref().is_none_or(|identity| identity.scopes.iter().any(|scope| scope == ADMIN))
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
        Identity { name: "shop".to_owned(), kinds: kinds.map(owned), scopes: owned(scopes) }
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
            let caller = Caller::known(Arc::new(identity(None, scopes)), address);
            assert_eq!((caller.is_admin(), caller.name()), (expected, Some("shop")), "{scopes:?}");
        }
    }
}
