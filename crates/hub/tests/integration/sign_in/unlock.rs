//! Unlocking at the source (semantics, section 4): switched on, three per person and day, never for privileged people,
//! counted before it is sent, and the person is told.

use chrono::{DateTime, TimeDelta, Utc};
use connector::{WriteFailure, Written};
use directory::{Person, Source, WriteAccess};
use hub::{
    HubError,
    sign_in::{SignInAnswer, UnlockedAtSource},
};

use super::{
    door::{Door, RIGHT, WRONG, doors, id, known},
    scripted::answer,
};

fn is_refused<T: std::fmt::Debug>(result: Result<T, HubError>) -> bool {
    matches!(result, Err(HubError::Refused(_)))
}

pub fn both() -> WriteAccess {
    WriteAccess { bind_dn: "cn=writer,dc=example,dc=test".into(), unlock_at_source: true, password_write_back: true }
}

pub async fn switch_on(door: &Door, source: &Source, access: WriteAccess) {
    let secret = "write-secret-canary".to_owned().into();
    let powers = &door.administrator.sources;
    door.hub().set_write_access(powers, source.id, access, Some(&secret)).await.unwrap();
    door.wait(2);
}

fn writes(door: &Door) -> Vec<String> {
    door.script("corp").lock().unwrap().writes.clone()
}

/// As the directory shows it, and as the hub remembers it.
fn lock(door: &Door) {
    let until = DateTime::<Utc>::MAX_UTC;
    door.edit("corp", "jsmith", |entry| entry.lockout.locked_until = Some(until));
}

async fn unlock(door: &Door, person: &Person) -> Result<UnlockedAtSource, HubError> {
    door.hub().unlock_at_source(&door.administrator.help, person.id, "corp").await
}

#[tokio::test]
async fn an_unlock_at_the_source_ends_the_lock_there_and_here_and_the_person_is_told_once() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |s| s.lockout.threshold = Some(4)).await;
        switch_on(&door, &source, both()).await;
        door.tell("corp", |script| {
            script.lockout = Some((4, TimeDelta::minutes(30)));
            script.shows_failures = true;
        });
        door.types("jsmith", WRONG).await.refused_by("D7", hub::sign_in::RefusalPage::Generic, 1);
        lock(&door);
        door.types("jsmith", RIGHT).await.refused_by("D10", hub::sign_in::RefusalPage::Generic, 0);
        let at = door.hub().unlockable_at(&door.administrator.find, person.id).await.unwrap();
        assert_eq!((at.len(), at[0].label.as_str()), (1, source.label.as_str()));
        assert_eq!(unlock(&door, &person).await.unwrap(), UnlockedAtSource::Unlocked);
        assert_eq!(writes(&door), ["unlock id-jsmith"]);
        let places = storage::census::census(&mut door.hub().database.reader()).await.unwrap()["budget_place"];
        assert_eq!(places, 0, "the source shows that it forgot the wrong password");
        let told = |answer: SignInAnswer| match answer {
            SignInAnswer::SignedIn { banner, .. } => banner,
            other => panic!("{other:?}"),
        };
        let first = door.types("jsmith", RIGHT).await;
        first.let_in_by("D6", 1);
        let banner = told(first.answer).unwrap();
        assert!(banner.contains(&source.label) && banner.contains("Help desk unlocked it"), "{banner}");
        assert_eq!(told(door.types("jsmith", RIGHT).await.answer), None, "once");
    }
}

#[tokio::test]
async fn three_unlocks_are_the_most_in_a_day_and_one_that_is_lost_counts_and_is_not_sent_again() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        switch_on(&door, &source, both()).await;
        let answers =
            [Written::Unknown, Written::Failed(WriteFailure::NotAllowed), Written::Failed(WriteFailure::Unavailable)];
        for (sent, told) in answers.into_iter().enumerate() {
            lock(&door);
            door.tell("corp", |script| script.write_answer = Some(told));
            assert!(is_refused(unlock(&door, &person).await));
            assert_eq!(writes(&door).len(), sent + 1, "each once");
        }
        door.tell("corp", |script| script.write_answer = None);
        assert!(is_refused(unlock(&door, &person).await), "a fourth");
        assert_eq!(writes(&door).len(), 3);
        door.wait(24 * 60 * 60 + 1);
        assert_eq!(unlock(&door, &person).await.unwrap(), UnlockedAtSource::Unlocked);
        assert_eq!(unlock(&door, &person).await.unwrap(), UnlockedAtSource::WasNotLocked);
        assert_eq!(writes(&door).len(), 4, "nothing is sent where nothing is locked");
        let first = door.types("jsmith", RIGHT).await;
        assert!(matches!(first.answer, SignInAnswer::SignedIn { banner: Some(_), .. }));
    }
}

#[tokio::test]
async fn privileged_people_are_never_unlocked_at_a_source() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        switch_on(&door, &source, both()).await;
        lock(&door);
        // Since the last sign-in: only the reading before the write shows it.
        door.edit("corp", "jsmith", |entry| entry.privileged = true);
        assert!(is_refused(unlock(&door, &person).await));
        door.edit("corp", "jsmith", |entry| entry.lockout.locked_until = None);
        door.types("jsmith", RIGHT).await.let_in_by("D6", 1);
        lock(&door);
        assert!(is_refused(unlock(&door, &person).await));
        assert!(door.hub().unlockable_at(&door.administrator.find, person.id).await.unwrap().is_empty());
        assert!(writes(&door).is_empty());
    }
}

#[tokio::test]
async fn with_the_switches_off_nothing_is_ever_written() {
    for door in doors().await {
        let (source, person) = known(&door, "jsmith", |_| {}).await;
        let off = WriteAccess { unlock_at_source: false, password_write_back: false, ..both() };
        for access in [None, Some(off)] {
            if let Some(access) = access {
                switch_on(&door, &source, access).await;
            }
            lock(&door);
            assert!(is_refused(unlock(&door, &person).await));
            door.edit("corp", "jsmith", |entry| entry.lockout.locked_until = None);
            door.tell("corp", |script| {
                script.answers.insert(id("jsmith"), answer(directory::AdapterResult::MustChange, true));
            });
            door.types("jsmith", RIGHT).await.refused_by("D11", hub::sign_in::RefusalPage::PasswordExpired, 1);
            door.tell("corp", |script| script.answers.clear());
            assert!(writes(&door).is_empty());
        }
    }
}

#[tokio::test]
async fn the_second_account_is_another_one_over_tls_and_its_password_is_for_one_place() {
    for door in doors().await {
        let (source, _) = known(&door, "jsmith", |_| {}).await;
        let (hub, by) = (door.hub(), &door.administrator.sources);
        let reader = source.connector.ldap().unwrap().bind_dn.to_uppercase().replace(',', ", ");
        let secret = "write-secret-canary".to_owned().into();
        let same = WriteAccess { bind_dn: reader, ..both() };
        assert!(hub.set_write_access(by, source.id, same, Some(&secret)).await.is_err(), "the reading account");
        assert!(hub.set_write_access(by, source.id, both(), None).await.is_err(), "without a password");
        // The directory is asked before anything is kept.
        door.tell("corp", |script| script.refuses_writer = true);
        let refused = hub.set_write_access(by, source.id, both(), Some(&secret)).await.unwrap_err().to_string();
        assert!(refused.contains("does not take this account: as told"), "{refused}");
        assert_eq!(hub.write_access(&by.into(), source.id).await.unwrap(), WriteAccess::default());
        door.tell("corp", |script| script.refuses_writer = false);
        switch_on(&door, &source, both()).await;
        let read = &(&door.administrator.sources).into();
        assert_eq!(hub.write_access(read, source.id).await.unwrap(), both());
        // Another switch needs no password again, another account does.
        let fewer = WriteAccess { unlock_at_source: false, ..both() };
        hub.set_write_access(by, source.id, fewer.clone(), None).await.unwrap();
        let other = WriteAccess { bind_dn: "cn=other,dc=example,dc=test".into(), ..both() };
        assert!(hub.set_write_access(by, source.id, other, None).await.is_err());
        // Another host: nothing is written with that password any more, and it is asked for again.
        door.change(&source, |source| {
            source.connector.ldap_mut().unwrap().urls = vec!["ldaps://elsewhere.example.test".parse().unwrap()];
        })
        .await;
        let live = hub.live_source(source.id).await.unwrap();
        assert_eq!(live.writes(), connector::Writes::default());
        assert!(live.write_trouble().is_some_and(|why| why.contains("another host")));
        assert!(hub.set_write_access(by, source.id, both(), None).await.is_err());
        // Taken away.
        hub.set_write_access(by, source.id, WriteAccess::default(), None).await.unwrap();
        door.wait(2);
        assert_eq!(hub.live_source(source.id).await.unwrap().write_trouble(), None);
        let stored = storage::write_access::of_source(&mut hub.database.reader(), source.id).await.unwrap().unwrap();
        assert!(stored.secret.sealed.is_empty());
    }
}
