//! A small disk of its own: a tmpfs, mounted while the handle lives, and a file that fills it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// What is left beside a file that fills a disk; less cannot be hit exactly.
const BLOCK_BYTES: u64 = 4_096;

/// See the file's text.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts a disk of this size on a new directory.
    ///
    /// # Errors
    /// Says why it cannot be mounted here; that takes root.
    pub fn mount(at: &Path, megabytes: u32) -> anyhow::Result<Self> {
        fs::create_dir(at)?;
        let size = format!("size={megabytes}m,mode=0700");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .context("there is no `mount`")?;
        let said = String::from_utf8_lossy(&mount.stderr);
        ensure!(
            mount.status.success(),
            "no disk can be mounted: {}",
            said.trim()
        );
        Ok(Self(at.to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// How much is free.
    pub fn free_bytes(&self) -> anyhow::Result<u64> {
        let found = rustix::fs::statvfs(&self.0)?;
        Ok(found.f_bavail * found.f_frsize)
    }

    /// Puts a file there that leaves so much free; `None` leaves nothing.
    pub fn fill(&self, leave_bytes: Option<u64>) -> anyhow::Result<()> {
        let mut file = File::options();
        let mut file = file.create(true).append(true).open(self.filler())?;
        let free_bytes = self.free_bytes()?;
        let most = match leave_bytes {
            Some(leave_bytes) => free_bytes.saturating_sub(leave_bytes),
            None => free_bytes + BLOCK_BYTES,
        };
        match io::copy(&mut io::repeat(1).take(most), &mut file) {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Takes that file away.
    pub fn free(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

/// Whether this program may mount one.
///
/// # Errors
/// Says why not.
pub fn can_be_mounted() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let disk = Disk::mount(&directory.path().join("disk"), 1);
    disk.map(drop).context("a disk of its own takes root")
}

impl Drop for Disk {
    fn drop(&mut self) {
        let umount = |how: &[&str]| Command::new("umount").args(how).arg(&self.0).status();
        // One that somebody still looks at goes once they are done.
        if !umount(&[]).is_ok_and(|status| status.success()) {
            let _ = umount(&["-l"]);
        }
    }
}
