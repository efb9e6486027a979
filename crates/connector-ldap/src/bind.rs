//! What the answer to a person's bind means (semantics, section 3).

use chrono::{DateTime, Utc};
use connector::{TroubleKind, Verification};
use directory::{AdapterResult, SourceEntry};
use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
};
use ldap3::{LdapResult, controls::RawControl};

/// Password policy for LDAP directories (draft-behera-ldap-password-policy-10), request and response.
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// The request control. A directory that does not know it ignores it.
pub(crate) fn password_policy_request() -> RawControl {
    RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None }
}

/// The answer in the hub's words.
pub(crate) struct Judged {
    pub(crate) result: AdapterResult,
    pub(crate) proves_password: bool,
    pub(crate) reason: String,
    pub(crate) trouble: Option<TroubleKind>,
    pub(crate) locked_until: Option<DateTime<Utc>>,
}

impl Judged {
    fn new(result: AdapterResult, proves_password: bool, reason: impl Into<String>) -> Self {
        Self { result, proves_password, reason: reason.into(), trouble: None, locked_until: None }
    }

    fn odd(reason: impl Into<String>) -> Self {
        Self { trouble: Some(TroubleKind::Odd), ..Self::new(AdapterResult::Unavailable, false, reason) }
    }

    fn down(reason: impl Into<String>) -> Self {
        Self { trouble: Some(TroubleKind::Unavailable), ..Self::new(AdapterResult::Unavailable, false, reason) }
    }

    fn misconfigured(reason: impl Into<String>) -> Self {
        Self { trouble: Some(TroubleKind::Misconfigured), ..Self::new(AdapterResult::Misconfigured, false, reason) }
    }

    /// Whether the connection is in a known state afterwards and may carry the next bind.
    pub(crate) fn keeps_connection(&self) -> bool {
        self.trouble.is_none()
    }

    pub(crate) fn into_verification(self, endpoint: &str) -> Verification {
        Verification {
            result: self.result,
            sent: true,
            proves_password: self.proves_password,
            endpoint: endpoint.to_owned(),
            reason: self.reason,
            locked_until: self.locked_until,
            trouble: self.trouble,
        }
    }
}

/// What a result code, a diagnostic text and a control mean.
pub(crate) fn judge(active_directory: bool, entry: &SourceEntry, result: &LdapResult) -> Judged {
    let policy = match password_policy(result) {
        Ok(policy) => policy,
        Err(what) => return Judged::odd(what),
    };
    let code = result.rc;
    match code {
        0 => match policy {
            Some(PolicyError::ChangeAfterReset) => {
                Judged::new(AdapterResult::MustChange, true, "ppolicy: change after reset")
            }
            Some(PolicyError::PasswordExpired) => {
                Judged::new(AdapterResult::PasswordExpired, true, "ppolicy: password expired")
            }
            // The directory contradicts itself.
            Some(PolicyError::AccountLocked | PolicyError::Other(_)) => {
                Judged::odd("success with a password policy error")
            }
            None => Judged::new(AdapterResult::Ok, true, "bind succeeded"),
        },
        49 if active_directory => sub_code(entry, &result.text),
        49 => invalid_credentials(entry, policy),
        10 => Judged::odd("the directory refers to another server; the password does not follow"),
        8 | 13 => Judged::misconfigured(format!("the directory wants an encrypted connection (result code {code})")),
        48 => Judged::new(AdapterResult::Unverifiable, false, "the entry has no password (result code 48)"),
        32 => Judged::new(AdapterResult::NotFound, false, "no such entry (result code 32)"),
        51 | 52 => Judged::down(format!("the directory is overloaded or going down (result code {code})")),
        _ => Judged::odd(format!("result code {code}, which says nothing about the password")),
    }
}

fn invalid_credentials(entry: &SourceEntry, policy: Option<PolicyError>) -> Judged {
    match policy {
        Some(PolicyError::AccountLocked) => Judged {
            locked_until: entry.lockout.locked_until,
            ..Judged::new(AdapterResult::Locked, false, "ppolicy: account locked")
        },
        // slapo-ppolicy looks at expiry only after the password was right.
        Some(PolicyError::PasswordExpired) => {
            Judged::new(AdapterResult::PasswordExpired, true, "ppolicy: password expired, no grace left")
        }
        Some(PolicyError::ChangeAfterReset) => {
            Judged::new(AdapterResult::MustChange, true, "ppolicy: change after reset")
        }
        Some(PolicyError::Other(number)) => Judged::odd(format!("password policy error {number} with result code 49")),
        // A directory that does not admit to a lockout answers as to a wrong password; the entry just read knows.
        None if entry.lockout.locked_until.is_some() => Judged {
            locked_until: entry.lockout.locked_until,
            ..Judged::new(AdapterResult::Locked, false, "result code 49; the entry is locked")
        },
        None => Judged::new(AdapterResult::BadPassword, false, "invalid credentials (result code 49)"),
    }
}

/// AD's sub-code: `80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1`.
fn sub_code(entry: &SourceEntry, text: &str) -> Judged {
    let code = text
        .split_once("data ")
        .map(|(_, rest)| rest.split([',', ' ', '\0']).next().unwrap_or_default().to_lowercase());
    let Some(code) = code.filter(|code| (1..=8).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_hexdigit()))
    else {
        return Judged::odd("result code 49 without a sub-code, which Active Directory always gives");
    };
    let (result, proves) = match code.as_str() {
        "525" => (AdapterResult::NotFound, false),
        "52e" => (AdapterResult::BadPassword, false),
        "530" | "531" => (AdapterResult::NotAllowedNow, true),
        "532" => (AdapterResult::PasswordExpired, true),
        "533" => (AdapterResult::Disabled, true),
        "701" => (AdapterResult::AccountExpired, true),
        "773" => (AdapterResult::MustChange, true),
        "775" => (AdapterResult::Locked, false),
        _ => return Judged::odd(format!("data {code}, an unknown sub-code")),
    };
    let locked_until = if result == AdapterResult::Locked { entry.lockout.locked_until } else { None };
    Judged { locked_until, ..Judged::new(result, proves, format!("data {code}")) }
}

/// `error` of the response control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyError {
    PasswordExpired,
    AccountLocked,
    ChangeAfterReset,
    Other(u8),
}

/// Decodes the response control: `SEQUENCE { warning [0] CHOICE …, error [1] ENUMERATED }`, both optional. Everything in
/// it is bounded (CVE-2026-9801: a control with huge numbers took a whole server down); one that cannot be read leaves
/// the answer in doubt.
pub(crate) fn password_policy(result: &LdapResult) -> Result<Option<PolicyError>, &'static str> {
    let mut controls = result.ctrls.iter().filter(|control| control.1.ctype == PASSWORD_POLICY);
    let Some(control) = controls.next() else { return Ok(None) };
    let unreadable = "the password policy control cannot be read";
    if controls.next().is_some() {
        return Err("two password policy controls");
    }
    let value = control.1.val.as_deref().unwrap_or_default();
    decode(value).ok_or(unreadable)
}

fn decode(value: &[u8]) -> Option<Option<PolicyError>> {
    // A warning of six bytes in its tag and choice, and an error of three: nothing else fits the definition. Checked
    // before decoding, because the decoder trusts lengths.
    if value.len() > 32 || !lengths_are_short(value) {
        return None;
    }
    let (rest, StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) }) =
        lber::parse::parse_tag(value).ok()?
    else {
        return None;
    };
    let mut error = None;
    for part in parts {
        match (part.class, part.id, part.payload) {
            (TagClass::Context, 0, PL::C(choice)) => {
                let [StructureTag { class: TagClass::Context, id: 0 | 1, payload: PL::P(number) }] = choice.as_slice()
                else {
                    return None;
                };
                (1..=5).contains(&number.len()).then_some(())?;
            }
            (TagClass::Context, 1, PL::P(number)) if error.is_none() => {
                let [number] = number.as_slice() else { return None };
                error = Some(match number {
                    0 => PolicyError::PasswordExpired,
                    1 => PolicyError::AccountLocked,
                    2 => PolicyError::ChangeAfterReset,
                    other => PolicyError::Other(*other),
                });
            }
            _ => return None,
        }
    }
    rest.is_empty().then_some(error)
}

/// Every length is in the short form and inside its parent, and nothing nests deeper than the definition does.
fn lengths_are_short(value: &[u8]) -> bool {
    fn walk(mut bytes: &[u8], depth: usize) -> bool {
        while let [tag, length, rest @ ..] = bytes {
            let length = usize::from(*length);
            if length >= 0x80 || length > rest.len() || tag & 0x1f == 0x1f || depth > 3 {
                return false;
            }
            let (content, next) = rest.split_at(length);
            if tag & 0x20 != 0 && !walk(content, depth + 1) {
                return false;
            }
            bytes = next;
        }
        bytes.is_empty()
    }
    walk(value, 0)
}

#[cfg(test)]
#[path = "bind_tests.rs"]
mod tests;
