//! Checks that a server answers in its own protocol.
//!
//! A port that accepts connections is not enough: a starting broker accepts before it can create a topic, and the
//! kernel accepts for a frozen server. So this sends one small request, encoded by hand, and reads the answer, which
//! needs no client of these servers.

mod kafka;
mod mongo;
mod postgres;

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// For one exchange; a server that is ready answers in milliseconds.
const DEADLINE: Duration = Duration::from_secs(2);

/// Answers to these requests have a few hundred bytes; a longer one is something else.
const LONGEST_ANSWER: usize = 64 * 1024;

const HTTP_REQUEST: &[u8] = b"GET /version HTTP/1.0\r\n\r\n";
/// The answer after its first four bytes, `HTTP`.
const HTTP_OK: &[u8] = b"/1.0 200";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    Kafka,
    Mongo,
    Postgres,
    /// `GET /version` gets 200.
    Http,
    /// The port accepts connections: all that can be seen of a server that asks for TLS, by who does not speak it.
    Port,
}

impl Probe {
    /// Whether the server on that port of 127.0.0.1 is ready for work.
    pub(crate) async fn is_ready(self, port: u16) -> bool {
        let answer = tokio::time::timeout(DEADLINE, self.ask(port)).await;
        match (self, answer) {
            (Probe::Kafka, Ok(Ok(answer))) => kafka::is_ready(&answer),
            (Probe::Mongo, Ok(Ok(answer))) => mongo::is_ready(&answer),
            (Probe::Postgres, Ok(Ok(answer))) => postgres::is_ready(&answer),
            (Probe::Http, Ok(Ok(answer))) => answer == HTTP_OK,
            (Probe::Port, Ok(Ok(_))) => true,
            (_, Ok(Err(_)) | Err(_)) => false,
        }
    }

    /// Returns the answer without its first four bytes, which are its length with Kafka and MongoDB.
    async fn ask(self, port: u16) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        if matches!(self, Probe::Port) {
            return Ok(Vec::new());
        }
        let request = match self {
            Probe::Kafka => kafka::request(),
            Probe::Mongo => mongo::request(),
            Probe::Postgres => postgres::request(),
            Probe::Http => HTTP_REQUEST.to_vec(),
            Probe::Port => Vec::new(),
        };
        stream.write_all(&request).await?;
        let mut prefix = [0; 4];
        stream.read_exact(&mut prefix).await?;
        let length = match self {
            Probe::Kafka => kafka::rest_of_answer(prefix),
            Probe::Mongo => mongo::rest_of_answer(prefix),
            Probe::Postgres => postgres::rest_of_answer(prefix),
            Probe::Http => HTTP_OK.len(),
            Probe::Port => 0,
        };
        let mut answer = vec![0; length.min(LONGEST_ANSWER)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}
