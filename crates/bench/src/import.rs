//! `cargo xtask bench import`: how fast people come in. From LDAP beside what `ldapsearch` takes for the same entries;
//! from a file beside what the database takes for the same rows. Rules of matching are in force throughout.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use tempfile::TempDir;
use testkit::{Postgres, RawRows, Slapd, SlapdSetup};
use tokio::process::Command;

use crate::watched::{Watched, watch};

#[derive(Args)]
pub struct ImportArguments {
    /// The `isthmus` binary to measure
    #[arg(long)]
    binary: PathBuf,
    /// People in the LDAP directory; 0 leaves it out
    #[arg(long, default_value_t = 100_000)]
    people: usize,
    /// Records in the file; 0 leaves it out
    #[arg(long, default_value_t = 1_000_000)]
    records: usize,
}

pub async fn import(arguments: ImportArguments) -> anyhow::Result<()> {
    println!(
        "{} cores; load of the machine before: {}",
        std::thread::available_parallelism()?,
        fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default()
    );
    if arguments.people > 0 {
        from_ldap(&arguments).await?;
    }
    if arguments.records > 0 {
        from_file(&arguments).await?;
    }
    Ok(())
}

/// A hub's folder with its site document, its rules and its database.
struct Place<'a> {
    binary: &'a Path,
    folder: TempDir,
    /// `--database`; empty for SQLite.
    url: Option<String>,
}

/// They put everybody to the question and link nobody, so that they are in force at once.
const RULES: &str = r#"
candidate = 0.5

[[rule]]
name = "employee number"
match = ["employee_number"]

[[rule]]
name = "address and name"
tier = 2
match = ["email", "family_name:form"]
score = 0.9
"#;

impl<'a> Place<'a> {
    async fn new(binary: &'a Path, url: Option<String>, files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("isthmus-bench-").tempdir()?;
        let place = Self { binary, folder, url };
        fs::create_dir(place.path("files"))?;
        fs::write(place.path("rules.toml"), RULES)?;
        for (name, text) in files {
            fs::write(place.path(name), text)?;
        }
        if place.url.is_some() {
            watch(&mut place.command(&["database", "upgrade"])).await?;
        }
        watch(place.command(&["apply", "site.toml"]).args(["--allow-network", "127.0.0.0/8"])).await?;
        watch(&mut place.command(&["match-rules", "rules.toml"])).await?;
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command.args(arguments).args(["--data", "data"]).current_dir(self.folder.path()).env("ISTHMUS_LOG", "error");
        if let Some(url) = &self.url {
            command.args(["--database", url]);
        }
        command
    }

    async fn import(&self, source: &str) -> anyhow::Result<Watched> {
        let mut command = self.command(&["import", source, "--full", "--source-files", "files"]);
        watch(command.args(["--allow-network", "127.0.0.0/8"])).await
    }
}

async fn from_ldap(arguments: &ImportArguments) -> anyhow::Result<()> {
    let people = arguments.people;
    let slapd = Slapd::with(SlapdSetup { people, lockout_threshold: 5, ..SlapdSetup::default() }).await;
    let site = format!(
        r#"
        [[source]]
        name = "corp"
        kind = "ldap"
        urls = ["{}"]
        ca_file = "ca.crt"
        bind_dn = "{}"
        bind_password = {{ file = "corp.secret" }}
        base_dn = "{}"
        domains = ["{}"]
        mode = "active"
        lockout_threshold = 5
        lockout_window = "15m"
        "#,
        slapd.ldaps_url, slapd.reader_dn, slapd.base_dn, slapd.domain
    );
    let files = [("site.toml", site.as_str()), ("ca.crt", &slapd.ca_pem), ("corp.secret", &slapd.reader_password)];
    let place = Place::new(&arguments.binary, None, &files).await?;
    let dump = |place: &Place<'_>| {
        let mut command = Command::new("ldapsearch");
        command.env("LDAPTLS_CACERT", place.path("ca.crt")).args(["-x", "-LLL", "-E", "pr=1000/noprompt"]);
        command.args(["-H", &slapd.ldaps_url, "-D", &slapd.reader_dn, "-w", &slapd.reader_password]);
        command.args(["-b", &slapd.base_dn, "(objectClass=inetOrgPerson)", "*", "+"]);
        command
    };
    let before = watch(&mut dump(&place)).await?;
    let first = place.import("corp").await?;
    let after = watch(&mut dump(&place)).await?;
    let again = place.import("corp").await?;
    let limit = (before.took + after.took) / 2;
    println!("LDAP, SQLite: ldapsearch takes {:.2} s for {people} people", limit.as_secs_f64());
    line("  new people", people, first, Some(limit), "at most 3 times ldapsearch");
    line("  nothing changed", people, again, Some(limit), "at most 3 times ldapsearch");
    Ok(())
}

const FILE_SITE: &str = r#"
[[source]]
name = "staff"
label = "Staff list"
kind = "file"
mode = "active"
domains = ["example.test"]

[source.file]
path = "people.csv"
format = "csv"
id = "number"
username = "login"
names = ["mail"]
settle_seconds = 0
mapping = { given_name = "given", family_name = "family", email = "mail", employee_number = "badge", phone = "phone" }
"#;

async fn from_file(arguments: &ImportArguments) -> anyhow::Result<()> {
    let place = Place::new(&arguments.binary, None, &[("site.toml", FILE_SITE)]).await?;
    records(&place.path("files/people.csv"), arguments.records)?;
    let first = place.import("staff").await?;
    let database = place.path("data/isthmus.sqlite");
    let raw = RawRows::sqlite(&database.display().to_string(), &place.path("raw.sqlite").display().to_string()).await?;
    report("file, SQLite", &place, arguments.records, first, raw, "below 60 s for a million, below 500 MB").await?;
    drop(place);

    let cluster = Postgres::own();
    let place = Place::new(&arguments.binary, Some(cluster.database()), &[("site.toml", FILE_SITE)]).await?;
    records(&place.path("files/people.csv"), arguments.records)?;
    let first = place.import("staff").await?;
    let raw = RawRows::postgres(&cluster, "test_0")?;
    report("file, PostgreSQL", &place, arguments.records, first, raw, "below 120 s for a million, below 500 MB").await
}

async fn report(
    what: &str,
    place: &Place<'_>,
    records_there: usize,
    first: Watched,
    raw: RawRows,
    target: &str,
) -> anyhow::Result<()> {
    // The same text, written again: it has to be read.
    records(&place.path("files/people.csv"), records_there)?;
    let again = place.import("staff").await?;
    let rows = raw.rows;
    println!("{what}: the database takes {:.2} s for the same {rows} rows", raw.took.as_secs_f64());
    line("  new people", records_there, first, Some(raw.took), target);
    line("  nothing changed", records_there, again, None, "-");
    Ok(())
}

fn line(what: &str, people: usize, watched: Watched, limit: Option<Duration>, target: &str) {
    let seconds = watched.took.as_secs_f64();
    let mut text = format!(
        "{what:<18} {people} in {seconds:.2} s: {:.0}/s   processor {:.2} s   peak memory {:.0} MB",
        people as f64 / seconds,
        watched.processor.as_secs_f64(),
        watched.peak as f64 / 1e6
    );
    if let Some(limit) = limit {
        let _fits = write!(text, "   {:.2} times the limit", seconds / limit.as_secs_f64());
    }
    println!("{text}   target {target}");
}

/// People who all differ, in a file that is there at once.
fn records(file: &Path, number: usize) -> anyhow::Result<()> {
    const GIVEN: [&str; 8] = ["Anna", "José", "Zoë", "Björn", "Łukasz", "Priya", "Siobhán", "Yuki"];
    const FAMILY: [&str; 7] = ["Smith", "Müller", "García", "Kowalska", "O'Brien", "Nguyen", "Åkesson"];
    let new = file.with_extension("new");
    let mut text = BufWriter::new(File::create(&new)?);
    writeln!(text, "number,login,given,family,mail,badge,phone")?;
    for n in 0..number {
        writeln!(
            text,
            "{n},user{n},{},{},user{n}@example.test,{},+49 30 {:07}",
            GIVEN[n * 7 % GIVEN.len()],
            FAMILY[n * 11 % FAMILY.len()],
            1_000_000 + n,
            n
        )?;
    }
    text.flush()?;
    Ok(fs::rename(new, file)?)
}
