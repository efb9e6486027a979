//! From what went wrong to what the hub does about it.

use connector::{Trouble, TroubleKind};

/// Longest words of a database that go into a message.
const LONGEST_WORDS: usize = 300;

#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Fault {
    pub(crate) kind: TroubleKind,
    pub(crate) reason: String,
    /// The connection may be at fault: a fresh one may answer.
    pub(crate) of_connection: bool,
}

impl Fault {
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Unavailable, reason: reason.into(), of_connection: true }
    }

    pub(crate) fn misconfigured(reason: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Misconfigured, reason: reason.into(), of_connection: false }
    }

    pub(crate) fn odd(reason: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Odd, reason: reason.into(), of_connection: false }
    }

    pub(crate) fn at(self, endpoint: &str) -> Trouble {
        Trouble { kind: self.kind, endpoint: endpoint.to_owned(), reason: self.reason }
    }
}

/// The database's own words, in one line and never endless. They name tables and columns, and no value that was bound.
fn words(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn tls(error: &dyn std::fmt::Display) -> String {
    let said = words(&error.to_string());
    format!("TLS: {said}. Check the certificate authority (ca_file) and that the host is named as in the certificate")
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(&*error),
            // A handshake that fails comes as data that cannot be.
            sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => Self::unavailable(tls(&error)),
            sqlx::Error::Io(error) => Self::unavailable(format!("the connection broke: {error}")),
            sqlx::Error::Tls(error) => Self::unavailable(tls(&error)),
            sqlx::Error::Protocol(text) => {
                Self::unavailable(format!("it does not keep to its protocol: {}", words(&text)))
            }
            sqlx::Error::Configuration(error) => Self::misconfigured(words(&error.to_string())),
            sqlx::Error::WorkerCrashed => Self::unavailable("the reader of the file ended"),
            other @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_)) => {
                // A decoding error may repeat the value.
                tracing::debug!(error = std::any::type_name_of_val(&other), "a value could not be read");
                Self::odd("a value could not be read: the table was changed, or the server answers oddly")
            }
            _ => Self::unavailable("the database did not answer as expected"),
        }
    }
}

fn of_database(error: &dyn sqlx::error::DatabaseError) -> Fault {
    let code = error.code().map(|code| code.into_owned()).unwrap_or_default();
    let said = words(error.message());
    if let Some(error) = error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        return of_sqlite(error);
    }
    // Five-letter SQLSTATE of both servers; its first two are the class (ISO/IEC 9075-2, 24.1).
    let kind = match code.as_str() {
        // Statement cancelled by its own time-out: the question was too heavy, or the server is.
        "57014" | "70100" => TroubleKind::Unavailable,
        // Invalid authorization, unknown database, no right, no table, no column, syntax.
        _ if ["28", "3D", "42", "0A", "25"].iter().any(|class| code.starts_with(class)) => TroubleKind::Misconfigured,
        // Text that the column's type does not take: about one value.
        _ if code.starts_with("22") => TroubleKind::Odd,
        _ => TroubleKind::Unavailable,
    };
    let remedy = match code.as_str() {
        "28P01" | "28000" => "; check the account and enter its password again",
        "42501" | "42000" => "; the account needs the right to read (SELECT)",
        "42P01" | "42S02" => "; check the name of the table",
        "42703" | "42S22" => "; check the names of the columns",
        _ => "",
    };
    Fault { kind, reason: format!("it said: {said} ({code}){remedy}"), of_connection: kind == TroubleKind::Unavailable }
}

fn of_sqlite(error: &sqlx::sqlite::SqliteError) -> Fault {
    use sqlx::error::DatabaseError as _;
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    let said = words(error.message());
    // Primary result codes (sqlite.org/rescode.html).
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_INTERRUPT.
        5 | 6 | 9 => Fault::unavailable(format!("the file is busy: {said}")),
        // SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH, SQLITE_READONLY, SQLITE_ERROR.
        11 | 26 => Fault::misconfigured(format!("the file is no readable SQLite database: {said}")),
        14 | 3 | 23 => Fault::misconfigured(format!("the file cannot be opened: {said}")),
        1 | 8 => Fault::misconfigured(format!("it said: {said}; check the names of tables and columns")),
        _ => Fault::unavailable(format!("it said: {said}")),
    }
}
