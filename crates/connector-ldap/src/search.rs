//! Searches with the service account, bounded in entries, bytes and time, and what comes back of them.

use std::collections::HashMap;

use lber::structure::{PL, StructureTag};
use ldap3::{DerefAliases, LdapResult, ResultEntry, Scope, SearchOptions, controls::RawControl, ldap_escape};
use tokio::time::{Instant, timeout};

use crate::{
    connection::Connection,
    dn::{Dn, within},
    fault::{Fault, Stage},
    settings::Compiled,
};

/// One search.
pub(crate) struct Search<'a> {
    pub(crate) base: &'a str,
    pub(crate) scope: Scope,
    pub(crate) filter: &'a str,
    pub(crate) attributes: &'a [String],
    /// The server is told to stop there; one that sends more is not believed.
    pub(crate) at_most: usize,
    pub(crate) controls: Vec<RawControl>,
    /// Entries must lie at or below it; empty = not checked, because the base itself is a name the server gave.
    pub(crate) inside: Option<&'a Dn>,
}

pub(crate) struct Answer {
    pub(crate) entries: Vec<Entry>,
    pub(crate) result: LdapResult,
}

/// An entry as it arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) dn: String,
    /// By name in lower case.
    attributes: HashMap<String, Vec<Vec<u8>>>,
    /// Attributes of which the server sent only the first values: (name, where to go on).
    pub(crate) ranges: Vec<(String, usize)>,
}

/// AD: do not send references to other domains (`LDAP_SERVER_DOMAIN_SCOPE_OID`).
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
/// Referral objects come back as the entries they are (RFC 3296), so no honest server sends a reference.
const MANAGE_DSA_IT: &str = "2.16.840.1.113730.3.4.2";
const VALUE_LIMIT: usize = 64 * 1024;

/// What keeps an honest server from answering with references to other servers, none of which is ever followed.
pub(crate) fn no_references(settings: &Compiled) -> RawControl {
    let oid = if settings.active_directory { DOMAIN_SCOPE } else { MANAGE_DSA_IT };
    RawControl { ctype: oid.to_owned(), crit: false, val: None }
}

/// One equality: the attribute comes from the settings, the value is escaped, whatever it holds.
pub(crate) fn equals(attribute: &str, value: &str) -> String {
    format!("({attribute}={})", ldap_escape(value))
}

/// One equality with a binary value (`objectGUID`, `objectSid`), every byte escaped.
pub(crate) fn equals_bytes(attribute: &str, value: &[u8]) -> String {
    let escaped: String = value.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("({attribute}={escaped})")
}

impl Connection {
    /// Runs one search to its end. After a fault the connection is unusable; a result code is no fault.
    pub(crate) async fn search(&mut self, settings: &Compiled, search: Search<'_>) -> Result<Answer, Fault> {
        let limit = settings.operation_timeout;
        let started = Instant::now();
        let answer = timeout(limit, self.search_within(settings, search)).await;
        self.search_took = started.elapsed();
        answer.unwrap_or_else(|_| Err(Fault::timed_out(Stage::Read, &self.endpoint.label, limit)))
    }

    async fn search_within(&mut self, settings: &Compiled, search: Search<'_>) -> Result<Answer, Fault> {
        let seconds = i32::try_from(settings.operation_timeout.as_secs().max(1)).unwrap_or(30);
        // A paged read is bounded by its page instead: a size limit would bound all pages together.
        let size = i32::try_from(search.at_most).unwrap_or(i32::MAX);
        let in_parts = [crate::paging::PAGED_RESULTS, crate::handover::DIR_SYNC];
        let paged = search.controls.iter().any(|control| in_parts.contains(&control.ctype.as_str()));
        let options =
            SearchOptions::new().deref(DerefAliases::Never).timelimit(seconds).sizelimit(if paged { 0 } else { size });
        let label = self.endpoint.label.clone();
        let operation = self.operation();
        operation.with_search_options(options);
        operation.with_controls(search.controls);
        let started = operation.streaming_search(search.base, search.scope, search.filter, search.attributes).await;
        let mut stream = started.map_err(|error| self.broken(&error))?;
        let mut entries = Vec::new();
        loop {
            match stream.next().await {
                Ok(Some(item)) if item.is_ref() => {
                    return Err(Fault::odd(&label, "the directory refers to another server, which is never followed"));
                }
                Ok(Some(item)) if item.is_intermediate() => {}
                Ok(Some(item)) => {
                    let entry = Entry::parse(item).ok_or_else(|| Fault::odd(&label, "an entry cannot be read"))?;
                    if search.inside.is_some_and(|base| !within(&entry.dn, base)) {
                        return Err(Fault::odd(&label, "the directory returned an entry outside the base"));
                    }
                    entries.push(entry);
                }
                Ok(None) => break,
                Err(error) => return Err(self.broken(&error)),
            }
            if entries.len() > search.at_most {
                return Err(Fault::odd(&label, "the directory returned more entries than were asked for"));
            }
        }
        Ok(Answer { entries, result: stream.finish().await })
    }
}

impl Entry {
    /// Empty if the entry does not have the shape of one (RFC 4511 4.5.2), or one of its names or values is larger
    /// than anything we read.
    fn parse(item: ResultEntry) -> Option<Self> {
        let StructureTag { id: 4, payload: PL::C(parts), .. } = item.0 else { return None };
        let [dn, attributes] = <[StructureTag; 2]>::try_from(parts).ok()?;
        let mut entry = Self { dn: text(dn)?, ..Self::default() };
        for attribute in attributes.expect_constructed()? {
            let [name, values] = <[StructureTag; 2]>::try_from(attribute.expect_constructed()?).ok()?;
            let name = text(name)?.to_lowercase();
            let values: Vec<Vec<u8>> =
                values.expect_constructed()?.into_iter().map(StructureTag::expect_primitive).collect::<Option<_>>()?;
            if values.iter().any(|value| value.len() > VALUE_LIMIT) {
                return None;
            }
            entry.add(&name, values);
        }
        Some(entry)
    }

    fn add(&mut self, name: &str, values: Vec<Vec<u8>>) {
        let Some((plain, option)) = name.split_once(';') else {
            self.attributes.entry(name.to_owned()).or_default().extend(values);
            return;
        };
        // `member;range=0-1499`: the rest must be asked for ([MS-ADTS] 3.1.1.3.1.3.3). Other options make another
        // attribute (`cn;lang-de`), which nobody asked for.
        let Some((_, last)) = option.strip_prefix("range=").and_then(|range| range.split_once('-')) else { return };
        self.attributes.entry(plain.to_owned()).or_default().extend(values);
        if let Ok(last) = last.parse::<usize>() {
            self.ranges.push((plain.to_owned(), last.saturating_add(1)));
        }
    }

    /// Takes over what a further part of a range brought.
    pub(crate) fn extend(&mut self, more: Self) {
        for (name, values) in more.attributes {
            self.attributes.entry(name).or_default().extend(values);
        }
        self.ranges = more.ranges;
    }

    pub(crate) fn bytes(&self, name: &str) -> &[Vec<u8>] {
        self.attributes.get(&name.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The values that are text; empty ones do not count.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.bytes(name).iter().filter_map(|value| std::str::from_utf8(value).ok()).filter(|text| !text.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(tag.expect_primitive()?).ok().filter(|text| text.len() <= VALUE_LIMIT)
}

/// What a result code of a search by the service account means (semantics, section 3: a failing service read counts
/// for the breaker, an odd answer for one name does not).
pub(crate) fn judge(settings: &Compiled, label: &str, result: &LdapResult) -> Result<(), Fault> {
    let said = || {
        let text: String = result.text.chars().filter(|c| !c.is_control()).take(200).collect();
        if text.is_empty() {
            format!("result code {}", result.rc)
        } else {
            format!("result code {}: {text}", result.rc)
        }
    };
    let fault = match result.rc {
        0 => return Ok(()),
        32 => Fault::misconfigured(
            label,
            format!("the base {:?} does not exist, or the service account may not see it", settings.base_dn),
        )
        .remedy("Check the base DN, and give the service account read access below it."),
        // AD answers 1 to a search before a bind.
        1 | 8 | 13 | 49 | 50 => Fault::misconfigured(label, format!("the service account may not read ({})", said()))
            .remedy("Give the service account read access below the base."),
        4 | 11 => Fault::misconfigured(label, format!("the directory cuts the answer short ({})", said()))
            .remedy("Raise the service account's size limit (slapd: limits … size.prtotal=unlimited)."),
        3 | 51 | 52 => Fault::unavailable(label, format!("the directory is overloaded ({})", said())),
        10 => Fault::odd(label, "the directory refers to another server, which is never followed"),
        _ => Fault::odd(label, format!("the directory refuses the search ({})", said())),
    };
    Err(fault.clean())
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
