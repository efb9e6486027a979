//! Registering and changing applications.

use directory::{ClientAuthentication, ClientDraft, PublishedGroup};
use hub::HubError;
use secrecy::{ExposeSecret as _, SecretString};
use storage::StorageError;

use crate::support::{client_draft, hubs, source_draft};

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_keyed_digest() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let made = test.hub.register_client(&admin.apps, client_draft("portal")).await.unwrap();
        let secret = made.secret.as_ref().unwrap();
        assert!(!format!("{made:?}").contains(secret.expose_secret()));
        assert_eq!(secret.expose_secret().len(), 43, "256 bits");
        let stored = async || {
            let mut reader = test.hub.database.reader();
            storage::clients::by_id(&mut reader, &made.client.id).await.unwrap().unwrap().secret_digest
        };
        let digest = |secret: &SecretString| Some(test.hub.vault.client_secret_digest(&made.client.id, secret));
        assert_eq!(stored().await, digest(secret));
        let rotated = test.hub.rotate_client_secret(&admin.roles, &made.client.id, 1).await.unwrap();
        assert_eq!(rotated.client.revision, 2);
        assert_eq!(stored().await, digest(rotated.secret.as_ref().unwrap()));
        assert_ne!(digest(secret), digest(rotated.secret.as_ref().unwrap()));
        let told = format!("{:?}", test.audit().await);
        assert!(told.contains("client.registered") && told.contains("client.changed"));
        assert!(!told.contains(secret.expose_secret()));
    }
}

#[tokio::test]
async fn changes_are_checked_and_stale_forms_refused() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let portal = test.hub.register_client(&admin.apps, client_draft("portal")).await.unwrap().client;
        type Spoil = fn(&mut ClientDraft);
        let cases: &[(&str, Spoil)] = &[
            ("id", |d| d.id.0 = "other".to_owned()),
            ("name", |d| d.name.clear()),
            ("redirect_uris", |d| d.redirect_uris.clear()),
            ("redirect_uris", |d| d.redirect_uris.push("http://portal.example.test/".to_owned())),
            ("redirect_uris", |d| d.redirect_uris.push("https://portal.example.test/*".to_owned())),
            ("post_logout_redirect_uris", |d| d.post_logout_redirect_uris.push("javascript:alert(1)".to_owned())),
            ("require_pkce", |d| {
                d.authentication = ClientAuthentication::None;
                d.require_pkce = false;
            }),
            ("original_source", |d| d.original_sources.push(uuid::Uuid::nil().into())),
            ("groups", |d| {
                d.groups.push(PublishedGroup { source: uuid::Uuid::nil().into(), name: "staff".to_owned() });
            }),
        ];
        for (field, spoil) in cases {
            let mut draft = ClientDraft::from(&portal);
            spoil(&mut draft);
            match test.hub.update_client(&admin.apps, &portal.id, 1, draft).await.unwrap_err() {
                HubError::Invalid { field: named, .. } => assert_eq!(&named, field),
                other => panic!("{field}: {other:?}"),
            }
        }
        let draft = ClientDraft { name: "Intranet".to_owned(), ..ClientDraft::from(&portal) };
        let changed = test.hub.update_client(&admin.apps, &portal.id, 1, draft.clone()).await.unwrap();
        assert_eq!((changed.client.name.as_str(), changed.client.revision), ("Intranet", 2));
        assert!(changed.secret.is_none(), "the secret stays");
        let stale = test.hub.update_client(&admin.apps, &portal.id, 1, draft).await.unwrap_err();
        assert!(matches!(stale, HubError::Storage(StorageError::Stale { .. })));
        let again = test.hub.register_client(&admin.apps, client_draft("portal")).await.unwrap_err();
        assert!(matches!(again, HubError::Invalid { field: "id", .. }));
    }
}

#[tokio::test]
async fn an_application_turns_public_and_confidential_again() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let draft = ClientDraft { authentication: ClientAuthentication::None, ..client_draft("spa") };
        let public = test.hub.register_client(&admin.apps, draft.clone()).await.unwrap();
        assert!(public.secret.is_none());
        assert!(test.hub.rotate_client_secret(&admin.roles, &public.client.id, 1).await.is_err());
        let confidential = ClientDraft { authentication: ClientAuthentication::SecretPost, ..draft.clone() };
        let changed = test.hub.update_client(&admin.apps, &public.client.id, 1, confidential).await.unwrap();
        assert!(changed.secret.is_some());
        test.hub.update_client(&admin.apps, &public.client.id, 2, draft).await.unwrap();
        let mut reader = test.hub.database.reader();
        let stored = storage::clients::by_id(&mut reader, &public.client.id).await.unwrap().unwrap();
        assert_eq!(stored.secret_digest, None);
    }
}

#[tokio::test]
async fn groups_are_published_by_directory_and_name() {
    for test in hubs().await {
        let admin = test.administrator("ada").await;
        let source = test.hub.register_source(&admin.sources, source_draft("corp"), "secret".into()).await.unwrap();
        let other = test.hub.register_source(&admin.sources, source_draft("other"), "secret".into()).await.unwrap();
        let id = test.hub.register_client(&admin.apps, client_draft("portal")).await.unwrap().client.id;
        let staff = PublishedGroup { source: source.id, name: "staff".to_owned() };
        let changed = test.hub.publish_groups(&admin.apps, &id, 1, vec![staff.clone(); 2]).await.unwrap();
        assert_eq!(changed.groups, std::slice::from_ref(&staff));
        let published =
            async || storage::clients::published_groups(&mut test.hub.database.reader(), &id).await.unwrap();
        assert_eq!(published().await, []);
        let mut known = Vec::new();
        for (source, name) in [(source.id, "staff"), (other.id, "staff"), (source.id, "strategists")] {
            let group = storage::groups::Group {
                id: test.hub.random.id(test.hub.clock.now()).into(),
                source_id: Some(source),
                immutable_id: format!("{name}-1").into(),
                name: name.to_owned(),
            };
            let put: Result<_, StorageError> =
                storage::write!(test.hub.database, |tx| { storage::groups::Groups(tx).put(&group).await });
            known.push(put.unwrap().id);
        }
        assert_eq!(published().await, known[..1], "never the group of that name in another directory");
        // Renamed at its source it stays published, and another group that takes its name is not.
        let put = async |immutable_id: &str, name: &str| {
            let group = storage::groups::Group {
                id: test.hub.random.id(test.hub.clock.now()).into(),
                source_id: Some(source.id),
                immutable_id: immutable_id.to_owned().into(),
                name: name.to_owned(),
            };
            let put: Result<_, StorageError> =
                storage::write!(test.hub.database, |tx| { storage::groups::Groups(tx).put(&group).await });
            put.unwrap().id
        };
        assert_eq!(put("staff-1", "employees").await, known[0]);
        let impostor = put("staff-2", "staff").await;
        assert_eq!(published().await, known[..1]);
        let shown = test.hub.client(&admin.read, &id).await.unwrap();
        assert_eq!(shown.groups, [PublishedGroup { source: source.id, name: "employees".to_owned() }]);
        // Saving the form again keeps what it shows; published again under the name, the other one is meant.
        let again = test.hub.publish_groups(&admin.apps, &id, shown.revision, shown.groups).await.unwrap();
        assert_eq!(published().await, known[..1]);
        test.hub.publish_groups(&admin.apps, &id, again.revision, vec![staff.clone()]).await.unwrap();
        assert_eq!(published().await, [impostor]);
        let back = [("staff-2", "impostors"), ("staff-1", "staff")];
        for (id, name) in back {
            put(id, name).await;
        }
        let revision = test.hub.client(&admin.read, &id).await.unwrap().revision;
        test.hub.publish_groups(&admin.apps, &id, revision, vec![staff]).await.unwrap();
        let choices = test.hub.group_choices(&admin.read, &id, "st").await.unwrap();
        let shown: Vec<_> = choices.iter().map(|c| (c.label.as_str(), c.published)).collect();
        assert_eq!(shown, [("corp/staff", true), ("other/staff", false), ("corp/strategists", false)]);
        let snippet = test.hub.client_snippet(&admin.read, &id).await.unwrap();
        assert_eq!(snippet.issuer, "https://hub.example.test");
        assert_eq!(snippet.scopes, "openid profile email groups");
    }
}
