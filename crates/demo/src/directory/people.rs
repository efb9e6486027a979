//! The people of the demo: made from a seed, so that every start has the same ones with the same ids.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::names::{CITIES, CULTURES, Culture, DEPARTMENTS, ascii};

/// Whose directory it is.
#[derive(Debug, Clone)]
pub struct Organisation {
    pub name: String,
    pub domain: String,
    pub base_dn: String,
    /// Another seed makes other people.
    pub seed: u64,
    pub head_count: usize,
    /// The people whose logins are printed: given and family name, language, and which of the departments.
    pub printed: [(&'static str, &'static str, &'static str, usize); 2],
}

impl Organisation {
    /// The company that was bought, with its old portal.
    #[must_use]
    pub fn portal() -> Self {
        Self {
            name: "Marina Portal".to_owned(),
            domain: "marina.example".to_owned(),
            base_dn: "dc=marina,dc=example".to_owned(),
            seed: 11,
            head_count: 80,
            printed: [("Beatriz", "Magalhães", "pt", 1), ("Kenji", "Watanabe", "ja", 3)],
        }
    }

    /// The colleagues who moved to a cloud directory first.
    #[must_use]
    pub fn cloud() -> Self {
        Self {
            name: "Skyline Cruises".to_owned(),
            domain: "skyline.example".to_owned(),
            base_dn: "dc=skyline,dc=example".to_owned(),
            seed: 13,
            head_count: 120,
            printed: [("Youssef", "Mansour", "ar", 2), ("Zofia", "Lewandowska", "pl", 0)],
        }
    }
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            name: "Harbour & Lagoon Ferries".to_owned(),
            domain: "ferries.example".to_owned(),
            base_dn: "dc=ferries,dc=example".to_owned(),
            seed: 7,
            head_count: 300,
            printed: [("Julia", "Smith", "en", 0), ("Amara", "Okafor", "en", 3)],
        }
    }
}

/// One person of a demo directory.
#[derive(Debug, Clone)]
pub struct DemoPerson {
    pub dn: String,
    pub entry_uuid: Uuid,
    pub username: String,
    pub given_name: String,
    pub family_name: String,
    pub email: String,
    pub employee_number: String,
    pub title: String,
    pub department: String,
    pub city: String,
    pub phone: String,
    pub language: String,
    /// Groups by name, without the base.
    pub groups: Vec<String>,
    /// LDAP GeneralizedTime of the last password change.
    pub password_changed: String,
    /// `demo-USERNAME`: this is a demo, and its passwords are meant to be typed.
    pub password: String,
}

impl DemoPerson {
    #[must_use]
    pub fn display_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }
}

/// SplitMix64: small, well mixed, and the same everywhere. Nothing secret comes from it.
pub(super) struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Makes everybody: first the two people whose logins are printed, then the rest.
pub(crate) fn hire(organisation: &Organisation) -> Vec<DemoPerson> {
    let mut random = Seeded(organisation.seed);
    let mut taken = BTreeMap::new();
    let mut people = Vec::with_capacity(organisation.head_count);
    for (given, family, language, department) in organisation.printed {
        people.push(person(organisation, &mut random, &mut taken, (given, family, language), department));
    }
    while people.len() < organisation.head_count {
        let culture: &Culture = random.pick(CULTURES);
        let name = (*random.pick(culture.given), *random.pick(culture.family), culture.language);
        // Squared, so that the first departments are the big ones.
        let share = random.below(100);
        let department = share * share * DEPARTMENTS.len() / 10_000;
        people.push(person(organisation, &mut random, &mut taken, name, department));
    }
    people
}

fn person(
    organisation: &Organisation,
    random: &mut Seeded,
    taken: &mut BTreeMap<String, u32>,
    (given, family, language): (&str, &str, &str),
    department: usize,
) -> DemoPerson {
    let username = free_name(taken, &ascii(given)[..1], &ascii(family));
    let (department, titles) = DEPARTMENTS[department];
    let (city, area_code) = *random.pick(CITIES);
    let number = 10_000 + taken.values().map(|count| u64::from(*count)).sum::<u64>();
    let mut groups = vec!["all-staff".to_owned(), group_name(department), format!("site-{}", ascii(city))];
    for (group, one_in) in [("vpn-users", 2), ("wiki-editors", 5), ("travel-approvers", 12), ("first-aiders", 15)] {
        if random.below(one_in) == 0 {
            groups.push(group.to_owned());
        }
    }
    let changed = (random.below(2) + 2024, random.below(12) + 1, random.below(28) + 1, random.below(24));
    DemoPerson {
        dn: format!("uid={username},ou=people,{}", organisation.base_dn),
        entry_uuid: random.uuid(),
        email: format!("{username}@{}", organisation.domain),
        password: format!("demo-{username}"),
        username,
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        employee_number: number.to_string(),
        title: (*random.pick(titles)).to_owned(),
        department: department.to_owned(),
        city: city.to_owned(),
        phone: format!("{area_code} {:07}", 1_000_000 + random.below(8_999_999)),
        language: language.to_owned(),
        groups,
        password_changed: format!("{}{:02}{:02}{:02}0000Z", changed.0, changed.1, changed.2, changed.3),
    }
}

/// First letter and family name; the second bearer gets a 2, as administrators do it.
fn free_name(taken: &mut BTreeMap<String, u32>, initial: &str, family: &str) -> String {
    let plain = format!("{initial}{family}");
    let count = taken.entry(plain.clone()).or_insert(0);
    *count += 1;
    if *count == 1 { plain } else { format!("{plain}{count}") }
}

fn group_name(department: &str) -> String {
    format!("dept-{}", department.to_lowercase().replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_distinct_and_the_same_at_every_start() {
        let organisation = Organisation::default();
        let people = hire(&organisation);
        assert_eq!(people.len(), organisation.head_count);
        let again = hire(&organisation);
        for (one, other) in people.iter().zip(&again) {
            assert_eq!((&one.dn, one.entry_uuid), (&other.dn, other.entry_uuid));
        }
        for distinct in [
            people.iter().map(|person| person.username.clone()).collect::<BTreeSet<_>>(),
            people.iter().map(|person| person.employee_number.clone()).collect(),
            people.iter().map(|person| person.entry_uuid.to_string()).collect(),
        ] {
            assert_eq!(distinct.len(), organisation.head_count);
        }
        assert_eq!(people[0].username, "jsmith");
        assert_eq!(people[1].username, "aokafor");
    }

    #[test]
    fn a_printed_login_is_nobody_else_in_the_other_directories() {
        let all = [Organisation::default(), Organisation::portal(), Organisation::cloud()];
        let people: Vec<_> = all.iter().map(hire).collect();
        for (place, organisation) in all.iter().enumerate() {
            for login in &people[place][..organisation.printed.len()] {
                let bearers = people.iter().flatten().filter(|person| person.username == login.username);
                assert_eq!(bearers.count(), 1, "{}", login.username);
            }
        }
    }
}
