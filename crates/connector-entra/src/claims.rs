//! From the claims of a verified ID token to an entry.

use std::collections::BTreeMap;

use directory::{AccountStatus, Anchors, AttributeName, ImmutableId, LockoutReading, SourceEntry};
use serde_json::{Map, Value};

use crate::{OpenIdConnector, raw};

/// OpenID Connect Core, 2: `sub` has at most 255 ASCII characters.
const LONGEST_SUBJECT: usize = 255;
/// Values of `amr` (RFC 8176) that a password alone never has. Entra ID adds `ngcmfa` and `rsa`.
const SECOND_FACTORS: [&str; 14] =
    ["mfa", "otp", "hwk", "swk", "sc", "sms", "tel", "fpt", "face", "iris", "vbm", "mca", "ngcmfa", "rsa"];
pub(crate) const LONGEST_VALUE: usize = 1_000;

/// `amr`, and whether it shows more than a password.
pub(crate) fn methods(claims: &Map<String, Value>) -> (Vec<String>, bool) {
    let named = claims.get("amr").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let fits = |word: &&str| word.len() <= 32 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let methods: Vec<String> = named.filter(fits).take(8).map(str::to_owned).collect();
    let second_factor = methods.iter().any(|method| SECOND_FACTORS.contains(&method.as_str()));
    (methods, second_factor)
}

/// Whoever the token says: (issuer, `tid`, `oid`) at Entra ID, (issuer, `sub`) elsewhere. The issuer is that of the
/// source, which never changes.
pub(crate) fn entry(
    connector: &OpenIdConnector,
    said: Map<String, Value>,
    user_info: Map<String, Value>,
) -> Result<SourceEntry, String> {
    let immutable_id = identity(connector.tenant.as_deref(), &said)?;
    let mut claims = user_info;
    claims.extend(said);
    let text = |name: &str| claims.get(name).and_then(shown);
    // A provider that says it has not checked an address does not vouch for it; it is not taken over.
    let unproven = claims.get("email_verified").is_some_and(|verified| *verified == Value::Bool(false));
    let standard = [
        (AttributeName::DisplayName, "name"),
        (AttributeName::GivenName, "given_name"),
        (AttributeName::FamilyName, "family_name"),
        (AttributeName::Email, "email"),
        (AttributeName::Phone, "phone_number"),
        (AttributeName::Locale, "locale"),
    ];
    // With Graph, the mapping speaks of Graph's properties; the token has its own.
    // Some name their people by nothing else.
    let username = text("preferred_username").or_else(|| text("upn")).or_else(|| text("email").filter(|_| !unproven));
    let username = username.or_else(|| Some(immutable_id.as_str().to_owned()));
    let attributes: BTreeMap<AttributeName, String> = if connector.is_readable() {
        standard.iter().filter_map(|(name, claim)| text(claim).map(|value| (*name, value))).collect()
    } else {
        connector.reads.iter().filter_map(|(name, claim)| text(claim).map(|value| (*name, value))).collect()
    };
    let attributes = attributes.into_iter().filter(|(name, _)| !(unproven && *name == AttributeName::Email)).collect();
    let mut names: Vec<String> = username.iter().cloned().collect();
    names.extend(text("email").filter(|_| !unproven));
    names.dedup();
    Ok(SourceEntry {
        // With Graph, expressions speak of its properties.
        raw: if connector.is_readable() { BTreeMap::new() } else { raw::of_claims(&claims, &connector.names) },
        locator: username.clone().unwrap_or_else(|| immutable_id.as_str().to_owned()),
        immutable_id,
        username,
        names,
        attributes,
        groups: Vec::new(),
        // A token names groups by id only, and leaves them out where there are many: the hub does not read them there.
        // Without Graph there are none at all, which is complete.
        groups_complete: !connector.is_readable(),
        status: AccountStatus::Active,
        password_set_at: None,
        lockout: LockoutReading::default(),
        privileged: false,
        anchors: Anchors::default(),
        server: String::new(),
    })
}

fn identity(tenant: Option<&str>, said: &Map<String, Value>) -> Result<ImmutableId, String> {
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let Some(tenant) = tenant else {
        let subject = text("sub").unwrap_or_default();
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || !subject.is_ascii() {
            return Err("the ID token has no usable sub".to_owned());
        }
        return Ok(ImmutableId(subject.to_owned()));
    };
    if text("tid") != Some(tenant) {
        return Err("the ID token is of another tenant".to_owned());
    }
    let oid = text("oid").unwrap_or_default().to_ascii_lowercase();
    let is_id = oid.len() == 36 && oid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if !is_id {
        return Err("the ID token has no usable oid".to_owned());
    }
    Ok(ImmutableId(oid))
}

/// One printable line; anything else is no value.
pub(crate) fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let fits = !text.is_empty() && text.len() <= LONGEST_VALUE && !text.chars().any(char::is_control);
    fits.then_some(text)
}
