//! The folder of stored pictures. A file is in it complete or not at all: it is received under a name that nobody is served,
//! cleaned of what tells about its owner, written out, and given its own name last. Names are random and never given twice.
//!
//! Always holds: all work on files is done off the async threads; what an upload that failed has left behind goes with it, and
//! what a process that was killed left behind goes with a later one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::error::{Error, Problem, Result};
use crate::images::{self, Flaw, Format};

/// Folder of what is being received. Names that begin with a dot are not served.
const INCOMING: &str = ".incoming";
/// Pictures that are cleaned at a time. Each is in memory meanwhile, so this bounds the memory of all uploads together.
const CLEANED_AT_A_TIME: usize = 4;
/// A file that nobody has written to for so long has lost its process: an upload has a minute.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Characters of the ending of a picture's name: `jpeg`, `JPG`, `heic` are among the old ones.
const ENDING_MAX: usize = 8;

/// What a picture is of; each kind has a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A lifter.
    Avatar,
    /// A routine.
    Routine,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Avatar, Self::Routine];

    const fn folder(self) -> &'static str {
        match self {
            Self::Avatar => "avatars",
            Self::Routine => "routine-images",
        }
    }
}

/// The key of a stored picture: its place below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    kind: Kind,
    name: String,
}

impl Key {
    fn new(kind: Kind, format: Format) -> Self {
        Self { kind, name: format!("{}.{}", Uuid::new_v4().simple(), format.extension()) }
    }

    /// The key that this text is, if it is one of a picture that was stored here. The earlier server took the ending of whatever
    /// name the client's file had.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (folder, name) = text.split_once('/')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        let (id, ending) = name.split_once('.')?;
        let is_id = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_ending =
            (1..=ENDING_MAX).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_id && is_ending).then(|| Self { kind, name: name.to_owned() })
    }

    /// The random part of the name, which nothing else has.
    #[must_use]
    pub fn id(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.folder(), self.name)
    }
}

/// The folder.
pub struct Storage {
    root: PathBuf,
    turns: Semaphore,
}

/// A file that is being received. Dropped, it is gone.
pub struct Incoming {
    file: Arc<File>,
    name: Temporary,
}

/// A picture that is whole and clean, and that nobody is served yet. Dropped, it is gone.
pub struct Cleaned {
    name: Temporary,
    /// The key that it is going to have.
    pub key: Key,
}

/// The name of a file that is removed with it.
struct Temporary(PathBuf);

impl Temporary {
    /// Makes a file that nobody knows.
    fn create(root: &Path) -> io::Result<(File, Self)> {
        let folder = root.join(INCOMING);
        make_folder(&folder)?;
        let name = Self(folder.join(Uuid::new_v4().simple().to_string()));
        let file = File::options().write(true).create_new(true).open(&name.0)?;
        Ok((file, name))
    }

    /// Gives the file its own name instead.
    fn rename(mut self, name: &Path) -> io::Result<()> {
        fs::rename(&self.0, name)?;
        self.0 = PathBuf::new();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.0);
        if name.as_os_str().is_empty() {
            return;
        }
        let remove = move || {
            if let Err(error) = fs::remove_file(name) {
                tracing::warn!(%error, "what was received cannot be removed");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Makes a folder within one that is there: where the outermost is missing, its disk may be.
fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Runs work on files off the async threads. What fails is told as our own trouble, which may pass.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(Error::internal)?.map_err(Error::unavailable)
}

/// 400: these bytes are not taken.
#[must_use]
pub fn refused(flaw: Flaw) -> Error {
    Error::new(Problem::BadRequest).with_detail(flaw.to_string())
}

impl Storage {
    /// The folder at this place.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, turns: Semaphore::new(CLEANED_AT_A_TIME) }
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// `Unavailable` if the folder is missing, full or broken.
    pub async fn receive(&self) -> Result<Incoming> {
        let root = self.root.clone();
        let (file, name) = on_disk(move || Temporary::create(&root)).await?;
        Ok(Incoming { file: Arc::new(file), name })
    }

    /// Cleans what was received, as a picture of this kind, of what tells about its owner.
    ///
    /// # Errors
    /// 400 if it is no picture, `Unavailable` if the folder is full or broken.
    pub async fn clean(&self, incoming: Incoming, kind: Kind) -> Result<Cleaned> {
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let root = self.root.clone();
        on_disk(move || clean(&root, &incoming.name.0, kind)).await?.map_err(refused)
    }

    /// Gives a cleaned picture its own name. When this answers, the picture is on the disk.
    ///
    /// # Errors
    /// `Unavailable` if the folder is broken.
    pub async fn keep(&self, cleaned: Cleaned) -> Result<Key> {
        let root = self.root.clone();
        on_disk(move || {
            let folder = root.join(cleaned.key.kind.folder());
            make_folder(&folder)?;
            cleaned.name.rename(&folder.join(&cleaned.key.name))?;
            File::open(&folder)?.sync_all()?;
            Ok(cleaned.key)
        })
        .await
    }

    /// Removes a stored picture, if it is there.
    ///
    /// # Errors
    /// `Unavailable` if the folder is missing or broken: then nobody knows what is there.
    pub async fn remove(&self, key: &Key) -> Result<()> {
        let (root, path) = (self.root.clone(), self.root.join(key.to_string()));
        on_disk(move || match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read_dir(root).map(drop),
            removed => removed,
        })
        .await
    }

    /// Removes what processes that were killed have left behind; answers how many files that were.
    ///
    /// # Errors
    /// `Unavailable` if the folder is broken.
    pub async fn sweep(&self) -> Result<usize> {
        let folder = self.root.join(INCOMING);
        on_disk(move || match sweep(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0), // nothing was ever received
            swept => swept,
        })
        .await
    }
}

impl Incoming {
    /// Writes the next piece.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full or broken.
    pub async fn write(&self, piece: Bytes) -> Result<()> {
        let file = Arc::clone(&self.file);
        on_disk(move || (&*file).write_all(&piece)).await
    }
}

/// Cleans the received file into one of its own, whole and on the disk.
fn clean(root: &Path, received: &Path, kind: Kind) -> io::Result<Result<Cleaned, Flaw>> {
    let bytes = fs::read(received)?;
    let picture = match images::clean(&bytes) {
        Ok(picture) => picture,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let (file, name) = Temporary::create(root)?;
    let mut writer = BufWriter::new(&file);
    for piece in picture.pieces() {
        writer.write_all(piece)?;
    }
    writer.flush()?;
    drop(writer);
    file.sync_all()?;
    Ok(Ok(Cleaned { name, key: Key::new(kind, picture.format) }))
}

fn sweep(folder: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let age = written.ok().and_then(|written| SystemTime::now().duration_since(written).ok());
        if age.is_some_and(|age| age > LEFT_BEHIND) && fs::remove_file(entry.path()).is_ok() {
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_were_given_out_are_keys() {
        let id = "0123456789abcdef0123456789abcdef";
        for good in [format!("avatars/{id}.png"), format!("routine-images/{id}.jpg"), format!("avatars/{id}.JPEG")] {
            let key = Key::parse(&good).unwrap();
            assert_eq!((key.to_string(), key.id()), (good, id));
        }
        for bad in [
            format!("avatars/{id}"),
            format!("avatars/{id}."),
            format!("avatars/{id}.png~"),
            format!("avatars/{id}.ninechars"),
            format!("avatars/{id}.png.png"),
            format!("avatars/x/{id}.png"),
            format!("avatars/../{id}.png"),
            format!("ranks/{id}.png"),
            format!("{id}.png"),
            format!("avatars/{}.png", id.to_uppercase()),
            format!("avatars/{}.png", &id[1..]),
            "avatars/default.png".to_owned(),
        ] {
            assert_eq!(Key::parse(&bad), None, "{bad}");
        }
    }
}
