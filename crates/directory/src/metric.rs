//! Every figure the hub publishes, in one place: its name, its labels, what it says and when to worry. The crates that
//! count take the names from here, and `docs/operations.md` lists what stands here (a test compares the two).
//!
//! Labels have few values: words of ours, routes, and the names an administrator gave to directories. Never a person, a
//! typed name, an address or an id.

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, by bucket.
    Histogram,
}

impl MetricKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: MetricKind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
    /// When somebody should look; empty for what only explains.
    pub alert: &'static str,
}

macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal $(alert $alert:literal)?;)+) => {
        $(
            #[doc = $help]
            pub const $constant: &str = $name;
        )+

        /// Every figure, in the order of the documentation.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name,
            kind: MetricKind::$kind,
            labels: &[$($label),*],
            help: $help,
            alert: concat!($($alert)?),
        }),+];
    };
}

metrics! {
    BUILD_INFO = Gauge "isthmus_build_info" ["version"]
        "Always 1; the version that runs.";
    SIGN_INS = Counter "isthmus_sign_ins_total" ["path", "outcome", "row"]
        "Sign-ins by who decided (source, hub, none), outcome (signed-in, refused) and row of the decision table."
        alert "refusals rise over three times last week's share; any `row=\"D17\"`";
    SIGN_IN_SECONDS = Histogram "isthmus_sign_in_seconds" ["path", "outcome"]
        "What a sign-in took, without the wait of a refusal for its point on the time grid."
        alert "p99 of `outcome=\"signed-in\"` above 3 s for 10 min";
    SIGN_IN_ERRORS = Counter "isthmus_sign_in_errors_total" ["reason"]
        "Sign-ins that ended in an error of the hub (storage, overloaded, vault, internal)."
        alert "any increase in 5 min";
    SOURCE_CALLS = Counter "isthmus_source_calls_total" ["source", "call", "result"]
        "Requests to a directory, by call and result; breaker-open and busy were not sent."
        alert "`result` unavailable or misconfigured above 5 % of the calls for 5 min";
    SOURCE_CALL_SECONDS = Histogram "isthmus_source_call_seconds" ["source", "call"]
        "What a directory took to answer."
        alert "p95 above 1 s for 10 min";
    SOURCE_BREAKER = Gauge "isthmus_source_breaker" ["source"]
        "The breaker of a directory: 0 closed, 1 one request tries, 2 open."
        alert "not 0 for 2 min";
    SOURCE_USABLE = Gauge "isthmus_source_usable" ["source"]
        "1 if a sign-in would ask the directory, 0 if it would find it down; absent while paused or retired."
        alert "0 for 2 min";
    SOURCE_HOST_USABLE = Gauge "isthmus_source_host_usable" ["source", "host"]
        "1 if this server of a directory would be asked, 0 if it is in trouble; as this process last met it."
        alert "0 for 10 min: the others stand in, until they fail as well";
    BUDGET_REFUSALS = Counter "isthmus_lockout_budget_refusals_total" ["source"]
        "Sign-ins not sent to the directory because the account's lockout budget is used up."
        alert "more than 20 in 10 min: somebody guesses passwords";
    THROTTLE_REFUSALS = Counter "isthmus_throttle_refusals_total" ["limit"]
        "Sign-ins refused unseen by a throttle limit (identifier, network)."
        alert "more than 100 in 10 min: somebody guesses passwords";
    PASSWORD_CHECKS = Gauge "isthmus_password_checks" ["state"]
        "Password verifications running, waiting, and the limit above which they are shed."
        alert "waiting above half of the limit for 1 min";
    PASSWORD_CHECK_SECONDS = Histogram "isthmus_password_check_seconds" []
        "What making or verifying one password verifier took, its wait in the queue included.";
    PASSWORD_CHECKS_SHED = Counter "isthmus_password_checks_shed_total" []
        "Password verifications refused because too many waited."
        alert "any increase in 5 min";
    DATABASE_WRITES = Counter "isthmus_database_writes_total" ["result"]
        "Write transactions: committed, refused by a rule, failed at the database, cancelled."
        alert "any `result=\"failed\"` in 5 min";
    DATABASE_WRITE_SECONDS = Histogram "isthmus_database_write_seconds" []
        "What a write transaction took, waits and repeats included."
        alert "p99 above 1 s for 5 min";
    DATABASE_WRITE_RETRIES = Counter "isthmus_database_write_retries_total" []
        "Write transactions begun again because the database asked for it."
        alert "more than one per committed write over 10 min";
    DATABASE_READS = Counter "isthmus_database_reads_total" ["result"]
        "Queries outside a transaction: ok, failed."
        alert "any `result=\"failed\"` in 5 min";
    DATABASE_READ_SECONDS = Histogram "isthmus_database_read_seconds" []
        "What such a query took, its wait for a connection included."
        alert "p99 above 0.5 s for 5 min";
    DATABASE_CONNECTIONS = Gauge "isthmus_database_connections" ["state"]
        "Connections of the pool: in-use, idle, and their limit."
        alert "in-use at the limit for 1 min";
    SESSIONS = Gauge "isthmus_sessions" []
        "Sessions of people that have not ended, as counted within the last minute.";
    AUDIT_UNSEALED = Gauge "isthmus_audit_unsealed_events" []
        "Events of the audit log that have no place in its chain yet, counted up to 10,000."
        alert "above 1,000";
    AUDIT_LAG = Gauge "isthmus_audit_unsealed_seconds" []
        "Age of the oldest of them; 0 if there is none."
        alert "above 60 s: no server seals the audit log";
    SWEEPS = Counter "isthmus_sweeps_total" ["source", "result"]
        "Sweeps of a directory by this server: complete, stopped, failed."
        alert "no `result=\"complete\"` on any server for a day";
    SWEEP_COMPLETED = Gauge "isthmus_sweep_completed_timestamp_seconds" ["source"]
        "When this server last read all people of a directory."
        alert "the newest of all servers is older than a day: standing goes stale at `status_max_age`";
    BACKUP_COMPLETED = Gauge "isthmus_backup_completed_timestamp_seconds" []
        "When `isthmus backup` last made a backup of this database; absent before the first."
        alert "older than 26 h (with a nightly backup)";
    HTTP_REQUESTS = Counter "isthmus_http_requests_total" ["route", "method", "status"]
        "Requests by route, method and status."
        alert "status 5xx above 1 % for 5 min";
    HTTP_REQUEST_SECONDS = Histogram "isthmus_http_request_seconds" ["route"]
        "What an answer took, the time grid of refusals included.";
    PROCESS_MEMORY = Gauge "process_resident_memory_bytes" []
        "Memory of the process."
        alert "above 1 GB, or growing for hours";
    PROCESS_OPEN_FDS = Gauge "process_open_fds" []
        "Open files and sockets."
        alert "above 80 % of `process_max_fds`";
    PROCESS_MAX_FDS = Gauge "process_max_fds" []
        "How many of them the system allows.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the process started."
        alert "changes more than twice an hour";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
        for metric in ALL {
            let (name, kind) = (metric.name, metric.kind);
            assert!(name.starts_with("isthmus_") || name.starts_with("process_"), "{name}");
            assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'), "{name}");
            assert_eq!(name.ends_with("_total"), kind == MetricKind::Counter, "{name}");
            assert!(kind != MetricKind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('|'), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
