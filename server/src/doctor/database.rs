//! The database, its secrets, and what an installation should have.

use hub::inspect::Inspection;

use super::{Patient, Report, since};
use crate::{
    config::StoreSettings,
    data_folder::{DATABASE, DataFolder},
    wiring::{self, Database},
};

const CHECK: &str = "Database";
const SIGNING_KEY_DAYS: i64 = 365;
const BACKUP_DAYS: i64 = 7;

/// The database, if it can be worked with.
pub async fn open(report: &mut Report, folder: &DataFolder, settings: &StoreSettings) -> Option<Database> {
    if settings.database.is_none() && !folder.path.join(DATABASE).exists() {
        report.warning(
            CHECK,
            format!("{} has none yet", folder.path.display()),
            "`isthmus serve` makes it. If there was one: docs/operations.md, \"Restore\".",
        );
        return None;
    }
    let url = settings.database.clone().unwrap_or_else(|| folder.sqlite_url());
    let database = match Database::open(&url).await {
        Ok(database) => database,
        Err(error) => {
            report.problem(
                CHECK,
                error.to_string(),
                "Nobody signs in until the database answers. docs/operations.md, \"At three in the morning\".",
            );
            return None;
        }
    };
    match database.require_current().await {
        Ok(()) => {
            report.ok(CHECK, format!("{} answers, schema version {}", database.place(), wiring::schema_version_known()))
        }
        Err(error) => {
            report.problem(CHECK, error.to_string(), "Run the isthmus that this database belongs to.");
            return None;
        }
    }
    condition(report, &database).await;
    Some(database)
}

async fn condition(report: &mut Report, database: &Database) {
    match database.condition().await {
        Ok(condition) => {
            let wrong: Vec<String> = condition
                .settings
                .iter()
                .filter(|(_, value, wanted)| value != wanted)
                .map(|(name, value, wanted)| format!("{name} is {value}, it should be {wanted}"))
                .collect();
            if wrong.is_empty() {
                report.ok(CHECK, format!("{}, set up to lose nothing", condition.version));
            } else {
                report.warning(
                    CHECK,
                    format!("{}: {}", condition.version, wrong.join("; ")),
                    "Correct the settings of the database: a crash may lose what was confirmed.",
                );
            }
        }
        Err(error) => report.warning(CHECK, error.to_string(), "Its settings could not be read."),
    }
    match database.faults().await {
        Ok(faults) if faults.is_empty() => {}
        Ok(faults) => report.problem(
            CHECK,
            format!("it is damaged: {}", faults.join("; ")),
            "Stop the server, keep a copy of the folder, restore the last good backup, and look at the disk's health.",
        ),
        Err(error) => report.problem(CHECK, format!("it cannot be checked: {error}"), "Look at the disk's health."),
    }
}

const SECRETS: &str = "Sealed secrets";

/// Whether the sealing key is the one these secrets were sealed with.
pub async fn secrets(report: &mut Report, patient: &Patient) {
    match patient.hub.open_every_secret().await {
        Ok(number) => report.ok(SECRETS, format!("all {number} open")),
        Err(error) => unsealed(report, &error.into()),
    }
}

/// The secrets do not open.
pub fn unsealed(report: &mut Report, error: &anyhow::Error) {
    report.problem(
        SECRETS,
        format!("{error:#}"),
        "Start with the key file they were sealed with. Without it: docs/operations.md, \"The sealing key is lost\".",
    );
}

/// Seconds an event may wait for the sealer: it looks once a second, and its lease lasts six.
const SEALED_WITHIN: i64 = 60;

/// Whether somebody seals the audit log. Whether it was altered, `isthmus audit verify` says: it reads all of it.
fn audit_log(report: &mut Report, inspection: &Inspection) {
    const CHECK: &str = "Audit log";
    let now = inspection.now;
    let vouched = inspection.last_checkpoint.map_or_else(
        || "no checkpoint was signed yet".to_owned(),
        |(sequence, at)| format!("a checkpoint vouches for events 1 to {sequence}, signed {} ago", since(now, at)),
    );
    match inspection.oldest_unsealed {
        Some(at) if (now - at).num_seconds() > SEALED_WITHIN => report.warning(
            CHECK,
            format!("events wait for their place in the chain since {}; {vouched}", since(now, at)),
            "While a server runs, see its log for \"audit\"; they are sealed when one is started again.",
        ),
        Some(_) | None => report.ok(CHECK, format!("sealed; {vouched}")),
    }
}

/// Keys, backups, administrators.
pub fn installation(report: &mut Report, patient: &Patient, postgres: bool) {
    let inspection = &patient.inspection;
    let now = inspection.now;
    let signing: Vec<_> = inspection.signing_keys.iter().filter(|key| key.signs).collect();
    for key in &signing {
        let check = format!("Signing key {}", key.algorithm);
        let age = since(now, key.created_at);
        if (now - key.created_at).num_days() > SIGNING_KEY_DAYS {
            report.warning(&check, format!("{age} old"), "Change it with `isthmus key rotate signing`.");
        } else {
            report.ok(&check, format!("{age} old"));
        }
    }
    if signing.is_empty() {
        report.ok("Signing keys", "none yet: the first start of the server makes them");
    }
    match inspection.last_backup {
        // The database's own tools make those, and tell nobody here.
        None if postgres => {}
        None => report.warning(
            "Backup",
            "none was ever made with `isthmus backup`",
            "Make one every night, and keep it on another machine: docs/operations.md, \"Backup\".",
        ),
        Some(at) if (now - at).num_days() >= BACKUP_DAYS => {
            report.warning(
                "Backup",
                format!("the last one is {} old", since(now, at)),
                "See why the nightly one stopped.",
            );
        }
        Some(at) => report.ok("Backup", format!("the last one is {} old", since(now, at))),
    }
    audit_log(report, inspection);
    match inspection.administrators {
        0 => report.problem(
            "Administrators",
            "there is none: nobody can work in the console",
            "isthmus admin create --data …",
        ),
        number => report.ok("Administrators", format!("{number}")),
    }
}
