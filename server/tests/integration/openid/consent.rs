//! Consent: never, or at the first time.

use hub::provider::AuthorizeAnswer;
use oidc::Scope;

use super::World;

#[tokio::test]
async fn a_client_that_an_administrator_answers_for_asks_nobody() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let answer = world.authorize(Some(&session), &[("prompt", "consent")]).await;
        assert!(answer.parameter("code").is_some());
    }
}

#[tokio::test]
async fn asvs_10_7_first_time_asks_once_and_again_for_more() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let ask = [("client_id", "survey"), ("scope", "openid email")];
        let answer = world.authorize(Some(&session), &ask).await;
        assert_eq!(answer.location().path(), "/sign-in/consent");
        let id = answer.parameter("transaction").unwrap().parse().unwrap();
        let question = world.hub.consent_question(id, Some(session.id)).await.unwrap().unwrap();
        assert_eq!((question.client_name.as_str(), question.person_name.as_str()), ("The survey", "Alice Liddell"));
        let email = question.asks.iter().find(|ask| ask.scope == Scope::Email).unwrap();
        assert_eq!(email.value.as_deref(), Some("alice@example.test"));

        // No step can be skipped, and nobody else can answer.
        let resumed = world.hub.resume_authorization(id, Some(session.id)).await.unwrap();
        assert_eq!(resumed, AuthorizeAnswer::Consent(id));
        let stranger = world.hub.decide_consent(id, None, true).await.unwrap();
        assert_eq!(stranger, AuthorizeAnswer::SignIn(id));

        let allowed = world.hub.decide_consent(id, Some(session.id), true).await.unwrap();
        assert!(matches!(allowed, AuthorizeAnswer::Redirect(address) if address.contains("code=")));
        let again = world.hub.decide_consent(id, Some(session.id), true).await.unwrap();
        assert!(matches!(again, AuthorizeAnswer::Page(_)));

        assert!(world.authorize(Some(&session), &ask).await.parameter("code").is_some());
        let more = [("client_id", "survey"), ("scope", "openid email phone")];
        assert_eq!(world.authorize(Some(&session), &more).await.location().path(), "/sign-in/consent");
        let anew = [ask[0], ask[1], ("prompt", "consent")];
        assert_eq!(world.authorize(Some(&session), &anew).await.location().path(), "/sign-in/consent");
        // Somebody else is asked for themselves.
        let bob = world.sign_in(world.bob).await;
        assert_eq!(world.authorize(Some(&bob), &ask).await.location().path(), "/sign-in/consent");
    }
}

#[tokio::test]
async fn a_refusal_goes_back_to_the_application_and_is_not_remembered() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let ask = [("client_id", "survey")];
        let id = world.authorize(Some(&session), &ask).await.parameter("transaction").unwrap().parse().unwrap();
        let refused = world.hub.decide_consent(id, Some(session.id), false).await.unwrap();
        assert!(matches!(refused, AuthorizeAnswer::Redirect(address) if address.contains("error=access_denied")));
        let none = world.authorize(Some(&session), &[ask[0], ("prompt", "none")]).await;
        assert_eq!(none.parameter("error").as_deref(), Some("consent_required"));
    }
}

#[tokio::test]
async fn an_unanswered_request_ends() {
    for world in World::all().await {
        let session = world.sign_in(world.alice).await;
        let id = world
            .authorize(Some(&session), &[("client_id", "survey")])
            .await
            .parameter("transaction")
            .unwrap()
            .parse()
            .unwrap();
        world.advance(30 * 60);
        assert!(world.hub.pending_authorization(id).await.unwrap().is_none());
        let late = world.hub.decide_consent(id, Some(session.id), true).await.unwrap();
        assert!(matches!(late, AuthorizeAnswer::Page(_)));
    }
}
