//! Looking at real directories that nobody has told us anything about.

use connector::{
    Discovery as _, DiscoveryStage, FailureKind, Vendor,
    conformance::{self, ExpectedDiscovery},
};
use connector_ldap::LdapDiscovery;
use directory::{AttributeName, LdapSettings, SourceKind};
use testkit::{SambaAd, Slapd, SlapdSetup};

use crate::support::{loopback, settings, source};

/// Only what an administrator enters on the first two steps.
fn look(kind: SourceKind, url: &str, ca: &str, account: &str, secret: &str) -> LdapDiscovery {
    let settings = settings(kind, url, ca, "", account);
    let patient = LdapSettings { connect_timeout_ms: 10_000, operation_timeout_ms: 10_000, ..settings };
    LdapDiscovery::new(&source(kind, patient), Some(secret.to_owned().into()), loopback())
}

#[tokio::test]
async fn openldap_is_found_out() {
    let slapd = Slapd::with(SlapdSetup { people: 30, ..SlapdSetup::default() }).await;
    for url in [&slapd.ldaps_url, &slapd.ldap_url] {
        let discovery = look(SourceKind::Ldap, url, &slapd.ca_pem, &slapd.reader_dn, &slapd.reader_password);
        let expected = ExpectedDiscovery {
            vendor: Vendor::OpenLdap,
            base_dn: format!("ou=people,{}", slapd.base_dn),
            people: 31,
            id_attribute: "entryUUID",
            username_attribute: "uid",
            lockout: (5, 900),
            secret: slapd.reader_password.clone(),
        };
        let survey = conformance::discovers(&discovery, &expected).await;
        assert_eq!(survey.proposal.person_filter, "(objectClass=inetOrgPerson)");
        assert_eq!(survey.proposal.name_attributes, ["uid", "mail"]);
        assert_eq!(survey.proposal.mapping[&AttributeName::EmployeeNumber], "employeeNumber");
        assert_eq!(survey.domains, [("example.test".to_owned(), 31)]);
        assert!(survey.lockout.read_at_sign_in && survey.lockout.unreadable.is_empty(), "{:#?}", survey.lockout);
        assert!(survey.attributes.iter().any(|seen| seen.name == "memberOf" && seen.single > 0));
    }
}

#[tokio::test]
async fn what_was_proposed_finds_people() {
    let slapd = Slapd::with(SlapdSetup { people: 5, ..SlapdSetup::default() }).await;
    let discovery = look(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &slapd.reader_dn, &slapd.reader_password);
    let proposal = discovery.survey().await.unwrap().proposal;
    let mut proposed = settings(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &proposal.base_dn, &slapd.reader_dn);
    proposed.person_filter = proposal.person_filter;
    let inspect = |settings: LdapSettings| {
        let source = source(SourceKind::Ldap, settings);
        let discovery = LdapDiscovery::new(&source, Some(slapd.reader_password.clone().into()), loopback());
        async move { discovery.inspect().await }
    };
    let steps = inspect(proposed.clone()).await;
    assert!(steps.len() == 5 && steps.iter().all(|step| step.outcome.is_ok()), "{steps:#?}");
    for (settings, stage, kind) in [
        (
            LdapSettings { base_dn: "dc=nowhere".into(), ..proposed.clone() },
            DiscoveryStage::Base,
            FailureKind::BaseMissing,
        ),
        (
            LdapSettings { person_filter: "(objectClass=account)".into(), ..proposed.clone() },
            DiscoveryStage::People,
            FailureKind::NobodyFound,
        ),
        (
            LdapSettings { id_attribute: "carLicense".into(), ..proposed.clone() },
            DiscoveryStage::ImmutableId,
            FailureKind::ImmutableIdMissing,
        ),
        (
            LdapSettings { username_attribute: "sAMAccountName".into(), ..proposed.clone() },
            DiscoveryStage::Username,
            FailureKind::UsernameMissing,
        ),
        (
            LdapSettings { base_dn: "nonsense".into(), ..proposed.clone() },
            DiscoveryStage::Account,
            FailureKind::Settings,
        ),
    ] {
        let steps = inspect(settings).await;
        let last = steps.last().unwrap();
        assert_eq!((last.stage, last.outcome.as_ref().unwrap_err().kind), (stage, kind), "{steps:#?}");
    }
}

#[tokio::test]
async fn an_account_without_rights_is_told_from_a_directory_without_a_policy() {
    let slapd = Slapd::with(SlapdSetup { people: 3, ..SlapdSetup::default() }).await;
    let blind = slapd.reader_dn.replace("reader", "blind");
    let discovery = look(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &blind, "blind-secret");
    let survey = discovery.survey().await.unwrap();
    assert!(survey.bases.is_empty() && survey.filters.is_empty() && survey.lockout.threshold.is_none(), "{survey:#?}");
    assert!(survey.lockout.unreadable[0].contains("may not read it"), "{:#?}", survey.lockout);
    let wrong = look(SourceKind::Ldap, &slapd.ldaps_url, &slapd.ca_pem, &slapd.reader_dn, "wrong");
    assert_eq!(wrong.survey().await.unwrap_err().kind, FailureKind::AccountRefused);
}

#[tokio::test]
async fn active_directory_is_found_out_whatever_it_was_taken_for() {
    let samba = SambaAd::shared().await;
    for (kind, url) in [(SourceKind::ActiveDirectory, &samba.ldaps_url), (SourceKind::Ldap, &samba.ldap_url)] {
        let discovery = look(kind, url, &samba.ca_pem, &samba.reader_dn, &samba.reader_password);
        let survey = discovery.survey().await.unwrap();
        let people = survey.bases[0].1.entries;
        assert!(people > 90, "{:#?}", survey.bases);
        let expected = ExpectedDiscovery {
            vendor: Vendor::ActiveDirectory,
            base_dn: samba.base_dn.clone(),
            people,
            id_attribute: "objectGUID",
            username_attribute: "sAMAccountName",
            lockout: (5, 900),
            secret: samba.reader_password.clone(),
        };
        let survey = conformance::discovers(&discovery, &expected).await;
        assert_eq!(survey.netbios_domain.as_deref(), Some(samba.netbios_domain.as_str()));
        assert!(survey.bases.iter().any(|(dn, _)| dn.eq_ignore_ascii_case(&format!("OU=People,{}", samba.base_dn))));
        assert!(survey.lockout.read_at_sign_in);
        assert!(
            survey.lockout.special.is_empty() && survey.lockout.unreadable[0].contains("fine-grained"),
            "{:#?}",
            survey.lockout
        );
    }
}
