//! Scopes: which claims a client asks for.

use serde::{Deserialize, Serialize};

/// A scope this provider understands. `address` is not among them: no directory here keeps one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    OpenId,
    Profile,
    Email,
    Phone,
    /// Only groups that an administrator published to the client.
    Groups,
    OfflineAccess,
}

impl Scope {
    pub const ALL: [Self; 6] =
        [Self::OpenId, Self::Profile, Self::Email, Self::Phone, Self::Groups, Self::OfflineAccess];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenId => "openid",
            Self::Profile => "profile",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
        }
    }

    /// The scope of this name, if it is one that opens claims about the person.
    #[must_use]
    pub fn of_claims(name: &str) -> Option<Self> {
        Self::OF_CLAIMS.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Those that open claims about the person.
    pub const OF_CLAIMS: [Self; 4] = [Self::Profile, Self::Email, Self::Phone, Self::Groups];
}

/// A set of scopes, written and stored as in the protocol: space-separated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Unknown scopes are ignored (Core 3.1.2.1); the response says what was granted.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let asked: Vec<&str> = text.split(' ').collect();
        Self(Scope::ALL.into_iter().filter(|scope| asked.contains(&scope.as_str())).collect())
    }

    #[must_use]
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether nothing here is missing there.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.contains(*scope))
    }

    #[must_use]
    pub fn without(&self, scope: Scope) -> Self {
        Self(self.0.iter().copied().filter(|s| *s != scope).collect())
    }

    /// Everything of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(Scope::ALL.into_iter().filter(|s| self.contains(*s) || other.contains(*s)).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl From<String> for Scopes {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Scopes> for String {
    fn from(scopes: Scopes) -> Self {
        scopes.to_string()
    }
}

impl std::fmt::Display for Scopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|scope| scope.as_str()).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_scopes_fall_away_and_order_does_not_matter() {
        let scopes = Scopes::parse("groups address openid openid");
        assert_eq!(scopes.to_string(), "openid groups");
        assert!(Scopes::parse("openid").is_within(&scopes));
        assert!(!scopes.is_within(&Scopes::parse("openid")));
        assert_eq!(Scopes::parse("openid email").union(&scopes).to_string(), "openid email groups");
    }
}
