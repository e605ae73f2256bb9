//! A certificate for `localhost` that nobody has signed: a client trusts it as a root of its own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::user::{User, as_user};
use crate::process::Process;

/// The certificate and its key, in the server's directory.
pub(super) const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

const DEADLINE: Duration = Duration::from_secs(30);

/// It is valid for this name alone, and not for 127.0.0.1.
const CONFIG: &str = "\
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost
";

/// What makes the server use it.
pub(super) fn settings() -> [String; 6] {
    let setting = |name: &str, file: &str| format!("{name}=../{file}");
    [
        "-c".into(),
        "ssl=on".into(),
        "-c".into(),
        setting("ssl_cert_file", CERTIFICATE),
        "-c".into(),
        setting("ssl_key_file", KEY),
    ]
}

/// Makes it, as the user of the server, who alone may read the key.
pub(super) async fn make(openssl: &Path, user: Option<&User>, run: &Path) -> anyhow::Result<()> {
    std::fs::write(run.join("openssl.cnf"), CONFIG).context("cannot write how to make a certificate")?;
    let mut command = as_user(openssl, user);
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", "openssl.cnf"]);
    command.args(["-keyout", KEY, "-out", CERTIFICATE]);
    let process = Process::spawn("openssl", command.current_dir(run), &run.join("openssl.log"))?;
    match process.wait_for(DEADLINE).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("openssl cannot make a certificate ({status}):\n{}", process.last_lines(20)),
        None => bail!("openssl did not make a certificate within {} s", DEADLINE.as_secs()),
    }
}
