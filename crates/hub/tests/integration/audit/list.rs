//! Reading the log: filters, pages, what is taken away.

use directory::Role;
use hub::{
    HubError,
    audit::{AuditAsk, AuditLine},
    kernel::capability::ReadAudit,
};

use super::write_events;
use crate::support::{TestHub, hubs, source_draft};

async fn all(test: &TestHub, auditor: &ReadAudit, ask: &AuditAsk, size: u32) -> Vec<AuditLine> {
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let page = test.hub.audit_page(auditor, ask, after.as_deref(), size).await.unwrap();
        assert!(page.lines.len() <= size as usize);
        lines.extend(page.lines);
        after = page.next;
        if after.is_none() {
            return lines;
        }
    }
}

#[tokio::test]
async fn pages_hold_every_event_once_newest_first() {
    for test in hubs().await {
        let powers = test.administrator("auditor").await;
        let auditor = powers.audit;
        for _ in 0..4 {
            write_events(&test.hub, 10).await;
            test.wait(1);
        }
        let whole = all(&test, &auditor, &AuditAsk::default(), 200).await;
        let paged = all(&test, &auditor, &AuditAsk::default(), 7).await;
        assert_eq!(whole, paged);
        assert!(whole.is_sorted_by(|a, b| (a.at, a.id) > (b.at, b.id)));
        assert!(whole.len() > 40);
    }
}

#[tokio::test]
async fn filters_narrow_together() {
    for test in hubs().await {
        let powers = test.administrator("auditor").await;
        let auditor = powers.audit;
        let (person, _) = test.console_person("ada", Role::Administrator).await;
        write_events(&test.hub, 12).await;
        let source = test.hub.register_source(&powers.sources, source_draft("corp"), "x".into()).await.unwrap();
        let count = async |ask: AuditAsk| all(&test, &auditor, &ask, 5).await.len();
        let kind = |kind: &str| AuditAsk { kind: kind.to_owned(), ..AuditAsk::default() };
        assert_eq!(count(kind("source.changed")).await, 8);
        assert_eq!(count(kind("source")).await, 9, "with source.registered");
        assert_eq!(count(kind("nothing.such")).await, 0);
        assert_eq!(count(AuditAsk { actor: "command-line".into(), ..kind("source.changed") }).await, 8);
        assert_eq!(count(AuditAsk { actor: "auditor".into(), ..kind("source") }).await, 1);
        let about = AuditAsk { person: person.to_string(), ..AuditAsk::default() };
        assert!(all(&test, &auditor, &about, 5).await.iter().all(|line| line.person_name.as_deref() == Some("ada")));
        assert_eq!(count(AuditAsk { source: Some(source.id), ..AuditAsk::default() }).await, 1);
        let text = |text: &str| AuditAsk { text: text.to_owned(), ..AuditAsk::default() };
        assert_eq!(count(text("PORTAL")).await, 6, "the application, in any case");
        assert_eq!(count(text("two")).await, 12, "in the details");
        assert_eq!(count(text("%")).await, 0, "a sign and no pattern");
        let now = test.hub.clock.now();
        assert_eq!(count(AuditAsk { until: Some(now), ..AuditAsk::default() }).await, 0);
        assert!(count(AuditAsk { from: Some(now), ..AuditAsk::default() }).await > 12);
        let kinds = test.hub.audit_kinds(&auditor).await.unwrap();
        assert!(kinds.is_sorted() && kinds.contains(&"source.changed".to_owned()), "{kinds:?}");
        let nobody = AuditAsk { actor: "nobody".into(), ..text("") };
        let refused = test.hub.audit_page(&auditor, &nobody, None, 5).await;
        assert!(matches!(refused, Err(HubError::Invalid { field: "actor", .. })));
    }
}

#[tokio::test]
async fn what_is_taken_away_is_what_is_shown_and_is_an_event_itself() {
    for test in hubs().await {
        let powers = test.administrator("auditor").await;
        let auditor = powers.audit;
        write_events(&test.hub, 30).await;
        test.wait(1);
        let ask = AuditAsk { kind: "source.changed".into(), text: "two".into(), ..AuditAsk::default() };
        let shown = all(&test, &auditor, &ask, 7).await;
        let mut export = test.hub.audit_export(&auditor, &ask, "csv").await.unwrap();
        let mut taken = Vec::new();
        while let Some(piece) = export.piece().await.unwrap() {
            taken.extend(piece);
        }
        assert_eq!(taken, shown);
        let (action, details) = test.audit().await.pop().unwrap();
        assert_eq!(action, "audit.exported");
        assert!(details.contains("\"format\":\"csv\"") && details.contains("two"), "{details}");
    }
}
