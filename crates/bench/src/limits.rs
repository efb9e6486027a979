//! What this machine can do at most, without a hub.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString},
};
use ldap3::{LdapConnAsync, LdapConnSettings};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use testkit::Slapd;

/// argon2id, 19 MiB, t=2, p=1, on all cores.
pub fn verifications_per_second(cores: usize, time: Duration) -> anyhow::Result<f64> {
    let parameters = Params::new(19 * 1024, 2, 1, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let failed = |error: argon2::password_hash::Error| anyhow::anyhow!("{error}");
    let salt = SaltString::encode_b64(b"salt of the bench").map_err(failed)?;
    let hash = argon2.hash_password(b"Passw0rd-1", &salt).map_err(failed)?.to_string();
    let begin = Instant::now();
    let done: u32 = std::thread::scope(|scope| {
        let count = || {
            let mut done = 0;
            while begin.elapsed() < time {
                let right =
                    PasswordHash::new(&hash).is_ok_and(|hash| argon2.verify_password(b"Passw0rd-1", &hash).is_ok());
                done += u32::from(right);
            }
            done
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    Ok(f64::from(done) / begin.elapsed().as_secs_f64())
}

/// Writes of one page that are on the disk before the next begins: what a database can acknowledge one after the other.
pub fn durable_writes_per_second(folder: &Path, time: Duration) -> anyhow::Result<f64> {
    let mut file = File::create(folder.join("durable"))?;
    let begin = Instant::now();
    let mut done = 0_u32;
    while begin.elapsed() < time {
        file.write_all(&[done.to_le_bytes()[0]; 4096])?;
        file.sync_data()?;
        done += 1;
    }
    Ok(f64::from(done) / begin.elapsed().as_secs_f64())
}

/// Binds over TLS on connections that are kept, as the hub keeps them.
pub async fn binds_per_second(slapd: &Slapd, connections: usize, time: Duration) -> anyhow::Result<f64> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(slapd.ca_pem.as_bytes())?)?;
    let config = Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let settings = LdapConnSettings::new().set_config(Arc::clone(&config));
        let (driver, mut ldap) = LdapConnAsync::with_settings(settings, &slapd.ldaps_url).await?;
        tokio::spawn(driver.drive());
        let (dn, password) = (slapd.person_dn("u000001"), slapd.password_of("u000001"));
        tasks.push(tokio::spawn(async move {
            let mut done = 0_u32;
            while begin.elapsed() < time {
                ldap.simple_bind(&dn, &password).await?.success()?;
                done += 1;
            }
            anyhow::Ok(done)
        }));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(f64::from(done) / begin.elapsed().as_secs_f64())
}
