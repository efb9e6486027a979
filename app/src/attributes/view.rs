//! The list of the installation's own attributes, and the page of one.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::api::{
    AttributeCard, AttributeForm, AttributeLine, AttributeList, RemoveAttribute, SaveAttribute, Seen, list_attributes,
    read_attribute,
};
use crate::ui::{
    Check, Choice, Empty, Field, Icon, Lines, Loaded, Notice, PageHead, Panel, Picker, PostForm, Problem, Sending,
    TableFrame, Tone, asked,
};

/// `/console/attributes`
#[component]
pub fn AttributesPage() -> impl IntoView {
    let query = use_query_map();
    let done = Memo::new(move |_| query.read().get("done").unwrap_or_default());
    let list = asked(move || done.get(), list_attributes);
    view! { <Loaded of=list show=attributes_view /> }.into_any()
}

/// `/console/attributes/new`
#[component]
pub fn NewAttributePage() -> impl IntoView {
    let card = asked(|| (), |()| read_attribute(String::new(), false));
    view! { <Loaded of=card show=attribute_view /> }.into_any()
}

/// `/console/attributes/{name}?remove=true`
#[component]
pub fn AttributePage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let ask = Memo::new(move |_| {
        (params.read().get("name").unwrap_or_default(), query.read().get("remove").is_some_and(|text| text == "true"))
    });
    let card = asked(move || ask.get(), |(name, remove)| read_attribute(name, remove));
    view! { <Loaded of=card show=attribute_view /> }.into_any()
}

/// The list with its data.
#[must_use]
pub fn attributes_view(list: AttributeList) -> AnyView {
    let AttributeList { lines, editable, notice } = list;
    let add = move || {
        editable.then(|| view! { <a class="button primary" href="/console/attributes/new">{Icon::Add.draw()}"Define an attribute"</a> })
    };
    let body = if lines.is_empty() {
        view! {
            <Empty title="No attribute of your own" text="What your directories know of people beyond names, addresses and departments: a cost centre, a site, a badge number. Define it, and let the profile of a directory fill it.">
                {add()}
            </Empty>
        }
        .into_any()
    } else {
        let rows = lines.into_iter().map(|line| row(line, editable)).collect_view();
        view! {
            <TableFrame caption="All attributes of your own">
                <thead>
                    <tr>
                        <th scope="col">"Attribute"</th>
                        <th scope="col" class="p2">"Name"</th>
                        <th scope="col">"Takes"</th>
                        <th scope="col" class="p3">"Filled by"</th>
                        <th scope="col" class="p3b">"Applications see it as"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </TableFrame>
        }
        .into_any()
    };
    let actions: Children = Box::new(move || add().into_any());
    view! {
        <PageHead title="Attributes" lede="What this installation knows of people beyond what every hub does." actions=actions />
        {(!notice.is_empty()).then(|| view! { <Notice tone=Tone::Ok><p>{notice}</p></Notice> })}
        <section class="panel" aria-label="Attributes">{body}</section>
    }
    .into_any()
}

fn row(line: AttributeLine, editable: bool) -> AnyView {
    let AttributeLine { name, label, kind, filled_by, claim } = line;
    let label = if editable {
        view! { <a href=format!("/console/attributes/{name}")><bdi>{label}</bdi></a> }.into_any()
    } else {
        view! { <bdi>{label}</bdi> }.into_any()
    };
    view! {
        <tr>
            <th scope="row" class="cut">{label}</th>
            <td class="p2"><code>{name}</code></td>
            <td>{kind}</td>
            <td class="p3 cut">{filled_by}</td>
            <td class="p3b">{claim}</td>
        </tr>
    }
    .into_any()
}

/// The page of one, with its data.
#[must_use]
pub fn attribute_view(card: AttributeCard) -> AnyView {
    let AttributeCard { form, lede, kinds, scopes, removal } = card;
    let new = form.original.is_empty();
    let save = Sending::<SaveAttribute>::new();
    let title = if new { "Define an attribute".to_owned() } else { form.label.clone() };
    let remove = (!new && removal.is_none()).then(|| {
        let href = format!("/console/attributes/{}?remove=true", form.original);
        view! { <div class="row"><a class="button danger" href=href>"Remove this attribute …"</a></div> }
    });
    let removal = removal.map(|(text, seen)| removal_panel(&form, text, seen));
    view! {
        <PageHead title=title lede=lede />
        {removal}
        {move || save.refusal().map(|error| view! { <Problem error /> })}
        <PostForm action=save class="stack l">
            <input type="hidden" name="form[version]" value=form.version.to_string() />
            <input type="hidden" name="form[original]" value=form.original.clone() />
            {what_it_is(&form, kinds, new)}
            {who_sees_it(&form, scopes)}
            <div class="row">
                <a class="button" href="/console/attributes">"Leave without saving"</a>
                <button class="button primary push" aria-busy=move || save.busy()>"Save"</button>
            </div>
        </PostForm>
        {remove}
    }
    .into_any()
}

fn what_it_is(form: &AttributeForm, kinds: Vec<Choice>, new: bool) -> AnyView {
    let form = form.clone();
    view! {
        <Panel id="h-what" title="What it is">
            <div class="body form-grid">
                <Field id="label" name="form[label]" label="What people call it" value=form.label required=true placeholder="Cost centre" />
                <Field id="name" name="form[name]" label="Name" value=form.name required=true readonly=!new class="input mono" placeholder="cost-centre"
                    hint="In mappings it is custom.NAME. It does not change later." />
                <Picker id="kind" name="form[kind]" label="Type" value=form.kind choices=kinds hint="It stays as long as anybody has a value." />
                <Field id="longest" name="form[longest]" label="Text: characters at most" value=form.longest kind="number" />
                <Field id="least" name="form[least]" label="Number: at least" value=form.least kind="number" />
                <Field id="most" name="form[most]" label="Number: at most" value=form.most kind="number" />
                <Lines id="words" name="form[words]" label="The words it may be, one per line" value=form.words rows=3 />
                <div class="field">
                    <span class="label">"Values"</span>
                    <Check name="form[several]" label="A person may have several" checked=form.several />
                    <Check name="form[required]" label="Required" checked=form.required
                        hint="Nobody new is made from an entry without it: it waits, and imports say so. Who is there already keeps what they have." />
                </div>
            </div>
        </Panel>
    }
    .into_any()
}

fn who_sees_it(form: &AttributeForm, scopes: Vec<Choice>) -> AnyView {
    let form = form.clone();
    view! {
        <Panel id="h-who" title="Who sees it">
            <div class="body form-grid">
                <div class="field">
                    <span class="label">"In the console"</span>
                    <Check name="form[sensitive]" label="Sensitive" checked=form.sensitive
                        hint="Its values are shown only to those who may manage directories." />
                </div>
                <Field id="claim" name="form[claim]" label="Claim for applications" value=form.claim class="input mono" placeholder="cost_centre"
                    hint="Empty = applications never see it." />
                <Picker id="scope" name="form[scope]" label="They have to ask for the scope" value=form.scope choices=scopes />
                <Lines id="applications" name="form[applications]" label="Only these applications (client ids, one per line)" value=form.applications rows=2
                    hint="Empty = every application that asks for the scope." />
            </div>
        </Panel>
    }
    .into_any()
}

fn removal_panel(form: &AttributeForm, text: String, seen: Seen) -> impl IntoView + use<> {
    let remove = Sending::<RemoveAttribute>::new();
    let (name, version) = (form.original.clone(), form.version.to_string());
    let back = format!("/console/attributes/{name}");
    view! {
        <Panel id="h-remove" title="Remove it">
            <div class="body stack m">
                {move || remove.refusal().map(|error| view! { <Problem error /> })}
                <p>{text}</p>
                <PostForm action=remove class="row">
                    <input type="hidden" name="name" value=name />
                    <input type="hidden" name="version" value=version />
                    <input type="hidden" name="seen[people]" value=seen.people.to_string() />
                    <input type="hidden" name="seen[offers]" value=seen.offers.to_string() />
                    <input type="hidden" name="seen[changes]" value=seen.changes.to_string() />
                    <a class="button" href=back>"Keep it"</a>
                    <button class="button danger" aria-busy=move || remove.busy()>"Delete it and all of its values"</button>
                </PostForm>
            </div>
        </Panel>
    }
    .into_any()
}
