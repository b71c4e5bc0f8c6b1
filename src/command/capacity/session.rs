//! A search under way: sends what the state machine asks for, and reports how each trial ended.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::cli::resolve::Capacity;
use crate::command::measuring::{
    Measuring, PendingCalibration, TrialRequest, TrialRun, TrialWatch, TrialWorkAudit,
};
use crate::judge::capacity::{
    BoundSide, CapacityJudge, CapacitySearch, NarrowWatch, PairTest, PlannedTrial, Recovery,
    SearchAction, ShareSide, TrialEvidence, TrialPurpose, TrialSample, TrialVerdict,
    recovery_window,
};
use crate::judge::gate::{Condition, InstrumentLoad};
use crate::judge::summary::Observed;
use crate::report::{
    AskedCapacity, CapacityOutcome, CapacityTrial, JudgedPair, TrialMetric, TrialRecords,
    TrialRecovery, TrialTime,
};
use crate::run::completion::Audit;
use crate::run::plan::{Plan, Size};
use crate::run::recording::Recording;
use crate::run::run_file::FinishedRun;
use crate::run::schedule::Schedule;
use crate::stats::rank::Quantile;
use crate::units::{Rate, trimmed};

/// Beyond the limit, an audit of a recovery window waits this much longer.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// What came of a search.
pub(super) struct SessionResult {
    pub(super) trials: Vec<CapacityTrial>,
    pub(super) outcome: CapacityOutcome,
}

/// A search under way.
pub(super) struct CapacitySession<'a> {
    capacity: &'a Capacity,
    measuring: &'a Measuring,
    stderr: &'a mut dyn Write,
    /// Of a search whose gates are about the work.
    work: Option<TrialWorkAudit>,
    judge: CapacityJudge,
    conditions: Vec<Condition>,
    /// The measurement overhead by rate, in bits of the rate.
    calibrations: HashMap<u64, PendingCalibration>,
    trials: Vec<CapacityTrial>,
    reference: Option<TrialSample>,
    /// When every answer of the latest trial was in.
    answered: Instant,
    /// Blocks whose pair is not judged yet.
    blocks: Vec<SentPart>,
}

/// A block, and its row among the trials.
struct SentPart {
    row: usize,
    sample: TrialSample,
}

/// A trial that was sent.
struct SentTrial {
    sample: TrialSample,
    recording: Recording,
    audit: Option<Audit>,
}

impl<'a> CapacitySession<'a> {
    pub(super) fn new(
        capacity: &'a Capacity,
        measuring: &'a Measuring,
        work: Option<TrialWorkAudit>,
        stderr: &'a mut dyn Write,
    ) -> CapacitySession<'a> {
        let options = &capacity.options;
        CapacitySession {
            capacity,
            measuring,
            stderr,
            work,
            answered: Instant::now(),
            judge: CapacityJudge::new(options.goal, options.durations),
            conditions: capacity.gates.iter().map(|gate| gate.condition).collect(),
            calibrations: HashMap::new(),
            trials: Vec::new(),
            reference: None,
            blocks: Vec::new(),
        }
    }

    /// Searches, or tests the one rate that a gate names.
    pub(super) fn run(mut self) -> anyhow::Result<SessionResult> {
        let outcome = match self.capacity.tested {
            Some(asked) => self.test(asked)?,
            None => self.search()?,
        };
        Ok(SessionResult {
            trials: self.trials,
            outcome,
        })
    }

    fn is_interrupted(&self) -> bool {
        self.measuring.signals.received().is_some()
    }

    fn search(&mut self) -> anyhow::Result<CapacityOutcome> {
        let mut search = CapacitySearch::new(self.capacity.options);
        while !self.is_interrupted() {
            match search.next() {
                SearchAction::Send(trial) => self.trial(&mut search, &trial)?,
                SearchAction::Recover { .. } => self.recover(&mut search)?,
                SearchAction::Judge(test) => {
                    let verdict = self.pair(&test);
                    search.pair_judged(verdict);
                }
                SearchAction::End => break,
            }
        }
        Ok(CapacityOutcome::Searched(search.result()))
    }

    /// Two blocks at one rate, at the level of a single test.
    fn test(&mut self, asked: AskedCapacity) -> anyhow::Result<CapacityOutcome> {
        let options = &self.capacity.options;
        let test = PairTest {
            number: 1,
            level: options.alpha,
            side: BoundSide::Lower,
            rate: asked.rate.as_per_second(),
            spell: options.goal.spell,
        };
        let block = PlannedTrial {
            purpose: TrialPurpose::Block(BoundSide::Lower),
            rate: test.rate,
            duration: options.pair_block(),
        };
        for _ in 0..2 {
            if self.is_interrupted() {
                break;
            }
            let Some(sent) = self.send(&block)? else {
                break;
            };
            let verdict = self.judge.block(&sent.sample);
            self.keep(&block, sent, verdict);
        }
        let verdict = if self.is_interrupted() {
            TrialVerdict::Undecided(ShareSide::Within)
        } else {
            self.pair(&test)
        };
        Ok(CapacityOutcome::Tested { asked, verdict })
    }

    fn trial(&mut self, search: &mut CapacitySearch, trial: &PlannedTrial) -> anyhow::Result<()> {
        let began = Instant::now();
        let Some(sent) = self.send(trial)? else {
            return Ok(());
        };
        let sample = &sent.sample;
        let verdict = match trial.purpose {
            TrialPurpose::Reference => self.judge.reference(sample),
            TrialPurpose::Expand => self.judge.screen(sample),
            TrialPurpose::Narrow => self.judge.narrow(sample),
            TrialPurpose::Block(_) => self.judge.block(sample),
        };
        search.trial_ended(verdict, sample.longest_spell(), began.elapsed());
        self.keep(trial, sent, verdict);
        Ok(())
    }

    /// Adds the row of a trial, and keeps what later verdicts need.
    fn keep(&mut self, trial: &PlannedTrial, sent: SentTrial, verdict: TrialVerdict) {
        let metric = self.metric();
        let records = TrialRecords {
            recording: &sent.recording,
            audit: sent.audit.as_ref(),
            timeout: self.capacity.plan.timeout,
            done: percentile(&[&sent.sample.done], metric.quantile),
        };
        let row = CapacityTrial::of(trial, &records, metric, verdict);
        self.trials.push(row);
        match trial.purpose {
            TrialPurpose::Reference => self.reference = Some(sent.sample),
            TrialPurpose::Block(_) => self.blocks.push(SentPart {
                row: self.trials.len() - 1,
                sample: sent.sample,
            }),
            TrialPurpose::Expand | TrialPurpose::Narrow => {}
        }
    }

    /// The percentile of the strictest gate; of the work, if a gate is about it.
    fn metric(&self) -> TrialMetric {
        let strictest = |quantile: fn(&Condition) -> Option<Quantile>| {
            let quantiles = self.conditions.iter().filter_map(quantile);
            quantiles.min_by(|a, b| a.exceedance().total_cmp(&b.exceedance()))
        };
        match strictest(Condition::work_quantile) {
            Some(quantile) => TrialMetric {
                quantile,
                time: TrialTime::Completion,
            },
            None => TrialMetric {
                quantile: strictest(Condition::quantile).unwrap_or(Quantile::P99),
                time: TrialTime::Response,
            },
        }
    }

    /// Sends one trial with its warm-up; `None` if a signal ended it.
    fn send(&mut self, trial: &PlannedTrial) -> anyhow::Result<Option<SentTrial>> {
        let plan = self.plan(
            trial.rate,
            trial.duration,
            self.capacity.options.durations.warm_up,
        );
        let Some(calibration) = self.calibration(&plan, trial.rate)? else {
            return Ok(None);
        };
        // What becomes of the work is known only after the trial.
        let may_end_early = trial.purpose == TrialPurpose::Narrow && self.work.is_none();
        let watch = may_end_early.then(|| self.watch(trial.rate));
        let label = format!("{}/s", trimmed(trial.rate, 2));
        let run = self.measuring.trial(TrialRequest {
            plan: &plan,
            own_error: calibration.own_error(),
            label: &label,
            watch,
            work: self.work.as_ref(),
            gates: &self.capacity.gates,
        })?;
        self.answered = run.answered;
        if self.is_interrupted() {
            return Ok(None);
        }
        Ok(self.sent(run, &plan, trial.rate))
    }

    fn watch(&self, rate: f64) -> TrialWatch {
        let shares: Vec<f64> = self
            .conditions
            .iter()
            .filter_map(Condition::allowed_share)
            .collect();
        TrialWatch {
            watch: NarrowWatch::new(self.judge, rate, &shares),
            conditions: self.conditions.clone(),
        }
    }

    fn sent(&self, run: TrialRun, plan: &Plan, rate: f64) -> Option<SentTrial> {
        let load = load(&run.finished, plan);
        let recording = run.finished.endpoints.into_iter().next()?.recording;
        let schedule = Schedule::of_plan(plan, 0)?;
        let evidence = TrialEvidence {
            recording: &recording,
            schedule: &schedule,
            audit: run.audit.as_ref(),
            load,
        };
        let sample = TrialSample::measured(&evidence, &self.conditions, rate);
        Some(SentTrial {
            sample,
            recording,
            audit: run.audit,
        })
    }

    fn plan(&self, rate: f64, duration: Duration, warmup: Duration) -> Plan {
        let mut plan = self.capacity.plan.clone();
        for endpoint in &mut plan.endpoints {
            endpoint.rate = Rate::per_second(rate);
        }
        // Each trial has a schedule of its own.
        plan.seed = plan.seed.wrapping_add(self.trials.len() as u64);
        Plan {
            size: Size::Duration(duration),
            warmup,
            ..plan
        }
    }

    fn calibration(
        &mut self,
        plan: &Plan,
        rate: f64,
    ) -> anyhow::Result<Option<PendingCalibration>> {
        if let Some(known) = self.calibrations.get(&rate.to_bits()) {
            return Ok(Some(known.clone()));
        }
        let measured = self.measuring.calibrated_at(plan, self.stderr)?;
        if let Some(calibration) = &measured {
            self.calibrations
                .insert(rate.to_bits(), calibration.clone());
        }
        Ok(measured)
    }

    /// Waits until the service answers at the lowest rate as in the reference. The run before has waited for all answers,
    /// and the audit for the work on them; that time counts.
    fn recover(&mut self, search: &mut CapacitySearch) -> anyhow::Result<()> {
        let (began, sending_from) = (self.answered, Instant::now());
        let mut recovery = Recovery::StillWorse;
        let mut latest = None;
        // A window at least, even if the work before it lasted too long: its value is shown.
        while latest.is_none()
            || recovery == Recovery::StillWorse && began.elapsed() < self.capacity.recover
        {
            let Some(window) = self.recovery_window(began)? else {
                return Ok(());
            };
            if let Some(reference) = &self.reference {
                recovery = self.judge.recovery(&window.sample, reference);
            }
            latest = Some(window);
        }
        let took = began.elapsed();
        if sending_from - began > self.capacity.recover {
            recovery = Recovery::StillWorse;
        }
        let metric = self.metric();
        if let Some(trial) = self.trials.last_mut() {
            trial.recovered = match (recovery, latest) {
                (Recovery::Recovered, _) => Some(TrialRecovery::After(took)),
                (Recovery::StillWorse, Some(window)) => {
                    let times = match metric.time {
                        TrialTime::Response => &window.sample.latencies,
                        TrialTime::Completion => &window.sample.done,
                    };
                    let value = percentile(&[times], metric.quantile);
                    Some(TrialRecovery::NotWithin { took, value })
                }
                (Recovery::StillWorse, None) => None,
            };
        }
        // What the audit took is part of the trial already.
        search.recovery_ended(recovery, sending_from.elapsed());
        Ok(())
    }

    /// Sends one window at the lowest rate; `None` if a signal ended it.
    fn recovery_window(&mut self, began: Instant) -> anyhow::Result<Option<SentTrial>> {
        let from = self.capacity.options.from;
        let plan = self.plan(from, recovery_window(from), Duration::ZERO);
        let Some(calibration) = self.calibration(&plan, from)? else {
            return Ok(None);
        };
        let left = self.capacity.recover.saturating_sub(began.elapsed());
        let patience = left.max(self.capacity.options.goal.limit + LEAST_WAIT);
        let work = self.work.as_ref().map(|work| work.within(patience));
        let run = self.measuring.trial(TrialRequest {
            plan: &plan,
            own_error: calibration.own_error(),
            label: "recovery",
            watch: None,
            work: work.as_ref(),
            gates: &self.capacity.gates,
        })?;
        if self.is_interrupted() {
            return Ok(None);
        }
        Ok(self.sent(run, &plan, from))
    }

    /// Judges both blocks of a rate, which become one row.
    fn pair(&mut self, test: &PairTest) -> TrialVerdict {
        let (own, others): (Vec<SentPart>, Vec<SentPart>) = std::mem::take(&mut self.blocks)
            .into_iter()
            .partition(|block| block.sample.rate == test.rate);
        self.blocks = others;
        let [first, second] = own.as_slice() else {
            return TrialVerdict::ClientLimited;
        };
        let verdict = self.judge.pair(test, &first.sample, &second.sample);
        let pair = JudgedPair {
            number: test.number,
            level: test.level,
            verdict,
            value: self.joined_percentile(&first.sample, &second.sample),
        };
        for block in [first, second] {
            self.trials[block.row].pair = Some(pair);
        }
        verdict
    }

    /// The percentile of both blocks together.
    fn joined_percentile(&self, first: &TrialSample, second: &TrialSample) -> Observed {
        let metric = self.metric();
        let times = |sample: &'_ TrialSample| match metric.time {
            TrialTime::Response => sample.latencies.clone(),
            TrialTime::Completion => sample.done.clone(),
        };
        percentile(&[&times(first), &times(second)], metric.quantile)
    }
}

/// A percentile of all these times together.
fn percentile(times: &[&[f64]], quantile: Quantile) -> Observed {
    let mut all: Vec<f64> = times.concat();
    all.sort_unstable_by(f64::total_cmp);
    let rank = quantile.rank(all.len() as u64);
    match rank
        .checked_sub(1)
        .and_then(|place| all.get(place as usize))
    {
        None => Observed::NoData,
        Some(seconds) if seconds.is_finite() => Observed::Value(Duration::from_secs_f64(*seconds)),
        Some(_) => Observed::Failed,
    }
}

/// What is known of the process during a trial.
fn load(finished: &FinishedRun, plan: &Plan) -> InstrumentLoad {
    let instrument = &finished.instrument;
    let available = (instrument.wall + plan.warmup).as_secs_f64() * instrument.threads as f64;
    let cpu = instrument.cpu;
    InstrumentLoad {
        busy: (available > 0.0 && !cpu.is_zero()).then(|| cpu.as_secs_f64() / available),
        throttled: instrument.throttled.map(|throttled| throttled.time),
    }
}
