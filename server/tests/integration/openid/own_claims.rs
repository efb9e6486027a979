//! Attributes that the installation defines, as claims: only where the definition says so.

use std::collections::BTreeSet;

use directory::{AttributeDefinition, AttributeType, Release};
use serde_json::json;
use storage::{
    attribute_definitions::{AttributeDefinitions, DefinitionsVersion},
    attributes::{Attributes, StoredAttribute},
};

use super::World;

fn definition(name: &str, kind: AttributeType, release: Option<(&str, &[&str])>) -> AttributeDefinition {
    AttributeDefinition {
        name: name.parse().unwrap(),
        label: name.to_owned(),
        kind,
        several: false,
        required: false,
        sensitive: false,
        release: release.map(|(claim, applications)| Release {
            claim: claim.to_owned(),
            scope: "profile".to_owned(),
            applications: applications.iter().map(|id| (*id).to_owned()).collect(),
        }),
    }
}

fn text() -> AttributeType {
    AttributeType::Text { longest: None }
}

/// Defines them and gives Alice values, as an import would.
async fn define(world: &World, defined: &[(AttributeDefinition, &str)]) {
    let definitions: Vec<_> = defined.iter().map(|(definition, _)| definition.clone()).collect();
    storage::write!(world.hub.database, |tx| {
        let version = DefinitionsVersion { version: 1, definitions: definitions.clone() };
        AttributeDefinitions(tx).add(&version, "somebody", world.hub.clock.now()).await?;
        for (definition, value) in defined {
            let attribute = StoredAttribute {
                person_id: world.alice,
                name: definition.attribute(),
                value: (*value).to_owned(),
                folded: None,
                authority: None,
                origin: None,
                self_written: false,
                verified: false,
                updated_at: world.hub.clock.now(),
                cause: None,
            };
            Attributes(tx).put(&attribute).await?;
        }
        Ok::<_, storage::StorageError>(())
    })
    .unwrap();
}

#[tokio::test]
async fn an_attribute_of_ones_own_is_told_only_as_its_definition_says() {
    for world in World::all().await {
        let several = AttributeDefinition { several: true, ..definition("site", text(), Some(("sites", &["portal"]))) };
        define(
            &world,
            &[
                (definition("secret", text(), None), "never told"),
                (definition("badge", AttributeType::YesOrNo, Some(("badge", &[]))), "true"),
                (several, r#"["Oslo","Bergen"]"#),
                (definition("room", text(), Some(("room", &["other"]))), "12"),
                (definition("stale", AttributeType::Day, Some(("stale", &[]))), "not a day any more"),
                // As a database of an older version might have it: what a standard names is never overwritten.
                (definition("verified", AttributeType::YesOrNo, Some(("email_verified", &[]))), "true"),
            ],
        )
        .await;
        let session = world.sign_in(world.alice).await;
        let told = async |scope: &str| {
            let tokens = world.tokens(&session, &[("scope", scope)]).await;
            world.user_info(tokens["access_token"].as_str().unwrap()).await.json()
        };
        let claims = told("openid profile").await;
        assert_eq!((&claims["badge"], &claims["sites"]), (&json!(true), &json!(["Oslo", "Bergen"])));
        for absent in ["secret", "room", "stale", "email_verified"] {
            assert!(claims.get(absent).is_none(), "{absent}: {claims}");
        }
        assert!(!claims.to_string().contains("never told"), "{claims}");
        let claims = told("openid email").await;
        assert!(claims.get("badge").is_none() && claims.get("sites").is_none(), "another scope: {claims}");
        let document = world.get("/.well-known/openid-configuration", None).await.json();
        let supported: BTreeSet<&str> =
            document["claims_supported"].as_array().unwrap().iter().map(|claim| claim.as_str().unwrap()).collect();
        assert!(supported.contains("badge") && supported.contains("sites"), "{supported:?}");
        assert!(!supported.contains("secret"), "{supported:?}");
    }
}
