//! Certificates that are replaced while the server runs.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stack::certificates::{Authority, Certificate, Validity};
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::client::{How, ask, get, within_patience};
use crate::server::{Certified, LIMITS, Server};

const EXPIRY: &str = r#"http_server_tls_certificate_expiry_timestamp_seconds{listener="clients"}"#;
const OUTDATED: &str = r#"http_server_tls_certificate_outdated{listener="clients"}"#;

/// Waits until new connections are shown this certificate.
async fn is_shown(server: &Server, authority: &Authority, certificate: &Certificate) {
    let expected = CertificateDer::from_pem_slice(certificate.chain.as_bytes()).unwrap();
    let shown = async {
        loop {
            let stream = How::tls(authority).encrypted(server.address).await.unwrap();
            if stream.get_ref().1.peer_certificates().unwrap()[0] == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    within_patience("the new certificate", shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_certificates_are_replaced() {
    let certified = Certified::new();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for number in 0..4 {
        // Half of them stay, and half come again for each request, with a ticket and without one.
        let (stop, asked, address) = (Arc::clone(&stop), Arc::clone(&asked), server.address);
        let how = How::tls(&certified.authority);
        clients.spawn(async move {
            let mut open = how.encrypted(address).await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                if number % 2 == 0 {
                    open = how.encrypted(address).await.unwrap();
                }
                let answer = ask(&mut open, &get("/livez")).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..2 {
        let next = certified.authority.server(&["localhost"]).unwrap();
        // Certificate and key are replaced at different times.
        std::fs::write(&certified.files.certificate, &next.chain).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        std::fs::write(&certified.files.key, &next.key).unwrap();
        is_shown(&server, &certified.authority, &next).await;
    }
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    assert!(asked.load(Ordering::Relaxed) > 100);
    assert_eq!(server.metric(OUTDATED), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_leaves_the_earlier_certificate_in_force() {
    let certified = Certified::new();
    let (authority, files) = (&certified.authority, &certified.files);
    let during = |hours: u64| {
        let until = UNIX_EPOCH + Duration::from_secs(2_000_000_000 + hours * 3600);
        authority.server_during(&["localhost"], Validity { from: SystemTime::now(), until }).unwrap()
    };
    let first = during(1);
    certified.replace(&first);
    let server = Server::start(Some(files), LIMITS).await;
    server.becomes(EXPIRY, 2_000_003_600.0).await;
    assert_eq!(server.metric(OUTDATED), 0.0);

    // The key of another one.
    std::fs::write(&files.key, during(2).key).unwrap();
    server.becomes(OUTDATED, 1.0).await;
    is_shown(&server, authority, &first).await;
    let second = during(3);
    certified.replace(&second);
    server.becomes(EXPIRY, 2_000_010_800.0).await;
    assert_eq!(server.metric(OUTDATED), 0.0);
    is_shown(&server, authority, &second).await;

    std::fs::remove_file(&files.certificate).unwrap();
    server.becomes(OUTDATED, 1.0).await;
    is_shown(&server, authority, &second).await;
    // What was in force before is back.
    certified.replace(&second);
    server.becomes(OUTDATED, 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_turned_is_a_change() {
    // As Kubernetes does it with what it mounts: the files are links into a directory that is a link itself.
    let certified = Certified::new();
    let mount = tempfile::tempdir().unwrap();
    let turn = |name: &str, certificate: &Certificate| {
        let directory = mount.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        certificate.write(&directory, "tls").unwrap();
        symlink(name, mount.path().join("..data_tmp")).unwrap();
        std::fs::rename(mount.path().join("..data_tmp"), mount.path().join("..data")).unwrap();
    };
    turn("..1", &certified.authority.server(&["localhost"]).unwrap());
    let mut files = certified.files.clone();
    for (file, path) in [("tls.pem", &mut files.certificate), ("tls.key", &mut files.key)] {
        *path = mount.path().join(file);
        symlink(format!("..data/{file}"), path).unwrap();
    }
    let server = Server::start(Some(&files), LIMITS).await;
    let next = certified.authority.server(&["localhost"]).unwrap();
    turn("..2", &next);
    is_shown(&server, &certified.authority, &next).await;
}
