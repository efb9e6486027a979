//! `isthmus apply`: reads the site document and what it refers to; the hub compares and changes.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use hub::{
    apply::{Resolver, SiteDocument, SiteSecrets},
    kernel::Actor,
};
use secrecy::SecretString;
use url::Url;

use super::open_store;
use crate::{
    cli::ApplyArguments,
    config::source_files,
    wiring::{self, Connectors},
};

/// Larger than any certificate bundle or document that is meant well.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// `isthmus apply`.
pub async fn apply(arguments: ApplyArguments) -> anyhow::Result<()> {
    let text = read_text(&arguments.file).map_err(|why| anyhow::anyhow!("{}: {why}", arguments.file.display()))?;
    let document = parse(&arguments.file, &text)?;
    let folder = arguments.file.parent().unwrap_or(Path::new("")).to_owned();
    let secrets = SiteSecrets::resolve(&document, &FilesBeside { folder })
        .with_context(|| arguments.file.display().to_string())?;

    let files = source_files(arguments.source_files, &arguments.store.data);
    let store = open_store(arguments.store.into()).await?;
    // Nothing of a document needs it; the hub has it for links and tokens.
    let public_url = match wiring::known_public_url(&store.database).await? {
        Some(url) => url,
        None => Url::parse("http://localhost")?,
    };
    let database = store.database.clone();
    let hub = store.hub(public_url, Arc::new(Connectors::new(arguments.allow_network, files)));
    let applied = hub.apply(Actor::CommandLine, &document, &secrets, arguments.dry_run).await;
    database.close().await;
    print!("{}", applied.with_context(|| format!("{}: nothing was changed", arguments.file.display()))?);
    Ok(())
}

/// Reads the document; errors name the line. The parser's own text would repeat the line as well, and with it a
/// secret that somebody wrote into the file.
pub fn parse(file: &Path, text: &str) -> anyhow::Result<SiteDocument> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        anyhow::anyhow!("{}, line {line}: {}", file.display(), error.message().trim_end())
    })
}

/// Files named in a document are relative to it; variables are this process's.
pub struct FilesBeside {
    pub folder: PathBuf,
}

impl Resolver for FilesBeside {
    fn secret_file(&self, path: &Path) -> Result<SecretString, String> {
        let path = self.folder.join(path);
        let text = read_text(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        // Editors end files with a newline; no secret ends with one.
        let secret = text.strip_suffix('\n').map_or(text.as_str(), |rest| rest.strip_suffix('\r').unwrap_or(rest));
        if secret.is_empty() {
            return Err(format!("{} is empty: write the secret into it", path.display()));
        }
        Ok(SecretString::from(secret))
    }

    fn secret_variable(&self, name: &str) -> Result<SecretString, String> {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(SecretString::from(value)),
            Ok(_) => Err(format!("the environment variable {name} is empty")),
            Err(std::env::VarError::NotPresent) => {
                Err(format!("the environment variable {name} is not set: set it for this command"))
            }
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is not UTF-8")),
        }
    }

    fn certificate_file(&self, path: &Path) -> Result<String, String> {
        let path = self.folder.join(path);
        let text = read_text(&path).map_err(|why| format!("{}: {why}", path.display()))?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(format!("{} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", path.display()));
        }
        Ok(text)
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| {
        format!(
            "cannot be read ({error}): paths are relative to the document, and this user must be allowed to read it"
        )
    })?;
    let mut text = String::new();
    file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(|error| format!("cannot be read: {error}"))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err("is larger than 4 MiB: this cannot be the right file".to_owned());
    }
    Ok(text)
}
