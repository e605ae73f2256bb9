//! The proof against pipelines that lie: a small one answers the real program, fills a real store, and lies about one
//! post in two thousand. Each lie is found and named, and the honest pipeline passes.

use std::path::Path;
use std::process::Output;

use bson::{Bson, DateTime, Document, doc};
use futures_util::StreamExt;
use tokio::process::Command;

use crate::room::Room;
use lies::{LIES, Lie, NamedLie};
use pipeline::SmallPipeline;
use records::dead_letters;

mod lies;
mod pipeline;
mod records;

/// 2,100 posts, however long they take: no post of the open model is left out.
const LOAD: [&str; 10] =
    ["--rate", "1500", "--duration", "1400ms", "--vus", "64", "--sample-share", "0", "--threshold", "failed<1%"];

/// A change of a document.
type Change = fn(&mut Document);

impl SmallPipeline {
    async fn loadtest(&self, arguments: &[&str], report: &Path) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(arguments).envs([
            ("KAFKA_BROKER", stack::shared().await.kafka_broker()),
            ("KAFKA_TOPIC", &self.name),
            ("KAFKA_GROUP", &self.name),
            ("DLQ_TOPIC", &dead_letters(&self.name)),
            ("MONGO_URI", &self.mongo_uri),
        ]);
        if arguments[0] != "verify" {
            command.arg("--report").arg(report);
        }
        command.kill_on_drop(true).output().await.unwrap()
    }

    /// Sends it posts, and returns what the lab says.
    async fn judged(&self, more: &[&str]) -> Output {
        let report = tempfile::tempdir().unwrap();
        let arguments = [&["run", "--target", &self.url][..], &LOAD, more].concat();
        self.loadtest(&arguments, report.path()).await
    }
}

fn an_hour_earlier(document: &mut Document) {
    let date = document.get_datetime("createdAt").unwrap().timestamp_millis() - 3_600_000;
    document.insert("createdAt", DateTime::from_millis(date));
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What is wrong with the verdict on a lie, if anything is.
async fn unnoticed((lie, options, words): NamedLie) -> Option<String> {
    let pipeline = SmallPipeline::start(stack::shared().await, Some(lie), lie.needs_records()).await;
    let audit_log = ["--audit-log-file", pipeline.audit_log.to_str().unwrap()];
    let audit_log = if lie.is_about_audit() { &audit_log[..] } else { &[] };
    let output = pipeline.judged(&[options, audit_log].concat()).await;
    let mut text = text(&output);
    let mut absent: Vec<&str> = words.iter().filter(|words| !text.contains(**words)).copied().collect();
    if output.status.code() != Some(99) {
        absent.push("exit code 99");
    }
    if lie == Lie::CommitsAhead {
        // The group says that all is finished. Nothing but the records themselves shows that it is not.
        let output = pipeline.loadtest(&["verify"], Path::new("")).await;
        let verified = self::text(&output);
        if output.status.code() != Some(99) || !verified.contains("missing                  1") {
            absent.push("a missing record in verify");
            text.push_str(&verified);
        }
    }
    (!absent.is_empty()).then(|| format!("{lie:?} without {absent:?}:\n{text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_pipeline_passes() {
    let _room = Room::shared();
    for has_records in [false, true] {
        let pipeline = SmallPipeline::start(stack::shared().await, None, has_records).await;
        let audit_log = pipeline.audit_log.to_str().unwrap();
        let options = ["--hostile-share", "0.5", "--invalid-share", "0.1", "--audit-log-file", audit_log];
        let output = pipeline.judged(&options).await;
        assert!(output.status.success(), "{}", text(&output));
        for found in ["ok      changed==0", "ok      not_audited==0"] {
            assert!(text(&output).contains(found), "{}", text(&output));
        }
        if has_records {
            let output = pipeline.loadtest(&["verify"], Path::new("")).await;
            assert!(output.status.success(), "{}", text(&output));
            assert!(text(&output).contains("changed                  0"), "{}", text(&output));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lie_about_one_post_in_two_thousand_is_named() {
    let _room = Room::alone();
    let found = futures_util::stream::iter(LIES).map(unnoticed).buffer_unordered(4);
    let unnoticed: Vec<String> = found.filter_map(std::future::ready).collect().await;
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_a_document_after_the_run_is_named() {
    let _room = Room::shared();
    let pipeline = SmallPipeline::start(stack::shared().await, None, false).await;
    let folder = tempfile::tempdir().unwrap();
    let shares = ["1", "2"].map(|share| folder.path().join(share));
    // Only a part of a run leaves the store unread until its parts are merged.
    for (share, directory) in ["1/2", "2/2"].iter().zip(&shares) {
        let part = ["run", "--target", &pipeline.url, "--run", "00ab12cd", "--share", share];
        let output = pipeline.loadtest(&[&part[..], &LOAD].concat(), directory).await;
        assert!(output.status.success(), "{}", text(&output));
    }
    let title = doc! { "title": "load 00ab12cd 700" };
    let posts = pipeline.posts.clone_with_type::<Document>();
    let honest = posts.find_one(title.clone()).await.unwrap().unwrap();
    let merged = async |change: Change| {
        let mut document = honest.clone();
        change(&mut document);
        posts.delete_one(doc! { "_id": honest.get("_id").unwrap().clone() }).await.unwrap();
        posts.insert_one(document).await.unwrap();
        let directories = shares.each_ref().map(|directory| directory.to_str().unwrap());
        let merge = ["merge", directories[0], directories[1], "--threshold", "failed<1%"];
        pipeline.loadtest(&merge, &folder.path().join("merged")).await
    };
    let output = merged(|_| {}).await;
    assert!(output.status.success(), "{}", text(&output));
    let changes: [(Change, &str); 5] = [
        (|document| drop(document.insert("content", "something else")), "content from character 1\n"),
        (|document| drop(document.insert("more", Bson::Null)), "more is not in a post"),
        (|document| drop(document.remove("content")), "content is not there"),
        (|document| drop(document.insert("createdAt", "today")), "createdAt is no date\n"),
        (an_hour_earlier, "createdAt is 3"),
    ];
    for (change, named) in changes {
        let output = merged(change).await;
        assert_eq!(output.status.code(), Some(99), "{}", text(&output));
        assert!(text(&output).contains(&format!("Changed, number 700: {named}")), "{named} in {}", text(&output));
    }
    let output = merged(|_| {}).await;
    assert!(output.status.success(), "{}", text(&output));
}
