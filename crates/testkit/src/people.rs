//! The people of the test directories: made up, the same in every run, with the letters real names have.

const GIVEN: &[&str] = &[
    "Anna",
    "John",
    "Mária",
    "José",
    "Zoë",
    "François",
    "Björn",
    "Łukasz",
    "Åsa",
    "Søren",
    "Emily",
    "Noah",
    "Chloé",
    "Müge",
    "Yuki",
    "Priya",
    "Fatima",
    "Chinedu",
    "Ama",
    "Inês",
    "Siobhán",
];
const FAMILY: &[&str] = &[
    "Smith",
    "Johnson",
    "Müller",
    "García",
    "Lefèvre",
    "Rossi",
    "Kowalska",
    "Łukasiewicz",
    "Novák",
    "Åkesson",
    "Jørgensen",
    "O'Brien",
    "van der Berg",
    "Yılmaz",
    "Petrov",
    "Tanaka",
    "Nguyen",
    "Haddad",
    "Okafor",
];
const DEPARTMENTS: &[&str] = &["Engineering", "Sales", "Finance", "Legal", "Support"];
const TITLES: &[&str] = &["Analyst", "Engineer", "Manager", "Consultant"];

/// Number `index` of a directory's people.
pub(crate) struct Made {
    pub username: String,
    pub given: &'static str,
    pub family: &'static str,
    pub department: &'static str,
    pub title: &'static str,
    pub phone: String,
    pub employee_number: String,
    /// Which of the ten teams.
    pub team: usize,
}

pub(crate) fn made(index: usize) -> Made {
    Made {
        username: format!("u{index:06}"),
        given: GIVEN[index * 7 % GIVEN.len()],
        family: FAMILY[index * 11 % FAMILY.len()],
        department: DEPARTMENTS[index % DEPARTMENTS.len()],
        title: TITLES[index % TITLES.len()],
        phone: format!("+49 30 {:07}", 1_000_000 + index),
        employee_number: (100_000 + index).to_string(),
        team: index % 10,
    }
}
