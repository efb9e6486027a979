use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use connector::{Change, Connector as _, Next, Read as _, ReadCursor, ReadFrom, Rejected, SourceFolder, Trouble};
use connector_file::FileConnector;
use directory::{
    ConnectorSettings, FileFormat, FileSettings, LockoutSettings, ObjectKind, Source, SourceEntry, SourceId,
    SourceKind, SourceMode,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A folder of source files and a connector to what is in it. Its clock is an hour ahead, so that what a test has just
/// written counts as left alone.
pub struct World {
    pub folder: TempDir,
    pub settings: FileSettings,
}

impl World {
    pub fn new(format: FileFormat, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = match format {
            FileFormat::Csv => "people.csv",
            FileFormat::JsonLines => "people.jsonl",
            FileFormat::Ldif => "people.ldif",
        };
        let settings = FileSettings { path: path.to_owned(), format, ..FileSettings::preset() };
        let world = Self { folder, settings };
        world.write(content);
        world
    }

    pub fn with(mut self, change: impl FnOnce(&mut FileSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join(&self.settings.path)
    }

    pub fn write(&self, content: impl AsRef<[u8]>) {
        fs::write(self.path(), content).unwrap();
    }

    pub fn connector(&self) -> FileConnector {
        self.at(Duration::from_secs(3_600)).unwrap()
    }

    /// A connector whose clock is so much ahead.
    #[expect(clippy::disallowed_methods, reason = "files bear the machine's own time")]
    pub fn at(&self, ahead: Duration) -> Result<FileConnector, Trouble> {
        let now = Arc::new(move || SystemTime::now() + ahead);
        FileConnector::with_clock(&source(self.settings.clone()), folder(self.folder.path()), now)
    }
}

pub fn folder(path: &Path) -> Arc<SourceFolder> {
    Arc::new(SourceFolder::new(path))
}

pub fn source(settings: FileSettings) -> Source {
    Source {
        id: SourceId::from(Uuid::from_u128(7)),
        name: "staff-file".into(),
        label: "Staff".into(),
        kind: SourceKind::File,
        mode: SourceMode::Active,
        just_in_time: true,
        domains: vec![],
        connector: ConnectorSettings::File(settings),
        lockout: LockoutSettings::default(),
        capture_settle_seconds: 0,
        shadow: false,
        outage_sign_in: false,
        just_in_time_activation: false,
        self_written: vec![],
        protected_groups: vec!["Domain Admins".into()],
        profile: directory::ProfileSettings::default(),
        definitions: Default::default(),
        revision: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// What a whole read brought.
#[derive(Debug, Default)]
pub struct Whole {
    pub changes: Vec<Change>,
    pub rejected: Vec<Rejected>,
    pub delta: Option<ReadCursor>,
}

pub async fn read_all(connector: &FileConnector, kind: ObjectKind) -> Result<Whole, Trouble> {
    let mut whole = Whole::default();
    let mut from = ReadFrom::Beginning;
    loop {
        let page = connector.read(kind, from).await?;
        whole.changes.extend(page.changes);
        whole.rejected.extend(page.rejected);
        match page.next {
            Next::More(cursor) => from = ReadFrom::Cursor(cursor),
            Next::Complete { delta } => return Ok(Whole { delta, ..whole }),
            Next::StartOver { reason } => panic!("{reason}"),
        }
    }
}

pub async fn people(connector: &FileConnector) -> Vec<SourceEntry> {
    let whole = read_all(connector, ObjectKind::Person).await.unwrap();
    let people = whole.changes.into_iter().map(|change| match change {
        Change::Person(person) => *person,
        other => panic!("{other:?}"),
    });
    people.collect()
}

pub async fn person(connector: &FileConnector, id: &str) -> SourceEntry {
    connector.fetch(&directory::ImmutableId(id.to_owned())).await.unwrap().unwrap()
}
