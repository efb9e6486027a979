//! What a failure means, what to do about it, and what to ask the directory's administrator for. One text for each
//! kind of failure: a new kind without advice does not compile.

use connector::FailureKind;
use serde::{Deserialize, Serialize};

/// Three sentences for somebody who is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    pub means: String,
    pub remedy: String,
    /// Words for the directory's administrator; empty where nobody else is needed.
    pub ask: String,
}

/// The advice for a kind of failure.
#[must_use]
pub fn advice(kind: FailureKind) -> Advice {
    let (means, remedy, ask) = words(kind);
    Advice { means: means.to_owned(), remedy: remedy.to_owned(), ask: ask.to_owned() }
}

const fn words(kind: FailureKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        FailureKind::Settings
        | FailureKind::AuthorityUnreadable
        | FailureKind::NameUnknown
        | FailureKind::AddressNotAllowed
        | FailureKind::NoAnswer
        | FailureKind::PortClosed => before_connecting(kind),
        FailureKind::StartTlsRefused
        | FailureKind::NotTls
        | FailureKind::TlsFailed
        | FailureKind::IssuerUnknown
        | FailureKind::CertificateForOtherName
        | FailureKind::CertificateExpired
        | FailureKind::CertificateNotYetValid
        | FailureKind::CertificateUnusable => encrypting(kind),
        FailureKind::Hostile
        | FailureKind::Overloaded
        | FailureKind::AccountMissing
        | FailureKind::AccountRefused
        | FailureKind::EncryptionRequired
        | FailureKind::BaseMissing
        | FailureKind::MayNotRead
        | FailureKind::NobodyFound
        | FailureKind::CutShort
        | FailureKind::ImmutableIdMissing
        | FailureKind::UsernameMissing
        | FailureKind::Referred
        | FailureKind::Refused => reading(kind),
    }
}

const fn before_connecting(kind: FailureKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        FailureKind::AuthorityUnreadable => (
            "What stands in the field for the authority is no certificate, so nothing was connected to.",
            "Paste the whole text of the authority's certificate, from -----BEGIN CERTIFICATE----- to \
             -----END CERTIFICATE-----.",
            "Please send me the certificate of the authority that issued your directory's certificate, as PEM.",
        ),
        FailureKind::NameUnknown => (
            "The name server of the machine that runs this hub does not know this host.",
            "Look for a typing error. If the name is right, the machine that runs the hub needs a name server that \
             knows it.",
            "Which full host name does the directory have, and which name server knows it?",
        ),
        FailureKind::AddressNotAllowed => (
            "The address is in a network that this server may not connect to, so that nobody can use it to look \
             around where only the server can.",
            "Whoever runs this server starts it with --allow-network and the directory's network, such as 10.0.0.0/8.",
            "",
        ),
        FailureKind::PortClosed => (
            "The machine is there, and nothing listens on this port.",
            "Check the port: 636 for TLS from the start, 389 for StartTLS.",
            "On which host and port does the directory answer over TLS?",
        ),
        FailureKind::NoAnswer => (
            "Nobody answers: the machine is down, or a firewall between it and this hub drops what is sent.",
            "Check the address, and open the way from the machine that runs the hub to this port.",
            "Is the directory up, and may the machine that runs the hub reach it on this port?",
        ),
        _ => (
            "These settings cannot be used as they are, so nothing was connected to.",
            "Correct what the message names.",
            "",
        ),
    }
}

const fn encrypting(kind: FailureKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        FailureKind::StartTlsRefused => (
            "The directory answers, and does not want to encrypt. Nothing else was said to it, and no password sent.",
            "Use TLS from the start (ldaps, port 636) if it offers that.",
            "Please enable TLS: give the directory a certificate, and allow StartTLS or ldaps.",
        ),
        FailureKind::NotTls => (
            "Something answers there, but it does not speak TLS.",
            "The port may be the one for StartTLS (389): change the transport, or use the port for TLS (636).",
            "Which port speaks TLS, and does the directory have a certificate?",
        ),
        FailureKind::IssuerUnknown => (
            "The certificate was issued by an authority that this hub has no reason to trust. It may be the \
             organisation's own authority, or somebody in between who reads along.",
            "Get the certificate of the authority named as issuer below, from its administrator and not from this \
             connection, compare its fingerprint, and paste it into the field for the authority.",
            "Please send me the certificate of the authority that issued your directory's certificate, as PEM, and \
             read me its SHA-256 fingerprint.",
        ),
        FailureKind::CertificateForOtherName => (
            "The certificate is for other names than the one you entered, so this may be another machine.",
            "Enter the host by one of the names in the certificate.",
            "Please give the directory a certificate that names the host as I address it.",
        ),
        FailureKind::CertificateExpired => (
            "The certificate's time is over.",
            "It has to be renewed. If its dates look right, the clock of the machine that runs the hub is wrong.",
            "Please renew the directory's certificate.",
        ),
        FailureKind::CertificateNotYetValid => (
            "The certificate's time has not come yet: one of the two clocks is wrong.",
            "Check the clock of the machine that runs the hub.",
            "Please check the clock of the directory, and from when on its certificate is valid.",
        ),
        FailureKind::CertificateUnusable => (
            "The certificate is of a kind that is not accepted, for example without a subject alternative name.",
            "It has to be issued anew, with the host's name as subject alternative name.",
            "Please issue a certificate with the host's name as subject alternative name (DNS), for server \
             authentication.",
        ),
        _ => (
            "The two sides found no way of encrypting that both accept.",
            "The directory must offer TLS 1.2 or 1.3.",
            "Please enable TLS 1.2 or 1.3 on the directory.",
        ),
    }
}

const fn reading(kind: FailureKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        FailureKind::Hostile => (
            "It answered in a way that no directory should. Nothing of the answer is believed.",
            "Check that a directory listens there and no other service. If it does, its log says more.",
            "Something answers as your directory, but not with correct LDAP: what stands in front of it?",
        ),
        FailureKind::Overloaded => (
            "It answers too slowly, or says that it is busy.",
            "Try again later. If it stays slow, raise the time limit at the end of the settings.",
            "Is the directory under load, and are the attributes we search for indexed?",
        ),
        FailureKind::AccountMissing => (
            "Without a name and a password the directory would take the hub for a stranger.",
            "Enter the service account's full name and its password.",
            "Please create a service account that may read people and groups, and nothing else.",
        ),
        FailureKind::AccountRefused => (
            "The directory does not accept this name with this password.",
            "Check both. The name is a full one, such as cn=isthmus,ou=services,dc=example,dc=org. Do not try many \
             times: the directory may lock the account.",
            "Is the service account enabled, not expired and not locked, and what is its full name (DN)?",
        ),
        FailureKind::EncryptionRequired => (
            "The directory accepts passwords over an encrypted connection only. It is right.",
            "Choose TLS or StartTLS on the step before.",
            "",
        ),
        FailureKind::BaseMissing => (
            "There is no such place in the directory, or the service account may not know of it.",
            "Choose one of the places that were found, or correct the base.",
            "Below which DN are people, and may the service account read there?",
        ),
        FailureKind::MayNotRead => (
            "The service account is accepted and may not read here.",
            "It needs the right to read people and groups below the base.",
            "Please let the service account read people and groups below the base, with their operational attributes.",
        ),
        FailureKind::NobodyFound => (
            "The place is there, and nobody in it fits the filter.",
            "Choose one of the filters that find people, or correct it.",
            "Which object class do people have?",
        ),
        FailureKind::CutShort => (
            "The directory ends searches of this account early, so not everybody would be seen.",
            "The account needs a higher limit.",
            "Please raise the size limit of the service account for paged searches (OpenLDAP: limits … \
             size.prtotal=unlimited).",
        ),
        FailureKind::ImmutableIdMissing => (
            "Not every entry shows this attribute once. A person is recognised by it for ever, so it must be there, \
             be one value, and never change.",
            "Choose an attribute that every entry has: entryUUID, objectGUID, nsUniqueId or ipaUniqueID.",
            "Please let the service account read the operational attribute with the immutable id.",
        ),
        FailureKind::UsernameMissing => (
            "Not every entry has this attribute, and who has none could not sign in.",
            "Choose the attribute that people type as their name, or a filter that leaves the others out.",
            "Which attribute holds the name people sign in with?",
        ),
        FailureKind::Referred => (
            "The directory says that another server knows more. Such pointers are never followed, so that nobody can \
             send a password elsewhere with one.",
            "Enter the server that holds the people itself.",
            "Which server holds the people below this base?",
        ),
        _ => (
            "The directory refuses this, in its own words above.",
            "Look for the result code in the directory's log.",
            "The directory refuses our service account with the result code above: what does its log say?",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_advice_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in FailureKind::ALL {
            let advice = advice(*kind);
            assert!(advice.means.len() > 20 && advice.remedy.len() > 20, "{kind:?}");
            assert!(seen.insert(advice.means), "{kind:?} has the words of another");
        }
    }
}
