use super::*;

fn answer(rc: u32, text: &str) -> LdapResult {
    LdapResult { rc, matched: String::new(), text: text.to_owned(), refs: Vec::new(), ctrls: Vec::new() }
}

#[test]
fn active_directory_takes_a_password_quoted_in_utf_16() {
    let bytes = quoted(&SecretString::from("aé".to_owned()));
    assert_eq!(bytes, [0x22, 0, 0x61, 0, 0xe9, 0, 0x22, 0]);
}

#[test]
fn each_answer_of_active_directory_has_a_meaning() {
    use AdapterResult as R;
    let failed = Written::Failed;
    let restriction = "0000052D: AtrErr: DSID-03191083, #1: problem 1005 (CONSTRAINT_ATT_TYPE), Att 9005a (unicodePwd)";
    let samba =
        "0000052D: Constraint violation - check_password_restrictions: the password was already used (in history)!";
    for (rc, text, expected) in [
        (0, "", (Written::Done, R::Ok, true)),
        (19, "00000056: AtrErr: DSID-03191083", (failed(WriteFailure::Odd), R::BadPassword, false)),
        (19, restriction, (failed(WriteFailure::Policy(PolicyRefusal::Unnamed)), R::MustChange, false)),
        (19, samba, (failed(WriteFailure::Policy(PolicyRefusal::InHistory)), R::MustChange, false)),
        (53, restriction, (failed(WriteFailure::Policy(PolicyRefusal::Unnamed)), R::MustChange, false)),
        (53, "00000775: locked", (failed(WriteFailure::Odd), R::Locked, false)),
        (50, "00000005: insufficient rights", (failed(WriteFailure::NotAllowed), R::MustChange, false)),
        (10, "referral", (failed(WriteFailure::NotAllowed), R::MustChange, false)),
        (51, "busy", (failed(WriteFailure::Unavailable), R::Unavailable, false)),
        (80, "other", (failed(WriteFailure::Odd), R::Unavailable, false)),
    ] {
        assert_eq!(in_active_directory(&answer(rc, text)), expected, "{rc} {text}");
    }
}

#[test]
fn each_answer_to_rfc_3062_has_a_meaning() {
    let policy = |rule| Written::Failed(WriteFailure::Policy(rule));
    for (rc, text, expected) in [
        (0, "", Written::Done),
        (19, "Password is in history of old passwords", policy(PolicyRefusal::InHistory)),
        (19, "Password is too young to change", policy(PolicyRefusal::TooYoung)),
        (19, "Password fails quality checking policy", policy(PolicyRefusal::TooSimple)),
        (19, "Password is not being changed from existing value", policy(PolicyRefusal::InHistory)),
        (19, "", policy(PolicyRefusal::Unnamed)),
        (50, "", Written::Failed(WriteFailure::NotAllowed)),
        (2, "unsupported extended operation", Written::Failed(WriteFailure::NotAllowed)),
        (52, "", Written::Failed(WriteFailure::Unavailable)),
        (80, "", Written::Failed(WriteFailure::Odd)),
    ] {
        assert_eq!(by_rfc_3062(&answer(rc, text)), expected, "{rc} {text}");
    }
}
