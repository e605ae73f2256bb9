//! A few posts, about which one thing is asked.

use super::*;

#[test]
fn what_is_changed_is_counted_at_once_and_says_how() {
    let (run, key) = (RunId::fresh(), PostId::fresh().to_key());
    let bodies = Bodies::new(run, 1, Shape::default());
    let mut ledger = Ledger::default();
    for n in 0..3 {
        let reply = Reply::Accepted(id(n));
        ledger.answered(SentPost { n, reply, was_unknown: false, sent_ms: START_MS, ended_ms: START_MS + ANSWER_MS });
    }
    let strictness = Strictness { may_lack_ids: false, is_own_store: true, clock_skew: CLOCK_SKEW };
    let plan = RunPlan::of_posts(run, 1, Shape::default());
    let mut reconciliation = Reconciliation::begin(ledger, ExpectedPosts::new(plan, Layout::Whole), strictness);
    assert_eq!(reconciliation.changed(), Some(0));
    let skew_ms = CLOCK_SKEW.as_millis() as i64;
    let dates = [START_MS - skew_ms, START_MS - 2_500, START_MS + ANSWER_MS + 7_000];
    for (n, date) in (0..).zip(dates) {
        let texts = bodies.texts(n).unwrap();
        let document = doc! {
            "_id": document::encode_id(id(n)),
            "title": texts.title,
            "content": texts.content,
            "createdAt": bson::DateTime::from_millis(date),
        };
        reconciliation.document(&RawDocumentBuf::try_from(&document).unwrap());
    }
    assert_eq!(reconciliation.changed(), Some(2));
    for value in [None, Some(&b"of somebody else"[..])] {
        reconciliation.dead_letter(LetterRecord { key: Some(&key), value, headers: None });
    }
    let folder = tempfile::tempdir().unwrap();
    let log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap().finish().unwrap();
    while reconciliation.needs_another_pass(&log).unwrap() {
        assert_eq!(reconciliation.changed(), None, "the closer look does not count again");
    }
    let reconciled = reconciliation.finish();
    assert_eq!((reconciled.documents, reconciled.letters), (3, 2));
    let differs = reconciled.findings.iter().filter_map(|finding| Some((finding.n?, finding.differs.as_deref()?)));
    let (early, late) = ("2.5 s before the request", "7.0 s after the answer");
    let expected = [(1, early), (2, late)].map(|(n, off)| (n, format!("createdAt is {off} (--clock-skew)")));
    assert_eq!(differs.map(|(n, differs)| (n, differs.to_owned())).collect::<Vec<_>>(), expected);
}

#[test]
fn a_post_that_breaks_a_rule_must_not_be_stored_whatever_its_client_knows() {
    let run = RunId::fresh();
    for (invalid_share, unexpected) in [(0.0, 0), (1.0, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap().finish().unwrap();
        let texts = Bodies::new(run, 1, Shape::default()).texts(0).unwrap();
        let stored = doc! {
            "_id": document::encode_id(id(0)), "title": texts.title, "content": texts.content,
            "createdAt": bson::DateTime::from_millis(START_MS),
        };
        let mut ledger = Ledger::default();
        let reply = Reply::Unknown;
        ledger.answered(SentPost { n: 0, reply, was_unknown: true, sent_ms: START_MS, ended_ms: START_MS });
        let plan = RunPlan::of_posts(run, 1, Shape { invalid_share, ..Shape::default() });
        let strictness = Strictness { may_lack_ids: false, is_own_store: true, clock_skew: CLOCK_SKEW };
        let mut reconciliation = Reconciliation::begin(ledger, ExpectedPosts::new(plan, Layout::Whole), strictness);
        loop {
            reconciliation.document(&RawDocumentBuf::try_from(&stored).unwrap());
            if !reconciliation.needs_another_pass(&log).unwrap() {
                break;
            }
        }
        let reconciled = reconciliation.finish();
        assert_eq!(lied(&reconciled.counts), [0, 0, 0, unexpected, 0]);
        let named: Vec<_> = reconciled.findings.iter().filter_map(|finding| finding.differs.as_deref()).collect();
        assert_eq!(named, vec!["it breaks a rule on purpose"; unexpected as usize]);
    }
}
