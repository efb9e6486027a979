//! Whose value an attribute has, when several accounts of one person say something.

/// One account that says something about an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimant {
    // The order of the fields is the order of the rule.
    /// The account is gone at its source: it counts after everybody who is there.
    pub gone: bool,
    /// The source's number for this attribute; the lowest comes first.
    pub priority: u32,
    /// Somebody else owns the value now: between equals, whoever has it keeps it.
    pub does_not_own: bool,
    /// What nobody can argue about: the source's name and the account's id.
    pub name: (String, String),
}

impl Claimant {
    /// `priority` is empty for a source without a number, which comes after all that have one.
    #[must_use]
    pub fn new(priority: Option<u32>, gone: bool, owns: bool, name: (String, String)) -> Self {
        Self { gone, priority: priority.unwrap_or(u32::MAX), does_not_own: !owns, name }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claimant(priority: Option<u32>, gone: bool, owns: bool, name: &str) -> Claimant {
        Claimant::new(priority, gone, owns, (name.to_owned(), String::new()))
    }

    #[test]
    fn the_lowest_number_comes_first_and_whoever_has_it_keeps_it_between_equals() {
        let first = |all: &[Claimant]| all.iter().min().unwrap().name.0.clone();
        assert_eq!(first(&[claimant(Some(2), false, true, "a"), claimant(Some(1), false, false, "b")]), "b");
        assert_eq!(first(&[claimant(None, false, true, "a"), claimant(Some(900), false, false, "b")]), "b");
        assert_eq!(first(&[claimant(None, false, false, "a"), claimant(None, false, true, "b")]), "b", "it keeps it");
        assert_eq!(first(&[claimant(Some(1), true, true, "a"), claimant(None, false, false, "b")]), "b", "a is gone");
        assert_eq!(first(&[claimant(Some(1), true, true, "a"), claimant(None, true, false, "b")]), "a");
        assert_eq!(first(&[claimant(None, false, false, "b"), claimant(None, false, false, "a")]), "a", "by name");
    }

    proptest! {
        /// With numbers of their own, who owns it and who came first does not matter.
        #[test]
        fn distinct_numbers_decide_alone(numbers in prop::collection::btree_set(1u32..50, 1..6), owner in 0usize..6) {
            let best = *numbers.iter().next().unwrap();
            let all: Vec<Claimant> = numbers.iter().rev().enumerate()
                .map(|(i, number)| claimant(Some(*number), false, i == owner, &format!("s{i}"))).collect();
            prop_assert_eq!(all.iter().min().unwrap().priority, best);
        }
    }
}
