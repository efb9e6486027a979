//! A live test of a source, one step after the other, each with what to do if it fails.

use connector::{AllowedNetworks, ProbeStep};
use ldap3::{
    Scope,
    controls::{PagedResults, RawControl},
};
use tokio::time::{Instant, timeout};

use crate::{
    connection::{Connection, Endpoint, endpoints},
    fault::{Fault, Stage},
    pool::bind_service,
    reader::Reader,
    search::{Search, judge, no_references},
    settings::Host,
};

pub(crate) async fn probe(reader: &Reader, networks: &AllowedNetworks) -> Vec<ProbeStep> {
    let mut steps = Vec::new();
    let mut usable = None;
    for host in &reader.settings.hosts {
        let connection = reach(reader, networks, host, &mut steps).await;
        usable = usable.or(connection);
    }
    let Some(mut connection) = usable else { return steps };
    let mut clock = Instant::now();
    let read = base(reader, &mut connection).await;
    let passed = step(&mut steps, "Base DN", read, &mut clock);
    if passed {
        let people = people(reader, &mut connection).await;
        if step(&mut steps, "People", people, &mut clock) {
            let lockout = lockout(reader, &mut connection).await;
            step(&mut steps, "Lockout policy", lockout, &mut clock);
        }
    }
    steps
}

/// Adds a step and says whether it passed.
fn step(steps: &mut Vec<ProbeStep>, name: &str, outcome: Result<String, Fault>, clock: &mut Instant) -> bool {
    let milliseconds = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    *clock = Instant::now();
    let passed = outcome.is_ok();
    let (detail, remedy) = match outcome {
        Ok(detail) => (detail, None),
        Err(fault) => {
            let remedy =
                fault.remedy.unwrap_or_else(|| "Check that the directory is up and not overloaded.".to_owned());
            (format!("{}: {}", fault.endpoint, fault.what), Some(remedy))
        }
    };
    steps.push(ProbeStep { name: name.to_owned(), passed, detail, remedy, milliseconds });
    passed
}

/// Connects, encrypts and binds one server.
async fn reach(
    reader: &Reader,
    networks: &AllowedNetworks,
    host: &Host,
    steps: &mut Vec<ProbeStep>,
) -> Option<Connection> {
    let settings = &reader.settings;
    let mut clock = Instant::now();
    let found = timeout(settings.connect_timeout, endpoints(networks, host)).await;
    let found = found.unwrap_or_else(|_| Err(Fault::timed_out(Stage::Connect, &host.label, settings.connect_timeout)));
    let candidates = match found {
        Ok(found) => found,
        Err(fault) => {
            step(steps, "Connect", Err(fault), &mut clock);
            return None;
        }
    };
    let mut opened: Option<Result<(Connection, Endpoint), Fault>> = None;
    for endpoint in candidates.into_iter().take(4) {
        let outcome = Connection::open(settings, &endpoint).await.map(|connection| (connection, endpoint));
        let done = outcome.is_ok();
        opened = Some(outcome);
        if done {
            break;
        }
    }
    let (mut connection, endpoint) = match opened? {
        Ok(pair) => pair,
        Err(fault) if fault.stage == Stage::Tls => {
            step(steps, "Connect", Ok(format!("{} answers", host.label)), &mut clock);
            step(steps, "TLS", Err(fault), &mut clock);
            return None;
        }
        Err(fault) => {
            step(steps, "Connect", Err(fault), &mut clock);
            return None;
        }
    };
    step(steps, "Connect", Ok(format!("{} answers at {}", host.label, endpoint.address)), &mut clock);
    let protection = match settings.tls {
        Some(_) => format!("{} encrypts, and its certificate is trusted", host.label),
        None => "not encrypted, as this source is set up".to_owned(),
    };
    step(steps, "TLS", Ok(protection), &mut clock);
    let bound = bind_service(settings, &mut connection).await.map(|()| format!("{} is accepted", settings.bind_dn));
    step(steps, "Service account", bound, &mut clock).then_some(connection)
}

async fn base(reader: &Reader, connection: &mut Connection) -> Result<String, Fault> {
    let nothing = ["1.1".to_owned()];
    let search = Search {
        base: &reader.settings.base_dn,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: &nothing,
        at_most: 1,
        controls: vec![no_references(&reader.settings)],
        inside: Some(&reader.settings.base),
    };
    let answer = connection.search(&reader.settings, search).await?;
    judge(&reader.settings, &connection.endpoint.label, &answer.result)?;
    if answer.entries.is_empty() {
        return Err(Fault::misconfigured(
            &connection.endpoint.label,
            format!("the service account may not see {:?}", reader.settings.base_dn),
        )
        .remedy("Give the service account read access below the base."));
    }
    Ok(format!("{} is there", reader.settings.base_dn))
}

/// A first, small page of people: whether there are any, and whether they can be read as people.
async fn people(reader: &Reader, connection: &mut Connection) -> Result<String, Fault> {
    let settings = &reader.settings;
    let control: RawControl = PagedResults { size: 5, cookie: Vec::new() }.into();
    let search = Search {
        base: &settings.base_dn,
        scope: Scope::Subtree,
        filter: &settings.person_filter,
        attributes: &settings.attributes,
        at_most: 1_000,
        controls: vec![control, no_references(settings)],
        inside: Some(&settings.base),
    };
    let answer = connection.search(settings, search).await?;
    judge(settings, &connection.endpoint.label, &answer.result)?;
    let label = connection.endpoint.label.clone();
    let Some(first) = answer.entries.into_iter().next() else {
        return Err(Fault::misconfigured(&label, "nobody is found below the base")
            .remedy("Check the filter for people, and that the service account may read them."));
    };
    match reader.complete(connection, first, None).await? {
        Err(why) => Err(Fault::misconfigured(&label, format!("the first entry is no person: {why}")).remedy(format!(
            "Choose an attribute that every entry has once and that never changes, such as entryUUID or objectGUID, \
             and let the service account read it ({} now).",
            settings.id_attribute
        ))),
        Ok(person) if person.username.is_none() => {
            Err(Fault::misconfigured(&label, format!("the first entry has no {}", settings.username_attribute))
                .remedy("Choose the attribute that people type as their name, and let the service account read it."))
        }
        Ok(_) => Ok("people are found and can be read".to_owned()),
    }
}

/// Unreadable is no failure of the connection; the source's page says which setting is missing.
async fn lockout(reader: &Reader, connection: &mut Connection) -> Result<String, Fault> {
    let facts = reader.facts(connection).await?;
    let policy = reader.default_policy(connection, &facts).await?;
    Ok(match (policy.threshold, policy.window) {
        (Some(0), _) => "the directory does not lock accounts".to_owned(),
        (Some(threshold), Some(0)) => format!("locks after {threshold} wrong passwords, which never expire"),
        (Some(threshold), Some(window)) => format!("locks after {threshold} wrong passwords in {window} s"),
        (None, _) | (_, None) => {
            "not readable with this service account: set lockout_threshold and lockout_window".to_owned()
        }
    })
}
