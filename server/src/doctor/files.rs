//! The data folder, the sealing key, the disk, and the certificate of the listener.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use x509_parser::{certificate::X509Certificate, pem::Pem};

use super::{Patient, Report, since};
use crate::{
    config::{StoreSettings, TlsFiles},
    data_folder::{DATABASE, DataFolder, KEY},
    serve,
    wiring::KeyPlace,
};

const FOLDER: &str = "Data folder";
const LISTENER: &str = "Listener certificate";
/// Certificates that end sooner are worth a warning.
const SOON_DAYS: i64 = 30;
const SMALLEST_DISK: u64 = 200 * 1024 * 1024;

/// The folder, if it is there.
pub fn data_folder(report: &mut Report, settings: &StoreSettings) -> Option<DataFolder> {
    let path = &settings.data;
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            report.problem(FOLDER, format!("{} is no folder", path.display()), "Name the folder with --data.");
            return None;
        }
        Err(error) => {
            report.problem(
                FOLDER,
                format!("{}: {error}", path.display()),
                "Name the folder that `isthmus serve` uses with --data; `serve` makes a new one.",
            );
            return None;
        }
    };
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o777);
    let us = fs::metadata("/proc/self").map(|process| process.uid()).ok();
    if mode & 0o077 != 0 {
        report.problem(
            FOLDER,
            format!("{} can be entered by others (mode {mode:o})", path.display()),
            format!("chmod 700 {}", path.display()),
        );
    } else if us.is_some_and(|us| us != owner && us != 0) {
        report.problem(
            FOLDER,
            format!("{} belongs to user {owner}, and this is user {}", path.display(), us.unwrap_or_default()),
            "Run isthmus, and its doctor, as the folder's owner.",
        );
    } else {
        report.ok(FOLDER, format!("{}, mode {mode:o}", path.display()));
    }
    disk(report, path, settings.database.is_none());
    Some(DataFolder::looked_at(path))
}

fn disk(report: &mut Report, path: &Path, holds_database: bool) {
    const CHECK: &str = "Disk";
    let Ok(disk) = rustix::fs::statvfs(path) else {
        report.warning(CHECK, "its free space cannot be read", format!("Look with df {}", path.display()));
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let database = fs::metadata(path.join(DATABASE)).map_or(0, |metadata| metadata.len());
    let megabytes = |bytes: u64| bytes / (1024 * 1024);
    let detail = format!("{} MB free, the database has {} MB", megabytes(free), megabytes(database));
    let wanted = if holds_database { SMALLEST_DISK.max(database / 2) } else { SMALLEST_DISK / 4 };
    if free < wanted / 4 {
        report.problem(CHECK, detail, "Free some space now: a full disk stops every sign-in.");
    } else if free < wanted {
        report.warning(CHECK, detail, "Free some space, or move the data folder to a larger disk.");
    } else {
        report.ok(CHECK, detail);
    }
    log_size(report, path);
}

fn log_size(report: &mut Report, path: &Path) {
    let log = fs::metadata(path.join(format!("{DATABASE}-wal"))).map_or(0, |metadata| metadata.len());
    if log > 256 * 1024 * 1024 {
        report.warning(
            "Write-ahead log",
            format!("{} MB: something reads the database without end", log / (1024 * 1024)),
            "End what else has the file open (a copy, a sqlite3 shell); the log shrinks at the next stop.",
        );
    }
}

/// The key, if it can be used. None is made.
pub fn sealing_key(report: &mut Report, folder: &DataFolder, settings: &StoreSettings) -> Option<Arc<dyn KeyPlace>> {
    const CHECK: &str = "Sealing key";
    match folder.sealing_keys_if_any(settings) {
        Ok(Some(keys)) => {
            if keys.read().is_ok_and(|keys| keys.len() > 1) {
                report.warning(
                    CHECK,
                    format!("{} holds two keys: one of them is being changed, or was", keys.describe()),
                    "Wait for `isthmus key rotate sealing`, or give it again if it was interrupted.",
                );
            } else {
                report.ok(CHECK, "there, and readable by its owner only");
            }
            Some(keys)
        }
        Ok(None) if folder.path.join(DATABASE).exists() || settings.database.is_some() => {
            report.problem(
                CHECK,
                format!("{} is missing", folder.path.join(KEY).display()),
                "Put it back from where you keep it. Without it: docs/operations.md, \"The sealing key is lost\".",
            );
            None
        }
        Ok(None) => {
            report.warning(CHECK, "none yet", "`isthmus serve` makes one at its first start: keep a copy elsewhere.");
            None
        }
        Err(error) => {
            report.problem(CHECK, format!("{error:#}"), "Give it back to its owner with mode 600.");
            None
        }
    }
}

/// Certificate and key of an HTTPS listener, as `serve` was last started with them.
pub async fn certificates(report: &mut Report, patient: &Patient) {
    let Some(options) = &patient.options else { return };
    let Some((certificate, key)) = &options.tls else { return };
    let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
    if let Err(error) = serve::check_tls(&files).await {
        report.problem(
            LISTENER,
            format!("{error:#}"),
            "Put a matching pair there; the server reads it within a minute.",
        );
        return;
    }
    let host = patient.public_url.as_ref().and_then(|url| url.host_str().map(str::to_owned));
    match fs::read(certificate) {
        Ok(pem) => certificate_times(report, LISTENER, &pem, patient.inspection.now, host.as_deref()),
        Err(error) => report.problem(LISTENER, error.to_string(), "Let this user read it."),
    }
}

/// Looks at every certificate of a PEM text. With `host`, the first must be for it.
pub fn certificate_times(report: &mut Report, check: &str, pem: &[u8], now: DateTime<Utc>, host: Option<&str>) {
    let mut number = 0;
    for part in Pem::iter_from_buffer(pem) {
        let Ok(part) = part else {
            report.problem(
                check,
                "it is not PEM throughout",
                "Paste whole certificates, BEGIN and END lines included.",
            );
            return;
        };
        if part.label != "CERTIFICATE" {
            continue;
        }
        number += 1;
        let Ok(certificate) = part.parse_x509() else {
            report.problem(check, format!("certificate {number} cannot be read"), "Paste it again, whole.");
            continue;
        };
        times(report, check, &certificate, now);
        if let Some(host) = host.filter(|_| number == 1)
            && !is_for(&certificate, host)
        {
            report.problem(
                check,
                format!("it is not for {host}"),
                "Ask for a certificate of the public URL's host, or correct --public-url.",
            );
        }
    }
    if number == 0 {
        report.problem(check, "there is no certificate in it", "Give the certificate chain in PEM.");
    }
}

fn times(report: &mut Report, check: &str, certificate: &X509Certificate<'_>, now: DateTime<Utc>) {
    let subject = certificate.subject();
    let ends = certificate.validity().not_after.timestamp();
    let begins = certificate.validity().not_before.timestamp();
    let day =
        |at: i64| DateTime::from_timestamp(at, 0).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string());
    let left = (ends - now.timestamp()) / 86_400;
    if ends < now.timestamp() {
        let ended = DateTime::from_timestamp(ends, 0).unwrap_or(now);
        report.problem(check, format!("{subject} ended {} ago", since(now, ended)), "Renew it now.");
    } else if begins > now.timestamp() {
        report.problem(check, format!("{subject} begins on {}", day(begins)), "Correct the clock, or wait.");
    } else if left < SOON_DAYS {
        report.warning(
            check,
            format!("{subject} ends in {left} days"),
            "Renew it, and let something renew it from now on.",
        );
    } else {
        report.ok(check, format!("{subject} is good until {}", day(ends)));
    }
}

/// RFC 6125: names of the certificate only, a star for one leftmost label.
fn is_for(certificate: &X509Certificate<'_>, host: &str) -> bool {
    use x509_parser::extensions::GeneralName;
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<std::net::IpAddr>().ok();
    names.value.general_names.iter().any(|name| match (name, address) {
        (GeneralName::DNSName(name), None) => {
            name.eq_ignore_ascii_case(host)
                || name.strip_prefix("*.").is_some_and(|parent| {
                    host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent))
                })
        }
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V4(address))) => *bytes == address.octets(),
        (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V6(address))) => *bytes == address.octets(),
        _ => false,
    })
}
