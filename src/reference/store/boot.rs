//! A clock that cannot be set: how long the machine has been up, including sleep.

use std::sync::OnceLock;

use rustix::time::{ClockId, clock_gettime};

/// Continues while the machine sleeps. Read from the kernel, so it is the same in every process of the machine.
#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
/// On these systems it also continues.
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// Milliseconds since the machine was started, the same in every container on it.
pub(super) fn boot_ms() -> i64 {
    static SHIFT: OnceLock<i64> = OnceLock::new();
    let shift = SHIFT.get_or_init(|| {
        let offsets = std::fs::read_to_string("/proc/self/timens_offsets");
        offsets.map_or(0, |text| namespace_shift_ms(&text))
    });
    let now = clock_gettime(SINCE_BOOT);
    now.tv_sec * 1000 + now.tv_nsec / 1_000_000 - shift
}

/// Identifies this start of the machine, if the system provides it.
pub(super) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// How far the time namespace of a container shifts the time since boot, by the kernel's list of seconds and nanoseconds.
fn namespace_shift_ms(offsets: &str) -> i64 {
    let of_boot = offsets.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next()? != "boottime" {
            return None;
        }
        let seconds: i64 = words.next()?.parse().ok()?;
        let nanoseconds: i64 = words.next()?.parse().ok()?;
        Some(seconds.saturating_mul(1000) + nanoseconds / 1_000_000)
    });
    of_boot.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{boot_ms, namespace_shift_ms};

    #[test]
    fn a_time_namespace_is_taken_out() {
        let offsets = "monotonic        -10         0\nboottime     604800  500000000\n";
        assert_eq!(namespace_shift_ms(offsets), 604_800_500);
        assert_eq!(namespace_shift_ms("monotonic 5 0\nboottime 0 0\n"), 0);
        assert_eq!(namespace_shift_ms("boottime soon 0\n"), 0);
        assert_eq!(namespace_shift_ms(""), 0);
    }

    #[test]
    fn it_goes_on() {
        let before = boot_ms();
        assert!(before > 0 && boot_ms() >= before);
    }
}
