//! `site.toml` as it is written. Unknown keys are errors. A key that is left out keeps its value; a new directory or
//! application starts from the default.

use std::{collections::BTreeMap, path::PathBuf};

use directory::{
    AttributeDefinition, AttributeName, ClientAuthentication, ConsentPolicy, FileSettings, HostChoice, OpenIdSettings,
    ProfileSettings, ScimSettings, SourceKind, SourceMode, SqlSettings,
};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};
use url::Url;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteDocument {
    #[serde(default)]
    pub source: Vec<SourceSection>,
    #[serde(default)]
    pub client: Vec<ClientSection>,
    /// Attributes that the installation defines; each section is the whole definition.
    #[serde(default)]
    pub attribute: Vec<AttributeDefinition>,
    /// Installation-wide figures; see [`directory::Policy`].
    #[serde(default)]
    pub policy: Option<Map<String, Value>>,
}

/// One `[[source]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    pub name: String,
    pub kind: SourceKind,
    pub label: Option<String>,
    /// Of an LDAP directory; the other kinds have a table of their own.
    #[serde(default)]
    pub urls: Vec<Url>,
    /// `[source.sql]`, for `kind = "sql"`.
    pub sql: Option<SqlSettings>,
    /// `[source.openid]`, for `kind = "entra"` and `"openid"`.
    pub openid: Option<OpenIdSettings>,
    /// `[source.scim]`, for `kind = "scim"`.
    pub scim: Option<ScimSettings>,
    /// `[source.file]`, for `kind = "file"`.
    pub file: Option<FileSettings>,
    /// Which of several servers is asked first: `in-order` or `spread`.
    pub host_choice: Option<HostChoice>,
    /// Begin with `ldap://` and switch to TLS before anything else is said.
    #[serde(default)]
    pub start_tls: bool,
    /// Allow `ldap://` without TLS.
    #[serde(default)]
    pub allow_plain: bool,
    /// The certificate authority of the directory, relative to this file; the system's authorities if left out.
    pub ca_file: Option<PathBuf>,
    pub bind_dn: Option<String>,
    /// The password, token or client secret the hub itself needs there; a file needs none.
    #[serde(alias = "secret")]
    pub bind_password: Option<SecretReference>,
    /// A second account, with which the hub may write there; "" takes it away.
    pub write_dn: Option<String>,
    pub write_password: Option<SecretReference>,
    /// Help desk may end a lock there.
    pub unlock_at_source: Option<bool>,
    /// Whose password has expired there may change it there.
    pub password_write_back: Option<bool>,
    pub base_dn: Option<String>,
    pub person_filter: Option<String>,
    pub name_attributes: Option<Vec<String>>,
    pub id_attribute: Option<String>,
    pub username_attribute: Option<String>,
    /// From the hub's attribute to the directory's; an empty text takes an attribute out.
    pub mapping: Option<BTreeMap<AttributeName, String>>,
    pub netbios_domain: Option<String>,
    /// The tree of groups; empty = the whole directory.
    pub group_base: Option<String>,
    /// Empty = no groups are read.
    pub group_filter: Option<String>,
    /// The tree of devices; empty = the whole directory.
    pub device_base: Option<String>,
    /// Empty = no devices are read.
    pub device_filter: Option<String>,
    pub connect_timeout: Option<Seconds>,
    pub operation_timeout: Option<Seconds>,
    pub connections: Option<u32>,
    pub page_size: Option<u32>,
    pub domains: Option<Vec<String>>,
    pub mode: Option<SourceMode>,
    pub just_in_time: Option<bool>,
    pub just_in_time_activation: Option<bool>,
    pub lockout_threshold: Option<u32>,
    pub lockout_window: Option<Seconds>,
    /// Accepts a directory that locks at one or two wrong passwords.
    pub lockout_waiver: Option<bool>,
    pub capture_settle: Option<Seconds>,
    pub shadow: Option<bool>,
    pub outage_sign_in: Option<bool>,
    pub self_written: Option<Vec<AttributeName>>,
    pub protected_groups: Option<Vec<String>>,
    /// `[source.profile]`: how much its word counts, and what becomes of what it says.
    pub profile: Option<ProfileSettings>,
    /// How often an import begins by itself; 0 = never.
    pub import_every: Option<Seconds>,
    /// How often one of them reads everything.
    pub full_import_every: Option<Seconds>,
}

/// One `[[client]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSection {
    pub id: String,
    pub name: Option<String>,
    pub secret: Option<SecretReference>,
    pub authentication: Option<ClientAuthentication>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub require_pkce: Option<bool>,
    pub consent: Option<ConsentPolicy>,
    /// One directory's name, or several in order.
    #[serde(default, deserialize_with = "one_or_several")]
    pub original_source: Option<Vec<String>>,
    /// Groups its tokens may name, as `directory/group`.
    pub groups: Option<Vec<String>>,
}

/// Where a secret is: never in the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    File(PathBuf),
    Environment(String),
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = SecretReference;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("{ file = \"PATH\" } or { env = \"NAME\" }")
            }
            // The text itself stays out of the message: it may be the secret.
            fn visit_str<E: de::Error>(self, _text: &str) -> Result<SecretReference, E> {
                Err(E::custom("a secret does not stand in this file: write { file = \"PATH\" } or { env = \"NAME\" }"))
            }
            fn visit_i64<E: de::Error>(self, _number: i64) -> Result<SecretReference, E> {
                self.visit_str("")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<SecretReference, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    let value: String = map.next_value()?;
                    let reference = match key.as_str() {
                        "file" => SecretReference::File(value.into()),
                        "env" => SecretReference::Environment(value),
                        other => return Err(de::Error::unknown_field(other, &["file", "env"])),
                    };
                    if found.replace(reference).is_some() {
                        return Err(de::Error::custom("give either file or env, not both"));
                    }
                }
                found.ok_or_else(|| de::Error::custom("give file or env"))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A length of time: whole seconds, or text such as `"15m"`, `"90s"`, `"500ms"`, `"2h"`, `"1d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds {
    pub milliseconds: u64,
}

impl Seconds {
    /// Whole seconds, rounded up: a window is never shorter than what was written.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.milliseconds.div_ceil(1_000)
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong =
            || format!("{text:?} is not a length of time: write \"15m\", \"90s\", \"2h\", \"1d\" or whole seconds");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        number.checked_mul(factor).map(|milliseconds| Self { milliseconds }).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a length of time: \"15m\", \"90s\", \"2h\", \"1d\" or whole seconds")]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(seconds) => seconds
                .checked_mul(1_000)
                .map(|milliseconds| Self { milliseconds })
                .ok_or_else(|| de::Error::custom("this is too long")),
            Written::Text(text) => Self::parse(&text).map_err(de::Error::custom),
        }
    }
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a directory's name, or a list of names")]
    enum Written {
        One(String),
        Several(Vec<String>),
    }
    Ok(Some(match Written::deserialize(deserializer)? {
        Written::One(name) => vec![name],
        Written::Several(names) => names,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in
            [("15m", 900), ("90s", 90), ("2h", 7_200), ("1d", 86_400), ("7", 7), ("500ms", 1), ("0", 0)]
        {
            assert_eq!(Seconds::parse(text).map(Seconds::seconds), Ok(seconds), "{text}");
        }
        for bad in ["", "m", "-1s", "1.5h", "15 minutes", "99999999999999999999", "99999999999999999d"] {
            assert!(Seconds::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        let error = serde_json::from_str::<SecretReference>("\"canary\"").unwrap_err().to_string();
        assert!(error.contains("file") && !error.contains("canary"), "{error}");
        assert!(serde_json::from_str::<SecretReference>(r#"{"file":"a","env":"b"}"#).is_err());
        assert!(serde_json::from_str::<SecretReference>(r#"{"vault":"a"}"#).is_err());
        assert!(serde_json::from_str::<SecretReference>("{}").is_err());
        assert_eq!(
            serde_json::from_str::<SecretReference>(r#"{"env":"A"}"#).unwrap(),
            SecretReference::Environment("A".to_owned())
        );
    }

    #[test]
    fn unknown_keys_are_named() {
        let error = serde_json::from_str::<SiteDocument>(r#"{"source":[{"name":"a","bind_pasword":1}]}"#).unwrap_err();
        assert!(error.to_string().contains("bind_pasword"), "{error}");
    }
}
