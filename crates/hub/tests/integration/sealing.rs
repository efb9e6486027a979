//! Changing the key that seals stored secrets, while several servers use them.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta};
use directory::{Policy, WriteAccess};
use hub::{
    Hub, HubError, HubParts,
    kernel::{
        Actor, FixedClock, SystemRandom,
        sealing::{self, Readiness},
        vault::{KeyId, KeyPlace, Place, key_id},
    },
};
use secrecy::SecretSlice;
use storage::{
    Database,
    keys::{SealedColumn, SealedRow},
};

use crate::support::{FakeDirectory, TestHub, source_draft};

/// A key file that a test writes.
struct Shelf(Mutex<Vec<u8>>);

impl Shelf {
    fn of(keys: &[u8]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(keys.to_vec())))
    }
    fn put(&self, keys: &[u8]) {
        *self.0.lock().unwrap() = keys.to_vec();
    }
}

impl KeyPlace for Shelf {
    fn read(&self) -> Result<Vec<SecretSlice<u8>>, String> {
        Ok(self.0.lock().unwrap().iter().map(|byte| SecretSlice::from(vec![*byte; 32])).collect())
    }
    fn describe(&self) -> String {
        "the shelf".to_owned()
    }
}

fn id(byte: u8) -> KeyId {
    key_id(&SecretSlice::from(vec![byte; 32]))
}

async fn server_on(database: &testkit::TestDatabase, shelf: &Arc<Shelf>) -> Result<TestHub, HubError> {
    let opened = Database::open(&database.url()).await.unwrap();
    opened.upgrade().await.unwrap();
    let clock = Arc::new(FixedClock::at(DateTime::from_timestamp(1_800_000_000, 0).unwrap()));
    let directory = Arc::new(FakeDirectory::default());
    let place = Arc::<Shelf>::clone(shelf);
    let hub = Hub::new(HubParts {
        vault: sealing::open_vault(place, &opened, &SystemRandom).await?,
        database: opened,
        clock: Arc::<FixedClock>::clone(&clock),
        random: Arc::new(SystemRandom),
        connectors: Arc::<FakeDirectory>::clone(&directory),
        policy: Policy::default(),
        public_url: "https://hub.example.test".parse().unwrap(),
    });
    Ok(TestHub { hub, clock, directory, database: database.clone() })
}

/// Registers as many directories, each with a secret of its own, and makes the signing keys.
async fn furnish(test: &TestHub, sources: usize) {
    let ada = test.administrator("ada").await;
    for number in 0..sources {
        let secret = format!("secret {number}");
        let draft = source_draft(&format!("corp{number}"));
        let source = test.hub.register_source(&ada.sources, draft, secret.into()).await.unwrap();
        if number == 0 {
            let writer = WriteAccess { bind_dn: "cn=writer".to_owned(), unlock_at_source: true, ..Default::default() };
            let secret = "another secret".to_owned().into();
            test.hub.set_write_access(&ada.sources, source.id, writer, Some(&secret)).await.unwrap();
        }
    }
    test.hub.prepare_signing_keys().await.unwrap();
}

async fn values(hub: &Hub, other_than: KeyId) -> Vec<(SealedColumn, SealedRow)> {
    let mut found = Vec::new();
    for column in SealedColumn::ALL {
        let rows = column.sealed_by_other(&mut hub.database.reader(), other_than.bytes(), 1_000).await.unwrap();
        found.extend(rows.into_iter().map(|row| (column, row)));
    }
    found
}

fn opens(hub: &Hub, column: SealedColumn, row: &SealedRow) -> bool {
    let (table, name) = column.place();
    hub.vault.open(Place { table, column: name, row: &row.row }, &row.sealed).is_ok()
}

#[tokio::test]
async fn every_sealed_value_moves_to_the_new_key_and_the_old_one_opens_nothing() {
    for database in testkit::databases().await {
        let shelf = Shelf::of(&[1]);
        let server = server_on(&database, &shelf).await.unwrap();
        furnish(&server, 7).await;
        server.hub.note_keys_held("one", "host-a").await.unwrap();
        let digest = server.hub.vault.keyed_digest("typed identifier", b"ada");
        let before = values(&server.hub, id(99)).await;
        assert_eq!(
            before.len(),
            7 + 1 + 2 + 1,
            "secrets of directories, one of a write account, two signing keys, the key of the digests"
        );

        // The command, beside the server. It is killed in the middle, twice, and begins again.
        shelf.put(&[1, 2]);
        let command = server_on(&database, &shelf).await.unwrap();
        assert_eq!(command.hub.vault.held(), [id(1), id(2)], "the database says which one seals");
        let lagging = command.hub.lagging(id(2), Readiness::Holds).await.unwrap();
        assert_eq!(lagging.iter().map(|l| l.host.as_str()).collect::<Vec<_>>(), ["host-a"]);
        server.hub.refresh_sealing_keys().await.unwrap();
        server.hub.note_keys_held("one", "host-a").await.unwrap();
        assert!(command.hub.lagging(id(2), Readiness::Holds).await.unwrap().is_empty());
        command.hub.seal_with(Actor::CommandLine, id(2)).await.unwrap();
        assert_eq!(command.hub.lagging(id(2), Readiness::SealsWith).await.unwrap().len(), 1);
        server.hub.refresh_sealing_keys().await.unwrap();
        server.hub.note_keys_held("one", "host-a").await.unwrap();
        assert!(command.hub.lagging(id(2), Readiness::SealsWith).await.unwrap().is_empty());
        for _ in 0..2 {
            let killed = server_on(&database, &shelf).await.unwrap();
            assert_eq!(killed.hub.vault.held(), [id(2), id(1)]);
            assert_eq!(killed.hub.rewrap_some(2).await.unwrap(), 2);
            for (column, row) in values(&server.hub, id(99)).await {
                assert!(opens(&server.hub, column, &row), "the server opens old and new ones all the while");
            }
        }
        let again = server_on(&database, &shelf).await.unwrap();
        assert_eq!(again.hub.sealed_by_others().await.unwrap(), 11 - 4);
        let mut moved = 0;
        loop {
            match again.hub.rewrap_some(4).await.unwrap() {
                0 => break,
                done => moved += done,
            }
        }
        assert_eq!((moved, again.hub.sealed_by_others().await.unwrap()), (7, 0));
        shelf.put(&[2]);
        server.hub.refresh_sealing_keys().await.unwrap();
        assert_eq!(server.hub.vault.held(), [id(2)]);

        // A copy of the old key opens nothing of what is there now, and no server starts with it.
        let after = values(&server.hub, id(99)).await;
        assert_eq!(after.len(), before.len());
        let old = hub::kernel::vault::Vault::new(&SecretSlice::from(vec![1; 32])).unwrap();
        for (column, row) in &after {
            let (table, name) = column.place();
            let place = Place { table, column: name, row: &row.row };
            assert!(opens(&server.hub, *column, row));
            assert!(old.open(place, &row.sealed).is_err(), "{column:?}");
        }
        let refused = server_on(&database, &Shelf::of(&[1])).await.err().unwrap().to_string();
        for part in ["the shelf", &id(1).to_string(), &id(2).to_string(), "backup", "--sealing-key"] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
        assert_eq!(server.hub.vault.keyed_digest("typed identifier", b"ada"), digest, "secrets of clients go on");
        let told = server.audit().await;
        assert!(told.iter().any(|(action, _)| action == "sealing-key.changed"), "{told:?}");
        assert_every_sealed_column_is_known(&server.hub, id(1)).await;
    }
}

/// No column of the database holds anything that the old key sealed, whether or not it is in the list.
async fn assert_every_sealed_column_is_known(hub: &Hub, old: KeyId) {
    let Database::Sqlite { place, .. } = &hub.database else { return };
    let place = place.to_string();
    hub.database.close().await;
    let bytes = std::fs::read(place).unwrap();
    let mut mark = vec![2u8];
    mark.extend_from_slice(old.bytes());
    // Where a longer value was written over, the page may still hold its tail, but not its beginning.
    let left = bytes.windows(mark.len()).filter(|window| *window == mark).count();
    assert_eq!(left, 0, "values under the old key are left in the file");
}

#[tokio::test]
async fn swapped_ciphertexts_fail_in_the_database() {
    for database in testkit::databases().await {
        let test = server_on(&database, &Shelf::of(&[1])).await.unwrap();
        furnish(&test, 2).await;
        let all = values(&test.hub, id(99)).await;
        for (column, row) in &all {
            for (other_column, other) in &all {
                let swapped = SealedRow { row: row.row.clone(), sealed: other.sealed.clone() };
                let same = (column, row) == (other_column, other);
                assert_eq!(opens(&test.hub, *column, &swapped), same, "{column:?} {other_column:?}");
            }
        }
        // Two rows of one table, swapped in the database itself: a rotation refuses to bless it.
        let sources: Vec<&SealedRow> =
            all.iter().filter(|(column, _)| *column == SealedColumn::SourceSecret).map(|(_, row)| row).collect();
        let written: Result<(), storage::StorageError> = storage::write!(test.hub.database, |tx| {
            SealedColumn::SourceSecret.replace(tx, sources[0], sources[1].sealed.clone()).await?;
            SealedColumn::SourceSecret.replace(tx, sources[1], sources[0].sealed.clone()).await.map(|_| ())
        });
        written.unwrap();
        let shelf = Shelf::of(&[1, 2]);
        let command = server_on(&database, &shelf).await.unwrap();
        command.hub.seal_with(Actor::CommandLine, id(2)).await.unwrap();
        let refused = command.hub.rewrap_some(50).await.unwrap_err();
        assert!(matches!(&refused, HubError::Vault(why) if why.contains("moved")), "{refused}");
    }
}

#[tokio::test]
async fn a_value_sealed_with_the_key_of_a_moment_ago_is_not_written() {
    for database in testkit::databases().await {
        let shelf = Shelf::of(&[1, 2]);
        let slow = server_on(&database, &shelf).await.unwrap();
        let ada = slow.administrator("ada").await;
        let command = server_on(&database, &shelf).await.unwrap();
        command.hub.seal_with(Actor::CommandLine, id(2)).await.unwrap();
        let refused = slow.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await;
        assert!(matches!(&refused, Err(HubError::Refused(why)) if why.contains("Try again")), "{refused:?}");
        slow.hub.refresh_sealing_keys().await.unwrap();
        slow.hub.register_source(&ada.sources, source_draft("corp"), "secret".into()).await.unwrap();
    }
}

#[tokio::test]
async fn servers_that_fell_silent_are_not_waited_for_and_a_server_without_the_new_key_says_so() {
    for database in testkit::databases().await {
        let copy = Shelf::of(&[1]);
        let far = server_on(&database, &copy).await.unwrap();
        far.hub.note_keys_held("far", "host-b").await.unwrap();
        far.hub.note_keys_held("stopped", "host-c").await.unwrap();
        far.hub.forget_keys_held("stopped").await.unwrap();
        let command = server_on(&database, &Shelf::of(&[1, 2])).await.unwrap();
        let hosts = |lagging: Vec<sealing::Lagging>| lagging.into_iter().map(|l| l.host).collect::<Vec<_>>();
        assert_eq!(hosts(command.hub.lagging(id(2), Readiness::Holds).await.unwrap()), ["host-b"]);
        command.clock.advance(TimeDelta::seconds(61));
        assert!(command.hub.lagging(id(2), Readiness::Holds).await.unwrap().is_empty());
        command.hub.seal_with(Actor::CommandLine, id(2)).await.unwrap();
        let told = far.hub.refresh_sealing_keys().await.unwrap_err().to_string();
        assert!(told.contains("the shelf") && told.contains("copy it there"), "{told}");
        copy.put(&[1, 2]);
        far.hub.refresh_sealing_keys().await.unwrap();
    }
}

#[tokio::test]
async fn two_servers_that_open_a_new_database_at_once_share_its_digests() {
    for database in testkit::databases().await {
        let shelf = Shelf::of(&[1]);
        let opened = Database::open(&database.url()).await.unwrap();
        opened.upgrade().await.unwrap();
        let (a, b) = tokio::join!(server_on(&database, &shelf), server_on(&database, &shelf));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.hub.vault.keyed_digest("x", b"y"), b.hub.vault.keyed_digest("x", b"y"));
    }
}

/// What is sealed and forgotten within minutes: a change of the key drops it.
const SHORT_LIVED: (&str, &str) = ("kept_answer", "sealed_text");

#[test]
fn whatever_is_sealed_anywhere_in_the_hub_is_wrapped_anew() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    let mut places = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap();
                for found in code.split("Place { table: \"").skip(1) {
                    let quoted: Vec<&str> = found.split('"').collect();
                    places.push((quoted[0].to_owned(), quoted[2].to_owned()));
                }
            }
        }
    }
    assert!(places.len() >= 3, "{places:?}");
    for (table, column) in places {
        let known = SealedColumn::ALL.iter().map(|column| column.place()).chain([SHORT_LIVED]);
        let mut known = known.filter(|place| *place == (table.as_str(), column.as_str()));
        assert!(
            known.next().is_some(),
            "{table}.{column} would be lost with the old sealing key: add it to SealedColumn"
        );
    }
}
