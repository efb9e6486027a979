//! Active Directory's DirSync control ([MS-ADTS] 3.1.1.3.4.1.3): changes of a whole naming context, deletions included,
//! since a cookie. It needs the right "Replicating Directory Changes".

use data_encoding::HEXLOWER;
use directory::{ImmutableId, ObjectKind};
use lber::{
    common::TagClass,
    structure::{PL, StructureTag},
    structures::{ASNTag as _, Integer, OctetString, Sequence, Tag},
};
use ldap3::{LdapResult, Scope, controls::RawControl};
use tokio_util::bytes::BytesMut;
use uuid::Uuid;

use super::{
    Plan,
    changes::{CHANGES_LIMIT, Changed, Collected},
    cursor::{Feed, Mark},
    objects,
};
use crate::{
    LdapConnector,
    connection::Connection,
    dn::Dn,
    fault::Fault,
    gate::inner,
    pool::Lease,
    reader::Facts,
    search::{Entry, Search, equals_bytes, judge},
};

pub(crate) const DIR_SYNC: &str = "1.2.840.113556.1.4.841";
/// Of a group's members only those that came and left: their ids are read afterwards, from the group itself.
const INCREMENTAL_VALUES: i64 = 0x8000_0000;
const LARGEST_PAGE: i64 = 4 * 1024 * 1024;
const COOKIE_LIMIT: usize = 64 * 1024;
const PAGES_LIMIT: usize = 10_000;
/// Objects of one page.
const OBJECTS_LIMIT: usize = 20_000;

struct Page {
    entries: Vec<Entry>,
    cookie: Vec<u8>,
    more: bool,
}

impl LdapConnector {
    /// A cookie for everything there is now, by a filter that no object passes; empty if the control or the right to
    /// use it is not there.
    pub(super) async fn dir_sync_mark(
        &self,
        connection: &mut Connection,
        facts: &Facts,
    ) -> Result<Option<Feed>, Fault> {
        let nobody = "(&(objectClass=person)(!(objectClass=person)))";
        let mut cookie = Vec::new();
        for _ in 0..PAGES_LIMIT {
            let names = ["objectGUID".to_owned()];
            let Ok(page) = self.dir_sync_page(connection, facts, nobody, &names, cookie).await? else {
                return Ok(None);
            };
            cookie = page.cookie;
            if !page.more {
                return Ok((!cookie.is_empty()).then(|| Feed::DirSync { cookie: HEXLOWER.encode(&cookie) }));
            }
        }
        Err(Fault::odd(&connection.endpoint.label, "the directory's changes do not end"))
    }

    pub(super) async fn dir_synchronised(
        &self,
        mut lease: Lease,
        facts: &Facts,
        plan: &Plan,
        cookie: &str,
    ) -> Result<(Lease, Collected), Fault> {
        let over = |lease, reason: &str| Ok((lease, Collected::StartOver(reason.to_owned())));
        let Some(mut cookie) = from_hex(cookie) else {
            return over(lease, "the mark of the last read cannot be understood");
        };
        let (filter, read) = match plan.kind {
            ObjectKind::Person => {
                ("(&(objectClass=person)(!(objectClass=computer)))", objects::OF_PEOPLE_THAT_REPLICATE)
            }
            ObjectKind::Group => ("(objectClass=group)", objects::OF_GROUPS_THAT_REPLICATE),
            ObjectKind::Device => ("(objectClass=computer)", objects::OF_DEVICES_THAT_REPLICATE),
        };
        let mut names: Vec<String> =
            ["objectGUID", "isDeleted", "name"].iter().chain(read).map(|name| (*name).to_owned()).collect();
        if plan.kind == ObjectKind::Person {
            let settings = &self.settings;
            names.extend(settings.mapping.values().chain(&settings.name_attributes).chain(&settings.reads).cloned());
            names.push(settings.username_attribute.clone());
        }
        let (mut changed, mut removed) = (Vec::new(), Vec::new());
        for _ in 0..PAGES_LIMIT {
            let page = match self.dir_sync_page(&mut lease.connection, facts, filter, &names, cookie).await? {
                Ok(page) => page,
                Err(code) => {
                    let reason = format!("the directory cannot go on from the last read (result code {code})");
                    return over(lease, &reason);
                }
            };
            for entry in &page.entries {
                let [guid] = entry.bytes("objectGUID") else { continue };
                let Ok(bytes) = guid.as_slice().try_into() else { continue };
                let id = ImmutableId(Uuid::from_bytes_le(bytes).to_string());
                if entry.text("isDeleted").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
                    removed.push(id);
                } else {
                    let left = self.ids_are_the_directorys().then_some(id);
                    changed.push(Changed { filter: equals_bytes("objectGUID", guid), left });
                }
            }
            cookie = page.cookie;
            if changed.len() + removed.len() > CHANGES_LIMIT {
                return over(lease, "so much has changed that reading everything is quicker");
            }
            if !page.more {
                let next = Some(Mark { feed: Feed::DirSync { cookie: HEXLOWER.encode(&cookie) }, census: None });
                return Ok((lease, Collected::Changes { changed, removed, next }));
            }
        }
        Err(Fault::odd(&lease.connection.endpoint.label, "the directory's changes do not end"))
    }

    /// One page, or the result code of a refusal.
    async fn dir_sync_page(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        filter: &str,
        attributes: &[String],
        cookie: Vec<u8>,
    ) -> Result<Result<Page, u32>, Fault> {
        let everywhere = Dn::root();
        let search = Search {
            base: &facts.context,
            scope: Scope::Subtree,
            filter,
            attributes,
            at_most: OBJECTS_LIMIT,
            controls: vec![request(cookie)],
            inside: Some(&everywhere),
        };
        let answer = connection.search(&self.settings, search).await?;
        let label = connection.endpoint.label.clone();
        match answer.result.rc {
            0 => {}
            3 | 51 | 52 => judge(&self.settings, &label, &answer.result)?,
            code => return Ok(Err(code)),
        }
        // A server that does not know the control ignores it, and answers without one.
        if !answer.result.ctrls.iter().any(|control| control.1.ctype == DIR_SYNC) {
            return Ok(Err(12));
        }
        let (more, cookie) =
            response(&answer.result).ok_or_else(|| Fault::odd(&label, "the DirSync control cannot be read"))?;
        Ok(Ok(Page { entries: answer.entries, cookie, more }))
    }
}

/// `SEQUENCE { flags INTEGER, maxBytes INTEGER, cookie OCTET STRING }`, critical.
fn request(cookie: Vec<u8>) -> RawControl {
    let number = |inner| Tag::Integer(Integer { inner, ..Default::default() });
    let value = Tag::Sequence(Sequence {
        inner: vec![
            number(INCREMENTAL_VALUES),
            number(LARGEST_PAGE),
            Tag::OctetString(OctetString { inner: cookie, ..Default::default() }),
        ],
        ..Default::default()
    });
    let mut bytes = BytesMut::new();
    // Numbers and bytes always can be written; without a value the server refuses the control.
    let written = lber::write::encode_into(&mut bytes, value.into_structure());
    RawControl { ctype: DIR_SYNC.to_owned(), crit: true, val: written.is_ok().then(|| bytes.to_vec()) }
}

/// `SEQUENCE { moreResults INTEGER, unused INTEGER, cookie OCTET STRING }`.
fn response(result: &LdapResult) -> Option<(bool, Vec<u8>)> {
    let mut controls = result.ctrls.iter().filter(|control| control.1.ctype == DIR_SYNC);
    let value = controls.next()?.1.val.as_deref()?;
    if controls.next().is_some() {
        return None;
    }
    let StructureTag { class: TagClass::Universal, id: 16, payload: PL::C(parts) } = inner(value)? else { return None };
    let [more, _, cookie] = <[StructureTag; 3]>::try_from(parts).ok()?;
    let more = more.expect_primitive()?;
    let cookie = cookie.expect_primitive().filter(|cookie| cookie.len() <= COOKIE_LIMIT)?;
    Some((more.iter().any(|digit| *digit != 0), cookie))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    // A stored text may have been tampered with: nothing longer than a cookie is decoded.
    (text.len() <= COOKIE_LIMIT * 2).then(|| HEXLOWER.decode(text.as_bytes()).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_come_back_as_they_were() {
        let bytes = vec![0, 1, 0x7f, 0x80, 0xff];
        assert_eq!(from_hex(&HEXLOWER.encode(&bytes)), Some(bytes));
        for odd in ["0", "zz", "é0", "+1"] {
            assert_eq!(from_hex(odd), None, "{odd}");
        }
    }
}
