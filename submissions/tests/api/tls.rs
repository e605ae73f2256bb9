//! PostgreSQL by TLS: encrypted, and only with the server that the settings mean.

use service::secrets::Secret;
use sqlx::{Connection, PgConnection};
use stack::Postgres;
use submissions::Roles;
use submissions::store::{Store, open};

use crate::running::{GOOD, Server, id};

/// The program's connections, each with whether it is encrypted.
const CONNECTIONS: &str = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
    WHERE application_name = 'submissions'";

/// Why a store cannot be opened, with all its causes.
async fn refused(url: &str) -> String {
    let opened = open(&Secret::text(url), 2).await;
    format!("{:#}", opened.map(|_: std::sync::Arc<dyn Store>| ()).unwrap_err())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_who_its_certificate_says() {
    let environment = |name: &str| std::env::var(name).ok();
    let server = Postgres::start_with_tls(stack::to_stderr, environment).await.unwrap();
    let root = server.authority();
    let url =
        |host: &str, parameters: &str| format!("postgres://postgres@{host}:{}/postgres?{parameters}", server.port());
    let trusted = url("localhost", &format!("sslmode=verify-full&sslrootcert={}", root.display()));

    let process = Server::with_database(Roles::ALL, &trusted, &[("WORK_TIME", "1ms")]).await;
    let submission = process.submit(GOOD).await;
    process.becomes(id(&submission), "PASSED").await;
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let encrypted: Vec<bool> = sqlx::query_scalar(CONNECTIONS).fetch_all(&mut admin).await.unwrap();
    assert!(encrypted.len() > 1 && encrypted.iter().all(|is_encrypted| *is_encrypted), "{encrypted:?}");
    process.stopped().await;

    // Its certificate is not for this name.
    let other_name = format!("sslrootcert={}", root.display());
    let error = refused(&url("127.0.0.1", &format!("sslmode=verify-full&{other_name}"))).await;
    assert!(error.contains("certificate not valid for name"), "{error}");
    // Nobody vouches for it.
    let error = refused(&url("localhost", "sslmode=verify-full")).await;
    assert!(error.contains("UnknownIssuer"), "{error}");
    // A server without TLS is not asked for a password.
    let plain = stack::shared_postgres().await;
    let separator = if plain.contains('?') { '&' } else { '?' };
    let error = refused(&format!("{plain}{separator}sslmode=require")).await;
    assert!(error.contains("TLS"), "{error}");
}
