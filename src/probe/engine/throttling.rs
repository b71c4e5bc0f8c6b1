//! How often the control group of this process was kept from the processor: Linux counts it, in version 1 and 2.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::run::run_file::Throttled;

/// Where the system keeps its control groups.
const ROOT: &str = "/sys/fs/cgroup";

/// Which control groups this process is in.
const OWN: &str = "/proc/self/cgroup";

/// The files that count: of the process's own group and of those around it, each of which may have a quota.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Throttling {
    files: Vec<PathBuf>,
}

impl Throttling {
    pub(super) fn of_this_process() -> Throttling {
        let own = std::fs::read_to_string(OWN).unwrap_or_default();
        Throttling::under(Path::new(ROOT), &own)
    }

    /// Of a process whose `/proc/self/cgroup` holds this text, with the control groups mounted here.
    fn under(root: &Path, own: &str) -> Throttling {
        let files = own.lines().flat_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next().unwrap_or(""), fields.next().unwrap_or("/"));
            let mount = match controllers {
                "" => Some(root.to_owned()),
                list if list.split(',').any(|c| c == "cpu") => Some(root.join(list)),
                _ => None,
            };
            mount
                .into_iter()
                .flat_map(move |mount| groups(&mount, path))
        });
        // In a container the path may be the host's, which is not to be seen: then its own is the root of the mount.
        Throttling {
            files: files.filter(|file| file.is_file()).collect(),
        }
    }

    /// Total over all groups until now; `None` where nothing is counted.
    pub(super) fn so_far(&self) -> Option<Throttled> {
        let counted = self.files.iter().filter_map(|file| {
            let text = std::fs::read_to_string(file).ok()?;
            counts(&text)
        });
        counted.reduce(Throttled::and)
    }
}

/// The files of a group and of all those around it.
fn groups(mount: &Path, path: &str) -> Vec<PathBuf> {
    let own = mount.join(path.trim_start_matches('/'));
    own.ancestors()
        .take_while(|group| group.starts_with(mount))
        .map(|group| group.join("cpu.stat"))
        .collect()
}

/// From the text of a `cpu.stat`: version 2 counts in µs, version 1 in ns. The root group counts no throttling.
fn counts(text: &str) -> Option<Throttled> {
    let value = |wanted: &str| {
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == wanted)
            .and_then(|(_, value)| value.trim().parse::<u64>().ok())
    };
    let time = value("throttled_usec")
        .map(Duration::from_micros)
        .or_else(|| value("throttled_time").map(Duration::from_nanos))?;
    Some(Throttled {
        periods: value("nr_throttled")?,
        time,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Throttled, Throttling};

    fn write(folder: &Path, group: &str, text: &str) {
        let group = folder.join(group);
        std::fs::create_dir_all(&group).unwrap();
        std::fs::write(group.join("cpu.stat"), text).unwrap();
    }

    fn throttled(periods: u64, micros: u64) -> Throttled {
        Throttled {
            periods,
            time: Duration::from_micros(micros),
        }
    }

    #[test]
    fn version_2_counts_the_own_group_and_those_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let stat = |n, time| {
            format!("usage_usec 9\nnr_periods 8\nnr_throttled {n}\nthrottled_usec {time}\n")
        };
        write(folder.path(), "pod/job", &stat(3, 1_500));
        write(folder.path(), "pod", &stat(1, 200));
        write(folder.path(), "pod/other", &stat(50, 90_000));
        write(folder.path(), "", "usage_usec 9\n");
        let throttling = Throttling::under(folder.path(), "0::/pod/job\n");
        assert_eq!(throttling.so_far(), Some(throttled(4, 1_700)));
        // It is read again each time.
        write(folder.path(), "pod/job", &stat(4, 2_500));
        assert_eq!(throttling.so_far(), Some(throttled(5, 2_700)));
    }

    #[test]
    fn version_1_counts_in_nanoseconds_under_its_controller() {
        let folder = tempfile::tempdir().unwrap();
        let stat = "nr_periods 8\nnr_throttled 2\nthrottled_time 3000000\n";
        write(folder.path(), "cpu,cpuacct/docker", stat);
        let own = "4:memory:/docker\n3:cpu,cpuacct:/docker\n";
        let throttling = Throttling::under(folder.path(), own);
        assert_eq!(throttling.so_far(), Some(throttled(2, 3_000)));
        // A container that reports the host's path shows only the mount's root.
        write(folder.path(), "cpu,cpuacct", stat);
        let hidden = Throttling::under(folder.path(), "3:cpu,cpuacct:/host/docker/abc\n");
        assert_eq!(hidden.so_far(), Some(throttled(2, 3_000)));
    }

    #[test]
    fn where_nothing_is_counted_nothing_is_known() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "", "usage_usec 9\nuser_usec 4\n");
        assert_eq!(Throttling::under(folder.path(), "0::/\n").so_far(), None);
        assert_eq!(Throttling::under(folder.path(), "").so_far(), None);
    }
}
