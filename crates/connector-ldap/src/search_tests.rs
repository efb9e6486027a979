use lber::{
    common::TagClass,
    structures::{ASNTag as _, Boolean, Enumerated, Integer, OctetString, Sequence, Tag},
};
use ldap3_proto::{
    LdapCodec, LdapFilter,
    proto::{LdapMsg, LdapOp},
};
use proptest::prelude::*;
use tokio_util::{bytes::BytesMut, codec::Decoder as _};

use super::*;

impl Entry {
    /// An entry with these values, for the tests of what reads it.
    pub(crate) fn of(attributes: &[(&str, &str)]) -> Self {
        let mut entry = Self::default();
        for (name, value) in attributes {
            entry.add(&name.to_lowercase(), vec![value.as_bytes().to_vec()]);
        }
        entry
    }
}

#[test]
fn an_attribute_in_parts_is_put_together() {
    let mut entry = Entry::of(&[("member;range=0-1", "a"), ("member;range=0-1", "b"), ("cn;lang-de", "x")]);
    entry.ranges.dedup();
    assert_eq!(entry.ranges, [("member".to_owned(), 2)]);
    entry.extend(Entry::of(&[("member;range=2-*", "c")]));
    assert_eq!(entry.texts("member").collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(entry.ranges.is_empty() && entry.text("cn").is_none());
}

/// A search request with this filter, as it goes over the wire, decoded by another library than the one that wrote it.
fn arrives(filter: &str) -> LdapFilter {
    let octets = |text: &str| Tag::OctetString(OctetString { inner: text.as_bytes().to_vec(), ..Default::default() });
    let integer = |inner| Tag::Integer(Integer { inner, ..Default::default() });
    let number = |inner| Tag::Enumerated(Enumerated { inner, ..Default::default() });
    let filter = ldap3::parse_filter(filter).unwrap_or_else(|()| panic!("{filter}"));
    let request = vec![
        octets("dc=example,dc=test"),
        number(2),
        number(0),
        integer(0),
        integer(0),
        Tag::Boolean(Boolean { inner: false, ..Default::default() }),
        filter,
        Tag::Sequence(Sequence::default()),
    ];
    let request = Tag::Sequence(Sequence { id: 3, class: TagClass::Application, inner: request });
    let message = Tag::Sequence(Sequence { inner: vec![integer(1), request], ..Default::default() });
    let mut bytes = BytesMut::new();
    lber::write::encode_into(&mut bytes, message.into_structure()).unwrap();
    match LdapCodec::default().decode(&mut bytes).unwrap() {
        Some(LdapMsg { op: LdapOp::SearchRequest(request), .. }) => request.filter,
        other => panic!("{other:?}"),
    }
}

fn leaf(filter: &str) -> (Vec<u8>, Vec<u8>) {
    let tag = ldap3::parse_filter(filter).unwrap_or_else(|()| panic!("{filter}")).into_structure();
    assert_eq!(tag.id, 3, "an equality match (RFC 4511 4.5.1)");
    let [name, value] = <[StructureTag; 2]>::try_from(tag.expect_constructed().unwrap()).unwrap();
    (name.expect_primitive().unwrap(), value.expect_primitive().unwrap())
}

/// 100,000 but for the quick tier.
fn cases() -> ProptestConfig {
    let quick = std::env::var("ISTHMUS_TEST_TIER").is_ok_and(|tier| tier == "quick");
    ProptestConfig::with_cases(if quick { 5_000 } else { 100_000 })
}

proptest! {
    #![proptest_config(cases())]

    /// Whatever is typed is one value of one equality for each attribute, byte for byte.
    #[test]
    fn what_is_typed_never_becomes_structure(typed in "[\\PC*()\\\\\u{0}-\u{1f}|&!=<>~:]{1,24}") {
        let names = ["uid", "mail"].map(|name| equals(name, &typed)).concat();
        let found = arrives(&format!("(&(objectClass=inetOrgPerson)(|{names}))"));
        let LdapFilter::And(all) = found else { panic!("no conjunction") };
        let [LdapFilter::Equality(class, person), LdapFilter::Or(any)] = all.as_slice() else { panic!("{all:?}") };
        prop_assert_eq!((class.as_str(), person.as_str()), ("objectClass", "inetOrgPerson"));
        let [LdapFilter::Equality(uid, first), LdapFilter::Equality(mail, second)] = any.as_slice() else {
            panic!("{any:?}")
        };
        prop_assert_eq!((uid.as_str(), mail.as_str()), ("uid", "mail"));
        prop_assert_eq!((first, second), (&typed, &typed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn bytes_arrive_as_they_are(bytes in proptest::collection::vec(any::<u8>(), 1..32)) {
        let (_, value) = leaf(&equals_bytes("objectGUID", &bytes));
        prop_assert_eq!(value, bytes);
    }
}
