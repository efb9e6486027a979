//! What the command says: help that reads well, and errors that name the place and the remedy.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::{TestServer, command, isthmus};

fn help(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = isthmus(folder.path(), arguments);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn help_reads_well() {
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_serve", help(&["serve", "--help"]));
    insta::assert_snapshot!("help_audit_verify", help(&["audit", "verify", "--help"]));
    insta::assert_snapshot!("help_apply", help(&["apply", "--help"]));
    insta::assert_snapshot!("help_admin_create", help(&["admin", "create", "--help"]));
}

/// What went to standard error, without log lines and without this run's folder.
fn complaint(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = command(folder, arguments).envs(environment.iter().copied()).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} went through");
    let text = String::from_utf8(output.stderr).unwrap().replace(folder.to_str().unwrap(), "FOLDER");
    text.lines().filter(|line| !line.starts_with('{')).map(|line| format!("{}\n", line.trim_end())).collect()
}

const SERVE: [&str; 6] = ["serve", "--data", "data", "--public-url", "http://localhost:8080", "--listen"];

fn serve<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments: Vec<&str> = SERVE.to_vec();
    arguments.push("127.0.0.1:0");
    arguments.extend(more);
    arguments
}

#[test]
fn mistakes_on_the_command_line_name_their_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("key.pem"), "no key").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    let mut told = String::new();
    let mut tell = |name: &str, arguments: &[&str], environment: &[(&str, &str)]| {
        let text = complaint(here, arguments, environment).replace(&port, "127.0.0.1:PORT");
        told.push_str(&format!("--- {name}\n{text}"));
    };
    let url = |url: &'static str| ["serve", "--data", "data", "--public-url", url];
    tell("http on a public host", &url("http://id.example.org"), &[]);
    tell("no URL", &url("id.example.org"), &[]);
    tell("a path", &url("https://id.example.org/hub"), &[]);
    tell("no CIDR", &serve(&["--allow-network", "everything"]), &[]);
    tell("bits beyond the prefix", &serve(&["--trusted-proxy", "10.1.2.3/8"]), &[]);
    tell("not a database", &serve(&["--database", "mysql://root:hunter2@localhost/x"]), &[]);
    tell("no such database server", &serve(&["--database", "postgres://u:hunter2@127.0.0.1:1/x"]), &[]);
    tell("half of TLS", &serve(&["--tls-certificate", "cert.pem"]), &[]);
    let tls = ["--tls-certificate", "cert.pem", "--tls-key", "key.pem"];
    tell("TLS for an http URL", &serve(&tls), &[]);
    let https = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--public-url", "https://id.example.org"];
    tell("no certificate file", &[&https[..], &tls[..]].concat(), &[]);
    fs::write(here.join("cert.pem"), "no certificate").unwrap();
    tell("not a certificate", &[&https[..], &tls[..]].concat(), &[]);
    let mut arguments = SERVE.to_vec();
    arguments.push(&port);
    tell("port in use", &arguments, &[]);
    tell("an unknown level", &serve(&[]), &[("ISTHMUS_LOG", "loud=very")]);
    tell("a short key", &serve(&[]), &[("ISTHMUS_SEALING_KEY", "short")]);
    fs::write(here.join("file"), "").unwrap();
    tell("the folder is a file", &["database", "upgrade", "--data", "file"], &[]);
    tell("no public URL yet", &["admin", "create", "--data", "data"], &[]);
    fs::write(here.join("data/sealing.key"), [1u8; 5]).unwrap();
    fs::set_permissions(here.join("data/sealing.key"), fs::Permissions::from_mode(0o600)).unwrap();
    tell("a broken key file", &serve(&[]), &[]);
    fs::remove_file(here.join("data/sealing.key")).unwrap();
    tell("a lost key file", &serve(&[]), &[]);
    assert!(!told.contains("hunter2"), "no password is repeated");
    insta::assert_snapshot!(told);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_folder() {
    let server = TestServer::start().await;
    let data = server.settings.store.data.clone();
    let text = tokio::task::spawn_blocking(move || {
        let arguments = ["serve", "--data", ".", "--listen", "127.0.0.1:0", "--public-url", "http://localhost:1"];
        complaint(&data, &arguments, &[])
    });
    insta::assert_snapshot!(text.await.unwrap());
    server.stop().await;
}
