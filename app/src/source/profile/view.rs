//! The Profile page of a source.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::api::{
    MappedCard, MappedRow, ProfileAnswer, ProfileCard, ProfileForm, ProfileLine, SaveSourceProfile, read_source_profile,
};
use crate::ui::{Field, Loaded, PageHead, Panel, PostForm, Problem, Sending, TableFrame, asked};

/// `/console/sources/{name}/profile`
#[component]
pub fn SourceProfilePage() -> impl IntoView {
    let params = use_params_map();
    let name = Memo::new(move |_| params.read().get("name").unwrap_or_default());
    let card = asked(move || name.get(), read_source_profile);
    view! { <Loaded of=card show=profile_view /> }.into_any()
}

/// The page with its data.
#[must_use]
pub fn profile_view(card: ProfileCard) -> AnyView {
    let ProfileCard { label, lines, form, reads, editable, preview } = card;
    let back = format!("/console/sources/{}", crate::link::encode(&form.name));
    let save = Sending::<SaveSourceProfile>::new();
    let rows = lines.into_iter().map(|line| row(line, &form)).collect_view();
    let buttons = editable.then(|| {
        view! {
            <div class="row">
                <a class="button" href=back>"Leave without saving"</a>
                <button class="button push" name="then" value="try" aria-busy=move || save.busy()>"Try it, save nothing"</button>
                <button class="button primary" aria-busy=move || save.busy()>"Save"</button>
            </div>
        }
    });
    view! {
        <PageHead title=format!("Profile of {label}") lede="What becomes of what this directory says of people." />
        {move || save.refusal().map(|error| view! { <Problem error /> })}
        {preview.map(tried)}
        {move || match save.answer() {
            Some(Ok(ProfileAnswer::Tried(cards))) => Some(tried(cards)),
            Some(Ok(ProfileAnswer::Saved) | Err(_)) | None => None,
        }}
        <PostForm action=save class="stack l">
            <input type="hidden" name="form[name]" value=form.name.clone() />
            <input type="hidden" name="form[revision]" value=form.revision.to_string() />
            <Panel id="profile.expressions" title="Mapping" hint="an empty line reads what the settings name">
                <div class="body">
                    <p class="hint">"Expressions are CEL. They see "{reads}" Write entry.?x.orValue(\"…\") for what may be missing; lower, upper, trim, before, after and first are there. An expression that fails for somebody leaves what they have."</p>
                </div>
                <TableFrame caption="Attributes, what they are computed from, and how much this directory's word counts">
                    <thead>
                        <tr>
                            <th scope="col">"Attribute"</th>
                            <th scope="col" class="p2">"Read from"</th>
                            <th scope="col">"Expression"</th>
                            <th scope="col">"Priority"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </TableFrame>
            </Panel>
            <Panel id="h-order" title="Several directories">
                <div class="body form-grid">
                    <Field id="profile.priority" name="form[priority]" label="Priority of this directory" value=form.priority.clone()
                        hint="1 comes first, 1000 last, none after all that have a number. The first owns an attribute of people whom several know; between equals, whoever has it keeps it." />
                </div>
            </Panel>
            <Panel id="h-person" title="Try it">
                <div class="body form-grid">
                    <Field id="person" name="form[person]" label="On this person (optional)" value=form.person.clone()
                        hint="As they sign in there. Empty: the first few." />
                </div>
            </Panel>
            {buttons}
        </PostForm>
    }
    .into_any()
}

fn row(line: ProfileLine, form: &ProfileForm) -> impl IntoView + use<> {
    let ProfileLine { key, label, plain } = line;
    let expression = form.expressions.get(&key).cloned().unwrap_or_default();
    let priority = form.priorities.get(&key).cloned().unwrap_or_default();
    view! {
        <tr>
            <th scope="row">{label.clone()}</th>
            <td class="p2"><code><bdi>{plain}</bdi></code></td>
            <td>
                <input class="input mono" name=format!("form[expressions][{key}]") value=expression aria-label=format!("Expression for {label}")
                    autocapitalize="none" autocomplete="off" spellcheck="false" />
            </td>
            <td>
                <input class="input" name=format!("form[priorities][{key}]") value=priority aria-label=format!("Priority for {label}")
                    inputmode="numeric" size="4" autocomplete="off" />
            </td>
        </tr>
    }
    .into_any()
}

/// What it would make of real entries.
fn tried(cards: Vec<MappedCard>) -> impl IntoView {
    let none = cards.is_empty();
    let cards = cards.into_iter().map(one).collect_view();
    view! {
        <Panel id="h-tried" title="On real entries" hint="nothing was saved">
            <p class="body" role="status">{if none { "The directory showed nobody." } else { "Read just now." }}</p>
            {cards}
        </Panel>
    }
    .into_any()
}

fn one(card: MappedCard) -> impl IntoView {
    let row = |row: MappedRow| {
        let class = if row.fault { "dot-label bad" } else { "soft" };
        view! {
            <tr>
                <th scope="row">{row.label}</th>
                <td><bdi>{row.now}</bdi></td>
                <td><bdi>{row.then}</bdi></td>
                <td><span class=class>{row.remark}</span></td>
            </tr>
        }
    };
    let rows = card.rows.into_iter().map(row).collect_view();
    view! {
        <TableFrame caption=card.title.clone()>
            <thead>
                <tr>
                    <th scope="col">"Attribute"</th>
                    <th scope="col">"Now"</th>
                    <th scope="col">"Then"</th>
                    <th scope="col">"What happens"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </TableFrame>
    }
    .into_any()
}
