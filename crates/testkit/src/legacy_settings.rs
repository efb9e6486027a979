//! How a source's settings describe the portal's tables.

use std::collections::BTreeMap;

use directory::{
    AttributeName, PasswordFormat, PasswordScheme, SqlDevices, SqlFlag, SqlGroups, SqlPassword, SqlSettings,
};

use crate::LegacySql;

impl LegacySql {
    /// The settings of a source over it.
    ///
    /// # Panics
    /// If its address is none.
    #[must_use]
    pub fn settings(&self) -> SqlSettings {
        let of = |scheme, template: Option<&str>| PasswordFormat {
            template: template.map(str::to_owned),
            ..PasswordFormat::of(scheme)
        };
        SqlSettings {
            url: self.url.parse().expect("an address"),
            ca_pem: self.ca_pem.clone(),
            people: "T_PERSON".to_owned(),
            id_column: "PERS_NO".to_owned(),
            username_column: "LOGIN_NAME".to_owned(),
            name_columns: vec!["EMAIL_ADR".to_owned()],
            password: Some(SqlPassword {
                column: "PW_HASH".to_owned(),
                salt_column: Some("PW_SALT".to_owned()),
                format: PasswordFormat::default(),
                format_column: Some("PW_ALGO".to_owned()),
                formats: BTreeMap::from([
                    ("MD5".to_owned(), of(PasswordScheme::Md5, None)),
                    ("SMD5".to_owned(), of(PasswordScheme::Md5, Some("{SALT}{PASSWORD}"))),
                    ("SHA1B64".to_owned(), of(PasswordScheme::Sha1, None)),
                    ("SHA256S".to_owned(), of(PasswordScheme::Sha256, Some("{SALT}:{PASSWORD}"))),
                    ("DJANGO".to_owned(), PasswordFormat::default()),
                    ("CRYPT".to_owned(), PasswordFormat::default()),
                    ("PLAIN".to_owned(), of(PasswordScheme::Plain, None)),
                ]),
                set_at_column: None,
                call_out: None,
            }),
            active: Some(SqlFlag { column: "AKTIV".to_owned(), values: vec!["J".to_owned()] }),
            expires_column: Some("GUELTIG_BIS".to_owned()),
            changed_column: Some("LAST_UPD".to_owned()),
            mapping: BTreeMap::from([
                (AttributeName::GivenName, "VORNAME".to_owned()),
                (AttributeName::FamilyName, "NACHNAME".to_owned()),
                (AttributeName::Email, "EMAIL_ADR".to_owned()),
            ]),
            groups: Some(SqlGroups {
                groups: "T_ROLLE".to_owned(),
                id_column: "ROLLE_ID".to_owned(),
                name_column: "BEZ".to_owned(),
                description_column: None,
                memberships: "T_PERS_ROLLE".to_owned(),
                person_column: "PERS_NO".to_owned(),
                group_column: "ROLLE_ID".to_owned(),
            }),
            devices: Some(SqlDevices {
                devices: "T_GERAET".to_owned(),
                id_column: "INV_NR".to_owned(),
                name_column: "INV_NR".to_owned(),
                owner_column: Some("PERS_NO".to_owned()),
                sid_column: None,
                serial_number_column: Some("SERIEN_NR".to_owned()),
                manufacturer_column: None,
                model_column: Some("TYP".to_owned()),
                operating_system_column: None,
                operating_system_version_column: None,
                enabled: None,
                last_seen_column: None,
            }),
            ..SqlSettings::preset()
        }
    }
}
