//! A whole search on a simulated service: the search and the judgement are those of the command, only the clock and the
//! sockets are replaced.

use std::time::Duration;

use a7probe::judge::capacity::{
    CapacityEnd, CapacityGoal, CapacityJudge, CapacityOptions, CapacitySearch, GateRows,
    NarrowWatch, PairTest, PlannedTrial, Recovery, SearchAction, TrialDurations, TrialPurpose,
    TrialSample, TrialVerdict, recovery_window,
};

use super::random::Random;
use super::services::Service;

/// Requests are waited for as long as this.
const TIMEOUT_S: f64 = 10.0;

/// `--recover`.
const RECOVER_S: f64 = 60.0;

/// A search on one kind of service.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) service: Service,
    pub(crate) theta0: f64,
    pub(crate) limit: Duration,
    /// The true capacity in trials of these blocks, before any drift.
    pub(crate) capacity: f64,
    /// The factor above the capacity that a block cannot see.
    pub(crate) unseen: f64,
    /// The lowest of the first rates; each search begins within a factor of two above it.
    pub(crate) from: f64,
}

/// How one search ended.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) end: CapacityEnd,
    /// L over the capacity at the middle of its blocks.
    pub(crate) lower: Option<f64>,
    /// U over the capacity at the middle of its blocks.
    pub(crate) upper: Option<f64>,
    /// U/L.
    pub(crate) bracket: Option<f64>,
    pub(crate) minutes: f64,
}

/// A block that was sent, and the middle of its time.
struct SentBlock {
    rate: f64,
    middle: f64,
    sample: TrialSample,
}

/// A claim of one pair test.
struct Claim {
    rate: f64,
    verdict: TrialVerdict,
    /// The factor by which the capacity had drifted.
    drifted: f64,
}

struct World<'a> {
    scenario: &'a Scenario,
    service: Service,
    random: Random,
    judge: CapacityJudge,
    now: f64,
    blocks: Vec<SentBlock>,
    claims: Vec<Claim>,
    reference: Option<TrialSample>,
}

impl Scenario {
    /// The goal of its gate, with slow spells of 100 ms.
    fn goal(&self) -> CapacityGoal {
        CapacityGoal {
            theta0: self.theta0,
            limit: self.limit,
            spell: Some(Duration::from_millis(100)),
        }
    }

    pub(crate) fn durations(&self) -> TrialDurations {
        TrialDurations::of(&self.goal(), 0.1, Duration::from_secs(30))
    }

    /// One search; the same seed gives the same search on every machine.
    pub(crate) fn search(&self, seed: u64) -> Found {
        let mut random = Random(seed);
        let from = self.from * random.uniform().exp2();
        let durations = self.durations();
        let mut search = CapacitySearch::new(CapacityOptions {
            from,
            to: self.from * 1_000.0,
            width: 0.1,
            budget: Duration::from_secs(1 << 30),
            alpha: 0.05,
            goal: self.goal(),
            durations,
        });
        let mut world = World {
            scenario: self,
            service: self.service.clone(),
            random,
            judge: CapacityJudge::new(self.goal(), durations),
            now: 0.0,
            blocks: Vec::new(),
            claims: Vec::new(),
            reference: None,
        };
        loop {
            match search.next() {
                SearchAction::Send(trial) => world.trial(&mut search, trial),
                SearchAction::Recover { .. } => world.recover(&mut search, from),
                SearchAction::Judge(test) => search.pair_judged(world.pair(&test)),
                SearchAction::End => return world.found(&search),
            }
        }
    }
}

impl World<'_> {
    fn trial(&mut self, search: &mut CapacitySearch, trial: PlannedTrial) {
        let began = self.now;
        self.service.offer(trial.rate);
        self.send(trial.rate, search.options().durations.warm_up.as_secs_f64());
        let measured = self.now;
        let sample = match trial.purpose {
            TrialPurpose::Narrow => self.narrow(&trial),
            _ => {
                let latencies = self.send(trial.rate, trial.duration.as_secs_f64());
                self.sample(trial.rate, &latencies)
            }
        };
        let middle = (measured + self.now) / 2.0;
        self.drain(&sample);
        let verdict = match trial.purpose {
            TrialPurpose::Reference => self.judge.reference(&sample),
            TrialPurpose::Expand => self.judge.screen(&sample),
            TrialPurpose::Narrow => self.judge.narrow(&sample),
            TrialPurpose::Block(_) => self.judge.block(&sample),
        };
        let took = Duration::from_secs_f64(self.now - began);
        search.trial_ended(verdict, sample.longest_spell(), took);
        match trial.purpose {
            TrialPurpose::Reference => self.reference = Some(sample),
            TrialPurpose::Block(_) => self.blocks.push(SentBlock {
                rate: trial.rate,
                middle,
                sample,
            }),
            TrialPurpose::Expand | TrialPurpose::Narrow => {}
        }
    }

    /// Sends at a rate, with stratified arrivals; gives the response times.
    fn send(&mut self, rate: f64, duration: f64) -> Vec<Option<Duration>> {
        let requests = (rate * duration).round() as u64;
        let latencies = self.send_some(rate, 0..requests);
        self.now += duration;
        latencies
    }

    /// Requests of a trial that began now.
    fn send_some(&mut self, rate: f64, indices: std::ops::Range<u64>) -> Vec<Option<Duration>> {
        let mut latencies = Vec::new();
        for index in indices {
            let at = self.now + (index as f64 + self.random.uniform()) / rate;
            let answered = self.service.answer(at, &mut self.random);
            let in_time = answered.filter(|&seconds| seconds <= TIMEOUT_S);
            latencies.push(in_time.map(Duration::from_secs_f64));
        }
        latencies
    }

    fn sample(&self, rate: f64, latencies: &[Option<Duration>]) -> TrialSample {
        TrialSample::of_latencies(rate, latencies, self.scenario.limit, self.scenario.theta0)
    }

    /// Sends until the verdict is shown, or to the end.
    fn narrow(&mut self, trial: &PlannedTrial) -> TrialSample {
        let full = (trial.rate * trial.duration.as_secs_f64()).round() as u64;
        let theta0 = self.scenario.theta0;
        let mut watch = NarrowWatch::new(self.judge, trial.rate, &[theta0]);
        let (mut latencies, mut rows) = (Vec::new(), [GateRows::empty(theta0)]);
        loop {
            let seen = latencies.len() as u64;
            let until = watch.next_look().min(full);
            for latency in self.send_some(trial.rate, seen..until) {
                rows[0].push(latency.is_none_or(|latency| latency > self.scenario.limit));
                latencies.push(latency);
            }
            if watch.advance(&rows) || until == full {
                self.now += until as f64 / trial.rate;
                return self.sample(trial.rate, &latencies);
            }
        }
    }

    /// Waits for the answers to the latest requests.
    fn drain(&mut self, sample: &TrialSample) {
        let count = sample.latencies.len();
        let due = |index: usize| (count - index) as f64 / sample.rate;
        let (latencies, now) = (sample.latencies.iter().enumerate(), self.now);
        let ends = latencies
            .filter(|(_, latency)| latency.is_finite())
            .map(|(index, latency)| now - due(index) + latency);
        self.now = ends.fold(now, f64::max);
    }

    fn recover(&mut self, search: &mut CapacitySearch, from: f64) {
        let began = self.now;
        self.service.offer(from);
        let mut recovery = Recovery::StillWorse;
        while recovery == Recovery::StillWorse && self.now - began < RECOVER_S {
            let latencies = self.send(from, recovery_window(from).as_secs_f64());
            let window = self.sample(from, &latencies);
            self.drain(&window);
            if let Some(reference) = &self.reference {
                recovery = self.judge.recovery(&window, reference);
            }
        }
        search.recovery_ended(recovery, Duration::from_secs_f64(self.now - began));
    }

    fn pair(&mut self, test: &PairTest) -> TrialVerdict {
        let (own, others) = std::mem::take(&mut self.blocks)
            .into_iter()
            .partition(|block: &SentBlock| block.rate == test.rate);
        self.blocks = others;
        let [first, second] = &own[..] else {
            return TrialVerdict::ClientLimited;
        };
        let verdict = self.judge.pair(test, &first.sample, &second.sample);
        self.claims.push(Claim {
            rate: test.rate,
            verdict,
            drifted: self.service.drifted((first.middle + second.middle) / 2.0),
        });
        verdict
    }

    fn found(&self, search: &CapacitySearch) -> Found {
        let result = search.result();
        let over_capacity = |rate: Option<f64>, shown: TrialVerdict| {
            let is_shown = |claim: &&Claim| Some(claim.rate) == rate && claim.verdict == shown;
            let claim = self.claims.iter().find(is_shown)?;
            Some(claim.rate / (self.scenario.capacity * claim.drifted))
        };
        let lower = over_capacity(result.lower, TrialVerdict::Pass);
        let bracket = result.upper.zip(result.lower);
        Found {
            end: result.end,
            lower: lower.map(|lower| lower / self.scenario.unseen),
            upper: over_capacity(result.upper, TrialVerdict::Fail),
            bracket: bracket.map(|(upper, lower)| upper / lower),
            minutes: search.spent().as_secs_f64() / 60.0,
        }
    }
}

/// Many searches of one scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) searches: u32,
    /// L above the capacity, and by more than 2 %.
    pub(crate) false_lower: u32,
    pub(crate) false_lower_2: u32,
    /// U below the capacity, and by more than 1 %.
    pub(crate) false_upper: u32,
    pub(crate) false_upper_1: u32,
    /// U/L at most 1.10 and 1.21.
    pub(crate) within_10: u32,
    pub(crate) within_21: u32,
    pub(crate) does_not_recover: u32,
    pub(crate) minutes: f64,
}

impl Tally {
    pub(crate) fn of(scenario: &Scenario, searches: u32, seed: u64) -> Tally {
        let mut tally = Tally::default();
        for number in 0..searches {
            tally.add(
                &scenario.search(
                    seed.wrapping_add(u64::from(number).wrapping_mul(0x5851_F42D_4C95_7F2D)),
                ),
            );
        }
        tally
    }

    fn add(&mut self, found: &Found) {
        let counts = |holds: bool| u32::from(holds);
        self.searches += 1;
        self.false_lower += counts(found.lower.is_some_and(|lower| lower > 1.0));
        self.false_lower_2 += counts(found.lower.is_some_and(|lower| lower > 1.02));
        self.false_upper += counts(found.upper.is_some_and(|upper| upper < 1.0));
        self.false_upper_1 += counts(found.upper.is_some_and(|upper| upper < 0.99));
        self.within_10 += counts(found.bracket.is_some_and(|bracket| bracket <= 1.1 + 1e-9));
        self.within_21 += counts(found.bracket.is_some_and(|bracket| bracket <= 1.21 + 1e-9));
        self.does_not_recover += counts(matches!(found.end, CapacityEnd::DoesNotRecover { .. }));
        self.minutes += found.minutes;
    }

    /// A count as a share of the searches.
    pub(crate) fn share(&self, count: u32) -> f64 {
        f64::from(count) / f64::from(self.searches)
    }

    pub(crate) fn mean_minutes(&self) -> f64 {
        self.minutes / f64::from(self.searches)
    }
}
