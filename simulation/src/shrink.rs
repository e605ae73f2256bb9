//! Shortens a script that fails: leaves out parts for as long as it still fails in the same way.

/// `fails` says whether a script still fails.
pub(crate) fn shrink<Operation: Clone>(script: &[Operation], fails: impl Fn(&[Operation]) -> bool) -> Vec<Operation> {
    let mut shortest = script.to_vec();
    let mut length = shortest.len() / 2;
    while length > 0 {
        let mut start = 0;
        let before = shortest.len();
        while start < shortest.len() {
            let mut shorter = shortest.clone();
            shorter.drain(start..(start + length).min(shortest.len()));
            if fails(&shorter) {
                shortest = shorter;
            } else {
                start += length;
            }
        }
        // Tries single operations again until none can be left out.
        if length > 1 || shortest.len() == before {
            length /= 2;
        }
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let script: Vec<u32> = (0..40).collect();
        let needed = [7, 30];
        let shortest = shrink(&script, |script| needed.iter().all(|operation| script.contains(operation)));
        assert_eq!(shortest, needed);
    }
}
