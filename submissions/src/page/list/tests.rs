use uuid::Uuid;

use super::*;
use crate::page::assets::Assets;
use crate::page::frame::Visitor;
use crate::submission::Submission;

const LIMITS: Limits =
    Limits { max_chars: 10_000, rows: 25, stuck_after: Duration::from_secs(30), silence: Duration::from_millis(1750) };

fn submission(status: Status, content: &str) -> Submission {
    Submission {
        id: Uuid::now_v7(),
        content: content.to_owned(),
        status,
        series: 1,
        begun: 1,
        failures: 0,
        losses: 0,
        given_back: 0,
        reason: None,
        is_cached: false,
        created_at: 0,
        started_at: Some(0),
        processed_at: None,
        changed_at: 0,
        run_at: 0,
        owner: None,
    }
}

fn render(view: View, submissions: Vec<Submission>, next: Option<Uuid>, draft: Draft<'_>) -> String {
    render_for(true, view, submissions, next, draft)
}

fn render_for(
    is_admin: bool,
    view: View,
    submissions: Vec<Submission>,
    next: Option<Uuid>,
    draft: Draft<'_>,
) -> String {
    let stats = Stats { in_status: [1_234, 0, 0, 0, 0], stuck: 2, ..Stats::default() };
    let worker = |name: &str, silent: u64| WorkerRow {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        concurrency: 1_000,
        running: 7,
        started_at: 0,
        silent: Duration::from_millis(silent),
    };
    let workers = [worker("lively", 1_750), worker("quiet", 2_000)];
    let page = operations::Page { submissions, next };
    let workers = is_admin.then_some(&workers[..]);
    ListPage { view, page: &page, stats: &stats, workers, draft, now: 31_000 }.render(Frame {
        assets: &Assets::new(),
        limits: &LIMITS,
        visitor: Visitor::default(),
    })
}

/// The parts of the document between these two texts.
fn parts<'d>(document: &'d str, start: &str, end: &str) -> Vec<&'d str> {
    document.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

#[test]
fn contents_are_texts_and_never_markup() {
    let hostile = "<script>alert(1)</script> \"&\u{202e}";
    let draft = Draft { content: hostile, fault: hostile, key: hostile.to_owned() };
    let document = render(View::default(), vec![submission(Status::Processing, hostile)], None, draft);
    assert!(!document.contains("<script>") && !document.contains('\u{202e}'), "{document}");
    assert!(document.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp;\u{fffd}"));
}

#[test]
fn a_row_offers_what_its_status_allows() {
    for (status, offered) in [
        (Status::Pending, &["cancel"][..]),
        (Status::Processing, &["cancel"]),
        (Status::Passed, &[]),
        (Status::Failed, &["retry"]),
        (Status::Cancelled, &["retry"]),
    ] {
        let document = render(View::default(), vec![submission(status, "x")], None, Draft::default());
        let row = parts(&document, "<ul id=\"rows\">", "</ul>")[0];
        let forms = parts(row, "data-action=\"", ">").into_iter().filter(|form| !form.contains("hidden"));
        let seen: Vec<&str> = forms.filter_map(|form| form.split('"').next()).collect();
        assert_eq!(seen, offered, "{status:?} {row}");
        assert_eq!(row.contains(">stuck</strong>"), status == Status::Processing);
    }
}

#[test]
fn the_live_view_has_no_form_that_it_would_empty() {
    let document = render(View { is_live: true, ..View::default() }, Vec::new(), None, Draft::default());
    assert!(!document.contains("<textarea") && document.contains("Stop that"));
    assert!(render(View::default(), Vec::new(), None, Draft::default()).contains("<textarea"));
}

#[test]
fn links_keep_the_filter_and_lead_to_the_older_ones() {
    let (after, next) = (Uuid::now_v7(), Uuid::now_v7());
    let view = View { status: Some(Status::Failed), after: Some(after), is_live: false };
    let document = render(view, vec![submission(Status::Failed, "x")], Some(next), Draft::default());
    for link in [format!("./?status=FAILED&amp;after={next}"), "./?status=FAILED".to_owned(), "./".to_owned()] {
        assert!(document.contains(&format!("href=\"{link}\"")), "{link} {document}");
    }
    assert_eq!(parts(&document, "aria-current=\"true\"", "</a>").len(), 1);
    assert!(document.contains(">1,234</span>"));
}

#[test]
fn workers_and_what_is_stuck_are_for_administrators() {
    for (is_admin, expected) in [(true, 1), (false, 0)] {
        let document = render_for(is_admin, View::default(), Vec::new(), None, Draft::default());
        for part in ["id=\"workers\"", "id=\"worker\"", "id=\"stuck\"", ">lively<"] {
            assert_eq!(document.matches(part).count(), expected, "{part}");
        }
    }
}

#[test]
fn only_a_silent_worker_is_marked() {
    let document = render(View::default(), Vec::new(), None, Draft::default());
    let workers = parts(&document, "<ul id=\"workers\">", "</ul>")[0];
    let rows = parts(workers, "<li>", "</li>");
    let is_marked = |row: &&str| row.contains("data-with=\"silent\">silent");
    assert_eq!(rows.iter().map(is_marked).collect::<Vec<_>>(), [false, true], "{workers}");
    assert!(rows[0].contains(">7</span> of <span data-field=\"concurrency\">1,000</span>"), "{workers}");
}
