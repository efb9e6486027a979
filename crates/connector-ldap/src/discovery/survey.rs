//! As the service account: where people are, what their entries look like, when accounts lock, and settings that fit.

use std::collections::{BTreeMap, HashMap};

use connector::{AttributeSeen, Count, DiscoveryStage, Introduction, Proposal, Survey, Vendor};
use directory::{AttributeMapping, AttributeName, LdapSettings, SourceKind};
use ldap3::Scope;
use tokio::time::timeout;

use super::{
    LdapDiscovery,
    greet::Steps,
    look::{Look, Seen},
    policy, root, schema,
};
use crate::{
    connection::{Connection, endpoints},
    dn::{Dn, ancestors},
    fault::{Fault, Stage},
    pool::bind_service,
    search::Entry,
    settings::Compiled,
};

/// Entries that are counted in one place, and places that are counted in.
const COUNTED: usize = 1_000;
const CONTEXTS: usize = 4;
/// Entries looked at more closely, and places that are proposed.
const SAMPLE: usize = 100;
const PLACES: usize = 8;

const OF_ACTIVE_DIRECTORY: &[&str] = &["(&(objectCategory=person)(objectClass=user))"];
/// The usual classes of people, the most telling first.
const OF_OTHERS: &[&str] = &[
    "(objectClass=inetOrgPerson)",
    "(objectClass=posixAccount)",
    "(objectClass=organizationalPerson)",
    "(objectClass=person)",
];
/// Trees of the directory's own.
const NOT_FOR_PEOPLE: &[&str] = &[
    "cn=config",
    "cn=monitor",
    "cn=accesslog",
    "cn=changelog",
    "cn=schema",
    "cn=subschema",
    "o=netscaperoot",
    "o=ipaca",
];

const LOGINS: &[&str] = &["sAMAccountName", "uid", "userPrincipalName", "cn"];
const IDS: &[&str] = &["objectGUID", "entryUUID", "nsUniqueId", "ipaUniqueID"];
/// What each attribute of the hub may be called there.
const MAPPED: &[(AttributeName, &[&str])] = &[
    (AttributeName::DisplayName, &["displayName", "cn"]),
    (AttributeName::GivenName, &["givenName"]),
    (AttributeName::FamilyName, &["sn"]),
    (AttributeName::Email, &["mail"]),
    (AttributeName::Phone, &["telephoneNumber", "mobile"]),
    (AttributeName::EmployeeNumber, &["employeeNumber", "employeeID"]),
    (AttributeName::Title, &["title"]),
    (AttributeName::Department, &["department", "departmentNumber", "ou"]),
    (AttributeName::Locale, &["preferredLanguage"]),
];
const MEMBERSHIP: &[&str] = &["memberOf"];

pub(super) async fn survey(discovery: &LdapDiscovery) -> Result<Survey, Fault> {
    let (mut compiled, _presented) = discovery.for_account()?;
    let mut connection = bound(discovery, &mut compiled).await?;
    let introduction = {
        let mut look = Look::new(&compiled, &mut connection);
        root::read(&mut look).await?
    };
    let introduction = introduction.unwrap_or_else(|| nobody_speaks(discovery));
    // From here on AD is asked not to send references to its other trees.
    compiled.active_directory = introduction.vendor == Vendor::ActiveDirectory;
    let mut look = Look::new(&compiled, &mut connection);
    look.heed(&introduction);
    let known = schema::attributes(&mut look, introduction.schema_at.as_deref()).await?;
    let contexts = contexts(&introduction, &discovery.settings().bind_dn);
    let crowd = count(&mut look, &introduction, &contexts).await?;
    let base =
        crowd.bases.first().map_or_else(|| contexts.first().cloned().unwrap_or_default(), |(base, _)| base.clone());
    let filter = crowd.filters.first().map_or(default_filters(&introduction)[0], |(filter, _)| filter).to_owned();
    let sample = sample(&mut look, &base, &filter).await?;
    let attributes = seen(&sample.entries, known.as_ref());
    let context =
        introduction.default_context.clone().or_else(|| holder(&contexts, &base)).unwrap_or_else(|| base.clone());
    let lockout = policy::read(&mut look, &introduction, &context).await?;
    let netbios_domain = netbios(&mut look, &introduction).await?;
    let mut remarks = remarks(&sample, &attributes);
    remarks.extend(crowd.remarks);
    let proposal = propose(&introduction, &attributes, sample.entries.len(), base, filter);
    Ok(Survey {
        endpoint: look.connection.endpoint.label.clone(),
        filters: crowd.filters,
        bases: crowd.bases,
        sample: sample.entries.len(),
        classes: classes(&sample.entries),
        domains: domains(&sample.entries),
        attributes,
        netbios_domain,
        lockout,
        proposal,
        remarks,
        introduction,
    })
}

/// A connection to the first server that can be reached, bound as the service account. Another server is tried only
/// while nothing has been sent: a refused password is not tried elsewhere.
pub(super) async fn bound(discovery: &LdapDiscovery, compiled: &mut Compiled) -> Result<Connection, Fault> {
    let mut last = None;
    for host in &compiled.hosts {
        let found = match timeout(compiled.connect_timeout, endpoints(&discovery.networks, host)).await {
            Ok(Ok(found)) => found,
            Ok(Err(fault)) => {
                last = Some(fault);
                continue;
            }
            Err(_) => {
                last = Some(Fault::timed_out(Stage::Connect, &host.label, compiled.connect_timeout));
                continue;
            }
        };
        for endpoint in found.iter().take(2) {
            match Connection::open(compiled, endpoint).await {
                Ok(mut connection) => {
                    bind_service(compiled, &mut connection).await?;
                    return Ok(connection);
                }
                Err(fault) => last = Some(fault),
            }
        }
    }
    Err(last.unwrap_or_else(|| Fault::unavailable(&compiled.name, "no server answers")))
}

/// Steps that end with a bound connection, for those who show them.
pub(super) async fn bound_in_steps(
    discovery: &LdapDiscovery,
    compiled: &mut Compiled,
    steps: &mut Steps,
) -> Option<Connection> {
    match bound(discovery, compiled).await {
        Ok(connection) => {
            let label = &connection.endpoint.label;
            steps.add(DiscoveryStage::Account, Ok(format!("{label} accepts {}", compiled.bind_dn)));
            Some(connection)
        }
        Err(fault) => {
            let stage = match fault.stage {
                Stage::Connect => DiscoveryStage::Connect,
                Stage::Tls => DiscoveryStage::Tls,
                Stage::Settings | Stage::ServiceAccount | Stage::Read => DiscoveryStage::Account,
            };
            steps.add(stage, Err(fault));
            None
        }
    }
}

/// A directory that does not even tell its service account what it is.
fn nobody_speaks(discovery: &LdapDiscovery) -> Introduction {
    let ad = discovery.source.kind == SourceKind::ActiveDirectory;
    Introduction {
        vendor: if ad { Vendor::ActiveDirectory } else { Vendor::Unknown },
        product: String::new(),
        naming_contexts: Vec::new(),
        default_context: None,
        schema_at: None,
        controls: Vec::new(),
        extensions: Vec::new(),
        sasl_mechanisms: Vec::new(),
    }
}

/// The trees people may be in. Where the directory names none, the service account's own domain is a guess worth trying.
fn contexts(introduction: &Introduction, bind_dn: &str) -> Vec<String> {
    if let Some(context) = &introduction.default_context {
        return vec![context.clone()];
    }
    let own = |dn: &&String| !NOT_FOR_PEOPLE.contains(&dn.to_lowercase().replace(' ', "").as_str());
    let named: Vec<String> =
        introduction.naming_contexts.iter().filter(|dn| Dn::parse(dn).is_some()).filter(own).cloned().collect();
    if !named.is_empty() {
        return named.into_iter().take(CONTEXTS).collect();
    }
    let domain = |dn: &&str| dn.to_lowercase().starts_with("dc=");
    ancestors(bind_dn).into_iter().find(domain).map(str::to_owned).into_iter().collect()
}

fn holder(contexts: &[String], base: &str) -> Option<String> {
    let base = Dn::parse(base)?;
    contexts.iter().find(|context| Dn::parse(context).is_some_and(|context| base.is_within(&context))).cloned()
}

fn default_filters(introduction: &Introduction) -> &'static [&'static str] {
    if introduction.vendor == Vendor::ActiveDirectory { OF_ACTIVE_DIRECTORY } else { OF_OTHERS }
}

#[derive(Default)]
struct Crowd {
    filters: Vec<(String, Count)>,
    bases: Vec<(String, Count)>,
    remarks: Vec<String>,
}

/// Counts people, by the first usual filter that finds any, and in which places they are.
async fn count(look: &mut Look<'_>, introduction: &Introduction, contexts: &[String]) -> Result<Crowd, Fault> {
    let mut crowd = Crowd::default();
    for filter in default_filters(introduction) {
        let (mut names, mut cut) = (Vec::new(), false);
        for context in contexts {
            let seen = look.search(context, Scope::Subtree, filter, &["1.1"], COUNTED).await?;
            if let Some(refused) = &seen.refused
                && crowd.remarks.len() < CONTEXTS
            {
                crowd.remarks.push(format!("{context} cannot be searched by this service account ({refused})."));
            }
            cut |= seen.cut;
            names.extend(seen.entries.into_iter().map(|entry| entry.dn));
        }
        if names.is_empty() {
            continue;
        }
        crowd.filters.push(((*filter).to_owned(), Count { entries: names.len(), at_least: cut }));
        if crowd.bases.is_empty() {
            crowd.bases = places(&names, contexts, cut);
        }
        if introduction.vendor == Vendor::ActiveDirectory || crowd.filters.len() == 2 {
            break;
        }
    }
    Ok(crowd)
}

/// Places with people below them. Proposed is the narrowest that holds everybody; if not everybody was counted, the
/// whole tree.
fn places(names: &[String], contexts: &[String], cut: bool) -> Vec<(String, Count)> {
    let mut counts: HashMap<String, (&str, usize, usize)> = HashMap::new();
    let tops: Vec<Dn> = contexts.iter().filter_map(|context| Dn::parse(context)).collect();
    for name in names {
        for above in ancestors(name) {
            let Some(dn) = Dn::parse(above) else { continue };
            if tops.iter().any(|top| dn.is_within(top)) {
                counts.entry(dn.key()).or_insert((above, 0, dn.depth())).1 += 1;
            }
        }
    }
    let mut places: Vec<(&str, usize, usize)> = counts.into_values().collect();
    // Everybody's place first, the narrowest of several; then the others, the fullest first.
    places.sort_by(|a, b| {
        let depth = if cut { a.2.cmp(&b.2) } else { b.2.cmp(&a.2) };
        let whole = |place: &(&str, usize, usize)| place.1 == names.len();
        whole(b).cmp(&whole(a)).then(if whole(a) && whole(b) { depth } else { b.1.cmp(&a.1) }).then(a.0.cmp(b.0))
    });
    places.into_iter().take(PLACES).map(|(dn, entries, _)| (dn.to_owned(), Count { entries, at_least: cut })).collect()
}

async fn sample(look: &mut Look<'_>, base: &str, filter: &str) -> Result<Seen, Fault> {
    let mapped = MAPPED.iter().flat_map(|(_, names)| names.iter());
    let names: Vec<&str> =
        ["objectClass"].iter().chain(LOGINS).chain(IDS).chain(MEMBERSHIP).chain(mapped).copied().collect();
    if base.is_empty() {
        return Ok(Seen { entries: Vec::new(), cut: false, refused: None });
    }
    look.search(base, Scope::Subtree, filter, &names, SAMPLE).await
}

fn seen(sample: &[Entry], schema: Option<&std::collections::HashSet<String>>) -> Vec<AttributeSeen> {
    let mapped = MAPPED.iter().flat_map(|(_, names)| names.iter());
    IDS.iter()
        .chain(LOGINS)
        .chain(MEMBERSHIP)
        .chain(mapped)
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .map(|name| AttributeSeen {
            name: name.to_owned(),
            in_schema: schema.map(|schema| schema.contains(&name.to_lowercase())),
            single: sample.iter().filter(|entry| entry.bytes(name).len() == 1).count(),
            several: sample.iter().filter(|entry| entry.bytes(name).len() > 1).count(),
        })
        .collect()
}

fn classes(sample: &[Entry]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for class in sample.iter().flat_map(|entry| entry.texts("objectClass")).filter(|class| class.len() <= 100) {
        *counts.entry(class).or_default() += 1;
    }
    counts.into_keys().take(20).map(str::to_owned).collect()
}

fn domains(sample: &[Entry]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for mail in sample.iter().filter_map(|entry| entry.text("mail")) {
        if let Some((_, domain)) = mail.rsplit_once('@') {
            let domain: String = domain.to_lowercase().chars().filter(|c| !c.is_control()).take(253).collect();
            *counts.entry(domain).or_default() += 1;
        }
    }
    let mut domains: Vec<_> = counts.into_iter().collect();
    domains.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    domains.truncate(5);
    domains
}

/// `CN=Partitions` names the domain as `DOMAIN\name` does ([MS-ADTS] 6.1.1.2.1.1).
async fn netbios(look: &mut Look<'_>, introduction: &Introduction) -> Result<Option<String>, Fault> {
    let Some(domain) = introduction.default_context.as_ref().filter(|_| introduction.vendor == Vendor::ActiveDirectory)
    else {
        return Ok(None);
    };
    let configuration =
        introduction.naming_contexts.iter().find(|dn| dn.to_lowercase().starts_with("cn=configuration,"));
    let Some(configuration) = configuration else { return Ok(None) };
    let filter = format!("(&(objectClass=crossRef){})", crate::search::equals("nCName", domain));
    let seen =
        look.search(&format!("CN=Partitions,{configuration}"), Scope::OneLevel, &filter, &["nETBIOSName"], 2).await?;
    let name = seen.entries.first().and_then(|entry| entry.text("nETBIOSName"));
    Ok(name.filter(|name| name.len() <= 15).map(str::to_owned))
}

fn remarks(sample: &Seen, attributes: &[AttributeSeen]) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut mails: HashMap<String, usize> = HashMap::new();
    for mail in sample.entries.iter().filter_map(|entry| entry.text("mail")) {
        *mails.entry(mail.to_lowercase()).or_default() += 1;
    }
    let shared: usize = mails.values().filter(|count| **count > 1).sum();
    if shared > 0 {
        remarks.push(format!(
            "{shared} of the {} entries looked at share an e-mail address with another. It is taken by the first of \
             them; for the others a case is opened and nobody is linked by it.",
            sample.entries.len()
        ));
    }
    let of = |name: &str| attributes.iter().find(|seen| seen.name == name);
    if let Some(uid) = of("uid").filter(|uid| uid.several > 0) {
        remarks.push(format!(
            "{} of the entries looked at have more than one uid; each of them is a name to sign in with.",
            uid.several
        ));
    }
    if !sample.entries.is_empty() && of("memberOf").is_some_and(|seen| seen.single + seen.several == 0) {
        remarks.push(
            "No entry looked at says which groups it is in (memberOf). Groups are then found by asking the groups, \
             which is slower; posixGroup is not read."
                .to_owned(),
        );
    }
    remarks
}

fn propose(
    introduction: &Introduction,
    attributes: &[AttributeSeen],
    sample: usize,
    base_dn: String,
    person_filter: String,
) -> Proposal {
    let ad = introduction.vendor == Vendor::ActiveDirectory;
    let preset = LdapSettings::preset(if ad { SourceKind::ActiveDirectory } else { SourceKind::Ldap });
    let of = |name: &str| attributes.iter().find(|seen| seen.name == name);
    let everybody = |name: &str| sample > 0 && of(name).is_some_and(|seen| seen.single == sample);
    let anybody = |name: &str| of(name).is_some_and(|seen| seen.single + seen.several > 0);
    let impossible =
        |name: &str| of(name).is_some_and(|seen| seen.in_schema == Some(false) && seen.single + seen.several == 0);
    let id = |preferred: &str| {
        let all = std::iter::once(preferred).chain(IDS.iter().copied());
        all.into_iter().find(|name| everybody(name)).unwrap_or(preferred).to_owned()
    };
    let id_attribute = match introduction.vendor {
        Vendor::Directory389 => id("nsUniqueId"),
        Vendor::ActiveDirectory => id("objectGUID"),
        Vendor::OpenLdap | Vendor::Unknown => id("entryUUID"),
    };
    let login = LOGINS.iter().find(|name| everybody(name)).or_else(|| LOGINS.iter().find(|name| anybody(name)));
    let username_attribute = login.map_or(preset.username_attribute, |name| (*name).to_owned());
    let mut name_attributes = vec![username_attribute.clone()];
    for name in ["userPrincipalName", "mail"] {
        if anybody(name) && username_attribute != name {
            name_attributes.push(name.to_owned());
        }
    }
    let mut mapping = AttributeMapping::new();
    for (name, candidates) in MAPPED {
        let carried = |candidate: &&&str| of(candidate).map_or(0, |seen| seen.single + seen.several);
        // `max_by_key` takes the last of equals; the first is the more telling.
        let best = candidates.iter().rev().max_by_key(carried).filter(|best| anybody(best));
        let usual = preset.mapping.get(name).filter(|usual| !impossible(usual));
        if let Some(attribute) = best.map(|best| (*best).to_owned()).or_else(|| usual.cloned()) {
            mapping.insert(*name, attribute);
        }
    }
    Proposal { base_dn, person_filter, name_attributes, id_attribute, username_attribute, mapping }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn proposed_is_the_narrowest_place_that_holds_everybody() {
        let names = strings(&[
            "uid=a,ou=north,ou=People,dc=example,dc=test",
            "uid=b,ou=north,ou=people,dc=example,dc=test",
            "uid=c,ou=south,ou=people,dc=example,dc=test",
        ]);
        let contexts = strings(&["dc=example,dc=test"]);
        let found = places(&names, &contexts, false);
        let texts: Vec<(&str, usize)> = found.iter().map(|(dn, count)| (dn.as_str(), count.entries)).collect();
        assert_eq!(texts[0], ("ou=People,dc=example,dc=test", 3));
        assert_eq!(texts[1], ("dc=example,dc=test", 3));
        assert_eq!(texts[2], ("ou=north,ou=People,dc=example,dc=test", 2));
        // Not everybody was counted: nobody is left out by a guess.
        assert_eq!(places(&names, &contexts, true)[0].0, "dc=example,dc=test");
    }

    #[test]
    fn two_trees_are_two_places() {
        let names = strings(&["uid=a,o=one", "uid=b,o=one", "uid=c,o=two", "uid=d,dc=elsewhere"]);
        let found = places(&names, &strings(&["o=one", "o=two"]), false);
        assert_eq!(found.iter().map(|(dn, _)| dn.as_str()).collect::<Vec<_>>(), ["o=one", "o=two"]);
    }

    #[test]
    fn settings_follow_what_the_entries_have() {
        let introduction = |vendor| Introduction { vendor, ..nobody_speaks_for_tests() };
        let sample = [
            Entry::of(&[
                ("uid", "a"),
                ("cn", "A"),
                ("mail", "a@x.test"),
                ("nsUniqueId", "1"),
                ("departmentNumber", "7"),
            ]),
            Entry::of(&[("uid", "b"), ("cn", "B"), ("displayName", "Bee"), ("nsUniqueId", "2"), ("ipaUniqueID", "9")]),
        ];
        let attributes = seen(&sample, None);
        let proposal = propose(&introduction(Vendor::Directory389), &attributes, 2, "o=x".into(), "(a=b)".into());
        assert_eq!((proposal.id_attribute.as_str(), proposal.username_attribute.as_str()), ("nsUniqueId", "uid"));
        assert_eq!(proposal.name_attributes, ["uid", "mail"]);
        assert_eq!(proposal.mapping[&AttributeName::DisplayName], "cn");
        assert_eq!(proposal.mapping[&AttributeName::Department], "departmentNumber");
        // Nobody has an id that is readable: the usual one of the make is proposed, and the next step says it is missing.
        let bare = propose(&introduction(Vendor::Unknown), &seen(&[], None), 0, "o=x".into(), "(a=b)".into());
        assert_eq!(bare.id_attribute, "entryUUID");
    }

    fn nobody_speaks_for_tests() -> Introduction {
        Introduction {
            vendor: Vendor::Unknown,
            product: String::new(),
            naming_contexts: vec![],
            default_context: None,
            schema_at: None,
            controls: vec![],
            extensions: vec![],
            sasl_mechanisms: vec![],
        }
    }
}
