//! A store is opened by many processes at once, again and again, and what is wrong is said in words.

use std::time::Duration;

use futures_util::future::join_all;
use service::secrets::Secret;
use sqlx::Connection;
use submissions::scope::Scope;
use submissions::store::{Listing, open};

use crate::stores::{Fresh, HOUR, claim_one, create, database, join, new, of, passed, settle};

with_both_stores!(
    what_was_stored_is_there_when_it_is_opened_again,
    a_newer_schema_is_no_obstacle,
    a_database_of_the_first_version_gets_owners,
    a_closed_store_fails_at_once,
);

async fn what_was_stored_is_there_when_it_is_opened_again(store: Fresh) {
    let ids = create(&**store, 3).await;
    let worker = join(&**store).await;
    let job = store.claim(worker, 1).await.unwrap().remove(0);
    store.close().await;
    let store = store.other().await;
    // The lease outlives the process that took it.
    assert!(settle(&*store, &job, passed()).await);
    assert_eq!(store.stats(&Scope::All, HOUR).await.unwrap().in_status, [2, 0, 1, 0, 0]);
    let claimed = store.claim(worker, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|job| job.lease.id).collect::<Vec<_>>(), ids[1..]);
}

async fn a_newer_schema_is_no_obstacle(store: Fresh) {
    run(&store.url, "INSERT INTO submissions_schema (version, at) VALUES (99, 0)").await;
    let other = store.other().await;
    create(&*other, 1).await;
    let worker = join(&**store).await;
    claim_one(&**store, worker).await;
}

/// The first version of each schema, and how it stores a submission.
const FIRST: [[&str; 2]; 2] = [
    [
        include_str!("../../migrations/sqlite/0001_submissions.sql"),
        "INSERT INTO submissions (id, content, created_at, changed_at, run_at)
         VALUES (randomblob(16), 'old 1', 1, 1, 1)",
    ],
    [
        include_str!("../../migrations/postgres/0001_submissions.sql"),
        "INSERT INTO submissions (id, content, created_at, changed_at, run_at)
         VALUES (gen_random_uuid(), 'old 1', 1, 1, 1)",
    ],
];

async fn a_database_of_the_first_version_gets_owners(store: Fresh) {
    let folder = tempfile::tempdir().unwrap();
    let (url, [tables, old]) = match store.url.starts_with("sqlite:") {
        true => (format!("sqlite:{}", folder.path().join("first.db").display()), FIRST[0]),
        false => (database(&stack::shared_postgres().await).await, FIRST[1]),
    };
    let versions = "CREATE TABLE submissions_schema (version bigint NOT NULL PRIMARY KEY, at bigint NOT NULL);
        INSERT INTO submissions_schema VALUES (1, 0)";
    run(&url, &format!("{tables}; {versions}; {old}")).await;
    let migrated = open(&Secret::text(&url), 2).await.unwrap();
    migrated.create(&[of("shop", "new 1")]).await.unwrap();
    // A process of the first version may still be running.
    run(&url, old).await;
    let listing = Listing { status: None, after: None, limit: 10 };
    let found = migrated.list(&Scope::All, listing).await.unwrap();
    let mut owners: Vec<_> = found.iter().map(|found| (&*found.content, found.owner.as_deref())).collect();
    owners.sort_unstable();
    assert_eq!(owners, [("new 1", Some("shop")), ("old 1", None), ("old 1", None)]);
    assert_eq!(migrated.list(&Scope::Of("shop".into()), listing).await.unwrap().len(), 1);
    migrated.close().await;
}

async fn a_closed_store_fails_at_once(store: Fresh) {
    store.close().await;
    let failed = tokio::time::timeout(Duration::from_secs(5), store.create(&[new("late 1")])).await.unwrap();
    assert!(failed.is_err());
    assert!(store.stats(&Scope::All, HOUR).await.is_err());
    store.close().await;
}

/// A statement of somebody else.
async fn run(url: &str, sql: &str) {
    match url.strip_prefix("sqlite:") {
        Some(path) => {
            rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
        }
        None => {
            let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
    }
}

async fn open_eight_times(url: &str) {
    let stores = join_all((0..8).map(|_| async { open(&Secret::text(url), 2).await })).await;
    for store in stores {
        let store = store.unwrap();
        create(&*store, 1).await;
        store.close().await;
    }
    assert_eq!(
        open(&Secret::text(url), 2).await.unwrap().stats(&Scope::All, HOUR).await.unwrap().in_status,
        [8, 0, 0, 0, 0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_the_same_time_share_a_file() {
    let directory = tempfile::tempdir().unwrap();
    open_eight_times(&format!("sqlite:{}", directory.path().join("submissions.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_the_same_time_share_a_database() {
    open_eight_times(&database(&stack::shared_postgres().await).await).await;
}

async fn error(url: &str) -> String {
    let Err(error) = open(&Secret::text(url), 2).await else { panic!("{url} was opened") };
    format!("{error:#}")
}

#[tokio::test]
async fn tables_of_another_program_are_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", directory.path().join("theirs.db").display());
    let database = database(&stack::shared_postgres().await).await;
    for url in [&file, &database] {
        run(url, "CREATE TABLE submissions (theirs integer); INSERT INTO submissions VALUES (1)").await;
        let error = error(url).await;
        assert!(error.contains("submissions") && error.contains("already exists"), "{error}");
        run(url, "UPDATE submissions SET theirs = 2; CREATE TABLE submissions_schema (ours integer)").await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    let port = stack::free_port();
    let error = error(&format!("postgres://somebody:secret@127.0.0.1:{port}/submissions")).await;
    assert!(error.contains(&format!("cannot connect to PostgreSQL at 127.0.0.1:{port}")), "{error}");
    assert!(error.contains("change DATABASE_URL") && !error.contains("secret"), "{error}");
}
