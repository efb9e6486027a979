//! What a directory shows of its lockout: the policy that holds for an entry, and what it counts right now.

use chrono::{DateTime, Utc};
use directory::LockoutReading;
use ldap3::Scope;

use crate::{
    connection::Connection,
    fault::Fault,
    reader::{Facts, Reader},
    search::{Entry, Search, no_references},
    times::{after, from_filetime, from_generalized, interval},
};

/// A policy as far as it could be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LockoutPolicy {
    /// 0 = lockout is off.
    pub(crate) threshold: Option<u32>,
    /// Seconds; 0 = wrong passwords never expire.
    pub(crate) window: Option<u64>,
    /// Seconds; 0 = until somebody unlocks it.
    pub(crate) duration: Option<u64>,
}

/// OpenLDAP's way of locking an account for good (slapo-ppolicy(5)).
pub(crate) const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// `UF_LOCKOUT` in `msDS-User-Account-Control-Computed`.
const COMPUTED_LOCKOUT: i64 = 0x10;

impl LockoutPolicy {
    /// The policy alone, without an entry's counts.
    pub(crate) fn reading(self) -> LockoutReading {
        LockoutReading { threshold: self.threshold, window_seconds: self.window, ..LockoutReading::default() }
    }

    pub(crate) fn of_domain(entry: &Entry, threshold: &str, window: &str, duration: &str) -> Self {
        Self {
            threshold: entry.number(threshold).and_then(|number| u32::try_from(number).ok()),
            window: entry.number(window).map(interval),
            duration: entry.number(duration).map(interval),
        }
    }

    /// `pwdPolicy` (draft-behera-ldap-password-policy-10, section 5.2). Lockout is off unless switched on.
    pub(crate) fn of_password_policy(entry: &Entry) -> Self {
        let on = entry.text("pwdLockout").is_some_and(|word| word.eq_ignore_ascii_case("TRUE"));
        let seconds = |name| entry.number(name).map_or(0, |number| u64::try_from(number).unwrap_or(0));
        let threshold = u32::try_from(seconds("pwdMaxFailure")).unwrap_or(u32::MAX);
        Self {
            threshold: Some(if on { threshold } else { 0 }),
            window: Some(seconds("pwdFailureCountInterval")),
            duration: Some(seconds("pwdLockoutDuration")),
        }
    }

    /// Of several policies, of which it is not known which holds: the one that locks first and forgets last.
    pub(crate) fn strictest(self, other: Self) -> Self {
        let locking = |threshold: Option<u32>| threshold.filter(|&threshold| threshold > 0);
        let longest = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(a), Some(b)) => Some(a.max(b)),
            (None, _) | (_, None) => None,
        };
        Self {
            threshold: match (locking(self.threshold), locking(other.threshold)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (Some(one), None) | (None, Some(one)) => Some(one),
                (None, None) => self.threshold.or(other.threshold),
            },
            window: longest(self.window, other.window),
            duration: longest(self.duration, other.duration),
        }
    }
}

impl Reader {
    /// The policy that holds where an entry names none.
    pub(crate) async fn default_policy(
        &self,
        connection: &mut Connection,
        facts: &Facts,
    ) -> Result<LockoutPolicy, Fault> {
        if let Some(policy) = self.policies.get("") {
            return Ok(policy);
        }
        let policy = if self.settings.active_directory {
            let names = ["lockoutThreshold", "lockOutObservationWindow", "lockoutDuration"].map(str::to_owned);
            match self.read(connection, &facts.context, &names).await? {
                Some(domain) => LockoutPolicy::of_domain(&domain, &names[0], &names[1], &names[2]),
                None => LockoutPolicy::default(),
            }
        } else {
            self.password_policies(connection, facts).await?
        };
        self.policies.put("", policy);
        Ok(policy)
    }

    /// slapd keeps the name of its default policy in its own configuration, out of our sight: of the policies that
    /// can be read, the strictest is taken.
    async fn password_policies(&self, connection: &mut Connection, facts: &Facts) -> Result<LockoutPolicy, Fault> {
        let names = POLICY_ATTRIBUTES.map(str::to_owned);
        let search = Search {
            base: &facts.context,
            scope: Scope::Subtree,
            filter: "(objectClass=pwdPolicy)",
            attributes: &names,
            at_most: 20,
            controls: vec![no_references(&self.settings)],
            inside: None,
        };
        let answer = connection.search(&self.settings, search).await?;
        let found = answer.entries.iter().map(LockoutPolicy::of_password_policy);
        Ok(found.reduce(LockoutPolicy::strictest).unwrap_or_default())
    }

    /// The policy that holds for this entry.
    pub(crate) async fn policy_of(
        &self,
        connection: &mut Connection,
        facts: &Facts,
        entry: &Entry,
    ) -> Result<LockoutPolicy, Fault> {
        let pointer = if self.settings.active_directory { "msDS-ResultantPSO" } else { "pwdPolicySubentry" };
        let Some(dn) = entry.text(pointer) else { return self.default_policy(connection, facts).await };
        if let Some(policy) = self.policies.get(dn) {
            return Ok(policy);
        }
        let policy = if self.settings.active_directory {
            let names =
                ["msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration"].map(str::to_owned);
            let object = self.read(connection, dn, &names).await?;
            object.map(|object| LockoutPolicy::of_domain(&object, &names[0], &names[1], &names[2]))
        } else {
            let object = self.read(connection, dn, &POLICY_ATTRIBUTES.map(str::to_owned)).await?;
            object.map(|object| LockoutPolicy::of_password_policy(&object))
        };
        // One that may not be read is unreadable, not the default: it may be stricter.
        let policy = policy.unwrap_or_default();
        self.policies.put(dn, policy);
        Ok(policy)
    }
}

pub(crate) const POLICY_ATTRIBUTES: [&str; 4] =
    ["pwdLockout", "pwdMaxFailure", "pwdFailureCountInterval", "pwdLockoutDuration"];

/// AD: the count of the controller that was asked. It stays in the directory after its time, and counts as 0 then.
pub(crate) fn of_active_directory(entry: &Entry, policy: LockoutPolicy, now: DateTime<Utc>) -> LockoutReading {
    let last_wrong = entry.number("badPasswordTime").and_then(from_filetime);
    let expired = match (last_wrong, policy.window) {
        (Some(at), Some(window)) => window > 0 && after(at, window) < now,
        (None, _) | (_, None) => false,
    };
    let count = entry.number("badPwdCount").and_then(|count| u32::try_from(count).ok());
    let locked_at = entry.number("lockoutTime").and_then(from_filetime);
    let computed = entry.number("msDS-User-Account-Control-Computed");
    let locked_until = locked_at.and_then(|at| match policy.duration {
        _ if computed.is_some_and(|flags| flags & COMPUTED_LOCKOUT == 0) => None,
        Some(0) | None => Some(DateTime::<Utc>::MAX_UTC),
        Some(duration) => Some(after(at, duration)).filter(|until| *until > now),
    });
    LockoutReading { failures: count.map(|count| if expired { 0 } else { count }), locked_until, ..policy.reading() }
}

/// OpenLDAP: one value of `pwdFailureTime` per wrong password.
pub(crate) fn of_openldap(entry: &Entry, policy: LockoutPolicy, now: DateTime<Utc>) -> LockoutReading {
    let counts = |at: &DateTime<Utc>| match policy.window {
        Some(0) | None => true,
        Some(window) => after(*at, window) >= now,
    };
    let failures = entry.texts("pwdFailureTime").filter_map(from_generalized).filter(counts).count();
    // Without a policy in sight, no value may only mean that the values cannot be read.
    let known = policy.threshold.is_some() || failures > 0;
    let locked_until = entry.text("pwdAccountLockedTime").and_then(|text| {
        if text == LOCKED_FOR_GOOD {
            return Some(DateTime::<Utc>::MAX_UTC);
        }
        let at = from_generalized(text)?;
        match policy.duration {
            Some(0) | None => Some(DateTime::<Utc>::MAX_UTC),
            Some(duration) => Some(after(at, duration)).filter(|until| *until > now),
        }
    });
    LockoutReading {
        failures: known.then(|| u32::try_from(failures).unwrap_or(u32::MAX)),
        locked_until,
        ..policy.reading()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: LockoutPolicy = LockoutPolicy { threshold: Some(5), window: Some(900), duration: Some(900) };
    const OFF: LockoutPolicy = LockoutPolicy { threshold: Some(0), window: Some(60), duration: Some(60) };

    #[test]
    fn of_several_policies_the_strictest_counts() {
        let lenient = LockoutPolicy { threshold: Some(10), window: Some(0), duration: Some(60) };
        let both = LockoutPolicy { threshold: Some(5), window: Some(0), duration: Some(900) };
        assert_eq!(FIVE.strictest(lenient), both);
        assert_eq!(OFF.strictest(FIVE), FIVE);
        assert_eq!(OFF.strictest(OFF), OFF);
    }

    #[test]
    fn a_count_of_ad_is_zero_once_its_window_is_over() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let ticks =
            |seconds_ago: i64| ((1_700_000_000 - seconds_ago) * 10_000_000 + 116_444_736_000_000_000).to_string();
        let entry =
            |ago: i64| Entry::of(&[("badPwdCount", "3"), ("badPasswordTime", &ticks(ago)), ("lockoutTime", "0")]);
        assert_eq!(of_active_directory(&entry(899), FIVE, now).failures, Some(3));
        assert_eq!(of_active_directory(&entry(901), FIVE, now).failures, Some(0));
        let for_ever = LockoutPolicy { window: Some(0), ..FIVE };
        assert_eq!(of_active_directory(&entry(1_000_000), for_ever, now).failures, Some(3));
        assert_eq!(of_active_directory(&Entry::of(&[]), FIVE, now).failures, None);

        let locked = |ago: i64| Entry::of(&[("lockoutTime", &ticks(ago))]);
        assert!(of_active_directory(&locked(100), FIVE, now).locked_until.is_some());
        assert_eq!(of_active_directory(&locked(901), FIVE, now).locked_until, None);
        let until_unlocked = LockoutPolicy { duration: Some(0), ..FIVE };
        let reading = of_active_directory(&locked(100_000), until_unlocked, now);
        assert_eq!(reading.locked_until, Some(DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn openldap_counts_the_wrong_passwords_inside_the_window() {
        let now = from_generalized("20260101001500Z").unwrap();
        let entry = Entry::of(&[("pwdFailureTime", "20251231000000Z"), ("pwdFailureTime", "20260101001000.5Z")]);
        assert_eq!(of_openldap(&entry, FIVE, now).failures, Some(1));
        assert_eq!(of_openldap(&entry, LockoutPolicy { window: Some(0), ..FIVE }, now).failures, Some(2));
        assert_eq!(of_openldap(&Entry::of(&[]), LockoutPolicy::default(), now).failures, None);
        let locked = Entry::of(&[("pwdAccountLockedTime", "20260101001000Z")]);
        assert_eq!(of_openldap(&locked, FIVE, now).locked_until, from_generalized("20260101002500Z"));
        let for_good = Entry::of(&[("pwdAccountLockedTime", LOCKED_FOR_GOOD)]);
        assert_eq!(of_openldap(&for_good, FIVE, now).locked_until, Some(DateTime::<Utc>::MAX_UTC));
    }
}
