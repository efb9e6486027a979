//! Imports that begin by themselves.

use directory::{ImportSchedule, ImportState, SourceDraft, SourceMode};
use hub::{HubError, imports::ImportRequest};

use super::{CHANGES, FULL, import, readable, try_import};
use crate::support::{TestHub, entry, hubs};

async fn due(test: &TestHub) -> Vec<ImportRequest> {
    test.hub.imports_due().await.unwrap().into_iter().map(|due| due.request).collect()
}

#[tokio::test]
async fn imports_are_due_by_the_clock_and_only_where_somebody_said_so() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        test.directory.set(entry("ada"));
        assert!(due(&test).await.is_empty(), "never by itself");
        let boss = test.administrator("keeper-of-the-clock").await;
        let schedule = ImportSchedule { every_seconds: 600, full_every_seconds: 3_600 };
        test.hub.set_import_schedule(&boss.sources, source.id, schedule).await.unwrap();
        assert_eq!(due(&test).await, [FULL], "the first one at once");
        import(&test, &source, FULL).await;
        assert!(due(&test).await.is_empty());
        test.wait(599);
        assert!(due(&test).await.is_empty());
        test.wait(1);
        assert_eq!(due(&test).await, [CHANGES]);
        import(&test, &source, CHANGES).await;
        assert!(due(&test).await.is_empty());
        test.wait(3_000);
        assert_eq!(due(&test).await, [FULL], "an hour after the last one that read everything");

        // One that lost its source goes on soon, as what it was.
        test.directory.breaks_off_in(Some(0));
        let lost = try_import(&test, &source, FULL).await.unwrap();
        assert_eq!(lost.state, ImportState::Interrupted);
        assert!(due(&test).await.is_empty());
        test.wait(300);
        assert_eq!(due(&test).await, [FULL]);
        test.directory.breaks_off_in(None);
        assert!(import(&test, &source, FULL).await.resumed);
        assert!(due(&test).await.is_empty());

        // The schedule is no setting of the source: what was read is still good.
        test.wait(600);
        let slower = ImportSchedule { every_seconds: 60, full_every_seconds: 0 };
        test.hub.set_import_schedule(&boss.sources, source.id, slower).await.unwrap();
        let beginnings = test.directory.beginnings();
        assert_eq!(due(&test).await, [CHANGES]);
        import(&test, &source, CHANGES).await;
        assert_eq!(test.directory.beginnings(), beginnings, "nothing was read from the beginning");
        test.hub.set_import_schedule(&boss.sources, source.id, ImportSchedule::default()).await.unwrap();
        test.wait(90_000);
        assert!(due(&test).await.is_empty());
    }
}

#[tokio::test]
async fn a_paused_directory_is_never_due_and_times_have_bounds() {
    for test in hubs().await {
        let source = readable(&test, 10, true).await;
        let boss = test.administrator("keeper-of-the-clock").await;
        for (every_seconds, full_every_seconds, field) in [(59, 0, "import_every"), (0, 60, "full_import_every")] {
            let wrong = ImportSchedule { every_seconds, full_every_seconds };
            let refused = test.hub.set_import_schedule(&boss.sources, source.id, wrong).await.unwrap_err();
            assert!(matches!(refused, HubError::Invalid { field: named, .. } if named == field), "{refused}");
        }
        let schedule = ImportSchedule { every_seconds: 60, full_every_seconds: 0 };
        test.hub.set_import_schedule(&boss.sources, source.id, schedule).await.unwrap();
        assert_eq!(due(&test).await, [CHANGES]);
        let mut draft = SourceDraft::from(&source);
        draft.mode = SourceMode::Paused;
        test.hub.update_source(&boss.sources, source.id, source.revision, draft, None).await.unwrap();
        test.wait(2);
        assert!(due(&test).await.is_empty());
    }
}
