//! When files that have changed are loaded.

/// Notices changes of a state. A new state counts once it is seen twice in a row: a certificate and its key are
/// replaced one at a time, and a file may be written in parts.
#[derive(Debug)]
pub(crate) struct Renewal<S> {
    /// The state that was judged last, whether it could be used or not.
    judged: S,
    seen: Option<S>,
}

impl<S: PartialEq> Renewal<S> {
    /// The start, with this state in force.
    pub(crate) fn new(in_force: S) -> Self {
        Self { judged: in_force, seen: None }
    }

    /// Takes note of the state now. Returns whether it must be judged.
    pub(crate) fn look(&mut self, state: S) -> bool {
        if state == self.judged {
            self.seen = None;
            return false;
        }
        if self.seen.as_ref() != Some(&state) {
            self.seen = Some(state);
            return false;
        }
        self.judged = state;
        self.seen = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_change_is_judged_once_it_stays() {
        let mut renewal = Renewal::new(0);
        let looks = [0, 1, 2, 2, 2, 0, 0, 1, 0, 1, 1];
        let judged = looks.map(|state| renewal.look(state));
        assert_eq!(judged, [false, false, false, true, false, false, true, false, false, false, true]);
    }

    proptest! {
        #[test]
        fn what_is_judged_last_is_what_stays(looks in proptest::collection::vec(0_u8..3, 0..30), last in 0_u8..3) {
            let (mut renewal, mut in_force) = (Renewal::new(0), 0);
            let mut before = None;
            for state in looks.into_iter().chain([last, last]) {
                if renewal.look(state) {
                    prop_assert_eq!(before, Some(state), "seen twice in a row");
                    prop_assert_ne!(state, in_force, "judged only once");
                    in_force = state;
                }
                before = Some(state);
            }
            prop_assert_eq!(in_force, last);
        }
    }
}
