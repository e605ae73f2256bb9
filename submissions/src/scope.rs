//! Whose submissions somebody may see and change.

use std::sync::Arc;

use service::auth::Caller;

/// What a question or a change can reach. What is beyond it is answered as if it did not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every submission.
    All,
    /// Those of this owner.
    Of(Arc<str>),
}

impl Scope {
    /// What this caller can reach: its own; everything where nobody is asked who he is, or with the scope `admin`.
    pub(crate) fn of(caller: &Caller) -> Self {
        match caller.name() {
            Some(name) if !caller.is_admin() => Scope::Of(name.into()),
            Some(_) | None => Scope::All,
        }
    }

    /// Whether it reaches a submission of this owner. One without an owner was submitted while nobody was asked.
    pub fn reaches(&self, owner: Option<&str>) -> bool {
        match self {
            Scope::All => true,
            Scope::Of(own) => owner == Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_scope_is_its_own_and_nothing_without_an_owner() {
        let shop = Scope::Of("shop".into());
        for (owner, expected) in [(Some("shop"), true), (Some("shop2"), false), (Some("Shop"), false), (None, false)] {
            assert_eq!(shop.reaches(owner), expected, "{owner:?}");
            assert!(Scope::All.reaches(owner));
        }
        assert_eq!(Scope::of(&Caller::open([127, 0, 0, 1].into())), Scope::All);
    }
}
