use directory::{AccountStatus, LockoutReading};
use ldap3::controls::Control;
use proptest::prelude::*;

use super::*;

fn entry() -> SourceEntry {
    SourceEntry {
        immutable_id: "1".to_owned().into(),
        locator: "uid=a,dc=x".into(),
        username: None,
        names: vec![],
        attributes: Default::default(),
        groups: vec![],
        groups_complete: true,
        status: AccountStatus::Active,
        password_set_at: None,
        lockout: LockoutReading::default(),
        privileged: false,
        raw: std::collections::BTreeMap::new(),
        anchors: directory::Anchors::default(),
        server: String::new(),
    }
}

fn answer(rc: u32, text: &str, control: Option<&[u8]>) -> LdapResult {
    let ctrls = control
        .map(|value| {
            let raw = RawControl { ctype: PASSWORD_POLICY.into(), crit: false, val: Some(value.to_vec()) };
            Control(None, raw)
        })
        .into_iter()
        .collect();
    LdapResult { rc, matched: String::new(), text: text.into(), refs: vec![], ctrls }
}

fn ad(data: &str) -> (AdapterResult, bool) {
    let text = format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1\0");
    let judged = judge(true, &entry(), &answer(49, &text, None));
    (judged.result, judged.proves_password)
}

#[test]
fn every_sub_code_of_active_directory_has_its_meaning() {
    use AdapterResult as R;
    for (data, result, proves) in [
        ("525", R::NotFound, false),
        ("52e", R::BadPassword, false),
        ("52E", R::BadPassword, false),
        ("530", R::NotAllowedNow, true),
        ("531", R::NotAllowedNow, true),
        ("532", R::PasswordExpired, true),
        ("533", R::Disabled, true),
        ("701", R::AccountExpired, true),
        ("773", R::MustChange, true),
        ("775", R::Locked, false),
    ] {
        assert_eq!(ad(data), (result, proves), "data {data}");
    }
    for unknown in ["0", "568", "", "zzz", "52e52e52e52e"] {
        assert_eq!(ad(unknown), (R::Unavailable, false), "an unknown code is never a wrong password: {unknown}");
    }
    assert_eq!(judge(true, &entry(), &answer(49, "", None)).result, R::Unavailable);
}

#[test]
fn result_codes_have_their_meaning() {
    use AdapterResult as R;
    for (rc, result, trouble) in [
        (0, R::Ok, None),
        (49, R::BadPassword, None),
        (32, R::NotFound, None),
        (48, R::Unverifiable, None),
        (8, R::Misconfigured, Some(TroubleKind::Misconfigured)),
        (13, R::Misconfigured, Some(TroubleKind::Misconfigured)),
        (51, R::Unavailable, Some(TroubleKind::Unavailable)),
        (52, R::Unavailable, Some(TroubleKind::Unavailable)),
        (10, R::Unavailable, Some(TroubleKind::Odd)),
        (53, R::Unavailable, Some(TroubleKind::Odd)),
        (1, R::Unavailable, Some(TroubleKind::Odd)),
        (4096, R::Unavailable, Some(TroubleKind::Odd)),
    ] {
        let judged = judge(false, &entry(), &answer(rc, "", None));
        assert_eq!((judged.result, judged.trouble), (result, trouble), "result code {rc}");
    }
}

#[test]
fn the_password_policy_control_is_understood() {
    use AdapterResult as R;
    let error = |number: u8| vec![0x30, 3, 0x81, 1, number];
    let both = vec![0x30, 8, 0xa0, 3, 0x80, 1, 30, 0x81, 1, 1];
    for (rc, control, result, proves) in [
        (0, vec![0x30, 0], R::Ok, true),
        (0, vec![0x30, 5, 0xa0, 3, 0x80, 1, 60], R::Ok, true),
        (0, vec![0x30, 5, 0xa0, 3, 0x81, 1, 2], R::Ok, true),
        (0, error(2), R::MustChange, true),
        (0, error(1), R::Unavailable, false),
        (49, error(0), R::PasswordExpired, true),
        (49, error(1), R::Locked, false),
        (49, both, R::Locked, false),
        (49, error(2), R::MustChange, true),
        (49, error(8), R::Unavailable, false),
        (49, vec![0x30, 0], R::BadPassword, false),
    ] {
        let judged = judge(false, &entry(), &answer(rc, "", Some(&control)));
        assert_eq!((judged.result, judged.proves_password), (result, proves), "{rc} {control:x?}");
    }
}

#[test]
fn a_control_that_lies_leaves_the_answer_in_doubt() {
    for control in [
        &[][..],
        &[0x30],
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x30, 0x80],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 11, 0x81, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        &[0x30, 4, 0x81, 1, 1, 0x04],
        &[0x30, 6, 0x81, 1, 1, 0x81, 1, 2],
        &[0x04, 1, 1],
        &[0x30; 40],
    ] {
        let judged = judge(false, &entry(), &answer(0, "", Some(control)));
        assert_eq!((judged.result, judged.proves_password), (AdapterResult::Unavailable, false), "{control:x?}");
        assert!(!judged.keeps_connection());
    }
}

#[test]
fn a_lockout_that_only_the_entry_shows_is_a_lockout() {
    let locked = SourceEntry {
        lockout: LockoutReading { locked_until: Some(DateTime::<Utc>::MAX_UTC), ..LockoutReading::default() },
        ..entry()
    };
    let judged = judge(false, &locked, &answer(49, "", None));
    assert_eq!((judged.result, judged.locked_until), (AdapterResult::Locked, Some(DateTime::<Utc>::MAX_UTC)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_control_stops_the_thread(value in proptest::collection::vec(any::<u8>(), 0..48), rc in 0_u32..60) {
        let _judged = judge(false, &entry(), &answer(rc, "", Some(&value)));
    }
}
