//! From the hub's counts to words and drawings.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use directory::{PersonState, SourceMode};
use hub::{
    Hub, HubError,
    kernel::capability::{FindPeople, ReadConfiguration},
    overview::{AttemptAsk, AttemptLine, Hour, Overview, Path, Reason},
};

use super::{
    api::{DecisionLine, Figure, Mark, OverviewCard, SourceHealthLine},
    draw::{self, Bar},
    sign_ins::{SignInsAsk, SignInsLine, SignInsList},
};
use crate::{
    caller::failed,
    link::with_query,
    people::count_text,
    problem::ApiError,
    sources::health,
    ui::{Choice, Moment, kind_word, state_word},
};

pub async fn card() -> Result<OverviewCard, ApiError> {
    let (hub, by): (Hub, ReadConfiguration) = crate::caller::permit().await?;
    let overview = hub.overview_now(&by).await.map_err(failed)?;
    let chain = hub.audit_chain().await.map_err(failed)?;
    let trouble = (!chain.is_well()).then(|| {
        "The audit log is not vouched for right now: the Audit page and the servers' logs say why. Sign-ins go on."
            .to_owned()
    });
    Ok(OverviewCard { trouble, ..drawn(overview) })
}

fn drawn(overview: Overview) -> OverviewCard {
    let count = |states: &[PersonState]| -> i64 {
        states.iter().map(|state| overview.people.get(state).copied().unwrap_or(0)).sum()
    };
    let old = count(&[PersonState::Staged, PersonState::Mirrored]);
    let way = count(&[PersonState::Shadow, PersonState::VerifierImported]);
    let new = count(&[PersonState::Migrated]);
    let bars: Vec<Bar> = overview.hours.iter().map(bar).collect();
    let sum = |of: fn(&Hour) -> i64| overview.hours.iter().map(of).sum::<i64>();
    let sign_ins = |path: &str| with_query("/console/sign-ins", &[("path", path)]);
    let path = |key: &str, label: &str, number: i64, path: &str| Figure {
        key: key.to_owned(),
        label: label.to_owned(),
        figure: count_text(number),
        href: sign_ins(path),
    };
    OverviewCard {
        lede: lede(old, way, new),
        marks: marks(old, way, new),
        crossing: draw::crossing(old, way, new),
        states: overview
            .people
            .iter()
            .filter(|(_, number)| **number > 0)
            .map(|(state, number)| state_figure(*state, *number))
            .collect(),
        chart: draw::sign_ins(&bars),
        paths: vec![
            path("hub", "By Isthmus", sum(|hour| hour.hub), "hub"),
            path("del", "Delegated", sum(|hour| hour.delegated), "delegated"),
            path("ref", "Refused", sum(|hour| hour.refused), "refused"),
        ],
        reasons: overview
            .reasons
            .iter()
            .map(|(reason, number)| Figure {
                key: String::new(),
                label: reason.word().to_owned(),
                figure: count_text(*number),
                href: with_query("/console/sign-ins", &[("path", "refused"), ("reason", reason.as_str())]),
            })
            .collect(),
        hours: overview
            .hours
            .iter()
            .map(|hour| {
                let [hub, delegated, refused] = [hour.hub, hour.delegated, hour.refused].map(count_text);
                [hour.begins.format("%H:%M").to_string(), hub, delegated, refused]
            })
            .collect(),
        sources: overview.sources.iter().map(source_line).collect(),
        decisions: decisions(&overview),
        waiting: waiting(&overview),
        trouble: None,
    }
}

fn bar(hour: &Hour) -> Bar {
    Bar { hub: hour.hub, delegated: hour.delegated, refused: hour.refused }
}

fn lede(old: i64, way: i64, new: i64) -> String {
    let total = old + way + new;
    if total == 0 {
        return "Nobody is here yet. People appear when they first sign in with the password of their directory."
            .to_owned();
    }
    if total == 1 {
        return "One person is here.".to_owned();
    }
    if new == total {
        return format!("All {} people have moved.", count_text(total));
    }
    format!("{} of {} people have moved: Isthmus checks their password.", count_text(new), count_text(total))
}

fn marks(old: i64, way: i64, new: i64) -> Vec<Mark> {
    let total = (old + way + new).max(1);
    let mark = |class: &str, key: &str, name: &str, number: i64, hint: String, state: PersonState| Mark {
        class: class.to_owned(),
        key: key.to_owned(),
        name: name.to_owned(),
        figure: count_text(number),
        hint,
        href: with_query("/console/people", &[("state", state.as_str())]),
    };
    // Above the middle of its part as far as its words do not run into those of the shores; in steps of the stylesheet.
    let middle = (old * 100 + way * 50) / total;
    let at = ((middle + 2) / 5 * 5).clamp(40, 60);
    let share = new * 1000 / total;
    let moved = format!("Isthmus checks the password · {}.{} %", share / 10, share % 10);
    vec![
        mark(
            "mark",
            "key o",
            "Old shore",
            old,
            "their own source checks the password".to_owned(),
            PersonState::Mirrored,
        ),
        mark(
            &format!("mark mid at-{at}"),
            "key w",
            "On the way",
            way,
            "captured, not yet proven".to_owned(),
            PersonState::Shadow,
        ),
        mark("mark last", "key n", "New shore", new, moved, PersonState::Migrated),
    ]
}

fn state_figure(state: PersonState, number: i64) -> Figure {
    let key = match state {
        PersonState::Staged | PersonState::Mirrored => "del",
        PersonState::Shadow | PersonState::VerifierImported => "red",
        PersonState::Migrated => "hub",
        PersonState::Unknown | PersonState::DisabledByHub | PersonState::DisabledBySource | PersonState::Merged => {
            "ghost"
        }
    };
    Figure {
        key: key.to_owned(),
        label: state_word(state).to_owned(),
        figure: count_text(number),
        href: with_query("/console/people", &[("state", state.as_str())]),
    }
}

fn source_line(line: &hub::overview::SourceHealth) -> SourceHealthLine {
    let quiet = matches!(line.mode, SourceMode::Paused | SourceMode::Retired);
    let trouble = line.trouble.clone().filter(|_| !quiet);
    let (class, word) = health(line.mode, line.down, trouble.is_some());
    SourceHealthLine {
        name: line.name.clone(),
        label: line.label.clone(),
        kind: kind_word(line.kind).to_owned(),
        mode: line.mode,
        class: class.to_owned(),
        word: word.to_owned(),
        trouble,
        took: line.milliseconds.map_or_else(|| "–".to_owned(), |number| format!("{} ms", count_text(number))),
        last_success: line.last_success.map(Moment::from),
    }
}

fn decisions(overview: &Overview) -> Vec<DecisionLine> {
    let proposals = overview.proposals.iter().take(5).map(|proposal| DecisionLine {
        title: "A change waits for a second person".to_owned(),
        text: proposal.summary.clone(),
        href: "/console/approvals".to_owned(),
        since: proposal.proposed_at.into(),
    });
    let cases = overview.newest_cases.iter().map(|case| DecisionLine {
        title: case.name.clone(),
        text: format!(
            "Somebody else holds the {} that {} gives them.",
            case.identifier.replace('_', " "),
            if case.source.is_empty() { "their directory" } else { &case.source }
        ),
        href: format!("/console/people/{}", case.person),
        since: case.opened_at.into(),
    });
    proposals.chain(cases).collect()
}

fn waiting(overview: &Overview) -> String {
    let cases = match overview.open_cases {
        0 => String::new(),
        1 => "1 open case".to_owned(),
        10_001.. => "more than 10,000 open cases".to_owned(),
        number => format!("{} open cases", count_text(number)),
    };
    let proposals = match overview.proposals.len() {
        0 => String::new(),
        1 => "1 change".to_owned(),
        number => format!("{number} changes"),
    };
    [proposals, cases].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}

/// Sign-ins of one page.
const PAGE: u32 = 50;

pub async fn sign_ins(ask: SignInsAsk) -> Result<SignInsList, ApiError> {
    let (hub, by): (Hub, FindPeople) = crate::caller::permit().await?;
    let day = match ask.day.trim() {
        "" => hub.clock.now().date_naive(),
        text => NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| {
            failed(HubError::Invalid { field: "day", message: "Write a day like 2026-11-23.".to_owned() })
        })?,
    };
    let from = day.and_time(NaiveTime::MIN).and_utc();
    let wanted = AttemptAsk {
        from,
        until: from + TimeDelta::days(1),
        path: [Path::Hub, Path::Delegated, Path::Refused].into_iter().find(|path| path.as_str() == ask.path),
        reason: Reason::ALL.into_iter().find(|reason| reason.as_str() == ask.reason),
    };
    let after = Some(ask.after.as_str()).filter(|after| !after.is_empty());
    let page = hub.attempts_page(&by, &wanted, after, PAGE).await.map_err(failed)?;
    Ok(SignInsList {
        title: format!("Sign-ins of {}", day.format("%-d %b %Y")),
        lines: page.lines.into_iter().map(sign_in_line).collect(),
        next: page.next,
        reasons: Reason::ALL.map(|reason| Choice::new(reason.as_str(), reason.word())).to_vec(),
        ask,
    })
}

fn sign_in_line(line: AttemptLine) -> SignInsLine {
    let (class, result) = match line.path {
        Path::Hub => ("dot-label ok", "By Isthmus"),
        Path::Delegated => ("dot-label ok", "Delegated"),
        Path::Refused => ("dot-label warn", line.reason.map_or("Refused", Reason::word)),
    };
    SignInsLine {
        code: line.code,
        at: line.at.into(),
        class: class.to_owned(),
        result: result.to_owned(),
        row: line.row,
        person: line.person.map(|(id, name)| (id.to_string(), name)),
        source: line.source.unwrap_or_else(|| "–".to_owned()),
        took: format!("{} ms", count_text(line.took_ms)),
    }
}
