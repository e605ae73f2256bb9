//! The broker that tests may take away. They share one, because a start takes seconds; each has it alone.

use std::sync::LazyLock;

use stack::Server;
use stack::kafka::{self, BrokerOptions};
use tokio::sync::{Mutex, MutexGuard};

/// A broker that may not be running (yet), on a port that stays the same.
pub(crate) struct Broker {
    port: u16,
    server: Option<Server>,
}

/// The broker, for as long as the guard is held, in the state in which the previous test left it.
pub(crate) async fn borrow() -> MutexGuard<'static, Broker> {
    static BROKER: LazyLock<Mutex<Broker>> =
        LazyLock::new(|| Mutex::new(Broker { port: stack::free_port(), server: None }));
    BROKER.lock().await
}

impl Broker {
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts or resumes it, and waits until it answers.
    pub(crate) async fn bring_back(&mut self) {
        match &mut self.server {
            None => {
                let options = BrokerOptions { port: Some(self.port), ..BrokerOptions::default() };
                let started = kafka::start(&options, stack::environment).await;
                self.server = Some(started.unwrap_or_else(|error| panic!("{error:#}")));
            }
            Some(server) if server.exit_status().is_some() => server.restart().await.unwrap(),
            Some(server) => server.resume().unwrap(),
        }
    }

    /// Stops it, if it runs.
    pub(crate) async fn take_away(&self) {
        if let Some(server) = &self.server {
            server.stop().await.unwrap();
        }
    }

    /// Freezes it: its connections stay, and nothing answers.
    pub(crate) fn freeze(&self) {
        self.server.as_ref().unwrap().pause().unwrap();
    }
}
