//! The lockout policy, each make of directory having a place of its own for it. What may not be read is said.

use connector::{Introduction, LockoutFound, Vendor};
use ldap3::Scope;

use super::look::Look;
use crate::{
    fault::Fault,
    lockout::{LockoutPolicy, POLICY_ATTRIBUTES},
    search::Entry,
};

/// Policies of one directory that are read.
const POLICIES: usize = 50;

/// Looks below `context` for what locks an account.
pub(super) async fn read(
    look: &mut Look<'_>,
    introduction: &Introduction,
    context: &str,
) -> Result<LockoutFound, Fault> {
    match introduction.vendor {
        Vendor::ActiveDirectory => active_directory(look, context).await,
        Vendor::Directory389 => directory_389(look).await,
        Vendor::OpenLdap | Vendor::Unknown => password_policies(look, context).await,
    }
}

fn found(at: &str, policy: LockoutPolicy, read_at_sign_in: bool) -> LockoutFound {
    LockoutFound {
        read_at: Some(at.to_owned()),
        threshold: policy.threshold,
        window_seconds: policy.window,
        duration_seconds: policy.duration,
        read_at_sign_in,
        ..LockoutFound::default()
    }
}

/// The domain's own policy, and fine-grained ones ([MS-ADTS] 3.1.1.3.1.5, `msDS-PasswordSettings`).
async fn active_directory(look: &mut Look<'_>, domain: &str) -> Result<LockoutFound, Fault> {
    let names = ["lockoutThreshold", "lockOutObservationWindow", "lockoutDuration"];
    let mut lockout = match look.entry(domain, &names).await? {
        Some(entry) if !entry.bytes(names[0]).is_empty() => {
            found(domain, LockoutPolicy::of_domain(&entry, names[0], names[1], names[2]), true)
        }
        Some(_) | None => LockoutFound {
            unreadable: vec!["The service account may not read lockoutThreshold of the domain.".to_owned()],
            ..LockoutFound::default()
        },
    };
    let container = format!("CN=Password Settings Container,CN=System,{domain}");
    let names = ["cn", "msDS-LockoutThreshold", "msDS-LockoutObservationWindow", "msDS-LockoutDuration"];
    let seen =
        look.search(&container, Scope::OneLevel, "(objectClass=msDS-PasswordSettings)", &names, POLICIES).await?;
    lockout.special = seen
        .entries
        .iter()
        .map(|entry| {
            let policy = LockoutPolicy::of_domain(entry, names[1], names[2], names[3]);
            (name_of(entry), policy.threshold, policy.window)
        })
        .collect();
    if lockout.special.is_empty() {
        lockout.unreadable.push(
            "No fine-grained password policy is visible. Usually only domain administrators may see them, so there may \
             be some; where one holds for a person and msDS-ResultantPSO can be read, it counts."
                .to_owned(),
        );
    }
    Ok(lockout)
}

/// slapd keeps the name of its default policy in its own configuration: of those that can be read, the strictest counts.
async fn password_policies(look: &mut Look<'_>, context: &str) -> Result<LockoutFound, Fault> {
    let mut names = POLICY_ATTRIBUTES.to_vec();
    names.push("cn");
    let seen = look.search(context, Scope::Subtree, "(objectClass=pwdPolicy)", &names, POLICIES).await?;
    let Some(strictest) = seen.entries.iter().map(LockoutPolicy::of_password_policy).reduce(LockoutPolicy::strictest)
    else {
        let unreadable = vec![
            "No entry of class pwdPolicy can be seen: either this directory has no password policy, or the service \
             account may not read it. Which of the two it is, only the directory's administrator knows."
                .to_owned(),
        ];
        return Ok(LockoutFound { unreadable, ..LockoutFound::default() });
    };
    let mut lockout = found(&seen.entries[0].dn, strictest, true);
    if seen.entries.len() > 1 {
        lockout.read_at = Some(format!("the strictest of {} policies below {context}", seen.entries.len()));
        lockout.special = seen
            .entries
            .iter()
            .map(|entry| {
                let policy = LockoutPolicy::of_password_policy(entry);
                (name_of(entry), policy.threshold, policy.window)
            })
            .collect();
    }
    Ok(lockout)
}

/// `cn=config` of 389-ds: `passwordLockout`, and what belongs to it.
async fn directory_389(look: &mut Look<'_>) -> Result<LockoutFound, Fault> {
    let names = [
        "passwordLockout",
        "passwordMaxFailure",
        "passwordResetFailureCount",
        "passwordLockoutDuration",
        "passwordUnlock",
    ];
    let entry = look.entry("cn=config", &names).await?.filter(|entry| entry.text(names[0]).is_some());
    let Some(entry) = entry else {
        let unreadable = vec![
            "passwordLockout in cn=config cannot be read: usually only the directory manager may. Ask for the figures \
             and enter them."
                .to_owned(),
        ];
        return Ok(LockoutFound { unreadable, ..LockoutFound::default() });
    };
    Ok(found("cn=config", of_389(&entry), false))
}

fn of_389(entry: &Entry) -> LockoutPolicy {
    let on = |name| entry.text(name).is_some_and(|word| word.eq_ignore_ascii_case("on"));
    let number = |name| entry.number(name).and_then(|number| u64::try_from(number).ok());
    let threshold = number("passwordMaxFailure").map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    LockoutPolicy {
        threshold: if on("passwordLockout") { threshold } else { Some(0) },
        window: number("passwordResetFailureCount"),
        duration: if on("passwordUnlock") { number("passwordLockoutDuration") } else { Some(0) },
    }
}

fn name_of(entry: &Entry) -> String {
    entry.text("cn").unwrap_or(&entry.dn).chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lockout_of_389_is_off_unless_switched_on() {
        let entry = |on| {
            Entry::of(&[("passwordLockout", on), ("passwordMaxFailure", "3"), ("passwordResetFailureCount", "600")])
        };
        let locking = LockoutPolicy { threshold: Some(3), window: Some(600), duration: Some(0) };
        assert_eq!(of_389(&entry("on")), locking);
        assert_eq!(of_389(&entry("off")), LockoutPolicy { threshold: Some(0), ..locking });
        assert_eq!(
            of_389(&Entry::of(&[("passwordLockout", "on")])),
            LockoutPolicy { threshold: None, window: None, duration: Some(0) }
        );
    }
}
