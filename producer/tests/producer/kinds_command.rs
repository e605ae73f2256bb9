//! `producer kinds`, and what the program says about a directory of kinds that it cannot use.

use crate::program::run;

const READING: &str = include_str!("../../../examples/kinds/reading.json");

#[tokio::test]
async fn the_kinds_are_listed_and_their_files_checked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    std::fs::write(directory.path().join("reading.json"), READING).unwrap();
    let (code, list, _) = run(&["kinds"], &[("KINDS_DIR", path), ("READING_KAFKA_TOPIC", "other")]).await;
    let line = list.lines().find(|line| line.starts_with("reading ")).unwrap().split_whitespace();
    assert_eq!(
        (code, line.take(4).collect::<Vec<_>>()),
        (0, vec!["reading", "/api/readings", "/api/readings/bulk", "other"])
    );
    let (code, checked, _) = run(&["kinds", "check", path], &[]).await;
    let expected = "reading: POST /api/readings → topic readings → collection readings (insert)\n";
    assert_eq!((code, checked.as_str()), (0, expected));

    std::fs::write(directory.path().join("a.json"), READING.replace("\"insert\"", "\"upsert\"")).unwrap();
    std::fs::write(directory.path().join("b.json"), "{").unwrap();
    let expected = ["a.json: /key is required", "b.json: is not valid JSON: it ends too early or is empty"];
    let (code, _, errors) = run(&["kinds", "check", path], &[]).await;
    assert_eq!((code, errors.lines().collect::<Vec<_>>()), (1, expected.to_vec()));
    let (code, _, errors) = run(&[], &[("KINDS_DIR", path), ("PORT", "x")]).await;
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!((code, lines.len()), (64, 3), "{errors}");
    for error in expected {
        assert!(lines.contains(&format!("producer: KINDS_DIR: {error}").as_str()), "{errors}");
    }
    let (code, _, _) = run(&["kinds", "check", "/nowhere/at/all"], &[]).await;
    assert_eq!(code, 1);
    let (code, _, _) = run(&["kinds", "list"], &[]).await;
    assert_eq!(code, 64);
}
