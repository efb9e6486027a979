//! Taking a proposed filling of a database's settings: what stands empty is filled, what somebody wrote stays, unless
//! they say that it is to be replaced.

use connector::TableProposal;
use directory::{AttributeName, ConnectorSettings, PasswordFormat, SqlPassword, SqlSettings};
use serde::{Deserialize, Serialize};

use super::{Advice, Check, CheckTone};

/// How much of a proposal somebody takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Take {
    /// What stands empty.
    Empty,
    /// All of it, in place of what was written.
    All,
}

/// One setting of a proposal beside what stands there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedSetting {
    pub what: Proposed,
    pub value: String,
    /// Empty = nothing was written.
    pub now: String,
}

/// Which setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposed {
    Table,
    Id,
    Username,
    Attribute(AttributeName),
    Password,
    Changed,
}

impl Proposed {
    /// In words.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Table => "table of people".to_owned(),
            Self::Id => "immutable id".to_owned(),
            Self::Username => "username".to_owned(),
            Self::Attribute(name) => name.as_str().replace('_', " "),
            Self::Password => "stored password".to_owned(),
            Self::Changed => "changed at".to_owned(),
        }
    }

    fn read(self, sql: &SqlSettings) -> String {
        match self {
            Self::Table => sql.people.clone(),
            Self::Id => sql.id_column.clone(),
            Self::Username => sql.username_column.clone(),
            Self::Attribute(name) => sql.mapping.get(&name).cloned().unwrap_or_default(),
            Self::Password => sql.password.as_ref().map(|password| password.column.clone()).unwrap_or_default(),
            Self::Changed => sql.changed_column.clone().unwrap_or_default(),
        }
    }

    fn write(self, sql: &mut SqlSettings, value: &str) {
        let value = value.to_owned();
        match self {
            Self::Table => sql.people = value,
            Self::Id => sql.id_column = value,
            Self::Username => sql.username_column = value,
            Self::Attribute(name) => drop(sql.mapping.insert(name, value)),
            Self::Password => match &mut sql.password {
                Some(password) => password.column = value,
                none => *none = Some(stored_in(value)),
            },
            Self::Changed => sql.changed_column = Some(value),
        }
    }
}

fn stored_in(column: String) -> SqlPassword {
    SqlPassword {
        column,
        salt_column: None,
        format: PasswordFormat::default(),
        format_column: None,
        formats: std::collections::BTreeMap::new(),
        set_at_column: None,
        call_out: None,
    }
}

/// What would change: settings where the proposal says something else than what stands there.
#[must_use]
pub fn differences(settings: &ConnectorSettings, proposal: &TableProposal) -> Vec<ProposedSetting> {
    let ConnectorSettings::Sql(sql) = settings else { return Vec::new() };
    let attributes = proposal.mapping.iter().map(|(name, column)| (Proposed::Attribute(*name), column));
    let all = [
        (Proposed::Table, &proposal.table),
        (Proposed::Id, &proposal.id_column),
        (Proposed::Username, &proposal.username_column),
    ]
    .into_iter()
    .chain(attributes)
    .chain(proposal.password_column.iter().map(|column| (Proposed::Password, column)))
    .chain(proposal.changed_column.iter().map(|column| (Proposed::Changed, column)));
    all.map(|(what, value)| ProposedSetting { what, value: value.clone(), now: what.read(sql).trim().to_owned() })
        .filter(|setting| !setting.now.eq_ignore_ascii_case(&setting.value))
        .collect()
}

/// Writes the proposal into the settings, and says what became of each part.
pub(super) fn take(settings: &mut ConnectorSettings, proposal: &TableProposal, how: Take) -> Vec<Check> {
    let differences = differences(settings, proposal);
    let ConnectorSettings::Sql(sql) = settings else { return Vec::new() };
    let other = differences.iter().find(|setting| setting.what == Proposed::Table && !setting.now.is_empty());
    if let Some(other) = other.filter(|_| how == Take::Empty) {
        // Columns of one table do not fit another.
        let detail = format!("nothing was filled in: it is for {}, and you named {}", proposal.table, other.now);
        let mut check = Check::new(CheckTone::Warned, "Proposal", detail);
        check.advice = Some(advice("Try the settings: what is proposed is then for the table that you named."));
        return vec![check];
    }
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    for setting in differences {
        let ProposedSetting { what, value, now } = setting;
        if now.is_empty() || how == Take::All {
            what.write(sql, &value);
            let instead = if now.is_empty() { String::new() } else { format!(" instead of {now}") };
            written.push(format!("{} {value}{instead}", what.label()));
        } else {
            kept.push(format!("{} {now}", what.label()));
        }
    }
    let mut checks = Vec::new();
    let detail = if written.is_empty() { "nothing stood empty".to_owned() } else { written.join(", ") };
    let mut check = Check::new(CheckTone::Noted, "Filled in", detail);
    check.advice = Some(advice("Nothing was tried with it yet: look at the fields above, and try these settings."));
    checks.push(check);
    if !kept.is_empty() {
        checks.push(Check::new(CheckTone::Noted, "Left as you wrote it", kept.join(", ")));
    }
    checks
}

fn advice(remedy: &str) -> Advice {
    Advice { means: String::new(), remedy: remedy.to_owned(), ask: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal() -> TableProposal {
        TableProposal {
            table: "t_person".to_owned(),
            id_column: "pers_no".to_owned(),
            id_is_key: true,
            username_column: "login".to_owned(),
            mapping: [(AttributeName::Email, "mail".to_owned())].into(),
            password_column: Some("pw_hash".to_owned()),
            changed_column: None,
        }
    }

    fn sql(settings: &ConnectorSettings) -> &SqlSettings {
        let ConnectorSettings::Sql(sql) = settings else { panic!() };
        sql
    }

    #[test]
    fn what_is_empty_is_filled_and_what_was_written_stays() {
        let mut settings = ConnectorSettings::Sql(SqlSettings {
            username_column: "alias".to_owned(),
            people: "T_PERSON".to_owned(),
            ..SqlSettings::preset()
        });
        let checks = take(&mut settings, &proposal(), Take::Empty);
        let taken = sql(&settings);
        assert_eq!((taken.people.as_str(), taken.id_column.as_str()), ("T_PERSON", "pers_no"), "case is no difference");
        assert_eq!((taken.username_column.as_str(), taken.mapping[&AttributeName::Email].as_str()), ("alias", "mail"));
        assert_eq!(taken.password.as_ref().unwrap().column, "pw_hash");
        assert_eq!(checks[0].detail, "immutable id pers_no, email mail, stored password pw_hash");
        assert_eq!(checks[1].detail, "username alias");
        let left = differences(&settings, &proposal());
        assert_eq!(left, [ProposedSetting { what: Proposed::Username, value: "login".into(), now: "alias".into() }]);
        take(&mut settings, &proposal(), Take::All);
        assert_eq!(sql(&settings).username_column, "login");
        assert!(differences(&settings, &proposal()).is_empty());
    }

    #[test]
    fn columns_of_one_table_are_not_put_to_another() {
        let before = ConnectorSettings::Sql(SqlSettings { people: "staff".to_owned(), ..SqlSettings::preset() });
        let mut settings = before.clone();
        let checks = take(&mut settings, &proposal(), Take::Empty);
        assert_eq!(settings, before);
        assert_eq!(checks[0].tone, CheckTone::Warned);
        take(&mut settings, &proposal(), Take::All);
        assert_eq!((sql(&settings).people.as_str(), sql(&settings).id_column.as_str()), ("t_person", "pers_no"));
    }

    #[test]
    fn how_passwords_were_made_stays_as_it_was_written() {
        let mut password = stored_in("old".to_owned());
        password.salt_column = Some("salt".to_owned());
        let mut settings =
            ConnectorSettings::Sql(SqlSettings { password: Some(password.clone()), ..SqlSettings::preset() });
        take(&mut settings, &proposal(), Take::All);
        assert_eq!(sql(&settings).password, Some(SqlPassword { column: "pw_hash".to_owned(), ..password }));
    }
}
