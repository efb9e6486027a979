//! The HTTPS listener: its certificate, its versions, its cookies, and a new certificate while it runs.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, StatusCode, header, tls};
use server::{
    config::{ServeSettings, StoreSettings, TlsFiles},
    serve::{self, Running},
};
use testkit::{Authority, ServerCertificate};
use url::Url;

use crate::support::free_address;

struct Https {
    running: Running,
    files: TlsFiles,
    base: String,
    _folder: tempfile::TempDir,
}

impl Https {
    async fn start(certificate: &ServerCertificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("chain.pem"), key: folder.path().join("key.pem") };
        write(&files, certificate);
        let listen = free_address();
        let base = format!("https://localhost:{}", listen.port());
        let settings = ServeSettings {
            store: StoreSettings { data: folder.path().join("data"), database: None, sealing_key: None },
            listen,
            public_url: Url::parse(&base).unwrap(),
            allow_networks: Vec::new(),
            source_files: None,
            trusted_proxies: Vec::new(),
            tls: Some(files.clone()),
            metrics: None,
            audit_checkpoints: None,
        };
        Self { running: serve::start(settings).await.unwrap(), files, base, _folder: folder }
    }
}

fn write(files: &TlsFiles, certificate: &ServerCertificate) {
    std::fs::write(&files.key, &certificate.key_pem).unwrap();
    std::fs::write(&files.certificate, &certificate.certificate_pem).unwrap();
}

/// A browser that trusts this authority and no other; every request is a new connection.
fn browser(authority: &Authority) -> reqwest::ClientBuilder {
    let root = Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
    Client::builder().tls_certs_only([root]).redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_cookies_travel_over_tls_of_these_days() {
    let (ours, other) = (Authority::new("Ours"), Authority::new("Another"));
    let https = Https::start(&ours.local()).await;
    let page = format!("{}/sign-in", https.base);
    assert!(browser(&other).build().unwrap().get(&page).send().await.is_err(), "a stranger's authority");
    let client = browser(&ours).build().unwrap();
    let answer = client.get(&page).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()[header::STRICT_TRANSPORT_SECURITY].to_str().unwrap().contains("max-age=63072000"));

    // Somebody signs in, over TLS from the link to the cookie.
    let invitation = https.running.hub.create_administrator("ada", None, false).await.unwrap();
    let link = secrecy::ExposeSecret::expose_secret(&invitation.link).to_owned();
    assert!(link.starts_with(&https.base));
    let token = link.split_once("token=").unwrap().1.to_owned();
    let password = "correct horse battery 9";
    https.running.hub.set_up_password(&token.into(), &password.into()).await.unwrap();
    let form = [("identifier", "ada"), ("password", password)];
    let answer = client.post(&page).header(header::ORIGIN, &https.base).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookies: Vec<&str> =
        answer.headers().get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(cookies.iter().any(|cookie| cookie.starts_with("__Host-isthmus=")), "{cookies:?}");
    for cookie in cookies {
        for word in ["__Host-", "; Secure", "; HttpOnly", "; Path=/"] {
            assert!(cookie.contains(word), "{word} is missing in {cookie}");
        }
        assert!(!cookie.contains("Domain="), "{cookie}");
    }

    for version in [tls::Version::TLS_1_2, tls::Version::TLS_1_3] {
        let client = browser(&ours).tls_version_min(version).tls_version_max(version).build().unwrap();
        assert_eq!(client.get(&page).send().await.unwrap().status(), StatusCode::OK, "{version:?}");
    }
    let address = https.running.address;
    let plain = Client::new().get(format!("http://{address}/sign-in")).send().await;
    assert!(plain.is_err(), "plain HTTP gets no page");
    for minor in [1, 2] {
        let answer = tokio::task::spawn_blocking(move || old_hello(address, minor)).await.unwrap();
        // An alert (RFC 8446, 6.2): protocol_version or handshake_failure, and no ServerHello.
        assert_eq!(answer.first(), Some(&21), "TLS 1.{}: {answer:?}", minor - 1);
        assert!(matches!(answer.get(6), Some(70 | 40)), "TLS 1.{}: {answer:?}", minor - 1);
    }
    https.running.stop().await.unwrap();
}

/// What a server answers to a ClientHello of TLS 1.0 (minor 1) or 1.1 (minor 2) with a cipher suite of that time.
fn old_hello(address: std::net::SocketAddr, minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend_from_slice(&[7; 32]);
    // No session, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, no compression.
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x0a, 0xc0, 0x14, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, minor, 0, length + 4, 1, 0, 0, length];
    record.extend_from_slice(&hello);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(&record).unwrap();
    let mut answer = vec![0; 64];
    let read = stream.read(&mut answer).unwrap();
    answer.truncate(read);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_read_without_a_restart_and_a_broken_one_changes_nothing() {
    let (old, new) = (Authority::new("Old"), Authority::new("New"));
    let https = Https::start(&old.local()).await;
    let ready = format!("{}/readyz", https.base);
    let (trusts_old, trusts_new) = (browser(&old).build().unwrap(), browser(&new).build().unwrap());
    assert!(trusts_old.get(&ready).send().await.is_ok() && trusts_new.get(&ready).send().await.is_err());

    std::fs::write(&https.files.certificate, "half a certificate").unwrap();
    tokio::time::sleep(serve::CERTIFICATE_LOOK * 2).await;
    assert!(trusts_old.get(&ready).send().await.is_ok(), "the old one goes on");

    write(&https.files, &new.local());
    let begun = Instant::now();
    while trusts_new.get(&ready).send().await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the new certificate was not read");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(trusts_old.get(&ready).send().await.is_err());
    assert!(Path::new(&https.files.key).exists());
    https.running.stop().await.unwrap();
}
