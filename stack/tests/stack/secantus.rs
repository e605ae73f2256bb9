//! SecantusDB, or a `mongod` in its place: it answers as MongoDB does where FerretDB does not, and fails on request.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use mongodb::error::ErrorKind;
use mongodb::options::IndexOptions;
use mongodb::{Client, Collection, IndexModel};
use stack::store::{self, StoreOptions};
use stack::{StoreKind, environment, shared_mongodb};

async fn posts(uri: &str, name: &str) -> Collection<Document> {
    Client::with_uri_str(uri).await.unwrap().default_database().unwrap().collection(name)
}

fn id(n: u8) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![n; 16] })
}

#[tokio::test]
async fn its_data_survive_a_kill_and_a_stop() {
    let options = StoreOptions { kind: StoreKind::Secantus, ..StoreOptions::default() };
    let mut server = store::start(&options, environment).await.unwrap();
    let uri = store::uri(server.port());
    posts(&uri, "posts").await.insert_many((0..100).map(|n| doc! { "_id": id(n) })).await.unwrap();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    let again = posts(&uri, "posts").await;
    assert_eq!(again.count_documents(doc! {}).await.unwrap(), 100);
    again.insert_one(doc! { "_id": id(100) }).await.unwrap();
    server.stop().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(posts(&uri, "posts").await.count_documents(doc! {}).await.unwrap(), 101);
}

#[tokio::test]
async fn a_uuid_is_found_by_its_index_and_a_duplicate_names_its_index() {
    let posts = posts(&store::uri(shared_mongodb().await.port()), "found").await;
    let unique = IndexOptions::builder().unique(true).name("titles".to_owned()).build();
    posts.create_index(IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build()).await.unwrap();
    posts.insert_many((0..200).map(|n| doc! { "_id": id(n), "title": format!("Post {n}") })).await.unwrap();

    let find = doc! { "find": posts.name(), "filter": { "_id": { "$in": [id(3), id(150)] } } };
    let database = posts.client().default_database().unwrap();
    let plan = database.run_command(doc! { "explain": find, "verbosity": "executionStats" }).await.unwrap();
    let stats = plan.get_document("executionStats").unwrap();
    assert!(!format!("{plan}").contains("COLLSCAN"), "{plan}");
    let examined = stats.get("totalDocsExamined").and_then(|count| count.as_i64().or(count.as_i32().map(i64::from)));
    assert_eq!(examined, Some(2), "{plan}");

    let again = [doc! { "_id": id(7) }, doc! { "_id": id(250), "title": "Post 7" }];
    let error = posts.insert_many(again).ordered(false).await.unwrap_err();
    let ErrorKind::InsertMany(failure) = *error.kind else { panic!("{error}") };
    let errors = failure.write_errors.unwrap();
    let codes: Vec<(usize, i32)> = errors.iter().map(|error| (error.index, error.code)).collect();
    assert_eq!(codes, [(0, 11_000), (1, 11_000)]);
    assert!(errors[0].message.contains("index: _id_ "), "{}", errors[0].message);
    assert!(errors[1].message.contains("index: titles "), "{}", errors[1].message);
}

#[tokio::test]
async fn it_fails_for_one_application_and_no_other() {
    let uri = store::uri(shared_mongodb().await.port());
    let (others, failing) = (posts(&uri, "failing").await, posts(&format!("{uri}?appName=failing"), "failing").await);
    let data = doc! { "failCommands": ["insert"], "errorCode": 100, "appName": "failing" };
    let fail = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": data };
    others.client().database("admin").run_command(fail).await.unwrap();
    others.insert_one(doc! { "_id": 1 }).await.unwrap();
    let error = failing.insert_one(doc! { "_id": 2 }).await.unwrap_err();
    assert!(matches!(*error.kind, ErrorKind::Command(ref failure) if failure.code == 100), "{error}");
    failing.insert_one(doc! { "_id": 2 }).await.unwrap();
}
