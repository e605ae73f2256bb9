//! What happens while the store's clock and the consumer's differ: nothing is thrown away for its age.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bson::{DateTime, doc};
use tokio::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::order_world::SOME_TIME_MS;
use crate::running::Running;
use crate::support::{World, all, post};

const MINUTE_MS: i64 = 60_000;

const EXPIRED: &str = "ingest_records_expired_total{kind=\"post\"}";

/// Stands in front of the store and shifts the time that it shows.
struct ShiftedClock {
    port: u16,
    shift_ms: Arc<AtomicI64>,
}

impl ShiftedClock {
    async fn before(mongo_uri: &str, shift_ms: i64) -> Self {
        let server = mongo_uri.strip_prefix("mongodb://").unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, shift_ms) = (listener.local_addr().unwrap().port(), Arc::new(AtomicI64::new(shift_ms)));
        let shift = Arc::clone(&shift_ms);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut requests, answers) = client.into_split();
                let (from_store, mut to_store) = TcpStream::connect(&server).await.unwrap().into_split();
                tokio::spawn(async move { io::copy(&mut requests, &mut to_store).await });
                tokio::spawn(shifted(from_store, answers, Arc::clone(&shift)));
            }
        });
        Self { port, shift_ms }
    }
}

/// Passes messages on, each of which begins with its length, until one side hangs up.
async fn shifted(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shift_ms: Arc<AtomicI64>,
) -> io::Result<()> {
    /// A date of this name, before its 64 bits.
    const LOCAL_TIME: &[u8] = b"\x09localTime\0";
    loop {
        let length = from.read_i32_le().await?;
        let mut message = length.to_le_bytes().to_vec();
        message.resize(length.try_into().unwrap(), 0);
        from.read_exact(&mut message[4..]).await?;
        let found = message.windows(LOCAL_TIME.len()).position(|window| window == LOCAL_TIME);
        if let Some(date) = found.and_then(|at| message[at + LOCAL_TIME.len()..].first_chunk_mut()) {
            *date = (i64::from_le_bytes(*date) + shift_ms.load(Ordering::Relaxed)).to_le_bytes();
        }
        to.write_all(&message).await?;
    }
}

/// To the consumer it looks as if its own clock were two hours ahead.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_old_until_the_clocks_agree() {
    let world = World::new(1).await;
    let posts = world.posts().await;
    posts.insert_one(doc! { "_id": "old", "createdAt": DateTime::from_millis(SOME_TIME_MS) }).await.unwrap();
    world.send_of(DateTime::now().timestamp_millis() - 90 * MINUTE_MS, &post(1)).await;

    let clock = ShiftedClock::before(&world.mongo_uri, -120 * MINUTE_MS).await;
    let (_, database) = world.mongo_uri.rsplit_once('/').unwrap();
    let uri = format!("mongodb://127.0.0.1:{}/{database}", clock.port);
    let settings = [("POST_RETENTION", "1h"), ("CONSUMER_BATCH_INTERVAL", "100ms"), ("MONGO_URI", &*uri)];
    let running = Running::start(world.config(&settings)).await;
    running.wait_for_readyz("beyond the retention: the clocks of the consumer and the store are 7").await;
    assert_eq!((running.metric(EXPIRED).await, all(&posts).await.len()), (Some(0.0), 1));

    clock.shift_ms.store(0, Ordering::Relaxed);
    running.wait_for_metric(EXPIRED, 2.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    assert_eq!(all(&posts).await, []);
    running.stop().await;
}
