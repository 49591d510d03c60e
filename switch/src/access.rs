//! Files that this process may not use: whose they are, as whom it runs, and what to do.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use holdfast_journal::OpenError;

/// What to say behind an error about a file; nothing where permissions are not the reason.
pub(crate) fn hint(file: &Path, error: &io::Error) -> String {
    if error.kind() == ErrorKind::PermissionDenied { format!("; {}", explained(file)) } else { String::new() }
}

/// Why this process may not read a file; `None` where it may, or where something else is wrong with it.
pub(crate) fn unreadable(file: &Path) -> Option<String> {
    let error = File::open(file).err()?;
    (error.kind() == ErrorKind::PermissionDenied).then(|| explained(file))
}

/// The error of a journal that was not opened, and where it is one of permissions, what to do.
pub(crate) fn of_journal(error: &OpenError) -> String {
    match error {
        OpenError::Directory { directory, source } => {
            // Whoever has the journal has its lock.
            format!("{error}: {source}{}", hint(&directory.join("lock"), source))
        }
        OpenError::Io(source) if source.kind() == ErrorKind::PermissionDenied => {
            let user = user(rustix::process::geteuid().as_raw());
            format!(
                "{error}: {source}; everything in its directory must belong to {user}, as whom this process runs"
            )
        }
        OpenError::Io(_)
        | OpenError::Settings(_)
        | OpenError::Locked { .. }
        | OpenError::Corrupt { .. }
        | OpenError::Facts { .. }
        | OpenError::Epoch(_) => error.to_string(),
    }
}

/// What to remark where the one who asks may read a file, because it is root, and the one whose directory it lies in may not.
pub(crate) fn for_its_directory(file: &Path) -> Option<String> {
    let directory = fs::metadata(std::path::absolute(file).ok()?.parent()?).ok()?;
    let found = fs::metadata(file).ok()?;
    let readable = found.mode() & 0o044 != 0 || directory.uid() == found.uid();
    // Root reads everything.
    (directory.uid() != 0 && !readable).then(|| {
        let (owner, of_directory) = (user(found.uid()), user(directory.uid()));
        format!(
            "only {owner} can read it, and its directory belongs to {of_directory}: a switch that runs as {of_directory} does not start; \
             `chown {of_directory} {}` gives it the file",
            file.display()
        )
    })
}

fn explained(file: &Path) -> String {
    let process = rustix::process::geteuid().as_raw();
    let user_of_process = user(process);
    let Some((path, metadata)) = in_the_way(file) else {
        return format!("this process runs as {user_of_process}");
    };
    let (owner, mode) = (metadata.uid(), metadata.permissions().mode() & 0o7777);
    let shown = path.display();
    let step = match (owner == process, metadata.is_dir()) {
        (true, true) => format!("`chmod u+rwx {shown}`"),
        (true, false) => format!("`chmod u+rw {shown}`"),
        (false, false) => format!("`chown {user_of_process} {shown}`"),
        // It may be anybody's, with much else in it.
        (false, true) => format!("keep the file where {user_of_process} may go"),
    };
    let owner = user(owner);
    format!(
        "this process runs as {user_of_process}, and {shown} belongs to {owner} with mode {mode:04o}: {step}"
    )
}

/// The file itself; or the last directory on the way to it that can be seen, where that lets nobody further.
fn in_the_way(file: &Path) -> Option<(PathBuf, Metadata)> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut way: Vec<&Path> = file.ancestors().collect();
    way.reverse();
    let seen = way.into_iter().map_while(|path| Some((path.to_owned(), fs::metadata(path).ok()?)));
    seen.last()
}

/// The name of a user, or its number where it has none here.
fn user(id: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_the_file_or_the_last_directory_that_can_be_seen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("switch.key");
        let there = |file: &Path| in_the_way(file).unwrap().0;
        assert_eq!(there(&file), directory.path(), "it is not there yet");
        fs::write(&file, "").unwrap();
        assert_eq!(there(&file), file);
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let text = hint(&file, &denied);
        let name = file.display().to_string();
        assert!(text.contains("this process runs as ") && text.contains(&name), "{text}");
        assert!(text.contains("with mode 0") && text.contains("`chmod u+rw "), "{text}");
        assert_eq!(hint(&file, &io::Error::from(ErrorKind::NotFound)), "");
    }

    #[test]
    fn users_have_names_or_numbers() {
        assert_eq!(user(0), "root");
        assert_eq!(user(4_000_000_001), "4000000001");
    }
}
