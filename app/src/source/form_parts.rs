//! The groups of fields of the settings form. Ids are the names the hub uses in its errors.

use directory::{AttributeName, SourceKind};
use leptos::prelude::*;

use super::form::SourceForm;
use crate::ui::{Check, Choice, Field, Lines, Panel, Picker};

/// The word of an attribute as people read it.
#[must_use]
pub fn attribute_word(name: AttributeName) -> String {
    let word = match &name {
        AttributeName::DisplayName => "Display name",
        AttributeName::GivenName => "Given name",
        AttributeName::FamilyName => "Family name",
        AttributeName::Email => "E-mail",
        AttributeName::Phone => "Phone",
        AttributeName::EmployeeNumber => "Employee number",
        AttributeName::Title => "Title",
        AttributeName::Department => "Department",
        AttributeName::Locale => "Language",
        AttributeName::BirthDate => "Birth date",
        AttributeName::NationalNumber => "National number",
        // Pages that show these know their labels.
        AttributeName::Custom(name) => name.as_str(),
    };
    word.to_owned()
}

pub(super) fn beginnings(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-name" title="Name">
            <div class="body form-grid">
                <Field id="label" name="form[label]" label="What people call it" value=form.label required=true placeholder="Corporate LDAP"
                    hint="Stands on the sign-in page where people choose their directory." />
                <Field id="name" name="form[name]" label="Short name" value=form.name required=true class="input mono" placeholder="corp-ldap"
                    hint="Small letters, digits and hyphens; as in site.toml and in the log." />
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn address(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    let transports = vec![
        Choice::new("tls", "TLS from the start (ldaps, 636)"),
        Choice::new("start-tls", "StartTLS (ldap, 389)"),
        Choice::new("plain", "No protection"),
    ];
    let orders =
        vec![Choice::new("in-order", "the first that is healthy"), Choice::new("spread", "all healthy ones in turn")];
    let changing =
        "Changing the host or TLS asks for the service account's password again, so that nobody can send it elsewhere.";
    view! {
        <Panel id="h-address" title="Address" hint=changing>
            <div class="body form-grid">
                <Lines id="urls" name="form[urls]" label="Servers" value=form.urls rows=2 required=true
                    hint="One URL per line, such as ldaps://ldap.example.org. Another one stands in only before a password was sent." />
                <Picker id="host_choice" name="form[host_choice]" label="Of several servers, ask" value=form.host_choice choices=orders />
                <Picker id="transport" name="form[transport]" label="Transport" value=form.transport choices=transports />
                <div class="field">
                    <span class="label">"Without TLS"</span>
                    <Check name="form[allow_plain]" label="Let passwords cross the network unprotected" checked=form.allow_plain
                        hint="Needed for “No protection”. Recorded in the audit log." />
                </div>
                <Lines id="ca_pem" name="form[ca_pem]" label="Certificate authority (PEM)" value=form.ca_pem rows=3
                    hint="Only for a private authority. Empty = the authorities this server trusts." />
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn service_account(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    let hint = "Stored encrypted and never shown. Leave empty to keep it.";
    view! {
        <Panel id="h-account" title="Service account" hint="a read-only account is enough">
            <div class="body form-grid">
                <Field id="bind_dn" name="form[bind_dn]" label="Bind DN" value=form.bind_dn required=true class="input mono"
                    placeholder="cn=isthmus,ou=services,dc=example,dc=org" />
                <Field id="bind_password" name="form[bind_password]" label="Password" value="" kind="password" autocomplete="new-password"
                    hint=hint />
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn people(form: &SourceForm, kind: SourceKind) -> impl IntoView + use<> {
    let form = form.clone();
    let netbios = (kind == SourceKind::ActiveDirectory).then(|| {
        view! {
            <Field id="netbios_domain" name="form[netbios_domain]" label="NetBIOS domain" value=form.netbios_domain.clone() class="input mono"
                hint="For people who type DOMAIN\\name." />
        }
    });
    view! {
        <Panel id="h-people" title="Where people are">
            <div class="body form-grid">
                <Field id="base_dn" name="form[base_dn]" label="Base DN" value=form.base_dn required=true class="input mono" placeholder="dc=example,dc=org"
                    hint="Entries outside of it are refused." />
                <Field id="person_filter" name="form[person_filter]" label="Filter that selects people" value=form.person_filter class="input mono" />
                <Field id="name_attributes" name="form[name_attributes]" label="Attributes a typed name is compared with" value=form.name_attributes
                    class="input mono" hint="Separated by commas." />
                <Field id="username_attribute" name="form[username_attribute]" label="Username" value=form.username_attribute class="input mono" />
                <Field id="id_attribute" name="form[id_attribute]" label="Immutable id" value=form.id_attribute class="input mono"
                    hint="Survives renames and moves. The link to a person hangs on it." />
                {netbios}
                <Lines id="protected_groups" name="form[protected_groups]" label="Protected groups" value=form.protected_groups rows=2
                    hint="One DN per line. Their members are privileged: never captured for outages, never reset by mail." />
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn objects(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-objects" title="Where groups and devices are" hint="for imports">
            <div class="body form-grid">
                <Field id="group_base" name="form[group_base]" label="Tree of groups" value=form.group_base class="input mono"
                    hint="Empty = the whole directory: groups are often not below the people." />
                <Field id="group_filter" name="form[group_filter]" label="Filter that selects groups" value=form.group_filter class="input mono"
                    hint="Empty = no groups are imported." />
                <Field id="device_base" name="form[device_base]" label="Tree of devices" value=form.device_base class="input mono"
                    hint="Empty = the whole directory." />
                <Field id="device_filter" name="form[device_filter]" label="Filter that selects devices" value=form.device_filter class="input mono"
                    hint="Empty = no devices are imported." />
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn attributes(form: &SourceForm) -> impl IntoView + use<> {
    let rows = AttributeName::ALL
        .iter()
        .map(|name| {
            let key = name.as_str();
            let value = form.mapping.get(key).cloned().unwrap_or_default();
            let label = attribute_word(*name);
            let written = form.self_written.contains_key(key);
            view! {
                <tr>
                    <th scope="row">{label.clone()}</th>
                    <td>
                        <input class="input mono" name=format!("form[mapping][{key}]") value=value aria-label=format!("Source attribute for {label}")
                            autocapitalize="none" autocomplete="off" spellcheck="false" />
                    </td>
                    <td>
                        <label class="check">
                            <input type="checkbox" name=format!("form[self_written][{key}]") value="true" checked=written />
                            <span><span class="visually-hidden">{label}" "</span>"people write it"</span>
                        </label>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel id="h-attributes" title="Attributes" hint="empty = not read">
            <div class="table-wrap" tabindex="0" role="group" aria-labelledby="h-attributes">
                <table class="tight">
                    <caption class="visually-hidden">"From the attributes of the source to those of the hub"</caption>
                    <thead>
                        <tr><th scope="col">"Here"</th><th scope="col">"At the source"</th><th scope="col">"Who writes it"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <footer>"What people write themselves is never a name to sign in with, never matched and never a recovery address."</footer>
        </Panel>
    }
    .into_any()
}

pub(super) fn newcomers(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-new" title="Newcomers">
            <div class="body form-grid">
                <Field id="domains" name="form[domains]" label="E-mail domains it owns" value=form.domains class="input mono" placeholder="example.org"
                    hint="Separated by commas. People of these domains are looked for here; e-mail of other domains is never verified." />
                <div class="field">
                    <span class="label">"Just in time"</span>
                    <Check name="form[just_in_time]" label="Create people when they first prove their password here" checked=form.just_in_time />
                    <Check name="form[just_in_time_activation]" label="Activate people who are prepared but not yet active" checked=form.just_in_time_activation />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn lockout(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-lockout" title="Lockout safety" hint="the hub always stops two wrong passwords before the directory would lock">
            <div class="body form-grid">
                <Field id="lockout_threshold" name="form[lockout_threshold]" label="Wrong passwords until it locks" value=form.lockout_threshold kind="number"
                    hint="Read from the directory where it shows it. Enter it where it does not; 0 = it never locks." />
                <Field id="lockout_window" name="form[lockout_window_minutes]" label="Within how many minutes" value=form.lockout_window_minutes kind="number"
                    hint="0 = wrong passwords never expire there." />
                <div class="field span">
                    <Check name="form[lockout_waiver]" label="I accept a directory that locks at one or two wrong passwords" checked=form.lockout_waiver
                        hint="It leaves no margin: one wrong password here may lock the account there." />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn capture(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-capture" title="Capture and outages">
            <div class="body form-grid">
                <Field id="capture_settle_seconds" name="form[capture_settle_minutes]" label="Unchanged for how many minutes before capture"
                    value=form.capture_settle_minutes kind="number"
                    hint="Active Directory accepts the old password for an hour after a change, so 70 there; 0 elsewhere." />
                <div class="field">
                    <span class="label">"Beside the directory’s answer"</span>
                    <Check name="form[shadow]" label="Keep a verifier and compare it with the directory’s answer" checked=form.shadow
                        hint="The directory still decides." />
                    <Check name="form[outage_sign_in]" label="Let people in with it while the directory is down" checked=form.outage_sign_in
                        hint="For an hour, without roles, only if they signed in within a day. Never privileged people." />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

pub(super) fn connection(form: &SourceForm) -> impl IntoView + use<> {
    let form = form.clone();
    view! {
        <Panel id="h-connection" title="Limits" hint="the defaults suit most directories">
            <div class="body form-grid">
                <Field id="connect_timeout_ms" name="form[connect_timeout_ms]" label="Connect and TLS, milliseconds" value=form.connect_timeout_ms kind="number" />
                <Field id="operation_timeout_ms" name="form[operation_timeout_ms]" label="One search or bind, milliseconds" value=form.operation_timeout_ms kind="number" />
                <Field id="connections" name="form[connections]" label="Connections for binds, and as many for searches" value=form.connections kind="number" />
                <Field id="page_size" name="form[page_size]" label="Entries per page" value=form.page_size kind="number" />
            </div>
        </Panel>
    }
    .into_any()
}
