//! Room on a disk, asked for before it is filled.

use std::path::Path;

/// Says what is needed under a directory, which need not exist yet.
///
/// # Errors
/// Where so much is not free, or nobody can say what is.
pub fn require(directory: &Path, bytes: u64) -> Result<(), Box<dyn std::error::Error>> {
    let absolute = std::path::absolute(directory)?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let disk = rustix::fs::statvfs(existing)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!("needs about {} MiB under {}", bytes >> 20, directory.display());
    println!("{said}, where {} MiB are free", free >> 20);
    if free > bytes { Ok(()) } else { Err(format!("too little room: {said}").into()) }
}

#[cfg(test)]
mod tests {
    use super::require;

    #[test]
    fn what_does_not_fit_is_refused_before_the_directory_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("not/yet");
        require(&directory, 1).unwrap();
        let refused = require(&directory, u64::MAX - 1).unwrap_err().to_string();
        assert!(refused.contains("too little room") && refused.contains("not/yet"), "{refused}");
        assert!(!parent.path().join("not").exists());
    }
}
