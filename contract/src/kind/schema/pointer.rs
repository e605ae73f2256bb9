//! JSON pointers (RFC 6901), which name a place in a record or in a kind's file.

/// The pointer with one more step.
pub(super) fn joined(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// The steps of a pointer; `None` if it is not one.
pub(super) fn steps(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    pointer.strip_prefix('/')?.split('/').map(unescaped).collect()
}

fn unescaped(step: &str) -> Option<String> {
    let escapes = step.match_indices('~');
    let are_known = escapes.into_iter().all(|(at, _)| matches!(step.as_bytes().get(at + 1), Some(b'0' | b'1')));
    are_known.then(|| step.replace("~1", "/").replace("~0", "~"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pointer_reads_back_as_its_steps(of in prop::collection::vec("[a/~01]{0,6}|\\PC{0,4}", 0..5)) {
            let pointer = of.iter().fold(String::new(), |pointer, step| joined(&pointer, step));
            prop_assert_eq!(steps(&pointer), Some(of));
        }
    }

    #[test]
    fn what_is_not_a_pointer_has_no_steps() {
        for text in ["a", "#/a", "/~", "/~2", "/a~"] {
            assert_eq!(steps(text), None, "{text}");
        }
    }
}
