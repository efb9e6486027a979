//! Settings of a database with people in it.

use connector::SourceFolder;
use directory::{SqlPassword, SqlSettings};

use super::{invalid, source_check::check_ca};
use crate::HubError;

const LONGEST_TIMEOUT_MS: u64 = 60_000;
const MOST_CONNECTIONS: u32 = 64;
const LARGEST_PAGE: u32 = 5_000;
/// A year in seconds.
const LONGEST_OVERLAP: u64 = 366 * 24 * 60 * 60;
/// Longer names no database has, longer queries nobody can read.
const LONGEST_NAME: usize = 200;
const LONGEST_QUERY: usize = 10_000;

/// Checks them and brings them into their stored form (trimmed).
pub(super) fn check(sql: &mut SqlSettings) -> Result<(), HubError> {
    check_url(sql)?;
    if let Some(pem) = &sql.ca_pem {
        check_ca(pem)?;
    }
    for (field, text) in [("id_column", &mut sql.id_column), ("username_column", &mut sql.username_column)] {
        *text = text.trim().to_owned();
        check_name(field, text)?;
    }
    table("people", &mut sql.people)?;
    let flags = [&sql.active, &sql.privileged].into_iter().flatten();
    let columns = flags.map(|flag| &flag.column).chain(&sql.name_columns);
    for column in columns.chain(&sql.expires_column).chain(&sql.changed_column) {
        check_name("columns", column)?;
    }
    sql.mapping.retain(|_, column| !column.trim().is_empty());
    for column in sql.mapping.values() {
        check_name("mapping", column)?;
    }
    if let Some(password) = &sql.password {
        check_password(password)?;
    }
    if let Some(groups) = &mut sql.groups {
        table("groups", &mut groups.groups)?;
        table("memberships", &mut groups.memberships)?;
        for column in [&groups.id_column, &groups.name_column, &groups.person_column, &groups.group_column] {
            check_name("groups", column)?;
        }
    }
    if let Some(devices) = &mut sql.devices {
        table("devices", &mut devices.devices)?;
        for column in [&devices.id_column, &devices.name_column].into_iter().chain(&devices.owner_column) {
            check_name("devices", column)?;
        }
    }
    check_figures(sql)
}

/// What an account must be looked round with before anybody can know it: table, id and username.
fn known_later(sql: &mut SqlSettings) -> [&mut String; 3] {
    [&mut sql.people, &mut sql.id_column, &mut sql.username_column]
}

/// Fills what may be entered later; which of it stood empty.
pub(super) fn fill(sql: &mut SqlSettings) -> [bool; 3] {
    known_later(sql).map(|text| {
        let empty = text.trim().is_empty();
        if empty {
            *text = "later".to_owned();
        }
        empty
    })
}

/// Takes out again what [`fill`] put in.
pub(super) fn empty(sql: &mut SqlSettings, later: [bool; 3]) {
    for (text, empty) in known_later(sql).into_iter().zip(later) {
        if empty {
            text.clear();
        }
    }
}

fn check_url(sql: &SqlSettings) -> Result<(), HubError> {
    let url = &sql.url;
    let wrong = |message: &str| Err(invalid("url", message));
    if url.password().is_some() {
        return wrong("leave the password out of the address: it is the source's secret, with a field of its own");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("give only account, host, port and database");
    }
    match url.scheme() {
        "sqlite" => {
            if url.path().contains('%') {
                return wrong("give a path of plain letters, such as sqlite:people.db");
            }
            SourceFolder::check(url.path()).map_err(|refused| invalid("url", refused.to_string()))
        }
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            if url.host_str().is_none_or(str::is_empty) {
                return wrong("the address names no host");
            }
            if url.username().is_empty() {
                return wrong("name an account that may only read: postgres://reader@host/database");
            }
            // Percent signs would have to be read by a rule of their own.
            if url.path().trim_matches('/').is_empty() || url.path().contains('%') || url.username().contains('%') {
                return wrong("name account and database in plain letters: postgres://reader@host/database");
            }
            Ok(())
        }
        _ => wrong("use postgres://account@host/database, mysql://account@host/database or sqlite:people.db"),
    }
}

/// A table, or a query that can stand in parentheses.
fn table(field: &'static str, text: &mut String) -> Result<(), HubError> {
    *text = text.trim().trim_end_matches(';').trim().to_owned();
    let start = text.to_ascii_lowercase();
    let is_query = ["select", "with"]
        .iter()
        .any(|word| start.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_whitespace)));
    if !is_query {
        return check_name(field, text);
    }
    if text.len() > LONGEST_QUERY {
        return Err(invalid(field, "this query is longer than 10,000 letters: make it a view"));
    }
    // One statement, whatever the driver does with several.
    if text.contains([';', '\0']) {
        return Err(invalid(field, "give one query, without semicolons, or make it a view"));
    }
    Ok(())
}

fn check_name(field: &'static str, name: &str) -> Result<(), HubError> {
    let trimmed = !name.is_empty() && name.trim() == name;
    if !trimmed || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(invalid(field, format!("{:?} is no name", name.chars().take(40).collect::<String>())));
    }
    Ok(())
}

fn check_password(password: &SqlPassword) -> Result<(), HubError> {
    let columns = [&password.salt_column, &password.format_column, &password.set_at_column];
    for column in columns.into_iter().flatten().chain([&password.column]) {
        check_name("password", column)?;
    }
    if password.format_column.is_some() == password.formats.is_empty() {
        return Err(invalid("formats", "give format_column and formats together, or neither"));
    }
    check_call_out(password)
}

fn check_call_out(password: &SqlPassword) -> Result<(), HubError> {
    let wrong = |message: &str| Err(invalid("call_out", message));
    let Some(call_out) = &password.call_out else {
        if password.calls_out() {
            return wrong("the scheme call-out needs [source.sql.password.call_out] with url and token_file");
        }
        return Ok(());
    };
    if !password.calls_out() {
        return wrong("no format has the scheme call-out: nobody would be asked");
    }
    let url = &call_out.url;
    let extra = !url.username().is_empty() || url.password().is_some() || url.fragment().is_some();
    if url.scheme() != "https" || url.host_str().is_none_or(str::is_empty) || extra {
        return wrong("write an https:// address without a name or password in it: it is sent passwords");
    }
    if let Some(pem) = &call_out.ca_pem {
        check_ca(pem)?;
    }
    SourceFolder::check(&call_out.token_file).map_err(|refused| invalid("call_out", refused.to_string()))
}

fn check_figures(sql: &SqlSettings) -> Result<(), HubError> {
    for (field, value) in
        [("connect_timeout_ms", sql.connect_timeout_ms), ("operation_timeout_ms", sql.operation_timeout_ms)]
    {
        if !(100..=LONGEST_TIMEOUT_MS).contains(&value) {
            return Err(invalid(field, "use 100 milliseconds to 60 seconds"));
        }
    }
    if !(1..=MOST_CONNECTIONS).contains(&sql.connections) {
        return Err(invalid("connections", format!("use 1 to {MOST_CONNECTIONS}")));
    }
    if !(1..=LARGEST_PAGE).contains(&sql.page_size) {
        return Err(invalid("page_size", format!("use 1 to {LARGEST_PAGE}")));
    }
    if sql.changed_overlap > LONGEST_OVERLAP {
        return Err(invalid("changed_overlap", "this is longer than a year"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SqlSettings {
        SqlSettings {
            url: "postgres://reader@db.example.test/portal".parse().unwrap(),
            people: "hr.T_PERSON".to_owned(),
            id_column: "PERS_NO".to_owned(),
            username_column: "LOGIN_NAME".to_owned(),
            ..SqlSettings::preset()
        }
    }

    fn refused(change: impl FnOnce(&mut SqlSettings)) -> &'static str {
        let mut changed = settings();
        change(&mut changed);
        match check(&mut changed) {
            Err(HubError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_cannot_be_meant_well_is_refused_by_name() {
        assert!(check(&mut settings()).is_ok());
        for url in [
            "postgres://reader:secret@db/portal",
            "postgres://db/portal",
            "postgres://reader@db",
            "postgres://reader@db/portal?sslmode=disable",
            "http://db/portal",
            "sqlite:../isthmus.sqlite",
            "sqlite:///etc/passwd",
        ] {
            assert_eq!(refused(|sql| sql.url = url.parse().unwrap()), "url", "{url}");
        }
        assert_eq!(refused(|sql| sql.people = "select 1; drop table x".to_owned()), "people");
        assert_eq!(refused(|sql| sql.people = String::new()), "people");
        assert_eq!(refused(|sql| sql.id_column = "a\0".to_owned()), "id_column");
        assert_eq!(refused(|sql| sql.page_size = 0), "page_size");
    }

    #[test]
    fn what_the_account_shows_may_be_entered_later() {
        let mut sql = SqlSettings { people: String::new(), id_column: "id".to_owned(), ..settings() };
        let before = sql.clone();
        let later = fill(&mut sql);
        check(&mut sql).unwrap();
        empty(&mut sql, later);
        assert_eq!(sql, before);
    }

    #[test]
    fn a_query_keeps_its_words_and_loses_its_semicolon() {
        let mut sql = settings();
        sql.people = " select * from t_person ; ".to_owned();
        check(&mut sql).unwrap();
        assert_eq!(sql.people, "select * from t_person");
    }
}
