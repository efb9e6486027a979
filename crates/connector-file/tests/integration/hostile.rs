//! Files that mean no good.

use connector::{Connector as _, Read as _, ReadFrom};
use directory::{FileFormat, ObjectKind};

use crate::support::{World, read_all};

const HEADER: &str = "id,username,display_name,given_name,family_name,email\n";

#[tokio::test]
async fn a_quote_that_is_never_closed_stops_the_read() {
    let text = format!("{HEADER}1,anna,\"{}", "x,y\n".repeat(1_000_000));
    let world = World::new(FileFormat::Csv, text);
    let trouble = world.connector().read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap_err();
    assert!(trouble.reason.contains("quote"), "{trouble}");
}

#[tokio::test]
async fn lines_and_values_without_end_are_put_aside() {
    let long = "x".repeat(3_000_000);
    let json = format!("{{\"id\":\"{long}\"}}\n{{\"id\":\"1\",\"username\":\"a\"}}\n");
    let whole = read_all(&World::new(FileFormat::JsonLines, json).connector(), ObjectKind::Person).await.unwrap();
    assert_eq!((whole.changes.len(), whole.rejected.len()), (1, 1));

    let folded = format!("dn: cn=a\nid: 1\nusername: {}\n\ndn: cn=b\nid: 2\nusername: b\n", "x\n ".repeat(1_500_000));
    let whole = read_all(&World::new(FileFormat::Ldif, folded).connector(), ObjectKind::Person).await.unwrap();
    assert_eq!((whole.changes.len(), whole.rejected.len()), (1, 1), "{:?}", whole.rejected);
}

#[tokio::test]
async fn ldif_opens_nothing_and_changes_nothing() {
    let text = "dn: cn=a\nid: 1\nusername:< file:///etc/passwd\n\ndn: cn=b\nchangetype: delete\n\n\
                dn: cn=c\nid: 3\nid :x\n\nid: 4\n\ndn: cn=e\nid: 5\nusername:: not base64!\n\n\
                dn: cn=f\ndn: cn=g\nid: 6\n\ndn: cn=h\nid: 7\nusername: h\n";
    let whole = read_all(&World::new(FileFormat::Ldif, text).connector(), ObjectKind::Person).await.unwrap();
    assert_eq!(whole.changes.len(), 1, "{whole:?}");
    assert_eq!(whole.rejected.len(), 6, "{whole:?}");
    assert!(whole.rejected[0].reason.contains("not opened"));
}

#[tokio::test]
async fn a_header_that_does_not_fit_says_what_is_missing() {
    for (header, word) in [("id;username\n", "delimiter"), ("id,id\n", "two columns"), ("x\n", "\"id\"")] {
        let world = World::new(FileFormat::Csv, format!("{header}1,2\n"));
        let trouble = world.connector().read(ObjectKind::Person, ReadFrom::Beginning).await.unwrap_err();
        assert!(trouble.reason.contains(word), "{trouble}");
        let steps = world.connector().probe().await;
        let failed = steps.iter().find(|step| !step.passed).unwrap();
        assert!(failed.detail.contains(word) && failed.remedy.is_some(), "{steps:#?}");
    }
}
