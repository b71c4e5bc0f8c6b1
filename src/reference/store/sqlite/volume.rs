//! What the operating system tells of the volume of a file.

use std::path::Path;

/// How many bytes this process may still write on the volume of a file; `None` if the system does not report it.
#[cfg(target_os = "linux")]
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let volume = rustix::fs::statvfs(path).ok()?;
    // Some blocks are kept for root.
    let blocks = if rustix::process::geteuid().is_root() {
        volume.f_bfree
    } else {
        volume.f_bavail
    };
    // A file system in memory without a limit reports zero blocks.
    (volume.f_blocks > 0).then(|| blocks.saturating_mul(volume.f_frsize))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn free_bytes(_: &Path) -> Option<u64> {
    None
}

/// Bytes reserved for recording the results of accepted events.
pub(super) const RESERVE_BYTES: u64 = 512 * 1024;

/// The resource that the volume lacks for a file that cannot be opened or written; `None` if that is not the reason.
pub(super) fn shortage(path: &Path) -> Option<String> {
    // The file may not exist yet.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if let Some(free) = free_bytes(folder).filter(|free| *free < RESERVE_BYTES) {
        return Some(format!("its volume has {} KiB free", free / 1024));
    }
    has_no_inodes(folder).then(|| "its volume has no inodes left".to_owned())
}

#[cfg(target_os = "linux")]
fn has_no_inodes(folder: &Path) -> bool {
    // Some file systems do not count them.
    rustix::fs::statvfs(folder).is_ok_and(|volume| volume.f_files > 0 && volume.f_ffree == 0)
}

#[cfg(not(target_os = "linux"))]
fn has_no_inodes(_: &Path) -> bool {
    false
}
