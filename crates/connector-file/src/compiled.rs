//! The settings of a source in the form its reading needs.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use connector::{SourceFolder, Trouble, TroubleKind};
use directory::{AttributeMapping, ConnectorSettings, Delimiter, FileFormat, FileSettings, ObjectKind, Source, fold};

pub(crate) struct Compiled {
    /// The source's name.
    pub(crate) name: String,
    pub(crate) format: FileFormat,
    pub(crate) delimiter: u8,
    pub(crate) path: String,
    pub(crate) groups_path: Option<String>,
    pub(crate) devices_path: Option<String>,
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) names: Vec<String>,
    pub(crate) mapping: AttributeMapping,
    /// What expressions read beside it.
    pub(crate) reads: Vec<String>,
    pub(crate) status: Option<String>,
    /// Folded.
    pub(crate) inactive: HashSet<String>,
    pub(crate) groups: Option<String>,
    pub(crate) separator: String,
    pub(crate) password: Option<String>,
    pub(crate) person_class: Option<String>,
    /// Folded names of groups whose members are privileged.
    pub(crate) protected: HashSet<String>,
    pub(crate) settle: Duration,
    /// Columns that a CSV file must have.
    pub(crate) columns: Vec<String>,
    /// Tells these settings from others: a cursor of other settings is no good.
    pub(crate) digest: u64,
}

impl Compiled {
    pub(crate) fn new(source: &Source) -> Result<Self, Trouble> {
        let misconfigured =
            |reason: String| Trouble { kind: TroubleKind::Misconfigured, endpoint: source.name.clone(), reason };
        let ConnectorSettings::File(file) = &source.connector else {
            return Err(misconfigured("the settings are those of another kind of source".to_owned()));
        };
        for path in [Some(&file.path), file.groups_path.as_ref(), file.devices_path.as_ref()].into_iter().flatten() {
            SourceFolder::check(path).map_err(|refused| misconfigured(refused.to_string()))?;
        }
        let whole = serde_json::to_string(file).map_err(|error| misconfigured(error.to_string()))?;
        let mut digest = DefaultHasher::new();
        (&whole, &source.protected_groups, source.profile.reads()).hash(&mut digest);
        let digest = digest.finish();
        let FileSettings {
            path,
            format,
            delimiter,
            id,
            username,
            names,
            mapping,
            status,
            inactive,
            groups,
            separator,
            password,
            person_class,
            groups_path,
            devices_path,
            settle_seconds,
        } = file.clone();
        let key = |text: &String| fold(text).as_str().to_owned();
        Ok(Self {
            name: source.name.clone(),
            columns: file.columns().into_iter().map(str::to_owned).collect(),
            delimiter: byte(delimiter),
            inactive: inactive.iter().map(key).collect(),
            protected: source.protected_groups.iter().map(key).collect(),
            settle: Duration::from_secs(settle_seconds.into()),
            // Memberships come from one side only.
            groups: groups.filter(|_| groups_path.is_none()),
            path,
            format,
            id,
            username,
            names,
            mapping,
            reads: source.profile.reads().into_iter().collect(),
            status,
            separator,
            password,
            person_class,
            groups_path,
            devices_path,
            digest,
        })
    }

    /// The file with objects of a kind.
    pub(crate) fn path_of(&self, kind: ObjectKind) -> Option<&str> {
        match kind {
            ObjectKind::Person => Some(&self.path),
            ObjectKind::Group => self.groups_path.as_deref(),
            ObjectKind::Device => self.devices_path.as_deref(),
        }
    }

    /// Where in the file with the people something stands.
    pub(crate) fn at(&self, line: u64) -> String {
        format!("{}, line {line}", self.path)
    }
}

const fn byte(delimiter: Delimiter) -> u8 {
    match delimiter {
        Delimiter::Comma => b',',
        Delimiter::Semicolon => b';',
        Delimiter::Tab => b'\t',
        Delimiter::Pipe => b'|',
    }
}
