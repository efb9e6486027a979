//! The one folder below which sources that are files are opened. Sources are registered in the browser, so their paths
//! must not become a way to read what only the hub's machine can read.

use std::{
    fs::{File, Metadata},
    path::{Component, Path, PathBuf},
};

/// A folder of the hub's machine, named by whoever starts the hub and by nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFolder(PathBuf);

/// Why a file was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileRefused {
    /// It is not a path below the folder, whatever is there.
    #[error("{path:?} is not a path below the folder of source files: {why}")]
    NotBelow { path: String, why: &'static str },
    /// A symbolic link in it leads out of the folder.
    #[error("{path:?} leads out of the folder of source files {folder} by a symbolic link: put the file itself there")]
    LeadsOut { path: String, folder: String },
    /// The folder itself cannot be used.
    #[error(
        "the folder of source files {folder} cannot be opened ({error}): make it, or name another with --source-files"
    )]
    NoFolder { folder: String, error: String },
    /// The file cannot be opened.
    #[error("{path:?} in the folder of source files {folder} cannot be opened: {error}")]
    NotOpened { path: String, folder: String, error: String },
    /// A folder, a pipe, a device.
    #[error("{path:?} in the folder of source files {folder} is not a file")]
    NotAFile { path: String, folder: String },
}

impl SourceFolder {
    /// It need not be there yet: that is looked at when a file of it is opened.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Where it is, for people to read.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether this may name a file below the folder, without looking whether one is there.
    pub fn check(path: &str) -> Result<(), FileRefused> {
        let refuse = |why| Err(FileRefused::NotBelow { path: path.chars().take(200).collect(), why });
        if path.is_empty() || path.len() > 1_000 {
            return refuse("give a path of at most 1,000 letters");
        }
        if path.chars().any(char::is_control) {
            return refuse("it has a control character");
        }
        // On no system a way out, and never meant well.
        if path.contains('\\') {
            return refuse("write / between folders");
        }
        for part in Path::new(path).components() {
            match part {
                Component::Normal(_) => {}
                Component::CurDir => return refuse("leave out the leading ./"),
                Component::ParentDir => return refuse("it climbs out with .."),
                Component::RootDir | Component::Prefix(_) => return refuse("it begins at the root"),
            }
        }
        if path.ends_with('/') {
            return refuse("it names a folder");
        }
        Ok(())
    }

    /// The real place of a file, after symbolic links, if that is below the folder. For libraries that open files
    /// themselves; whoever can, calls [`SourceFolder::open`], which leaves no time between looking and opening.
    pub fn locate(&self, path: &str) -> Result<PathBuf, FileRefused> {
        Self::check(path)?;
        let folder = self.0.canonicalize().map_err(|error| self.no_folder(&error))?;
        let place = folder.join(path).canonicalize().map_err(|error| self.not_opened(path, &error))?;
        if !place.starts_with(&folder) {
            return Err(FileRefused::LeadsOut { path: path.to_owned(), folder: self.shown() });
        }
        let facts = place.metadata().map_err(|error| self.not_opened(path, &error))?;
        self.require_file(path, &facts)?;
        Ok(place)
    }

    /// Opens a file for reading. Blocks as long as the disk does.
    pub fn open(&self, path: &str) -> Result<File, FileRefused> {
        // Looked at first for the words of a refusal; what counts is how it is opened.
        let place = self.locate(path)?;
        let file = self.open_below(path, &place)?;
        let facts = file.metadata().map_err(|error| self.not_opened(path, &error))?;
        self.require_file(path, &facts)?;
        Ok(file)
    }

    /// The kernel itself refuses a path that leaves the folder, also one that was changed a moment ago.
    #[cfg(target_os = "linux")]
    fn open_below(&self, path: &str, place: &Path) -> Result<File, FileRefused> {
        use rustix::{
            fs::{Mode, OFlags, ResolveFlags, openat2},
            io::Errno,
        };
        let folder = File::open(&self.0).map_err(|error| self.no_folder(&error))?;
        // A pipe that somebody put there must not hang the hub.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        match openat2(&folder, path, flags, Mode::empty(), resolve) {
            Ok(file) => Ok(File::from(file)),
            // Absolute links within the folder: `locate` has seen that they stay there.
            Err(Errno::XDEV | Errno::NOSYS | Errno::PERM) => {
                File::open(place).map_err(|error| self.not_opened(path, &error))
            }
            Err(error) => Err(self.not_opened(path, &error.into())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_below(&self, path: &str, place: &Path) -> Result<File, FileRefused> {
        File::open(place).map_err(|error| self.not_opened(path, &error))
    }

    fn require_file(&self, path: &str, facts: &Metadata) -> Result<(), FileRefused> {
        if facts.is_file() {
            return Ok(());
        }
        Err(FileRefused::NotAFile { path: path.to_owned(), folder: self.shown() })
    }

    fn shown(&self) -> String {
        self.0.display().to_string()
    }

    fn no_folder(&self, error: &std::io::Error) -> FileRefused {
        FileRefused::NoFolder { folder: self.shown(), error: error.to_string() }
    }

    fn not_opened(&self, path: &str, error: &std::io::Error) -> FileRefused {
        FileRefused::NotOpened { path: path.to_owned(), folder: self.shown(), error: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        os::unix::fs::symlink,
    };

    use super::*;

    /// A folder with a file in a folder, and a secret beside it.
    fn place() -> (tempfile::TempDir, SourceFolder) {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("sources/deep")).unwrap();
        fs::write(place.path().join("sources/deep/people.csv"), "id\n1\n").unwrap();
        fs::write(place.path().join("secret"), "do not read").unwrap();
        let folder = SourceFolder::new(place.path().join("sources"));
        (place, folder)
    }

    fn read(folder: &SourceFolder, path: &str) -> Result<String, FileRefused> {
        let mut text = String::new();
        folder.open(path)?.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn a_file_below_the_folder_is_read() {
        let (_place, folder) = place();
        assert_eq!(read(&folder, "deep/people.csv").unwrap(), "id\n1\n");
        assert!(folder.locate("deep/people.csv").unwrap().ends_with("sources/deep/people.csv"));
    }

    #[test]
    fn no_path_leaves_the_folder() {
        let (place, folder) = place();
        let absolute = place.path().join("secret").display().to_string();
        for path in [
            "",
            "/etc/passwd",
            "../secret",
            "deep/../../secret",
            "deep/..",
            "./deep/people.csv",
            "..\\secret",
            "a\0b",
            "deep/people.csv\n",
            "deep/",
            "/",
            "..",
            ".",
            &absolute,
            &"x".repeat(1_001),
        ] {
            assert!(matches!(folder.open(path), Err(FileRefused::NotBelow { .. })), "{path:?}");
            assert!(matches!(folder.locate(path), Err(FileRefused::NotBelow { .. })), "{path:?}");
        }
    }

    #[test]
    fn no_symbolic_link_leaves_the_folder() {
        let (place, folder) = place();
        let inside = place.path().join("sources");
        symlink(place.path().join("secret"), inside.join("absolute")).unwrap();
        symlink("../secret", inside.join("relative")).unwrap();
        symlink("..", inside.join("up")).unwrap();
        symlink("absolute", inside.join("chain")).unwrap();
        for path in ["absolute", "relative", "up/secret", "chain"] {
            let refused = read(&folder, path).unwrap_err();
            assert!(matches!(refused, FileRefused::LeadsOut { .. }), "{path}: {refused}");
        }
        symlink("deep/people.csv", inside.join("today")).unwrap();
        symlink(inside.join("deep"), inside.join("whole")).unwrap();
        assert_eq!(read(&folder, "today").unwrap(), "id\n1\n", "a link within the folder is what it stands for");
        assert_eq!(read(&folder, "whole/people.csv").unwrap(), "id\n1\n");
    }

    #[test]
    fn the_folder_itself_may_be_a_link() {
        let (place, _) = place();
        symlink(place.path().join("sources"), place.path().join("linked")).unwrap();
        assert!(read(&SourceFolder::new(place.path().join("linked")), "deep/people.csv").is_ok());
    }

    #[test]
    fn what_is_no_file_is_refused_and_what_is_missing_is_named() {
        let (place, folder) = place();
        assert!(matches!(folder.open("deep"), Err(FileRefused::NotAFile { .. })));
        let missing = folder.open("deep/nobody.csv").unwrap_err().to_string();
        assert!(missing.contains("deep/nobody.csv") && missing.contains("sources"), "{missing}");
        let nowhere = SourceFolder::new(place.path().join("nowhere")).open("a.csv").unwrap_err().to_string();
        assert!(nowhere.contains("--source-files"), "{nowhere}");
    }

    #[test]
    fn a_file_that_is_replaced_while_it_is_read_stays_the_one_it_was() {
        let (place, folder) = place();
        let mut open = folder.open("deep/people.csv").unwrap();
        let path = place.path().join("sources/deep/people.csv");
        fs::rename(&path, place.path().join("sources/deep/old.csv")).unwrap();
        File::create(&path).unwrap().write_all(b"other").unwrap();
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!(text, "id\n1\n");
    }
}
