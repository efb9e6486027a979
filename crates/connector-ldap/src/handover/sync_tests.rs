use lber::structures::{ASNTag as _, Boolean, Enumerated, OctetString, Sequence, Set, Tag};
use proptest::prelude::*;
use tokio_util::bytes::BytesMut;

use super::*;

fn octets(bytes: &[u8]) -> Tag {
    Tag::OctetString(OctetString { inner: bytes.to_vec(), ..Default::default() })
}

fn written(tag: Tag) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    lber::write::encode_into(&mut bytes, tag.into_structure()).unwrap();
    bytes.to_vec()
}

fn state(state: i64, id: &[u8]) -> Vec<Control> {
    let number = Tag::Enumerated(Enumerated { inner: state, ..Default::default() });
    let value = Tag::Sequence(Sequence { inner: vec![number, octets(id)], ..Default::default() });
    vec![Control(None, RawControl { ctype: SYNC_STATE.into(), crit: false, val: Some(written(value)) })]
}

fn info(number: u64, parts: Vec<Tag>) -> StructureTag {
    let value = Tag::Sequence(Sequence { id: number, class: TagClass::Context, inner: parts });
    let part = |id, bytes| StructureTag { class: TagClass::Context, id, payload: PL::P(bytes) };
    let parts = vec![part(0, SYNC_INFO.as_bytes().to_vec()), part(1, written(value))];
    StructureTag { class: TagClass::Application, id: 25, payload: PL::C(parts) }
}

#[test]
fn rfc_4533_entries_say_what_became_of_them() {
    let id = Uuid::from_u128(7);
    assert_eq!(of_entry(&state(1, id.as_bytes())), Some(Told::Changed(id)));
    assert_eq!(of_entry(&state(2, id.as_bytes())), Some(Told::Changed(id)));
    assert_eq!(of_entry(&state(3, id.as_bytes())), Some(Told::Removed(vec![id])));
    assert_eq!(of_entry(&state(0, id.as_bytes())), Some(Told::Present));
    for odd in [
        state(4, id.as_bytes()),
        state(1, b"short"),
        vec![],
        [state(1, id.as_bytes()), state(1, id.as_bytes())].concat(),
    ] {
        assert_eq!(of_entry(&odd), None);
    }
}

#[test]
fn rfc_4533_a_set_of_ids_is_of_the_gone_only_if_it_says_so() {
    let id = Uuid::from_u128(7);
    let set = || Tag::Set(Set { inner: vec![octets(id.as_bytes())], ..Default::default() });
    let yes = || Tag::Boolean(Boolean { inner: true, ..Default::default() });
    assert_eq!(of_info(info(3, vec![octets(b"cookie"), yes(), set()])), Some(Told::Removed(vec![id])));
    assert_eq!(of_info(info(3, vec![set()])), Some(Told::Present));
    assert_eq!(of_info(info(2, vec![])), Some(Told::Present));
    assert_eq!(of_info(info(1, vec![yes()])), Some(Told::Nothing));
    for odd in [
        info(3, vec![yes()]),
        info(4, vec![]),
        info(3, vec![yes(), octets(b"x"), Tag::Set(Set { inner: vec![octets(b"short")], ..Default::default() })]),
    ] {
        assert_eq!(of_info(odd), None);
    }
}

#[test]
fn the_end_names_where_to_go_on() {
    let done = |parts| {
        let value = written(Tag::Sequence(Sequence { inner: parts, ..Default::default() }));
        of_done(&[Control(None, RawControl { ctype: SYNC_DONE.into(), crit: false, val: Some(value) })])
    };
    let number = "20261123114408.123456Z#000000#001#000000";
    let cookie = format!("rid=000,sid=001,csn={number};{number}");
    let end =
        done(vec![octets(cookie.as_bytes()), Tag::Boolean(Boolean { inner: true, ..Default::default() })]).unwrap();
    assert_eq!((end.changes, end.deletes), (Some(format!("{number};{number}")), true));
    assert!(!done(vec![]).unwrap().deletes, "without a word, who was not named is gone");
    assert!(done(vec![octets(b"rid=000,csn=x")]).is_none() && done(vec![octets(b"\xff")]).is_none());
}

proptest! {
    #[test]
    fn whatever_comes_is_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let raw = |oid: &str| vec![Control(None, RawControl { ctype: oid.into(), crit: false, val: Some(bytes.clone()) })];
        let _said = of_entry(&raw(SYNC_STATE));
        let _said = of_done(&raw(SYNC_DONE));
        let part = |id, bytes| StructureTag { class: TagClass::Context, id, payload: PL::P(bytes) };
        let parts = vec![part(0, SYNC_INFO.as_bytes().to_vec()), part(1, bytes.clone())];
        let _said = of_info(StructureTag { class: TagClass::Application, id: 25, payload: PL::C(parts) });
    }
}
