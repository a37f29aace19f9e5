//! Users of a machine, as passwd(5) writes them down. Where the lines come from is the caller's business.

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswdEntry<'a> {
    /// Login name.
    pub name: &'a str,
    /// Number of the user.
    pub uid: u32,
    /// Number of the user's first group.
    pub gid: u32,
    /// Home folder.
    pub home: &'a str,
}

/// The users in lines as /etc/passwd has them; a line that is none is passed over.
pub fn passwd_entries(lines: &str) -> impl Iterator<Item = PasswdEntry<'_>> {
    lines.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(PasswdEntry { name, uid, gid, home: fields.nth(1)? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_user_or_nothing() {
        let lines = "root:x:0:0:root:/root:/bin/sh\n\n+::::::\nann:x:1000:100:Ann,,,:/home/ann:\n";
        let entries: Vec<_> = passwd_entries(lines).collect();
        let root = PasswdEntry { name: "root", uid: 0, gid: 0, home: "/root" };
        let ann = PasswdEntry { name: "ann", uid: 1000, gid: 100, home: "/home/ann" };
        assert_eq!(entries, [root, ann]);
    }
}
