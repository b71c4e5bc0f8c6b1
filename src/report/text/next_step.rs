//! What would decide a gate, in one sentence.

use super::limitation;
use super::sample::{count, metric, noun};
use crate::judge::gate::{
    AuditStep, Finding, FindingReason, NextStep, Remedy, RunPurpose, SampleEstimate, SampleUnit,
};
use crate::units::{Pretty, grouped};
use crate::verdict::Verdict;

/// What would decide a gate, if anything would.
pub fn next_step(finding: &Finding) -> Option<String> {
    let step = finding.next_step.as_ref()?;
    let unit = match &finding.reason {
        FindingReason::Tested(tested) => tested.sample.unit,
        _ => SampleUnit::Request,
    };
    let metric = metric(&finding.gate.condition);
    let sentence = match step {
        NextStep::RunAtLeast {
            samples,
            time,
            purpose,
        } => {
            let run = match time {
                Some(time) => format!("run at least {}", Pretty(*time)),
                None => format!("take at least {}", count(unit, *samples)),
            };
            return Some(format!("{run}{}", this_shows(*purpose, unit, &metric)));
        }
        NextStep::MoreSamples(estimate) => return Some(samples(*estimate, unit, &metric)),
        NextStep::MoreSamplesInOrder(estimate) => {
            return Some(format!(
                "measure with this gate, so that its target is counted in order; {}",
                samples(*estimate, unit, &metric)
            ));
        }
        NextStep::MeasureBothSides { samples_needed } => {
            let needed = grouped(*samples_needed);
            return Some(format!("measure at least {needed} requests on each side"));
        }
        NextStep::Lift(limitation) => limitation::remedy(*limitation),
        NextStep::Audit(step) => return Some(audit(step)),
        NextStep::Fix(remedy) => fix(*remedy),
    };
    Some(sentence.to_owned())
}

fn this_shows(purpose: RunPurpose, unit: SampleUnit, metric: &str) -> String {
    let episode = match purpose {
        RunPurpose::Fail => return ": that would do if it goes on like this".to_owned(),
        RunPurpose::ExcludeEpisodes(Some(episode)) => Pretty(episode).to_string(),
        RunPurpose::ExcludeEpisodes(None) => count(unit, 1),
    };
    format!(" for {metric} to exclude {episode} episodes")
}

fn fix(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::CheckReached => "check that the run reached this endpoint and was not cut at once",
        Remedy::ReportDoneTimes => {
            "let the server tell when an event was done (--audit-done-at), or measure with this gate"
        }
        Remedy::GiveEveryLatency => "give a file that has every latency, or measure with this gate",
        Remedy::CountLimit => "measure again with this gate, so that its target is counted exactly",
        Remedy::GiveOrder => {
            "give a file that has every request in the order of time, or take requests as independent with --iid"
        }
        Remedy::CountLimitInOrder => {
            "measure again with this gate, so that its target is counted in order, or take requests as independent with --iid"
        }
        Remedy::QuieterMachineOrLimit => {
            "measure from a quieter machine, or move the target away from what was measured"
        }
        Remedy::QuieterMachineOrRate => "measure from a quieter machine, or at a lower rate",
        Remedy::RaiseOpenFiles => "raise the limit of open files (ulimit -n), or lower the rate",
        Remedy::FinishRun => "let the run finish",
        Remedy::ThirdEpisode => {
            "run longer: a third slow episode would show that they are no accident"
        }
        Remedy::FindChange => "find out what changed during the run, and measure again",
        Remedy::LongerWarmup => {
            "if the service was warming up, measure again with a longer --warmup; else find out what changed"
        }
        Remedy::QuieterMachineForBoth => "measure both from a quieter machine, or at a lower rate",
        Remedy::NarrowInterval => {
            "more requests on both sides narrow the interval, unless the change lies at the limit"
        }
        Remedy::FinishBothRuns => "let both runs finish",
    }
}

fn samples(estimate: SampleEstimate, unit: SampleUnit, metric: &str) -> String {
    match estimate {
        SampleEstimate::More { samples, verdict } => format!(
            "about {} more {} at this rate would show {}",
            grouped(samples),
            noun(unit, samples),
            match verdict {
                Verdict::Pass => "a pass",
                _ => "a failure",
            }
        ),
        SampleEstimate::AtLeast(needed) => format!(
            "at least {} are needed for {metric} to pass",
            count(unit, needed)
        ),
        SampleEstimate::AFewMore => format!("a few more {} would decide it", noun(unit, 2)),
        SampleEstimate::TooNearLimit => {
            "the share is too near the limit for any number of samples; move the target".to_owned()
        }
    }
}

fn audit(step: &AuditStep) -> String {
    let sentence = match step {
        AuditStep::Solve { trouble, otherwise } => {
            return trouble.hint().unwrap_or_else(|| audit(otherwise));
        }
        AuditStep::AuditRun => {
            "audit the run: measure a server that lists its runs, or say with --audit-url how to ask this one"
        }
        AuditStep::Finish => "let the audit finish",
        AuditStep::FinishOrShorten => "let the audit finish, or shorten it with --audit-quiet",
        AuditStep::CheckAnswers => "check what the endpoint answers",
        AuditStep::ReportEffects => {
            "let the answer at --audit-url have the numbers 'inserts' and 'notifications'; 0 where there is no such effect"
        }
        AuditStep::ListRuns => {
            "measure a server that lists its runs, and leave X-A7-Run to a7probe"
        }
        AuditStep::OneEventEach => {
            "let each request have an event of its own; if they are meant to be one, send one"
        }
        AuditStep::AuditAgainOrSkipReading => {
            "look at the service, and audit again; --audit-quiet 0s leaves the second look out"
        }
        AuditStep::NameEvents => {
            "let the client's key name the event, so that every request has a name"
        }
        AuditStep::LookAtProvider => {
            "look at the provider's own record of them; only a provider that takes a key can rule that out"
        }
        AuditStep::AuditAgain => "look at the service, and audit again",
        AuditStep::WaitLonger => {
            "give the server longer with --audit-timeout, and look at its queue"
        }
    };
    sentence.to_owned()
}
