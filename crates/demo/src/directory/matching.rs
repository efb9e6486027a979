//! Which entries a search selects: scope and filter (RFC 4511 section 4.5.1).

use ldap3_proto::proto::{LdapFilter, LdapSearchScope, LdapSubstringFilter};

use super::tree::{Entry, fold_dn};

/// Whether the entry lies in the scope of a search; `base` is folded.
pub(super) fn in_scope(entry: &Entry, base: &str, scope: &LdapSearchScope) -> bool {
    let below = entry.key.strip_suffix(base).and_then(|rest| rest.strip_suffix(','));
    match scope {
        LdapSearchScope::Base => entry.key == base,
        LdapSearchScope::OneLevel => below.is_some_and(|rest| !rest.contains(',')),
        LdapSearchScope::Subtree => entry.key == base || below.is_some(),
        LdapSearchScope::Children => below.is_some(),
    }
}

/// Whether the filter selects the entry. An attribute that is not there matches nothing, and its negation everything;
/// no attribute of the demo is unknown to its schema, so "undefined" does not occur.
pub(super) fn matches(filter: &LdapFilter, entry: &Entry) -> bool {
    let any = |attribute: &str, test: &dyn Fn(&str) -> bool| {
        entry.values(attribute).iter().any(|value| test(&comparable(attribute, value)))
    };
    match filter {
        LdapFilter::And(filters) => filters.iter().all(|filter| matches(filter, entry)),
        LdapFilter::Or(filters) => filters.iter().any(|filter| matches(filter, entry)),
        LdapFilter::Not(filter) => !matches(filter, entry),
        LdapFilter::Present(attribute) => !entry.values(attribute).is_empty(),
        LdapFilter::Equality(attribute, wanted) | LdapFilter::Approx(attribute, wanted) => {
            let wanted = comparable(attribute, wanted);
            any(attribute, &|value| value == wanted)
        }
        LdapFilter::GreaterOrEqual(attribute, bound) => {
            let bound = comparable(attribute, bound);
            any(attribute, &|value| value >= bound.as_str())
        }
        LdapFilter::LessOrEqual(attribute, bound) => {
            let bound = comparable(attribute, bound);
            any(attribute, &|value| value <= bound.as_str())
        }
        LdapFilter::Substring(attribute, parts) => any(attribute, &|value| has_parts(value, parts)),
        // No extensible rule is supported; RFC 4511 lets such a filter match nothing.
        LdapFilter::Extensible(_) => false,
    }
}

fn comparable(attribute: &str, value: &str) -> String {
    if ["memberOf", "member", "entryDN"].iter().any(|name| name.eq_ignore_ascii_case(attribute)) {
        return fold_dn(value);
    }
    value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn has_parts(value: &str, parts: &LdapSubstringFilter) -> bool {
    let mut rest = value;
    if let Some(initial) = &parts.initial {
        let Some(after) = rest.strip_prefix(initial.to_lowercase().as_str()) else { return false };
        rest = after;
    }
    for part in &parts.any {
        let part = part.to_lowercase();
        let Some(at) = rest.find(&part) else { return false };
        rest = &rest[at + part.len()..];
    }
    parts.final_.as_ref().is_none_or(|last| rest.ends_with(&last.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use ldap3_proto::parse_ldap_filter_str;

    use super::{
        super::{people::Organisation, tree::Tree},
        *,
    };

    fn count(filter: &str) -> usize {
        let filter = parse_ldap_filter_str(filter).unwrap();
        let tree = Tree::plant(&Organisation::default());
        tree.entries().iter().filter(|entry| matches(&filter, entry)).count()
    }

    #[test]
    fn filters_select_what_they_say() {
        assert_eq!(count("(objectClass=inetOrgPerson)"), 300);
        assert_eq!(count("(&(objectClass=inetOrgPerson)(UID=JSmith))"), 1);
        assert_eq!(count("(|(uid=jsmith)(mail=aokafor@ferries.example))"), 2);
        assert_eq!(count("(&(uid=*)(!(uid=jsmith)))"), 299);
        assert_eq!(count("(uid=js*th)"), 1);
        assert_eq!(count("(cn=*smi*)"), count("(cn=*SMI*)"));
        assert_eq!(count("(nothing=here)"), 0);
        assert_eq!(count("(objectClass=groupOfNames)"), 19);
    }

    #[test]
    fn scopes_end_where_they_say() {
        let tree = Tree::plant(&Organisation::default());
        let count = |base: &str, scope| tree.entries().iter().filter(|entry| in_scope(entry, base, &scope)).count();
        assert_eq!(count("dc=ferries,dc=example", LdapSearchScope::Base), 1);
        assert_eq!(count("dc=ferries,dc=example", LdapSearchScope::OneLevel), 4);
        assert_eq!(count("ou=people,dc=ferries,dc=example", LdapSearchScope::Subtree), 301);
        assert_eq!(count("ou=people,dc=ferries,dc=example", LdapSearchScope::Children), 300);
        assert_eq!(count("dc=example", LdapSearchScope::OneLevel), 1);
    }
}
