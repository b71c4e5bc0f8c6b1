//! Services whose capacity is known, as functions from arrivals to answers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::random::Random;

/// How a simulated service answers. Times are in seconds.
#[derive(Clone, Debug)]
pub(crate) enum Service {
    /// First in, first out, with one or more servers.
    Queue(Queue),
    /// A share of slow requests that doubles with every 7 % of rate.
    Abstract(AbstractService),
    /// Answers after a second once it was overloaded, until the load was low for a while.
    Collapse(Collapse),
    /// A rate of requests, and a number of them at once; the others are refused at once.
    Bucket(Bucket),
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    /// When each server is free, in nanoseconds.
    free_ns: BinaryHeap<Reverse<u64>>,
    time: ServiceTime,
    /// The change of the rate of service: `1 + drift·t`, up to 720 s.
    drift: f64,
}

/// The law of a service time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServiceTime {
    Constant(f64),
    Lognormal {
        mean: f64,
        variation: f64,
    },
    Bimodal {
        short: f64,
        long: f64,
        long_share: f64,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct AbstractService {
    pub(crate) capacity: f64,
    pub(crate) theta0: f64,
    pub(crate) burst: u32,
    rate: f64,
    left: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Collapse {
    /// Requests per second above which it collapses.
    capacity: f64,
    /// Seconds of low load, at most half of that, that end it.
    recovers_after: f64,
    rate: f64,
    state: CollapseState,
}

#[derive(Clone, Copy, Debug)]
enum CollapseState {
    Well,
    Down {
        /// The latest time at a load that was not low.
        loaded: f64,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: f64,
    depth: f64,
    tokens: f64,
    at: f64,
}

impl ServiceTime {
    fn draw(self, random: &mut Random) -> f64 {
        match self {
            ServiceTime::Constant(time) => time,
            ServiceTime::Lognormal { mean, variation } => random.lognormal(mean, variation),
            ServiceTime::Bimodal {
                short,
                long,
                long_share,
            } => {
                if random.uniform() < long_share {
                    long
                } else {
                    short
                }
            }
        }
    }
}

impl Queue {
    pub(crate) fn new(servers: usize, time: ServiceTime) -> Queue {
        Queue {
            free_ns: (0..servers).map(|_| Reverse(0)).collect(),
            time,
            drift: 0.0,
        }
    }

    fn answer(&mut self, at: f64, random: &mut Random) -> f64 {
        let at_ns = (at * 1e9) as u64;
        let Reverse(free_ns) = self.free_ns.pop().unwrap_or(Reverse(0));
        let begins_ns = free_ns.max(at_ns);
        let time = self.time.draw(random) / self.speed(begins_ns as f64 / 1e9);
        let ends_ns = begins_ns + (time * 1e9) as u64;
        self.free_ns.push(Reverse(ends_ns));
        (ends_ns - at_ns) as f64 / 1e9
    }

    fn speed(&self, at: f64) -> f64 {
        1.0 + self.drift * at.min(720.0)
    }
}

impl Service {
    pub(crate) fn queue(servers: usize, time: ServiceTime) -> Service {
        Service::Queue(Queue::new(servers, time))
    }

    /// One server of 200 requests a second whose speed changes by a fifth in 480 s.
    pub(crate) fn drifting(part: f64) -> Service {
        Service::Queue(Queue {
            drift: part / 480.0,
            ..Queue::new(1, ServiceTime::Constant(0.005))
        })
    }

    pub(crate) fn abstract_service(capacity: f64, theta0: f64, burst: u32) -> Service {
        Service::Abstract(AbstractService {
            capacity,
            theta0,
            burst,
            rate: 0.0,
            left: 0,
        })
    }

    pub(crate) fn collapsing(recovers_after: f64) -> Service {
        Service::Collapse(Collapse {
            capacity: 200.0,
            recovers_after,
            rate: 0.0,
            state: CollapseState::Well,
        })
    }

    pub(crate) fn bucket(rate: f64, seconds: f64) -> Service {
        Service::Bucket(Bucket {
            rate,
            depth: rate * seconds,
            tokens: rate * seconds,
            at: 0.0,
        })
    }

    /// The offered rate changes.
    pub(crate) fn offer(&mut self, rate: f64) {
        match self {
            Service::Abstract(service) => service.rate = rate,
            Service::Collapse(service) => service.rate = rate,
            Service::Queue(_) | Service::Bucket(_) => {}
        }
    }

    /// The response time of a request at this time, `None` if it fails at once. Requests come in order of time.
    pub(crate) fn answer(&mut self, at: f64, random: &mut Random) -> Option<f64> {
        match self {
            Service::Queue(queue) => Some(queue.answer(at, random)),
            Service::Abstract(service) => Some(service.answer(random)),
            Service::Collapse(service) => Some(service.answer(at)),
            Service::Bucket(bucket) => bucket.takes(at).then_some(0.005),
        }
    }

    /// The factor by which the capacity has changed at this time.
    pub(crate) fn drifted(&self, at: f64) -> f64 {
        match self {
            Service::Queue(queue) => queue.speed(at),
            _ => 1.0,
        }
    }
}

impl AbstractService {
    fn answer(&mut self, random: &mut Random) -> f64 {
        let share = self.theta0 * ((self.rate / self.capacity).ln() / 1.07_f64.ln()).exp2();
        let share = share.min(0.95);
        let burst = f64::from(self.burst);
        // Mean gap g with burst/(burst + g) = share, and chance 1/(1 + g).
        let chance = 1.0 / (1.0 + burst * (1.0 - share) / share);
        if self.left == 0 && random.uniform() < chance {
            self.left = self.burst;
        }
        let is_slow = self.left > 0;
        self.left = self.left.saturating_sub(1);
        let jitter = 0.8 + 0.4 * random.uniform();
        jitter * if is_slow { 0.4 } else { 0.05 }
    }
}

impl Collapse {
    fn answer(&mut self, at: f64) -> f64 {
        if self.rate > self.capacity {
            self.state = CollapseState::Down { loaded: at };
        }
        if let CollapseState::Down { loaded } = &mut self.state {
            if self.rate > self.capacity / 2.0 {
                *loaded = at;
            }
            if at - *loaded < self.recovers_after {
                return 1.0;
            }
            self.state = CollapseState::Well;
        }
        0.005
    }
}

impl Bucket {
    fn takes(&mut self, at: f64) -> bool {
        self.tokens = ((at - self.at).mul_add(self.rate, self.tokens)).min(self.depth);
        self.at = at;
        let takes = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(takes));
        takes
    }
}
