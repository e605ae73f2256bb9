//! MongoDB's `ping` command as an `OP_MSG`.

const OP_MSG: i32 = 2013;
const REQUEST_ID: i32 = 7;

/// `{ping: 1, $db: "admin"}`, without its leading length.
const PING: &[u8] = b"\x10ping\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0\0";

/// The element `ok: 1.0` of the answer's document.
const OK: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";

pub(super) fn request() -> Vec<u8> {
    let document = [&(PING.len() as i32 + 4).to_le_bytes(), PING].concat();
    let mut message = Vec::new();
    message.extend(REQUEST_ID.to_le_bytes());
    message.extend(0_i32.to_le_bytes()); // answers no other message
    message.extend(OP_MSG.to_le_bytes());
    message.extend(0_i32.to_le_bytes()); // no flags
    message.push(0); // one document follows
    message.extend(document);
    [&(message.len() as i32 + 4).to_le_bytes(), message.as_slice()].concat()
}

/// The length that precedes an answer includes itself.
pub(super) fn rest_of_answer(prefix: [u8; 4]) -> usize {
    (u32::from_le_bytes(prefix) as usize).saturating_sub(4)
}

pub(super) fn is_ready(answer: &[u8]) -> bool {
    answer.windows(OK.len()).any(|part| part == OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_counts_itself_and_its_document() {
        let request = request();
        assert_eq!(request.len(), 51);
        assert_eq!(request[..4], 51_i32.to_le_bytes());
        assert_eq!(request[21..25], 30_i32.to_le_bytes());
        assert_eq!(request[12..16], 2013_i32.to_le_bytes());
    }

    #[test]
    fn only_ok_is_ready() {
        assert!(is_ready(b"\x11\0\0\0\x01ok\0\0\0\0\0\0\0\xf0\x3f\0"));
        assert!(!is_ready(b"\x11\0\0\0\x01ok\0\0\0\0\0\0\0\0\0\0"));
        assert!(!is_ready(b""));
    }
}
