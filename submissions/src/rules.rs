//! The rule that a submission's content is judged by.

/// The version of the rule. It changes with the rule, so that no answer of an older one is given again.
pub const RULE_VERSION: i16 = 1;

/// The fewest characters of a content that passes.
pub const MIN_CHARS: usize = 10;

/// What the rule says of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Passed,
    /// It is not, for this reason.
    Failed(String),
}

/// Judges a content: at least [`MIN_CHARS`] characters, and at least one ASCII digit among them.
pub fn judge(content: &str) -> Verdict {
    let chars = content.chars().take(MIN_CHARS).count();
    let is_long_enough = chars == MIN_CHARS;
    let has_digit = content.bytes().any(|byte| byte.is_ascii_digit());
    let mut reasons = Vec::new();
    if !is_long_enough {
        reasons.push(format!("has {chars} of at least {MIN_CHARS} characters"));
    }
    if !has_digit {
        reasons.push("has no digit".to_owned());
    }
    if reasons.is_empty() { Verdict::Passed } else { Verdict::Failed(format!("content {}", reasons.join(" and "))) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_conditions_count_and_both_are_named() {
        for (content, verdict) in [
            ("0123456789", Verdict::Passed),
            ("ten letters and 1 digit", Verdict::Passed),
            ("äöüäöüäöü1", Verdict::Passed),
            ("äöüäöüäö1", Verdict::Failed("content has 9 of at least 10 characters".to_owned())),
            ("letters alone", Verdict::Failed("content has no digit".to_owned())),
            ("", Verdict::Failed("content has 0 of at least 10 characters and has no digit".to_owned())),
            ("Arabic digit ٣", Verdict::Failed("content has no digit".to_owned())),
        ] {
            assert_eq!(judge(content), verdict, "{content}");
        }
    }

    proptest! {
        #[test]
        fn the_verdict_follows_from_length_and_digits(content in ".{0,30}") {
            let passes = content.chars().count() >= 10 && content.chars().any(|c| c.is_ascii_digit());
            prop_assert_eq!(judge(&content) == Verdict::Passed, passes);
        }
    }
}
