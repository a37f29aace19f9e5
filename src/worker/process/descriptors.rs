//! Descriptors that whoever started the engine left open: a pipe, a lock, a socket.
//!
//! Owns closing them. The worker process and every command would hold them, and with them a lock, for as long as they
//! run. Whatever this program opens itself is marked close-on-exec, so a descriptor without that mark was inherited.

use std::fs;
use std::io;

use rustix::fs::OFlags;

/// Closes every descriptor above 2 that was inherited.
pub(super) fn close_inherited() -> io::Result<()> {
    for entry in fs::read_dir("/proc/self/fdinfo")? {
        let name = entry?.file_name();
        let Some(descriptor) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // One that is gone is closed already.
        let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")) else {
            continue;
        };
        if descriptor > 2 && is_inherited(&info) {
            nix::unistd::close(descriptor)?;
        }
    }
    Ok(())
}

/// Whether a descriptor lacks the close-on-exec mark, as its file in /proc says.
fn is_inherited(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & OFlags::CLOEXEC.bits() == 0)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn what_this_program_opens_is_not_taken_for_inherited() {
        let file = fs::File::open("/dev/null").unwrap();
        let path = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
        assert!(!is_inherited(&fs::read_to_string(path).unwrap()));
        assert!(is_inherited("pos:\t0\nflags:\t0100002\nmnt_id:\t9\n"));
        assert!(!is_inherited("pos:\t0\nflags:\t02100002\nmnt_id:\t9\n"));
        assert!(!is_inherited("") && !is_inherited("flags:\tx\n"));
    }
}
