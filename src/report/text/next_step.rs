//! What would decide a gate, in one sentence.

use super::sample::{count, metric, noun};
use super::{baseline, limitation};
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
                "measure with this gate, so that its limit is counted in order; {}",
                samples(*estimate, unit, &metric)
            ));
        }
        NextStep::Baseline(need) => return Some(baseline::need(finding, need)),
        NextStep::Fix(Remedy::GiveBaseline) => return Some(baseline::give_baseline(finding)),
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
        RunPurpose::Fail => return " for {metric} to fail if latency stays as it was".to_owned(),
        RunPurpose::ExcludeEpisodes(Some(episode)) => Pretty(episode).to_string(),
        RunPurpose::ExcludeEpisodes(None) => count(unit, 1),
    };
    format!(" for {metric}, to allow for slow spells of {episode}")
}

pub(super) fn fix(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::CheckReached => {
            "check that the run reached this endpoint and was not interrupted at once"
        }
        Remedy::ReportDoneTimes => {
            "have the server report when each event was processed (--audit-done-at), or measure with this gate"
        }
        Remedy::GiveEveryLatency => "give a file that has every latency, or measure with this gate",
        Remedy::CountLimit => "measure again with this gate, so that its limit is counted exactly",
        Remedy::GiveOrder => {
            "give a file that has every request in time order, or treat requests as independent with --iid"
        }
        Remedy::CountLimitInOrder => {
            "measure again with this gate, so that its limit is counted in order, or treat requests as independent with --iid"
        }
        Remedy::QuieterMachineOrLimit => {
            "measure from a quieter machine, or choose a limit further from the measured value"
        }
        Remedy::QuieterMachineOrRate => "measure from a quieter machine, or at a lower rate",
        Remedy::RaiseOpenFiles => "raise the limit of open files (ulimit -n), or lower the rate",
        Remedy::FinishRun => "let the run finish",
        Remedy::ThirdEpisode => "run longer: a third slow spell would rule out chance",
        Remedy::FindChange => "find out what changed during the run, and measure again",
        Remedy::LongerWarmup => {
            "if the service was warming up, measure again with a longer --warmup; else find out what changed"
        }
        Remedy::QuieterMachineForBoth => "measure both from a quieter machine, or at a lower rate",
        Remedy::NarrowInterval => {
            "more requests on both sides narrow the interval, unless the change lies at the limit"
        }
        Remedy::FinishBothRuns => "let both runs finish",
        Remedy::RunEveryShard => "run all shards to their end, and merge them",
        Remedy::GiveBaseline => "name the saved run with --baseline FILE",
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
            "the share is too near the limit for any number of samples; choose another limit"
                .to_owned()
        }
    }
}

fn audit(step: &AuditStep) -> String {
    let sentence = match step {
        AuditStep::Solve { trouble, otherwise } => {
            return trouble.hint().unwrap_or_else(|| audit(otherwise));
        }
        AuditStep::AuditRun => {
            "audit the run: measure a server that lists its runs, or name a status URL with --audit-url"
        }
        AuditStep::Finish => "let the audit finish",
        AuditStep::FinishOrShorten => "let the audit finish, or shorten it with --audit-quiet",
        AuditStep::CheckAnswers => "check what the endpoint answers",
        AuditStep::ReportEffects => {
            "have the answer at --audit-url give the numbers 'inserts' and 'notifications' (0 for none)"
        }
        AuditStep::ListRuns => {
            "measure a server that lists its runs, and leave X-A7-Run to a7probe"
        }
        AuditStep::OneEventEach => {
            "give each request its own event; if several requests mean one event, send one request"
        }
        AuditStep::AuditAgainOrSkipReading => {
            "check the service, and audit again; --audit-quiet 0s skips the second look"
        }
        AuditStep::NameEvents => {
            "name each event by the client's key, so that every request has a known name"
        }
        AuditStep::LookAtProvider => {
            "check the provider's own record; only a provider that accepts a key can rule duplicates out"
        }
        AuditStep::AuditAgain => "check the service, and audit again",
        AuditStep::WaitLonger => {
            "give the server more time with --audit-timeout, and check its queue"
        }
    };
    sentence.to_owned()
}
