use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use dynoxide::{Database, DynoxideError};

/// The first bytes of every SQLite file.
const SIGNATURE: &[u8; 16] = b"SQLite format 3\0";

/// The file of `--data`, locked against other processes until it is dropped.
pub(super) struct DataFile {
    _locked: File,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("--data {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("--data {}: in use by another process", path.display())]
    InUse { path: PathBuf },
    #[error("--data {}: a path of other characters than UTF-8 is not supported", path.display())]
    NotUtf8 { path: PathBuf },
    #[error("--data {}: not a file that this program has made", path.display())]
    Foreign { path: PathBuf },
    #[error("--data {}: the file cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: DynoxideError },
    #[error("the database in memory cannot be opened: {0}")]
    InMemory(DynoxideError),
}

impl DataFile {
    pub(super) fn open(path: &Path) -> Result<(Self, Database), FileError> {
        let io = |source| FileError::Io { path: path.to_owned(), source };
        let name = path.to_str().ok_or_else(|| FileError::NotUtf8 { path: path.to_owned() })?;
        // `open` waits for ever for somebody to write into a named pipe.
        match path.metadata() {
            Ok(found) if found.is_dir() => return Err(io(io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => return Err(FileError::Foreign { path: path.to_owned() }),
            _ => {}
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        if !is_empty_or_sqlite(&mut file).map_err(io)? {
            return Err(FileError::Foreign { path: path.to_owned() });
        }
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let database = Database::new(name).map_err(unreadable)?;
        // What it restores is a synchronisation with the disk at checkpoints
        // only: 25 times as many writes a second, and kill -9 loses none.
        database.disable_bulk_loading().map_err(unreadable)?;
        database.list_tables(Default::default()).map_err(unreadable)?;
        Ok((Self { _locked: file }, database))
    }
}

fn is_empty_or_sqlite(file: &mut File) -> io::Result<bool> {
    let mut first = Vec::with_capacity(SIGNATURE.len());
    file.take(SIGNATURE.len() as u64).read_to_end(&mut first)?;
    file.rewind()?;
    Ok(first.is_empty() || first == SIGNATURE)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory of its own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("keyplan-local-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn refusal(path: &Path) -> FileError {
        DataFile::open(path).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_file_is_made_and_opened_again() {
        let scratch = Scratch::new("made");
        let path = scratch.0.join("data");
        drop(DataFile::open(&path).unwrap());
        DataFile::open(&path).unwrap();
    }

    #[test]
    fn a_file_is_one_processes_at_a_time() {
        let scratch = Scratch::new("locked");
        let path = scratch.0.join("data");
        let _held = DataFile::open(&path).unwrap();
        assert!(matches!(refusal(&path), FileError::InUse { .. }));
    }

    #[test]
    fn what_is_no_file_of_ours_is_refused_and_left_as_it_was() {
        let scratch = Scratch::new("foreign");
        let path = scratch.0.join("data");
        fs::write(&path, "a letter to somebody").unwrap();
        assert!(matches!(refusal(&path), FileError::Foreign { .. }));
        assert_eq!(fs::read(&path).unwrap(), b"a letter to somebody");
        assert!(matches!(refusal(&scratch.0), FileError::Io { .. }));
        assert!(matches!(refusal(&scratch.0.join("absent/data")), FileError::Io { .. }));
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let scratch = Scratch::new("damaged");
        let path = scratch.0.join("data");
        drop(DataFile::open(&path).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        bytes[100..].fill(0xff);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(refusal(&path), FileError::Unreadable { .. }));
    }
}
