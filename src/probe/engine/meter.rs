//! What a run costs this process and whether it was kept from the processor, from now on.

use std::time::{Duration, Instant};

use super::thread_slot::{thread_count, total_rate};
use super::throttling::Throttling;
use crate::run::plan::Plan;
use crate::run::run_file::Throttled;

/// Counts from its making on.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    threads: usize,
    cpu: Option<Duration>,
    throttling: Throttling,
    throttled: Option<Throttled>,
}

impl Meter {
    /// Of a run of this plan.
    pub fn start(plan: &Plan) -> Meter {
        let throttling = Throttling::of_this_process();
        Meter {
            began: Instant::now(),
            threads: thread_count(plan, total_rate(plan)),
            cpu: process_cpu(),
            throttled: throttling.so_far(),
            throttling,
        }
    }

    /// CPU time of the whole process; `None` where it is not known.
    pub fn cpu(&self) -> Option<Duration> {
        Some(process_cpu()?.saturating_sub(self.cpu?))
    }

    /// The same per sending thread and time; 1 is all of it.
    pub fn busy(&self) -> Option<f64> {
        let available = self.began.elapsed().as_secs_f64() * self.threads as f64;
        Some(self.cpu()?.as_secs_f64() / available)
    }

    /// How the control group was kept from the processor; `None` where that is not counted.
    pub fn throttled(&self) -> Option<Throttled> {
        let (before, now) = (self.throttled?, self.throttling.so_far()?);
        Some(Throttled {
            periods: now.periods.saturating_sub(before.periods),
            time: now.time.saturating_sub(before.time),
        })
    }
}

/// CPU time of this process since its start.
#[cfg(unix)]
fn process_cpu() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Some(Duration::new(
        u64::try_from(spent.tv_sec).ok()?,
        u32::try_from(spent.tv_nsec).ok()?,
    ))
}

#[cfg(not(unix))]
fn process_cpu() -> Option<Duration> {
    None
}
