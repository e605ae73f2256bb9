//! Faults of the network, by Toxiproxy's HTTP API.

use std::fmt;

use anyhow::{Context, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::load::target::Target;

/// Names of the toxics that are added here.
const UP: &str = "up";
const DOWN: &str = "down";

/// A trouble on the way of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toxic {
    /// Answers come late, and little gets through at a time.
    Slow,
    /// Every connection is reset as soon as it is used.
    Reset,
    /// Connections stay open, but nothing gets through.
    Silent,
    /// Connections are closed and new ones are refused.
    Refused,
}

impl Toxic {
    /// One of the ways to cut a connection.
    pub(crate) fn cut(dice: u64) -> Self {
        match dice % 3 {
            0 => Toxic::Reset,
            1 => Toxic::Silent,
            _ => Toxic::Refused,
        }
    }
}

impl fmt::Display for Toxic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Toxic::Slow => "late answers and a narrow line",
            Toxic::Reset => "connections reset",
            Toxic::Silent => "connections silent",
            Toxic::Refused => "connections refused",
        })
    }
}

/// A running Toxiproxy.
pub(crate) struct Toxics {
    api: Target,
}

impl Toxics {
    /// The one whose API listens on this port.
    pub(crate) fn new(port: u16) -> Self {
        Self { api: Target::local(port) }
    }

    /// Brings trouble to the proxy of this name.
    pub(crate) async fn begin(&self, proxy: &str, trouble: Toxic) -> anyhow::Result<()> {
        match trouble {
            Toxic::Slow => {
                self.add(proxy, DOWN, "downstream", "latency", json!({ "latency": 200, "jitter": 100 })).await?;
                // In KB/s.
                self.add(proxy, UP, "upstream", "bandwidth", json!({ "rate": 500 })).await
            }
            Toxic::Reset => self.add(proxy, UP, "upstream", "reset_peer", json!({ "timeout": 0 })).await,
            Toxic::Silent => {
                self.add(proxy, UP, "upstream", "timeout", json!({ "timeout": 0 })).await?;
                self.add(proxy, DOWN, "downstream", "timeout", json!({ "timeout": 0 })).await
            }
            Toxic::Refused => self.enable(proxy, false).await,
        }
    }

    /// Ends it.
    pub(crate) async fn end(&self, proxy: &str, trouble: Toxic) -> anyhow::Result<()> {
        let toxics: &[&str] = match trouble {
            Toxic::Slow | Toxic::Silent => &[UP, DOWN],
            Toxic::Reset => &[UP],
            Toxic::Refused => &[],
        };
        if trouble == Toxic::Silent {
            // Bytes were lost, so these connections are broken; close them, as when a line comes back.
            self.enable(proxy, false).await?;
        }
        for toxic in toxics {
            self.ask(Method::DELETE, &format!("/proxies/{proxy}/toxics/{toxic}"), None).await?;
        }
        self.enable(proxy, true).await
    }

    async fn add(&self, proxy: &str, name: &str, stream: &str, kind: &str, attributes: Value) -> anyhow::Result<()> {
        let toxic = json!({ "name": name, "type": kind, "stream": stream, "attributes": attributes });
        self.ask(Method::POST, &format!("/proxies/{proxy}/toxics"), Some(toxic)).await
    }

    async fn enable(&self, proxy: &str, is_enabled: bool) -> anyhow::Result<()> {
        self.ask(Method::POST, &format!("/proxies/{proxy}"), Some(json!({ "enabled": is_enabled }))).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<()> {
        let body = body.map_or(String::new(), |body| body.to_string());
        let answer = self.api.ask(method.clone(), path, body).await.context("Toxiproxy does not answer")?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status.is_success(), "Toxiproxy refuses {method} {path}: {} {said}", answer.status);
        Ok(())
    }
}
