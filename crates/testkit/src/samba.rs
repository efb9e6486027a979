//! A Samba domain controller: a real Active Directory for tests.

use std::{
    fmt::Write as _,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    certificates::Authority,
    keeper::{Keeper, run, tail},
};

const BASE_DN: &str = "DC=ad,DC=example,DC=test";
const ADMINISTRATOR_PASSWORD: &str = "Adm1n-Passw0rd!";
const PEOPLE: &str = "100";
const SEED: &str = include_str!("samba_seed.py");
/// Samba's LDAP ports are compiled in, so instances are told apart by address.
const ADDRESSES: std::ops::Range<u8> = 10..60;

/// A running domain controller, shared by the tests of one process: each test takes people of its own.
///
/// People are `u000000` … `u000099` with password `Passw0rd-<number>`, UPN `<name>@ad.example.test`, and `jsmith` and
/// `root2` (`adminCount` 1) with password `Passw0rd-<name>@ad.example.test`, under `OU=People`. `u000002` has the UPN
/// `user2@example.test`; `u000005` is disabled, `u000011` must change the password, `u000012` is expired, `u000013` has
/// no hours and `u000014` no workstation to sign in from; `u000015` is in the group `vault-keepers`. Teams are nested in
/// `dept-all` in `all-staff`. Five wrong passwords in 15 minutes lock an account for 15 minutes.
pub struct SambaAd {
    pub base_dn: String,
    pub domain: String,
    pub netbios_domain: String,
    /// The service account: an ordinary user.
    pub reader_dn: String,
    pub reader_password: String,
    pub ldap_url: String,
    pub ldaps_url: String,
    /// The authority to trust.
    pub ca_pem: String,
    folder: PathBuf,
    _server: Keeper,
}

static SHARED: LazyLock<Result<SambaAd>> = LazyLock::new(SambaAd::start);

impl SambaAd {
    /// The domain controller of this process, started by whoever asks first.
    ///
    /// # Panics
    /// If Samba is missing or does not start: a test that was not run must not count as passed.
    pub async fn shared() -> &'static Self {
        tokio::task::spawn_blocking(|| match &*SHARED {
            Ok(samba) => samba,
            Err(error) => panic!("Samba: {error:#}"),
        })
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn start() -> Result<Self> {
        for program in ["/usr/sbin/samba", "/usr/bin/samba-tool"] {
            anyhow::ensure!(
                Path::new(program).exists(),
                "install the packages `samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind \
                 python3-samba ldap-utils` (or run `cargo xtask test --install`)"
            );
        }
        let template = provisioned()?;
        let (address, lock) = free_address()?;
        let folder = tempfile::Builder::new().prefix("isthmus-samba-").tempdir()?.keep();
        run(Command::new("cp").arg("-a").arg(template.join(".")).arg(&folder))?;
        let authority = Authority::new("Samba test authority");
        let certificate = authority.issue(&["dc1.ad.example.test", "localhost", &address.to_string()]);
        fs::create_dir_all(folder.join("tls"))?;
        fs::write(folder.join("tls/ca.crt"), authority.ca_pem())?;
        fs::write(folder.join("tls/server.crt"), certificate.certificate_pem)?;
        fs::write(folder.join("tls/server.key"), certificate.key_pem)?;
        run(Command::new("chmod").arg("600").arg(folder.join("tls/server.key")))?;
        let configuration = folder.join("etc/smb.conf");
        fs::write(&configuration, settings(&fs::read_to_string(&configuration)?, &template, &folder, address))?;
        let log = folder.join("samba.log");
        let configuration = configuration.display().to_string();
        let server = Keeper::start(
            &["/usr/sbin/samba", "-F", "--no-process-group", "-s", &configuration, "--debug-stdout"],
            "TERM",
            &folder,
            &log,
            Some(&folder),
        )?;
        // The lock on the address is for the whole process.
        std::mem::forget(lock);
        for _ in 0..800 {
            if TcpStream::connect(SocketAddr::from((address, 636))).is_ok() {
                return Ok(Self {
                    base_dn: BASE_DN.into(),
                    domain: "ad.example.test".into(),
                    netbios_domain: "ADEX".into(),
                    reader_dn: format!("CN=reader,OU=Services,{BASE_DN}"),
                    reader_password: "reader-Secret-1".into(),
                    ldap_url: format!("ldap://{address}:389"),
                    ldaps_url: format!("ldaps://{address}:636"),
                    ca_pem: authority.ca_pem().to_owned(),
                    folder,
                    _server: server,
                });
            }
            sleep(Duration::from_millis(50));
        }
        bail!("it does not answer on {address}:636: {}", tail(&log))
    }

    /// The domain's administrator, who may replicate: name for a bind, and password.
    #[must_use]
    pub fn administrator(&self) -> (&'static str, &'static str) {
        ("Administrator@ad.example.test", ADMINISTRATOR_PASSWORD)
    }

    /// The DN of somebody.
    #[must_use]
    pub fn person_dn(&self, username: &str) -> String {
        let name = match username {
            "jsmith" => "Jo Smith".to_owned(),
            "root2" => "Root Two".to_owned(),
            other => format!("User {}", other.trim_start_matches('u')),
        };
        format!("CN={name},OU=People,{BASE_DN}")
    }

    /// The password somebody was made with.
    #[must_use]
    pub fn password_of(&self, username: &str) -> String {
        match username.strip_prefix('u').and_then(|digits| digits.parse::<usize>().ok()) {
            Some(index) => format!("Passw0rd-{index}"),
            None => format!("Passw0rd-{username}@ad.example.test"),
        }
    }

    /// Applies change records as the domain's administrator.
    ///
    /// # Panics
    /// If the server refuses them.
    pub fn modify(&self, ldif: &str) {
        let file = tempfile::NamedTempFile::new().expect("a change file");
        fs::write(file.path(), ldif).expect("a change file");
        run(self.tool("ldapmodify").arg("-f").arg(file.path())).unwrap_or_else(|error| panic!("{error:#}"));
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LDAPTLS_CACERT", self.folder.join("tls/ca.crt")).args([
            "-x",
            "-H",
            &self.ldaps_url,
            "-D",
            "Administrator@ad.example.test",
            "-w",
            ADMINISTRATOR_PASSWORD,
        ]);
        command
    }

    /// Replaces one attribute of one entry; no values = removes it.
    pub fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        let mut ldif = format!("dn: {dn}\nchangetype: modify\nreplace: {attribute}\n");
        for value in values {
            let _fits = writeln!(ldif, "{attribute}: {value}");
        }
        self.modify(&ldif);
    }

    /// Disables somebody.
    pub fn disable(&self, username: &str) {
        self.set(&self.person_dn(username), "userAccountControl", &["514"]);
    }

    /// Enables somebody.
    pub fn enable(&self, username: &str) {
        self.set(&self.person_dn(username), "userAccountControl", &["512"]);
    }

    /// Ends a lockout.
    pub fn unlock(&self, username: &str) {
        self.set(&self.person_dn(username), "lockoutTime", &["0"]);
    }

    /// Deletes somebody.
    pub fn delete(&self, username: &str) {
        self.modify(&format!("dn: {}\nchangetype: delete\n", self.person_dn(username)));
    }

    /// Gives somebody another password, as an administrator would.
    pub fn set_password(&self, username: &str, password: &str) {
        let quoted: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.modify(&format!(
            "dn: {}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {}\n",
            self.person_dn(username),
            BASE64_STANDARD.encode(quoted)
        ));
    }

    /// The values of one attribute of one entry, read as the administrator.
    ///
    /// # Panics
    /// If the server refuses.
    #[must_use]
    pub fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let output =
            run(self.tool("ldapsearch").args(["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, attribute]))
                .unwrap_or_else(|error| panic!("{error:#}"));
        let prefix = format!("{attribute}: ");
        output.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}

/// A provisioned and seeded domain that instances are copied from, made once per `target` folder.
fn provisioned() -> Result<PathBuf> {
    let root = target_folder().join("testkit");
    fs::create_dir_all(&root)?;
    let lock = File::create(root.join("samba.lock"))?;
    lock.lock().context("lock the Samba template")?;
    let version: u32 = SEED.bytes().fold(5381, |sum, byte| sum.wrapping_mul(33) ^ u32::from(byte));
    let folder = root.canonicalize()?.join(format!("samba-{version:08x}"));
    if folder.join("ready").exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for part in ["run", "ncalrpc", "etc"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let configuration = folder.join("etc/smb.conf");
    fs::write(&configuration, "")?;
    run(Command::new("samba-tool")
        .args(["domain", "provision", "--realm=AD.EXAMPLE.TEST", "--domain=ADEX", "--server-role=dc"])
        .args(["--use-rfc2307", "--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.10"])
        .args(["--option=interfaces=127.0.0.10/8", "--option=bind interfaces only=yes"])
        .arg(format!("--option=posix:eadb={}", folder.join("private/eadb.tdb").display()))
        .arg(format!("--adminpass={ADMINISTRATOR_PASSWORD}"))
        .arg(format!("--targetdir={}", folder.display()))
        .arg(format!("--configfile={}", configuration.display())))?;
    run(Command::new("samba-tool")
        .args(["domain", "passwordsettings", "set", "-s"])
        .arg(&configuration)
        .arg("-H")
        .arg(folder.join("private/sam.ldb"))
        .args(["--account-lockout-threshold=5", "--account-lockout-duration=15", "--reset-account-lockout-after=15"])
        .args(["--complexity=on", "--min-pwd-length=8", "--history-length=0", "--min-pwd-age=0"]))?;
    let script = folder.join("seed.py");
    fs::write(&script, SEED)?;
    run(Command::new("/usr/bin/python3").arg(&script).arg(&folder).arg(PEOPLE))?;
    fs::write(folder.join("ready"), "")?;
    Ok(folder)
}

/// The template's settings with this instance's folder and address.
fn settings(template: &str, from: &Path, to: &Path, address: Ipv4Addr) -> String {
    let to = to.display().to_string();
    let own = ["server services", "interfaces", "bind interfaces only"];
    let mut out = String::new();
    for line in template.replace(&from.display().to_string(), &to).lines() {
        if own.iter().any(|key| line.split('=').next().is_some_and(|word| word.trim() == *key)) {
            continue;
        }
        let _fits = writeln!(out, "{line}");
        if line.trim() == "[global]" {
            let _fits = write!(
                out,
                "\tserver services = ldap, cldap, kdc, drepl\n\tpid directory = {to}/run\n\tncalrpc dir = {to}/ncalrpc\n\
                 \tlog file = {to}/log.%m\n\tinterfaces = {address}/8\n\tbind interfaces only = yes\n\
                 \ttls enabled = yes\n\ttls keyfile = {to}/tls/server.key\n\ttls certfile = {to}/tls/server.crt\n\
                 \ttls cafile = {to}/tls/ca.crt\n\tldap server require strong auth = yes\n"
            );
        }
    }
    out
}

/// A loopback address no other test process holds. The lock ends with the process; a controller that is still stopping
/// is seen by its port.
fn free_address() -> Result<(Ipv4Addr, File)> {
    for last in ADDRESSES {
        let address = Ipv4Addr::new(127, 0, 0, last);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(std::env::temp_dir().join(format!("isthmus-test-{address}.lock")))?;
        if file.try_lock().is_ok() && TcpStream::connect(SocketAddr::from((address, 389))).is_err() {
            return Ok((address, file));
        }
    }
    bail!("every address from 127.0.0.{} on is taken", ADDRESSES.start)
}

/// Where `target` is, also when cargo was told to put it elsewhere.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from)
}
