//! Whatever a file holds, reading it ends, and nobody is made up.

use connector::{Change, Connector as _};
use directory::{FileFormat, ObjectKind};
use proptest::prelude::*;

use crate::support::{World, read_all};

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_end_in_people_or_in_words(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        lines in proptest::collection::vec("(dn:? [a-z=,]{0,8}|id:? ?[0-9]{0,3}|username: [a-z]{0,3}| [a-z]{0,3}|#|-|)\n", 0..30),
    ) {
        let ldif: Vec<u8> = lines.concat().into_bytes();
        let csv: Vec<u8> = [b"id,username,display_name,given_name,family_name,email\n".as_slice(), &bytes].concat();
        for (format, content) in
            [(FileFormat::Csv, &csv), (FileFormat::JsonLines, &bytes), (FileFormat::Ldif, &ldif), (FileFormat::Ldif, &bytes)]
        {
            let world = World::new(format, content);
            let Ok(whole) = run(read_all(&world.connector(), ObjectKind::Person)) else { continue };
            for change in whole.changes {
                let Change::Person(read) = change else { panic!() };
                let fetched = run(world.connector().fetch(&read.immutable_id)).unwrap();
                prop_assert_eq!(Some(*read), fetched);
            }
        }
    }

    /// What a careful program writes, we read back.
    #[test]
    fn csv_written_by_the_csv_crate_is_read_back(
        people in proptest::collection::btree_map("[a-z0-9]{1,8}", "[^\\s\\p{C}]([^\\p{C}]|\n|\"|,){0,20}[^\\s\\p{C}]", 1..20)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["id", "username", "display_name", "given_name", "family_name", "email"]).unwrap();
        for (id, name) in &people {
            writer.write_record([id, id, name, "", "", ""]).unwrap();
        }
        let world = World::new(FileFormat::Csv, writer.into_inner().unwrap());
        let whole = run(read_all(&world.connector(), ObjectKind::Person)).unwrap();
        prop_assert_eq!(whole.rejected.len(), 0);
        let read: Vec<(String, String)> = whole.changes.into_iter().map(|change| {
            let Change::Person(read) = change else { panic!() };
            (read.immutable_id.0, read.attributes[&directory::AttributeName::DisplayName].clone())
        }).collect();
        let expected: Vec<(String, String)> = people.into_iter().map(|(id, name)| (id, name.trim().to_owned())).collect();
        prop_assert_eq!(read, expected);
    }
}
