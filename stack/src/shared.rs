//! One stack, and one store that answers as MongoDB does, per test binary.

use tokio::sync::OnceCell;

use crate::options::Options;
use crate::progress::to_stderr;
use crate::server::Server;
use crate::stack::Stack;
use crate::store;

/// The environment of this process, as a lookup.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The stack that all tests of a binary share; the first test that asks starts it. It belongs to no test's runtime, and
/// ends with the process although nobody drops it.
///
/// # Panics
///
/// In every test that asks, if the stack cannot be started, with the sentences that say why.
pub async fn shared() -> &'static Stack {
    static SHARED: OnceCell<Result<Stack, String>> = OnceCell::const_new();
    let start = || async { Stack::start(&Options::default(), environment).await.map_err(|error| format!("{error:#}")) };
    match SHARED.get_or_init(start).await {
        Ok(stack) => stack,
        Err(sentences) => panic!("{sentences}"),
    }
}

/// The store for tests about MongoDB's own answers: a real `mongod` where there is one, else SecantusDB, with
/// `configureFailPoint`. Tests share it, so each fault must name the application that it is meant for (`appName`).
///
/// # Panics
///
/// In every test that asks, if it cannot be started, with the sentences that say why.
pub async fn shared_mongodb() -> &'static Server {
    static SHARED: OnceCell<Result<Server, String>> = OnceCell::const_new();
    let start = || async { store::start_to_fail(to_stderr, environment).await.map_err(|error| format!("{error:#}")) };
    match SHARED.get_or_init(start).await {
        Ok(server) => server,
        Err(sentences) => panic!("{sentences}"),
    }
}
