//! Addresses after signing out.

use oidc::post_logout_url;

use super::portal;

#[test]
fn only_a_registered_address_and_only_as_exact_text() {
    let client = portal();
    assert_eq!(
        post_logout_url(&client, "https://app.example.org/", Some("s")).unwrap(),
        "https://app.example.org/?state=s"
    );
    assert_eq!(post_logout_url(&client, "https://app.example.org/", None).unwrap(), "https://app.example.org/");
    assert_eq!(
        post_logout_url(&client, "https://app.example.org/bye?x=1", Some("s")).unwrap(),
        "https://app.example.org/bye?x=1&state=s"
    );
    for other in
        ["https://app.example.org", "https://app.example.org/?x=1", "https://app.example.org/callback", "//x", ""]
    {
        assert!(post_logout_url(&client, other, None).is_err(), "{other}");
    }
}
