use hyper::header::HeaderName;

use super::*;

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let line =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    lines.iter().map(line).collect()
}

fn sessions(is_secure: bool) -> Sessions {
    let key = Some(Secret::text(&"1f".repeat(32)));
    Sessions::new(&SessionConfig { key, is_secure }).unwrap()
}

fn sealed(sessions: &Sessions, until: u64) -> String {
    let value = sessions.with_key(|key| key.seal(b"sk_1", until).ok()).unwrap();
    format!("{}={value}", sessions.cookie_name())
}

#[test]
fn a_cookie_is_found_by_its_name_and_once() {
    for (cookies, expected) in [
        (&[][..], Ok(None)),
        (&["session=a"], Ok(Some("a"))),
        (&["a=1; session=b=c ;d"], Ok(Some("b=c"))),
        (&["other=1", " session = x"], Ok(Some("x"))),
        (&["sessions=a; asession=b; session"], Ok(None)),
        (&["session="], Ok(Some(""))),
        (&["session=a; session=a"], Err(Twice)),
        (&["session=a", "session=b"], Err(Twice)),
    ] {
        let lines: Vec<_> = cookies.iter().map(|cookie| ("cookie", *cookie)).collect();
        let expected = expected.map(|value: Option<&str>| value.map(str::as_bytes));
        assert_eq!(find(&headers(&lines), "session"), expected, "{cookies:?}");
    }
}

#[test]
fn a_cookie_counts_only_for_a_request_of_this_site() {
    let sessions = sessions(false);
    let cookie = sealed(&sessions, u64::MAX);
    let own: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];
    let by_origin: &[(&str, &str)] = &[("host", "a.example"), ("origin", "https://a.example")];
    let other: &[(&str, &str)] = &[("host", "a.example"), ("origin", "https://b.example")];
    let link: &[(&str, &str)] = &[("sec-fetch-site", "same-site")];
    let script: &[(&str, &str)] = &[("sec-fetch-site", "same-site"), ("origin", "https://b.a.example")];
    let (crosses, missing) = (Err(Denial::CrossSite), Err(Denial::NoCredential));
    for (method, lines, expected) in [
        (Method::GET, &[][..], Ok(())),
        (Method::HEAD, link, Ok(())),
        (Method::GET, own, Ok(())),
        (Method::GET, by_origin, Ok(())),
        (Method::GET, other, missing),
        (Method::GET, script, missing),
        (Method::POST, own, Ok(())),
        (Method::POST, by_origin, Ok(())),
        (Method::POST, &[], crosses),
        (Method::POST, &[("sec-fetch-site", "none")], crosses),
        (Method::POST, other, crosses),
        (Method::POST, link, crosses),
        (Method::POST, script, crosses),
        (Method::POST, &[("origin", "null")], crosses),
        (Method::DELETE, &[], crosses),
    ] {
        let all = headers(&[&[("cookie", cookie.as_str())][..], lines].concat());
        assert_eq!(sessions.credential(&method, &all).map(drop), expected, "{method} {lines:?}");
    }
    assert_eq!(sessions.credential(&Method::GET, &headers(own)), missing.map(|()| Vec::new()));
}

#[test]
fn what_cannot_be_opened_is_a_session_that_is_over() {
    let own = sessions(false);
    let cookie = sealed(&own, u64::MAX);
    let foreign = SessionKey::random().unwrap().seal(b"sk_1", u64::MAX).unwrap();
    let credential =
        |sessions: &Sessions, cookie: &str| sessions.credential(&Method::GET, &headers(&[("cookie", cookie)]));
    assert_eq!(credential(&own, &cookie), Ok(b"sk_1".to_vec()));
    for wrong in [
        "ingest-session=",
        "ingest-session=sk_1",
        &cookie[..cookie.len() - 1],
        &cookie.replace("ingest-session=", "ingest-session=A"),
        &sealed(&own, now()),
        &format!("ingest-session={foreign}"),
        &format!("{cookie}; {cookie}"),
    ] {
        assert_eq!(credential(&own, wrong), Err(Denial::Session), "{wrong}");
    }
    // Over TLS the cookie has another name, which no page in the clear can set.
    let secure = sessions(true);
    assert_eq!(credential(&secure, &cookie), Err(Denial::NoCredential));
    assert_eq!(credential(&secure, &sealed(&secure, u64::MAX)), Ok(b"sk_1".to_vec()));
}

#[test]
fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    let shown = |sessions: Sessions| sessions.cookie("v", 60).unwrap();
    let cookie = shown(sessions(false));
    assert_eq!(cookie, "ingest-session=v; Max-Age=60; Path=/; HttpOnly; SameSite=Strict");
    assert_eq!(format!("{cookie:?}"), "Sensitive");
    let secure = "__Host-ingest-session=v; Max-Age=60; Path=/; HttpOnly; SameSite=Strict; Secure";
    assert_eq!(shown(sessions(true)), secure);
}

#[test]
fn a_file_with_the_key_may_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, "1f".repeat(32)).unwrap();
    let sessions = Sessions::new(&SessionConfig { key: Some(Secret::file(&path)), is_secure: false }).unwrap();
    let all = headers(&[("cookie", &sealed(&sessions, u64::MAX))]);
    assert!(sessions.credential(&Method::GET, &all).is_ok());
    for other in ["2f".repeat(32), "1f".to_owned(), String::new()] {
        std::fs::write(&path, other).unwrap();
        assert_eq!(sessions.credential(&Method::GET, &all), Err(Denial::Session));
    }
}

#[test]
fn a_key_that_cannot_be_used_is_named_and_not_shown() {
    for (set, expected) in [
        (None, vec![]),
        (Some("1f".repeat(32)), vec![]),
        (Some("hunter2".to_owned()), vec!["SESSION_KEY: must be 32 bytes, as 64 hexadecimal digits or base64"]),
    ] {
        let lookup = |name: &str| set.clone().filter(|_| name == "SESSION_KEY");
        let mut settings = Settings::new(&lookup);
        SessionConfig::read(&mut settings, false);
        let errors: Vec<String> = settings.finish().1.iter().map(ToString::to_string).collect();
        assert_eq!(errors, expected);
    }
}
