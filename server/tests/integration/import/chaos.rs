//! Imports that are killed (`kill -9`) at seeded moments, again and again, while a directory changes: they end where
//! undisturbed ones do, and nobody is missed who was there.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use storage::Database;
use tempfile::TempDir;

use super::natural::{Natural, forget_leases, missed, natural, number};
use crate::support::command;

const SITE: &str = r#"
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
mapping = { display_name = "name", email = "mail", employee_number = "badge" }
status = "state"
inactive = ["left"]
groups_path = "groups.csv"
devices_path = "devices.csv"
"#;

/// Many times a batch (500) and a page (1,000).
const PEOPLE: usize = 2_400;
const GROUPS: usize = 60;
const DEVICES: usize = 700;

/// Who is not in the directory just now. A few of each kind, far below the removal guard.
fn is_away(number: usize, generation: usize) -> bool {
    generation > 0 && number % 40 == generation
}

/// The people of a generation: renamed, disabled, exchanging their names, wanting what others have, coming and going.
fn people(generation: usize) -> String {
    let mut text = "number,login,name,mail,badge,state\n".to_owned();
    // Newcomers come between the others, so that every page moves.
    for n in (0..PEOPLE + 50 * generation).filter(|n| !is_away(*n, generation)) {
        let swapped = match n % 50 {
            7 if generation % 4 >= 2 => n + 1,
            8 if generation % 4 >= 2 => n - 1,
            _ => n,
        };
        // Two of one batch, and two far apart, with one address.
        let mail = match n % 300 {
            13 => n - 1,
            14 if n > 1_000 => n - 1_000,
            _ => swapped,
        };
        let name = if generation > 0 && n % 10 == generation % 10 { "Łukasz Renamed" } else { "Zoë Person" };
        let state = if n % 60 == 5 && generation % 4 == 2 { "left" } else { "here" };
        writeln!(text, "{n},user{swapped},{name} {n},user{mail}@example.test,{},{state}", 10_000 + n).unwrap();
    }
    text
}

/// Groups with people and with each other as members.
fn groups(generation: usize) -> String {
    let mut text = "id,name,description,members\n".to_owned();
    for g in (0..GROUPS).filter(|g| !is_away(*g, generation)) {
        let people = (g..PEOPLE).step_by(GROUPS).filter(|n| !(n + generation).is_multiple_of(7)).map(|n| n.to_string());
        let nested = (g % 6 == 0 && g > 0).then(|| format!("g{}", g - 6));
        let members: Vec<String> = people.chain(nested).collect();
        writeln!(text, "g{g},Group {g},generation {},{}", generation / 2, members.join(";")).unwrap();
    }
    text
}

fn devices(generation: usize) -> String {
    let mut text = "id,name,serial_number,manufacturer,owners\n".to_owned();
    for d in (0..DEVICES).filter(|d| !is_away(*d, generation)) {
        writeln!(text, "d{d},Laptop {d},SN{:06},Maker,{}", d, (d + generation) % PEOPLE).unwrap();
    }
    text
}

fn away(generation: usize) -> BTreeSet<String> {
    let most = PEOPLE + 50 * generation;
    let people = (0..most).map(|n| (n, n.to_string()));
    let groups = (0..GROUPS).map(|g| (g, format!("g{g}")));
    let devices = (0..DEVICES).map(|d| (d, format!("d{d}")));
    people.chain(groups).chain(devices).filter(|(n, _)| is_away(*n, generation)).map(|(_, id)| id).collect()
}

/// A hub's folder with one source, and the database if it is elsewhere.
pub struct Place {
    folder: TempDir,
    source: &'static str,
    /// `--database`; empty for SQLite.
    url: Option<String>,
}

impl Place {
    /// With the lists of people, groups and devices that [`kill_again_and_again`] writes.
    pub fn new(url: Option<String>) -> Self {
        Self::of("staff", &[("site.toml", SITE)], url)
    }

    /// Registers the source of the site document among these files.
    pub fn of(source: &'static str, files: &[(&str, &str)], url: Option<String>) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), source, url };
        fs::create_dir(place.path().join("files")).unwrap();
        for (name, text) in files {
            fs::write(place.path().join(name), text).unwrap();
        }
        if place.url.is_some() {
            place.run(&["database", "upgrade"]);
        }
        place.run(&["apply", "site.toml", "--allow-network", "127.0.0.0/8"]);
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path(), arguments);
        command.args(["--data", "data"]);
        if let Some(url) = &self.url {
            command.args(["--database", url]);
        }
        command
    }

    pub fn import(&self) -> Command {
        let mut command = self.command(&["import", self.source, "--source-files", "files"]);
        command.args(["--allow-network", "127.0.0.0/8"]).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// An import that nobody disturbs; how long it took.
    pub fn import_whole(&self) -> Duration {
        let began = Instant::now();
        let output = self.import().output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        began.elapsed()
    }

    fn write(&self, generation: usize) {
        let files = self.path().join("files");
        for (name, text) in [
            ("people.csv", people(generation)),
            ("groups.csv", groups(generation)),
            ("devices.csv", devices(generation)),
        ] {
            fs::write(files.join("new"), text).unwrap();
            fs::rename(files.join("new"), files.join(name)).unwrap();
        }
    }

    pub async fn database(&self) -> Database {
        let here = format!("sqlite://{}", self.path().join("data/isthmus.sqlite").display());
        Database::open(self.url.as_ref().unwrap_or(&here)).await.unwrap()
    }

    pub async fn natural(&self) -> Natural {
        let database = self.database().await;
        let natural = natural(&database).await;
        database.close().await;
        natural
    }
}

/// Fractions of a run from a seed, in thousandths, so that a failure can be seen again.
pub struct Seeded(u64);

impl Seeded {
    pub fn new() -> Self {
        let seed = std::env::var("ISTHMUS_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_123);
        println!("ISTHMUS_TEST_SEED={seed}");
        Self(seed)
    }

    pub fn thousandths(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % 1_000).unwrap()
    }
}

/// How often the directory changes, and how often the import of each state of it is killed. After more than a few
/// kills nothing is left to disturb: each run goes on where the one before was killed.
fn generations_and_kills() -> (usize, usize) {
    match std::env::var("ISTHMUS_TEST_TIER").as_deref() {
        Ok("quick") => (4, 1),
        Ok("thorough") => (40, 5),
        _ => (4, 5),
    }
}

/// Kills imports while the directory changes, and compares with a hub whose imports nobody disturbs.
pub async fn kill_again_and_again(calm: Place, hurt: Place) {
    let (generations, kills) = generations_and_kills();
    let mut seeded = Seeded::new();
    let (mut in_the_middle, mut all) = (0, 0);
    for generation in 0..generations {
        calm.write(generation);
        let took = calm.import_whole();
        hurt.write(generation);
        let away = away(generation);
        for blow in 0..kills {
            // Somewhere in the run: the first of them while it reads people, later ones find it further on.
            let wait = took * (200 + seeded.thousandths() / 2) / 1_000;
            let mut child = hurt.import().stderr(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(wait).await;
            // On PostgreSQL every third time it loses its connections instead, and may get over it.
            match hurt.url.as_ref().filter(|_| blow % 3 == 2) {
                Some(url) => cut_connections(url),
                None => child.kill().unwrap(),
            }
            child.wait().unwrap();
            let database = hurt.database().await;
            all += 1;
            in_the_middle +=
                number(&database, "select count(*) from import_run where state in ('running', 'interrupted')").await;
            let wrongly: Vec<String> =
                missed(&database).await.into_iter().filter(|id| !was_away(id, generation, &away)).collect();
            assert!(wrongly.is_empty(), "missed, and there all the time: {wrongly:?}");
            forget_leases(&database).await;
            database.close().await;
        }
        hurt.import_whole();
        hurt.natural().await.assert_equal(&calm.natural().await, &format!("generation {generation}"));
    }
    let end = calm.natural().await;
    println!(
        "{all} kills, {in_the_middle} of them in a run; {} people, {} groups, {} devices; table hash {:016x}",
        end.rows("people"),
        end.rows("groups"),
        end.rows("devices"),
        end.hash()
    );
    // The others met it before it began, or when nothing was left to do.
    assert!(in_the_middle * 5 >= all, "{in_the_middle} of {all} kills hit a run");
}

/// Ends every connection to this database.
fn cut_connections(url: &str) {
    let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap();
    let cut = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    testkit::Postgres::shared().psql("postgres", &cut).unwrap();
}

/// Away now, or away before and not looked at again yet.
fn was_away(id: &str, generation: usize, away_now: &BTreeSet<String>) -> bool {
    away_now.contains(id) || (generation > 0 && away(generation - 1).contains(id))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_a_run_ends_where_an_undisturbed_one_does() {
    kill_again_and_again(Place::new(None), Place::new(None)).await;
}
