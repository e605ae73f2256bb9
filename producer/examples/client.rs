//! Sends a post, an order and a bulk of posts to the producer, and prints the ids under which they are stored.
//!
//! ```sh
//! BASE_URL=http://localhost:3000 cargo run -p producer --example client
//! ```
//!
//! Each is stored once, however often it must be sent: a post by its Idempotency-Key, an order by its order_id. In a
//! program of your own keep the key beside the data, so that a restart sends the same one; here KEY names it, or it is
//! new.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

const TRIES: u32 = 10;

/// Longer than the producer's own `PRODUCER_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let base_url = std::env::var("BASE_URL").unwrap_or("http://localhost:3000".to_owned());
    let key = std::env::var("KEY").unwrap_or_else(|_| contract::PostId::fresh().to_string());
    let client = Client { base_url, http: HttpClient::builder(TokioExecutor::new()).build_http() };

    let post = json!({"title": "Hello", "content": "A post from Rust, stored once"});
    let answer = client.send("/create-post", &post, Some(&key)).await?;
    println!("post {}", text(&answer["id"])?);

    let order = json!({"order_id": key, "customer_id": "C-1", "product_id": "P-1", "quantity": 2, "price": "19.99"});
    let answer = client.send("/api/orders/", &order, None).await?;
    println!("order {}", text(&answer["order_id"])?);

    let post = |n| json!({"title": format!("Many {n}"), "content": "A post among others, from Rust"});
    let ids = client.send_bulk(&Value::from_iter((0..3).map(post)), &format!("{key}-bulk")).await?;
    println!("bulk {}", ids.join(" "));
    Ok(())
}

struct Client {
    base_url: String,
    http: HttpClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// The answer to a request that was accepted. Sends it again, the same under the same key, while it gets 503 or no
    /// answer; any other answer says that sending it again is pointless.
    async fn send(&self, path: &str, body: &Value, key: Option<&str>) -> anyhow::Result<Value> {
        let mut why = String::new();
        for attempt in 0..TRIES {
            let mut pause = Duration::from_secs(1 << attempt).min(TIMEOUT);
            match tokio::time::timeout(TIMEOUT, self.try_once(path, body, key)).await {
                Ok(Ok((status, _, answer))) if status.is_success() => return Ok(serde_json::from_slice(&answer)?),
                Ok(Ok((status, retry_after, answer))) => {
                    why = format!("{status} {}", String::from_utf8_lossy(&answer));
                    ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "{path}: {why}");
                    pause = retry_after.unwrap_or(pause);
                }
                // Not connected, or cut off: nobody knows whether it is stored.
                Ok(Err(error)) => why = format!("{error:#}"),
                Err(_) => why = "no answer".to_owned(),
            }
            tokio::time::sleep(pause).await;
        }
        bail!("{path}: given up after {TRIES} tries: {why}")
    }

    async fn try_once(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> anyhow::Result<(StatusCode, Option<Duration>, Bytes)> {
        let mut request = Request::post(format!("{}{path}", self.base_url)).header(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Ok(token) = std::env::var("TOKEN") {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = self.http.request(request.body(body.to_string().into())?).await?;
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let status = answer.status();
        Ok((status, retry_after.map(Duration::from_secs), answer.into_body().collect().await?.to_bytes()))
    }

    /// The id of each post, once all are accepted. The key fixes the id of each position, so the bulk is sent again as
    /// a whole, and what was accepted before stays as it is.
    async fn send_bulk(&self, posts: &Value, key: &str) -> anyhow::Result<Vec<String>> {
        for _ in 0..TRIES {
            let answer = self.send("/create-posts", posts, Some(key)).await?;
            let results = answer["results"].as_array().context("an answer without results")?;
            ensure!(results.iter().all(|result| result.get("errors").is_none()), "/create-posts: {answer}");
            if results.iter().all(|result| result.get("id").is_some()) {
                return results.iter().map(|result| text(&result["id"])).collect();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        bail!("/create-posts: given up after {TRIES} tries")
    }
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).context("an answer without an id")
}
