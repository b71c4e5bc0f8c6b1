//! Checks a run against its plan: the sent requests are the planned ones, and the fields before the endpoints fit them.

use std::time::Duration;

use super::super::document::{EndpointDocument, RunDocument};
use super::super::{
    Calibration, EndpointRecord, Gating, GuardRecord, PlanRecord, ProfileRecord, RunEnd,
    RunFileError, SizeRecord, StopReason,
};
use super::context::RestoreContext;
use crate::run::plan::{Arrivals, Model, Size};
use crate::run::recording::{Recording, TimeBase};
use crate::run::schedule::Schedule;

/// No run has more requests: their bits could not be read.
const MOST_REQUESTS: u64 = 1 << 30;

/// No profile plans more; the starts of Poisson arrivals are drawn one by one.
const MOST_PROFILED: f64 = 1.1e8;

/// The calibration takes two seconds and waits five for an answer.
const LONGEST_OWN_ERROR: Duration = Duration::from_secs(60);

/// Checks the fields of the run as a whole.
pub(super) fn check(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    judging(document)?;
    instrument(document)?;
    if let Some(turns) = &document.turns
        && (turns.pairs == 0 || turns.block.is_zero())
    {
        return Err(RunFileError::inconsistent("turns have no blocks"));
    }
    Ok(())
}

fn judging(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    let mut implied = document.implied_gates.iter();
    if let Some(other) = implied.find(|gate| !document.gates.contains(gate)) {
        return Err(RunFileError::inconsistent(format!(
            "implied_gates has '{other}', which is not in gates"
        )));
    }
    if document.aborted_by.is_some() != (document.ended == RunEnd::Aborted) {
        return Err(RunFileError::inconsistent(
            "ended and aborted_by do not agree whether the run was aborted",
        ));
    }
    if document.gating == Gating::None && !document.gates.is_empty() {
        return Err(RunFileError::inconsistent(
            "gating is none, and there are gates",
        ));
    }
    if let GuardRecord::Episode { episode } = document.judging.guard
        && episode.is_zero()
    {
        return Err(RunFileError::inconsistent(
            "judging.guard has an episode of 0; requests that are independent are kind \"iid\"",
        ));
    }
    let Some(adaptive) = document.judging.adaptive else {
        return Ok(());
    };
    if let SizeRecord::Duration { duration } = document.plan.size
        && duration != adaptive.budget
    {
        return Err(RunFileError::inconsistent(
            "judging.adaptive has another budget than the plan's size",
        ));
    }
    let cut = document.ended != RunEnd::Complete;
    if cut == (adaptive.stopped == StopReason::Interrupted) {
        Ok(())
    } else {
        Err(RunFileError::inconsistent(
            "judging.adaptive.stopped and ended do not agree whether the run was interrupted",
        ))
    }
}

fn instrument(document: &RunDocument<'_>) -> Result<(), RunFileError> {
    let instrument = &document.instrument;
    let sent = document.endpoints.iter().any(|e| e.sent > 0);
    if sent && instrument.threads == 0 {
        return Err(RunFileError::inconsistent(
            "requests were sent where instrument.threads is 0",
        ));
    }
    if let Calibration::Measured(null) = &instrument.calibration {
        if null.requests == 0 {
            return Err(RunFileError::inconsistent(
                "the calibration measured 0 requests",
            ));
        }
        if null.p50 > null.p99 || null.p99 > null.own_error {
            return Err(RunFileError::inconsistent(
                "instrument.calibration: p50_ns, p99_ns and own_error_ns are not ascending",
            ));
        }
        if null.own_error > LONGEST_OWN_ERROR {
            return Err(RunFileError::inconsistent(format!(
                "instrument.calibration: own_error_ns is {:?}, longer than a calibration takes",
                null.own_error
            )));
        }
    }
    match &instrument.certificate {
        Some(certificate) => certificate
            .vouches_for(&document.environment)
            .map_err(|error| {
                RunFileError::inconsistent(format!("instrument.certificate: {error}"))
            }),
        None => Ok(()),
    }
}

/// An endpoint's part of the plan.
#[derive(Clone, Copy)]
pub(super) struct PlannedEndpoint<'a> {
    /// Its number in the plan, which is its stream of random numbers.
    pub(super) stream: u64,
    pub(super) record: &'a EndpointRecord,
}

/// Checks an endpoint against its part of the plan.
pub(super) fn endpoint(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    planned: PlannedEndpoint<'_>,
    run: &RunDocument<'_>,
) -> Result<(), RunFileError> {
    clock(context, document.clock, run.plan.model)?;
    seams(context, document, run)?;
    if run.turns.is_some() {
        return Ok(());
    }
    if document.clock != TimeBase::Given {
        let wall = u64::try_from(run.instrument.wall.as_nanos()).unwrap_or(u64::MAX);
        context.no_more_than(
            "last_finished_ns",
            document.last_finished_ns,
            "instrument.wall_ns",
            wall,
        )?;
    }
    let shard = run.shard.and_then(|record| record.shard().ok());
    let shard = shard.unwrap_or_default();
    // The first request of the whole run that the shard cannot have sent.
    let end = shard.global(document.planned).saturating_add(1);
    let Some(due) = due(&run.plan, planned, end) else {
        return Ok(());
    };
    let due = shard.own_below(due);
    // A request that was due only after the cut is not part of the run.
    let may_be_fewer =
        run.judging.adaptive.is_some() || run.ended != RunEnd::Complete || run.merged.is_some();
    if may_be_fewer {
        context.no_more_than("planned", document.planned, "the plan's number", due)
    } else {
        context.equal("planned", document.planned, "the plan's number", due)
    }
}

/// Whether every target of the plan was counted.
pub(super) fn targets(
    context: &RestoreContext,
    planned: &EndpointRecord,
    recording: &Recording,
) -> Result<(), RunFileError> {
    let counted = |&target: &u64| {
        recording
            .exceedances_of(Duration::from_nanos(target))
            .is_some()
    };
    match planned.targets_ns.iter().find(|&target| !counted(target)) {
        Some(target) => context.wrong(format!(
            "the plan counts latencies above {target} ns, and the endpoint does not"
        )),
        None => Ok(()),
    }
}

fn clock(context: &RestoreContext, clock: TimeBase, model: Model) -> Result<(), RunFileError> {
    let agrees = match clock {
        TimeBase::IntendedStart => matches!(model, Model::Open { .. }),
        TimeBase::Send => matches!(model, Model::Closed { .. }),
        TimeBase::Given => true,
    };
    context.holds(agrees, || {
        "its clock is not that of the plan's model".to_owned()
    })
}

/// Time is cut out only between the blocks of a side that was measured in interleaved blocks.
fn seams(
    context: &RestoreContext,
    document: &EndpointDocument<'_>,
    run: &RunDocument<'_>,
) -> Result<(), RunFileError> {
    let seams = document.seams.len() as u64;
    let Some(turns) = &run.turns else {
        return context.equal("the number of seams", seams, "that of an uncut run", 0);
    };
    let between = turns.pairs - 1;
    context.no_more_than(
        "the number of seams",
        seams,
        "turns.pairs less one",
        between,
    )?;
    let poisson = Model::Open {
        arrivals: Arrivals::Poisson,
    };
    // Every block has requests, unless chance leaves one without.
    if document.planned > turns.pairs && run.plan.model != poisson {
        context.equal(
            "the number of seams",
            seams,
            "turns.pairs less one",
            between,
        )
    } else {
        Ok(())
    }
}

/// The number of requests in the plan; `None` if it depends on the answers. Poisson arrivals are counted only as far as
/// needed.
fn due(plan: &PlanRecord, planned: PlannedEndpoint<'_>, found: u64) -> Option<u64> {
    if let (Some(segment), Model::Open { arrivals }) = (&planned.record.segment, plan.model) {
        return Some(match &segment.profile {
            ProfileRecord::Replay(replay) => replay.requests,
            ProfileRecord::Parts { parts } if parts.due() > MOST_PROFILED => u64::MAX,
            ProfileRecord::Parts { parts } => {
                let (number, stream) = (segment.index(), planned.record.stream(planned.stream));
                Schedule::of_part(arrivals, parts, number, plan.seed, stream).planned()
            }
        });
    }
    let (size, rate) = match (plan.size, plan.model, planned.record.rate_per_s) {
        (SizeRecord::Requests { requests }, _, _) => return Some(requests),
        (SizeRecord::Duration { duration }, Model::Open { .. }, Some(rate)) => (duration, rate),
        _ => return None,
    };
    let Model::Open { arrivals } = plan.model else {
        return None;
    };
    if size.as_secs_f64() * rate.as_per_second() > MOST_REQUESTS as f64 {
        return Some(u64::MAX);
    }
    if arrivals != Arrivals::Poisson {
        let schedule = Schedule::new(
            arrivals,
            rate,
            Size::Duration(size),
            plan.seed,
            planned.stream,
        );
        return Some(schedule.planned());
    }
    let one_more = Size::Requests(found.saturating_add(1));
    let schedule = Schedule::new(arrivals, rate, one_more, plan.seed, planned.stream);
    let end_ns = size.as_nanos() as u64;
    Some(schedule.iter().take_while(|&at_ns| at_ns < end_ns).count() as u64)
}
