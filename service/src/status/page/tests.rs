use proptest::prelude::*;
use tracing::Level;

use super::*;

/// A page on which everything that comes from outside is this text.
fn page_of(text: &str, settings: &[Variable]) -> String {
    render(&Page {
        name: "producer",
        version: "0.1.0",
        uptime: Duration::from_secs(3_720),
        at: "2026-11-21T17:40:05.123456Z",
        is_refreshing: true,
        state: PageState::NotReady,
        conditions: vec![("Kafka".to_owned(), Err(text.to_owned())), ("MongoDB".to_owned(), Ok(()))],
        counted: "Posts accepted",
        rates: vec![1.0, 2.0],
        report: Report {
            figures: vec![Figure { name: "In flight".into(), value: text.to_owned(), note: text.to_owned() }],
            tables: vec![Table {
                title: "Partitions".into(),
                columns: &["Partition", "Posts", "End offset", "Lag"],
                rows: vec![vec![
                    Cell::Text(text.to_owned()),
                    Cell::Alarm(text.to_owned()),
                    Cell::count(Some(12_345)),
                    Cell::Unknown,
                ]],
                if_empty: "none",
                note: "once a second",
            }],
        },
        errors: vec![RecentError {
            level: Level::WARN,
            text: text.to_owned(),
            count: 3,
            at: "2026-11-21T17:39:00.000000Z".to_owned(),
        }],
        settings,
    })
}

fn variable(value: &str) -> Variable {
    Variable {
        name: "KAFKA_BROKER",
        default: "localhost:9092".to_owned(),
        value: value.to_owned(),
        meaning: "",
        in_kafka: None,
        is_secret: false,
    }
}

#[test]
fn it_says_what_it_is_given() {
    let html = page_of("no answer", &[variable("kafka:29092"), variable("localhost:9092")]);
    for part in [
        "<title>producer: not ready</title>",
        "<h1>Not ready</h1>",
        "<strong>Kafka</strong> no answer<",
        "<strong>MongoDB</strong> OK<",
        "up 1 h 2 min",
        "<h2>Posts accepted per second</h2><p class=\"big\">1.5 <small>average 1.5<br>highest 2.0</small>",
        "<th scope=\"row\">no answer</th>",
        "<td class=\"number\">12,345</td><td><abbr title=\"unknown\">–</abbr></td>",
        "<strong>WARN</strong> <time datetime=\"2026-11-21T17:39:00Z\">2026-11-21 17:39:00 UTC</time> \
         <span>3 times</span>",
        "<dt>KAFKA_BROKER</dt><dd><strong>kafka:29092</strong> <small>default localhost:9092</small></dd>",
        "<dt>KAFKA_BROKER</dt><dd>localhost:9092</dd>",
        "<p class=\"note\">once a second</p>",
        "<a href=\"?still\">",
    ] {
        assert!(html.contains(part), "{part} in\n{html}");
    }
}

#[test]
fn it_says_when_there_is_nothing() {
    let html = render(&Page {
        name: "consumer",
        version: "0.1.0",
        uptime: Duration::ZERO,
        at: "2026-11-21T17:40:05.123456Z",
        is_refreshing: false,
        state: PageState::Stopping,
        conditions: vec![],
        counted: "Documents stored",
        rates: vec![],
        report: Report {
            figures: vec![],
            tables: vec![Table {
                title: "Partitions".into(),
                columns: &[],
                rows: vec![],
                if_empty: "No partition is held.",
                note: "",
            }],
        },
        errors: vec![],
        settings: &[],
    });
    for part in
        ["<h1>Stopping</h1>", "No partition is held.", "None in the log", "<p class=\"big\">0 <", "href=\"status\""]
    {
        assert!(html.contains(part), "{part} in\n{html}");
    }
}

#[test]
fn nothing_can_turn_the_direction_of_the_page() {
    let html = page_of("a\u{202e}b\u{1b}[31m", &[]);
    assert!(html.contains("<strong>Kafka</strong> a\u{fffd}b\u{fffd}[31m<") && !html.contains('\u{202e}'), "{html}");
}

/// The page's tags and nothing else, attributes included.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0).collect()
}

proptest! {
    #[test]
    fn whatever_comes_from_outside_the_tags_stay_the_same(
        text in prop_oneof![
            any::<String>(),
            r#"[<>"'&=/! a-z-]{0,40}"#,
            Just("</style></title><script>alert(1)</script><!--".to_owned()),
        ]
    ) {
        // Neither the default nor empty, which have tags of their own.
        let (hostile, harmless) = (format!("x{text}"), "harmless");
        let (with, without) =
            (page_of(&hostile, &[variable(&hostile)]), page_of(harmless, &[variable(harmless)]));
        prop_assert_eq!(tags(&with), tags(&without));
    }
}
