//! The user as whom the server runs.

use std::path::Path;
use std::process::Command;

/// A user and its group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) group: u32,
}

/// Whom root runs it as, by the text of `/etc/passwd`.
pub(super) fn other_user(passwd: &str) -> Option<User> {
    let user = |name: &str| {
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    };
    user("postgres").or_else(|| user("nobody"))
}

/// A program that runs as this user, or as the one that this process has.
pub(super) fn as_user(program: &Path, user: Option<&User>) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={}", user.id), format!("--regid={}", user.group)])
        .arg("--clear-groups")
        .arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_runs_it_as_postgres_or_else_as_nobody() {
        let nobody = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";
        assert_eq!(other_user(nobody), Some(User { id: 65534, group: 65533 }));
        let both = format!("{nobody}postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n");
        assert_eq!(other_user(&both), Some(User { id: 101, group: 104 }));
        assert_eq!(other_user("root:x:0:0:root:/root:/bin/bash\n"), None);
    }
}
