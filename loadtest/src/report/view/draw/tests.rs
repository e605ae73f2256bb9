use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::load::generator::tally::Tally;
use crate::pipeline::news::News;
use crate::report::view::model::tests::{model, second};

/// The screen's lines.
fn screen(model: &ViewModel, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame.buffer_mut(), model)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(line).collect()
}

/// Half a minute in which the tenth second is slow.
fn busy() -> ViewModel {
    let mut model = model();
    for second_of in 1..=20 {
        let latencies: Vec<u64> = (0..1_000).map(|n| if n % 97 == 0 { 40 } else { 4 }).collect();
        let slow: Vec<u64> = (0..1_000).map(|n| 30 + n).collect();
        model.note(second(second_of, if second_of == 10 { &slow } else { &latencies }, second_of * 990));
    }
    model
}

#[test]
fn a_screen_of_80_by_24_has_all_of_it() {
    let mut model = busy();
    model.note(News::Line("the consumer is not ready yet".to_owned()));
    let screen = screen(&model, 80, 24);
    for line in [
        "run 00ab12cd   300 users, think time 1 s                                 q stops",
        "rates     accepted   1,000/s   stored     990/s   sent   1,000/s",
        "latency   p50   4.0 ms   p95   4.0 ms   p99  40.0 ms   max  40.0 ms",
        "  so far  p50   4.0 ms   p95  40.0 ms   p99   829 ms   max  1029 ms",
        "ledger    accepted 20,000   unknown 0   rejected 0   not connected 0",
        "pipeline  stored 19,800   lag 7   as the consumer reports",
        "latency: posts from · less ░ 1 % ▒ 10 % ▓ 30 % █ 60 %",
        "   2 s │         ░",
        " 50 ms │░░░░░░░░░░░░░░░░░░░░",
        "  5 ms │█████████ ██████████",
        "        the last 20 s",
        "the consumer is not ready yet",
    ] {
        assert!(screen.iter().any(|found| found == line), "`{line}` in\n{}", screen.join("\n"));
    }
    assert!(screen[1].starts_with("██████") && screen[1].ends_with("░ 20 of 30 s"), "{}", screen[1]);
    assert_eq!(screen.last().unwrap(), "the consumer is not ready yet");
}

#[test]
fn a_screen_of_40_by_10_has_what_matters() {
    let mut model = busy();
    model.note(News::Line("the consumer is not ready yet, and has not been for some time".to_owned()));
    let screen = screen(&model, 40, 10);
    for line in [
        "accepted   1,000/s  stored     990/s",
        "p50   4.0 ms  p95   4.0 ms  p99  40.0 ms",
        "accepted 20,000  unknown 0  rejected 0",
        "stored 19,800  lag 7",
        "the consumer is not ready yet, and has n",
    ] {
        assert!(screen.iter().any(|found| found == line), "`{line}` in\n{}", screen.join("\n"));
    }
}

#[test]
fn a_screen_of_200_by_60_has_a_row_for_every_range() {
    let screen = screen(&busy(), 200, 60);
    assert!(screen.iter().any(|line| line.starts_with("100 ms │")), "{}", screen.join("\n"));
    assert!(screen[0].ends_with("q stops") && screen[0].chars().count() == 200);
}

#[test]
fn trouble_comes_first_and_has_a_mark() {
    let mut model = busy();
    model.note(News::FaultBegins("store-kill", Duration::from_millis(2_500)));
    let mut part = Tally::default();
    part.outcomes.not_connected = 3;
    let News::Second(mut lost) = second(21, &[4], 100) else { panic!("no second") };
    lost.part.merge(&part);
    model.note(News::Second(lost));
    let screen = screen(&model, 40, 24);
    for line in ["accepted 20,001  ! not connected 3", "▼ store-kill for 2.5 s", "fault: store-kill, for 2.5 s"] {
        assert!(screen.iter().any(|found| found == line), "`{line}` in\n{}", screen.join("\n"));
    }
    assert!(screen.iter().any(|line| line == "failed │                    ×"), "{}", screen.join("\n"));
    assert!(screen.iter().any(|line| line == " fault │                    ▼"), "{}", screen.join("\n"));
}

#[test]
fn the_drain_has_a_bar() {
    let mut model = busy();
    model.note(News::LoadEnded(Box::default()));
    model.note(News::Status("waiting until all is stored, lag 200".to_owned()));
    let screen = screen(&model, 80, 24);
    assert!(screen[1].ends_with(" waiting until all is stored, lag 200") && screen[1].starts_with("███"), "{screen:?}");
    assert!(!screen[0].contains("q stops"));
}

#[test]
fn no_size_is_too_small() {
    let mut model = busy();
    (0..30).for_each(|n| model.note(News::Line(format!("message {n}"))));
    for width in [1, 2, 7, 8, 9, 20, 63, 64, 65] {
        for height in 1..30 {
            assert_eq!(screen(&model, width, height).len(), usize::from(height));
        }
    }
}
