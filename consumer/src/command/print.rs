//! Dead letters as text. What came from clients is escaped, so that it cannot steer a terminal. Pure.

use bson::DateTime;
use contract::dead_letter::LeftOut;

use super::archive::Archived;
use crate::printable::printable;

/// One line. What a letter leaves out comes before its message.
pub(super) fn line(archived: &Archived) -> String {
    let Archived { letter, left_out, timestamp_ms, replay_attempts, .. } = archived;
    let mark = left_out_text(left_out).map_or(String::new(), |text| format!("[without its {text}] "));
    format!(
        "{}/{}  {}  {}  {replay_attempts}  {}  {mark}{}",
        letter.partition,
        letter.offset,
        time(*timestamp_ms),
        letter.reason.as_str(),
        id(archived),
        printable(letter.message.as_bytes())
    )
}

/// Everything known, one line for each part. `missing` is why a letter without its record could not be completed.
pub(super) fn everything(archived: &Archived, missing: Option<&str>) -> String {
    let Archived { letter, left_out, position, timestamp_ms, replay_attempts, key, value, .. } = archived;
    let part = |bytes: &Option<Vec<u8>>, is_kept| match bytes {
        Some(bytes) => printable(bytes),
        None if is_kept || missing.is_none() => "(none)".to_owned(),
        None => "(left out)".to_owned(),
    };
    let size = value.as_ref().map(Vec::len).or(left_out.value_bytes).unwrap_or(0);
    let kept = left_out_text(left_out).map_or(String::new(), |text| {
        let rest = missing.unwrap_or("which is shown from the topic that it came from");
        format!(", without its {text}: {rest}")
    });
    format!(
        "came from        {} {}/{}\nkept at          {}/{}{kept}\ntime             {}\nid               {}\n\
         reason           {}\nmessage          {}\nreplay attempts  {replay_attempts}\nkey              {}\n\
         value            {size} bytes\n{}\n",
        printable(letter.topic.as_bytes()),
        letter.partition,
        letter.offset,
        position.0,
        position.1,
        time(*timestamp_ms),
        id(archived),
        letter.reason.as_str(),
        printable(letter.message.as_bytes()),
        part(key, left_out.form.has_key()),
        part(value, left_out.form.has_value())
    )
}

/// Its id, which is what a client has sent if it is a key.
fn id(archived: &Archived) -> String {
    printable(archived.letter.id.to_string().as_bytes())
}

/// What a letter leaves out, and how large it was.
fn left_out_text(left_out: &LeftOut) -> Option<String> {
    let what = left_out.form.left_out()?;
    Some(match left_out.value_bytes {
        Some(bytes) => format!("{what} of {bytes} bytes"),
        None => what.to_owned(),
    })
}

/// Says what a list does not show, if anything.
pub(super) fn left_out(topic: &str, of_other_topics: u64, unreadable: u64) -> String {
    let mut text = String::new();
    if of_other_topics > 0 {
        text.push_str(&format!("not of the topic {topic}, see KAFKA_TOPIC: {of_other_topics}\n"));
    }
    if unreadable > 0 {
        text.push_str(&format!("without the headers of a dead letter: {unreadable}\n"));
    }
    text
}

/// RFC 3339, or the number for a time that no calendar has.
fn time(timestamp_ms: i64) -> String {
    DateTime::from_millis(timestamp_ms).try_to_rfc3339_string().unwrap_or_else(|_| format!("{timestamp_ms} ms"))
}

#[cfg(test)]
mod tests {
    use contract::dead_letter::{Form, Reason};
    use contract::{DeadLetter, PostId, RecordId};

    use super::*;

    fn archived(value: Option<&[u8]>) -> Archived {
        let id = PostId::from_key(b"6ae2dfe4-1723-5035-a463-d55783a966eb").unwrap();
        let message = "body is not\nvalid JSON".to_owned();
        Archived {
            letter: DeadLetter {
                topic: "post".to_owned(),
                partition: 3,
                offset: 17,
                reason: Reason::Undecodable,
                message,
                id: id.into(),
            },
            left_out: LeftOut::default(),
            position: (0, 5),
            timestamp_ms: 1_700_000_000_123,
            is_own_time: true,
            replay_attempts: 2,
            origin: None,
            key: None,
            value: value.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn a_dead_letter_is_one_line() {
        let expected = "3/17  2023-11-14T22:13:20.123Z  undecodable  2  6ae2dfe4-1723-5035-a463-d55783a966eb  \
                        body is not\\nvalid JSON";
        assert_eq!(line(&archived(None)), expected);
    }

    #[test]
    fn everything_is_shown_and_what_is_not_text_is_escaped() {
        let text = everything(&archived(Some("{\"title\":\"Grüße\u{1b}[2J\"}".as_bytes())), None);
        assert!(text.contains("came from        post 3/17\nkept at          0/5\n"), "{text}");
        assert!(text.contains("replay attempts  2\nkey              (none)\n"), "{text}");
        assert!(text.contains("{\"title\":\"Grüße\\u{1b}[2J\"}"), "{text}");
        assert!(everything(&archived(Some(b"\xff\x00")), None).contains("2 bytes\n\\xff\\x00"));
    }

    #[test]
    fn a_key_steers_no_terminal() {
        let key = "D\u{1b}]0;x\u{7}\r\n\u{9b}2J";
        let mut archived = archived(None);
        archived.letter.id = RecordId::from_text(key);
        let shown = "D\\u{1b}]0;x\\u{7}\\r\\n\\u{9b}2J";
        assert!(line(&archived).contains(&format!("  {shown}  body")), "{}", line(&archived));
        let text = everything(&archived, None);
        assert!(text.contains(&format!("\nid               {shown}\n")), "{text}");
        assert!(!text.replace('\n', "").contains(char::is_control), "{text}");
    }

    #[test]
    fn what_is_left_out_is_said_with_its_size_and_why_it_is_missing() {
        let reduced = |value| {
            let left_out = LeftOut { form: Form::WithoutValue, value_bytes: Some(1_000_000) };
            Archived { left_out, ..archived(value) }
        };
        assert!(line(&reduced(None)).ends_with("66eb  [without its value of 1000000 bytes] body is not\\nvalid JSON"));
        let text = everything(&reduced(Some(b"the original")), None);
        let kept = "kept at          0/5, without its value of 1000000 bytes: which is shown from the topic that it \
                    came from\n";
        assert!(text.contains(kept) && text.contains("value            12 bytes\nthe original\n"), "{text}");
        let text = everything(&reduced(None), Some("retention has removed its record from the topic"));
        assert!(text.contains("1000000 bytes: retention has removed its record from the topic\n"), "{text}");
        assert!(text.contains("key              (none)\nvalue            1000000 bytes\n(left out)\n"), "{text}");
    }
}
