//! Services of known capacity on real sockets. Times are booked ahead, so a late thread adds latency and takes no capacity.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::scripted::{Conversation, OK, Server};

const REFUSED: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n";

/// The time in which rates are counted.
const COUNTED: Duration = Duration::from_secs(2);

/// Of a service below its limit.
const QUICK: Duration = Duration::from_millis(2);

/// One request at a time, each for as long as `service` says at that time since the start.
pub(super) fn queue(service: impl Fn(Duration) -> Duration + Send + Sync + 'static) -> Server {
    let (began, free_at) = (Instant::now(), Mutex::new(Instant::now()));
    answering(move |at| {
        let mut free_at = free_at.lock().expect("no script panics");
        *free_at = (*free_at).max(at) + service(at - began);
        Answer::At(*free_at)
    })
}

/// Serves every request at once, and refuses what a bucket of this depth, filled at this rate, does not cover.
pub(super) fn bucket(per_second: f64, depth: f64) -> Server {
    let state = Mutex::new((depth, Instant::now()));
    answering(move |at| {
        let mut state = state.lock().expect("no script panics");
        let filled = state.0 + at.saturating_duration_since(state.1).as_secs_f64() * per_second;
        let tokens = filled.min(depth);
        *state = (if tokens >= 1.0 { tokens - 1.0 } else { tokens }, at);
        if tokens >= 1.0 {
            Answer::At(at + QUICK)
        } else {
            Answer::Refusal
        }
    })
}

/// Answers after a second from the moment at which more than this many requests per second come, until fewer than half
/// of them have come for this long.
pub(super) fn collapsing(per_second: f64, low_load: Duration) -> Server {
    let state = Mutex::new((Arrivals::default(), Health::Well));
    answering(move |at| {
        let mut state = state.lock().expect("no script panics");
        let rate = state.0.rate_with(at);
        state.1 = match state.1 {
            _ if rate > per_second => Health::Collapsed { low_since: None },
            Health::Collapsed { .. } if rate > per_second / 2.0 => {
                Health::Collapsed { low_since: None }
            }
            Health::Collapsed { low_since } => {
                let since = low_since.unwrap_or(at);
                if at - since >= low_load {
                    Health::Well
                } else {
                    Health::Collapsed {
                        low_since: Some(since),
                    }
                }
            }
            Health::Well => Health::Well,
        };
        match state.1 {
            Health::Well => Answer::At(at + QUICK),
            Health::Collapsed { .. } => Answer::At(at + Duration::from_secs(1)),
        }
    })
}

/// Answers after 400 ms from the moment at which more than this many requests per second come; the delay is gone when
/// fewer have come for this long, and shrinks evenly until then.
pub(super) fn slow_to_recover(per_second: f64, healing: Duration) -> Server {
    let state = Mutex::new((Arrivals::default(), None::<Instant>));
    answering(move |at| {
        let mut state = state.lock().expect("no script panics");
        if state.0.rate_with(at) > per_second {
            state.1 = Some(at);
        }
        let ill = state.1.map_or(0.0, |hurt| {
            1.0 - (at - hurt).as_secs_f64() / healing.as_secs_f64()
        });
        Answer::At(at + QUICK + Duration::from_millis(400).mul_f64(ill.max(0.0)))
    })
}

#[derive(Clone, Copy)]
enum Health {
    Well,
    Collapsed { low_since: Option<Instant> },
}

/// The latest requests.
#[derive(Default)]
struct Arrivals(VecDeque<Instant>);

impl Arrivals {
    /// Requests per second with this one. Two more than the rate may fall into any time.
    fn rate_with(&mut self, at: Instant) -> f64 {
        self.0.push_back(at);
        while self.0.front().is_some_and(|first| at - *first > COUNTED) {
            self.0.pop_front();
        }
        self.0.len().saturating_sub(2) as f64 / COUNTED.as_secs_f64()
    }
}

enum Answer {
    At(Instant),
    Refusal,
}

fn answering(answer: impl Fn(Instant) -> Answer + Send + Sync + 'static) -> Server {
    Server::tcp(move |conversation: &mut Conversation| {
        while let Some(request) = conversation.request() {
            let bytes = match answer(request.at) {
                Answer::At(due) => {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    OK
                }
                Answer::Refusal => REFUSED,
            };
            if !conversation.send(bytes) {
                return;
            }
        }
    })
}
