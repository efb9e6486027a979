//! A directory with two servers, through the pages of a running hub: one goes away and comes back, both go away, and
//! the lockout budget counts them as one.

use std::time::{Duration, Instant};

use directory::{Person, Source, SourceKind};
use hub::connections::SourceCondition;
use testkit::{Authority, BindAnswer, Fault, FaultProxy, StubLdap};

use super::{
    directory_stub::{BASE, Changes as _, READER, READER_PASSWORD, RIGHT, WRONG, directory, dn, person},
    house::{House, PORTAL, Place},
    outcome::Page::{Generic, Outage},
};

struct Two {
    house: House,
    corp: Source,
    a: StubLdap,
    b: StubLdap,
    to_a: FaultProxy,
    to_b: FaultProxy,
}

impl Two {
    /// jsmith is in both servers of "corp" and signed in once, over the first.
    async fn open() -> (Self, Person) {
        let authority = Authority::new("corp");
        let script = directory().certificate(authority.local());
        let (a, b) = (StubLdap::start(script.clone()).await, StubLdap::start(script).await);
        for stub in [&a, &b] {
            stub.add(person("jsmith"));
        }
        let (to_a, to_b) =
            (FaultProxy::in_front_of(&a.ldaps_url()).await, FaultProxy::in_front_of(&b.ldaps_url()).await);
        let house = House::open().await;
        let (first, second) = (to_a.url("ldaps"), to_b.url("ldaps"));
        let place = Place {
            kind: SourceKind::Ldap,
            url: &first,
            ca_pem: authority.ca_pem(),
            base_dn: BASE,
            reader_dn: READER,
            reader_password: READER_PASSWORD,
        };
        let change = |draft: &mut directory::SourceDraft| {
            let ldap = draft.connector.ldap_mut().unwrap();
            ldap.urls.push(second.parse().unwrap());
            (ldap.connect_timeout_ms, ldap.operation_timeout_ms) = (1_000, 1_000);
        };
        let corp = house.source("corp", &place, change).await;
        house.client(PORTAL, &[&corp]).await;
        let two = Self { house, corp, a, b, to_a, to_b };
        let first = two.house.types("jsmith", RIGHT).await;
        first.let_in_by("D18", 0);
        assert_eq!(two.binds(), (1, 0));
        let jsmith = two.house.person(first.person()).await;
        (two, jsmith)
    }

    fn binds(&self) -> (usize, usize) {
        (self.a.binds_of(&dn("jsmith")), self.b.binds_of(&dn("jsmith")))
    }

    async fn health(&self) -> (SourceCondition, String) {
        let all = self.house.hub().source_health().await.unwrap();
        let corp = all.into_iter().find(|health| health.source == self.corp.id).unwrap();
        (corp.condition, corp.sentence)
    }

    async fn until_healthy(&self) {
        let started = Instant::now();
        while self.health().await.0 != SourceCondition::Healthy {
            assert!(started.elapsed() < Duration::from_secs(40), "its recovery is not seen: {:?}", self.health().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn the_first_server_down_the_next_sign_in_works_and_no_password_goes_out_twice() {
    let (two, _) = Two::open().await;
    two.to_a.set(Fault::Refuse);
    two.house.types("jsmith", RIGHT).await.let_in_by("D6", 0);
    assert_eq!(two.binds(), (1, 1));
    let (condition, sentence) = two.health().await;
    assert_eq!(condition, SourceCondition::Degraded, "{sentence}");
    assert!(sentence.starts_with("1 of 2 servers answer."), "{sentence}");

    // It comes back, and is used again, without anybody doing anything.
    two.to_a.set(Fault::None);
    two.until_healthy().await;
    two.house.types("jsmith", RIGHT).await.let_in_by("D6", 0);
    assert_eq!(two.binds(), (2, 1));

    // It takes the password and dies: nobody else gets it, and the attempt keeps its place.
    two.a.change(|script| *script = script.clone().on_bind(&dn("jsmith"), BindAnswer::Close));
    two.house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 0).wrote(&[("budget_place", 1)]);
    assert_eq!(two.binds(), (3, 1));
    two.house.close().await;
}

#[tokio::test]
async fn d14_both_servers_down_changes_nothing_and_is_over_when_one_is_back() {
    let (two, jsmith) = Two::open().await;
    two.to_a.set(Fault::Refuse);
    two.to_b.set(Fault::Refuse);
    for password in [RIGHT, WRONG] {
        two.house.types("jsmith", password).await.refused_by("D14", Outage, 0).wrote(&[]);
    }
    assert_eq!(two.binds(), (1, 0));
    assert_eq!(two.house.person(jsmith.id).await, jsmith, "not one fact moved");
    assert_eq!(two.health().await.0, SourceCondition::Down);
    // Long enough for the breaker to open, so that nobody dials for a sign-in any more.
    for _ in 0..5 {
        two.house.types("jsmith", RIGHT).await.refused_by("D14", Outage, 0);
    }
    two.to_b.set(Fault::None);
    let started = Instant::now();
    while two.health().await.0 == SourceCondition::Down {
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", two.health().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    two.house.types("jsmith", RIGHT).await.let_in_by("D6", 0);
    assert_eq!(two.binds(), (1, 1));
    two.house.close().await;
}

#[tokio::test]
async fn the_budget_counts_both_servers_as_one() {
    let (two, _) = Two::open().await;
    // The source locks at five, so three wrong passwords may reach it, one of them only from a browser that jsmith
    // used before; whichever server sees them.
    for (number, to_a) in [Fault::None, Fault::Refuse, Fault::Refuse, Fault::None, Fault::None].into_iter().enumerate()
    {
        two.to_a.set(to_a);
        let wrong = format!("{WRONG}-{number}");
        let refused = two.house.types("jsmith", &wrong).await;
        refused.refused_by(if number < 2 { "D7" } else { "2.7" }, Generic, 0);
    }
    let (at_a, at_b) = two.binds();
    assert_eq!((at_a - 1, at_b), (1, 1), "one each");
    two.house.close().await;
}
