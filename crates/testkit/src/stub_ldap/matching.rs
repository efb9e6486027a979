//! Which entries a search finds.

use ldap3_proto::proto::{LdapFilter, LdapSearchRequest, LdapSearchScope};

use super::StubEntry;

/// `LDAP_MATCHING_RULE_IN_CHAIN`.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

pub(super) fn found(entries: &[StubEntry], request: &LdapSearchRequest) -> Vec<StubEntry> {
    let base = request.base.to_lowercase();
    entries
        .iter()
        .filter(|entry| {
            let dn = entry.dn.to_lowercase();
            match request.scope {
                LdapSearchScope::Base => dn == base,
                LdapSearchScope::OneLevel => dn.split_once(',').is_some_and(|(_, parent)| parent == base),
                LdapSearchScope::Subtree | LdapSearchScope::Children => dn == base || dn.ends_with(&format!(",{base}")),
            }
        })
        .filter(|entry| matches(entries, entry, &request.filter))
        .map(|entry| select(entry, &request.attrs))
        .collect()
}

/// Whether `group` holds `member`, itself or through groups it holds.
fn holds(entries: &[StubEntry], group: &StubEntry, member: &str, depth: usize) -> bool {
    let members = group.values("member").iter().filter_map(|value| std::str::from_utf8(value).ok());
    depth < 20
        && members.into_iter().any(|name| {
            let inner = entries.iter().find(|entry| entry.dn.eq_ignore_ascii_case(name));
            name.eq_ignore_ascii_case(member) || inner.is_some_and(|inner| holds(entries, inner, member, depth + 1))
        })
}

fn matches(entries: &[StubEntry], entry: &StubEntry, filter: &LdapFilter) -> bool {
    match filter {
        LdapFilter::And(all) => all.iter().all(|part| matches(entries, entry, part)),
        LdapFilter::Or(any) => any.iter().any(|part| matches(entries, entry, part)),
        LdapFilter::Not(not) => !matches(entries, entry, not),
        LdapFilter::Extensible(rule) if rule.matching_rule.as_deref() == Some(IN_CHAIN) => {
            holds(entries, entry, &rule.match_value, 0)
        }
        LdapFilter::Present(name) => name.eq_ignore_ascii_case("objectClass") || !entry.values(name).is_empty(),
        LdapFilter::Equality(name, value) => entry.values(name).iter().any(|known| {
            known == value.as_bytes()
                || std::str::from_utf8(known).is_ok_and(|known| known.to_lowercase() == value.to_lowercase())
        }),
        LdapFilter::Substring(..)
        | LdapFilter::GreaterOrEqual(..)
        | LdapFilter::LessOrEqual(..)
        | LdapFilter::Approx(..)
        | LdapFilter::Extensible(..) => false,
    }
}

/// Only what was asked for, and never the password.
fn select(entry: &StubEntry, wanted: &[String]) -> StubEntry {
    let all = wanted.is_empty() || wanted.iter().any(|name| name == "*");
    let attributes = entry
        .attributes
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("userPassword"))
        .filter(|(name, _)| {
            let plain = name.split(';').next().unwrap_or(name);
            // A further part of a range (`member;range=2-*`) comes only to whoever asks for it by that name.
            let further = name.contains(";range=") && !name.contains(";range=0-");
            let by_plain = |wanted: &String| wanted.eq_ignore_ascii_case(plain) && !further;
            all && !further || wanted.iter().any(|wanted| by_plain(wanted) || wanted.eq_ignore_ascii_case(name))
        })
        .cloned()
        .collect();
    StubEntry { dn: entry.dn.clone(), attributes }
}
