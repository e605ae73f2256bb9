//! Where a service listens: one port is for its clients, the other for those who run it. Each has connections of its
//! own, so that clients who take all of theirs keep nobody from asking how the service is.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::TcpListener;

/// The listeners of a service.
#[derive(Debug)]
pub struct Listeners {
    /// On `PORT`.
    pub clients: TcpListener,
    /// On `ADMIN_PORT`.
    pub operators: TcpListener,
}

/// Where [`Listeners`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// That of the clients' listener.
    pub clients: SocketAddr,
    /// That of the operators' listener.
    pub operators: SocketAddr,
}

impl Listeners {
    /// Binds these ports of this host; 0 takes a free one.
    ///
    /// # Errors
    /// When a port is taken; the error names its variable.
    pub async fn bind(host: &str, port: u16, admin_port: u16) -> anyhow::Result<Self> {
        let (clients, operators) = (bind(host, port, "PORT").await?, bind(host, admin_port, "ADMIN_PORT").await?);
        Ok(Self { clients, operators })
    }

    /// The addresses that were bound.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        let address = |listener: &TcpListener| listener.local_addr().context("cannot read the bound address");
        Ok(Addresses { clients: address(&self.clients)?, operators: address(&self.operators)? })
    }
}

async fn bind(host: &str, port: u16, variable: &str) -> anyhow::Result<TcpListener> {
    let address = format!("{host}:{port}");
    TcpListener::bind(&address).await.with_context(|| {
        format!("cannot listen on {address}: set {variable} to a free port, or end the program that holds this one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_its_variable() {
        let listeners = Listeners::bind("127.0.0.1", 0, 0).await.unwrap();
        let Addresses { clients, operators } = listeners.addresses().unwrap();
        assert_ne!(clients, operators);
        for (taken, (port, admin_port), variable) in
            [(clients, (clients.port(), 0), "PORT"), (operators, (0, operators.port()), "ADMIN_PORT")]
        {
            let error = Listeners::bind("127.0.0.1", port, admin_port).await.unwrap_err();
            let expected = format!("cannot listen on {taken}: set {variable} to a free port");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
