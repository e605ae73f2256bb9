//! A server for tests that accepts every post.

use std::time::Duration;

use contract::PostId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Target;

/// One that takes this long for each post, and closes each connection after one post unless it keeps them.
pub(crate) async fn accepting(takes: Duration, keeps_connections: bool) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::local(listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            tokio::spawn(serve(listener.accept().await.unwrap().0, takes, keeps_connections));
        }
    });
    target
}

async fn serve(mut stream: TcpStream, takes: Duration, keeps_connection: bool) -> std::io::Result<()> {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\"}") {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        tokio::time::sleep(takes).await;
        let body = format!(r#"{{"id":"{}"}}"#, PostId::fresh());
        let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await?;
        if !keeps_connection {
            return Ok(());
        }
    }
}
