//! Whether two runs had comparable plans: one list of facts for the hash and for the differences.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::difference::FactDifference;
use super::plan_facts::{OPTIONAL, facts};
use super::plan_record::{BodyRecord, PlanRecord};
use crate::redact;

/// Length of a whole SHA-256 in hexadecimal, as in files from before fingerprints.
const WHOLE_DIGEST: usize = 64;

impl PlanRecord {
    /// SHA-256, in hexadecimal, over what makes two runs comparable: of each endpoint name, method, path,
    /// names of headers, body, expected statuses and rate; model and arrivals, size, warm-up, timeout, in-flight cap
    /// and keep-alive; of rows their number and bits of the file, of variables in paths and bodies bits of their values.
    /// Where the requests go may differ (origin, prefix, connect-to, socket, trust, client
    /// certificate), and so may seed and targets.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for (what, value) in facts(self) {
            // Lengths keep neighbouring texts apart.
            for text in [what, value] {
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
        }
        hexadecimal(&hasher.finalize())
    }

    /// The id of a run of this plan that several machines begin together: the same on each of them.
    pub fn shared_run_id(&self, start: Timestamp) -> Uuid {
        let mut hasher = Sha256::new();
        hasher.update(self.hash());
        hasher.update(self.seed.to_le_bytes());
        hasher.update(start.as_nanosecond().to_le_bytes());
        let digest = hasher.finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The differences that prevent a comparison of a run of this plan with a later one of another plan. Empty if the
    /// hashes are equal. A fact that one side hides without a fingerprint is not a difference, see
    /// [`PlanRecord::unknowns`].
    pub fn differences(&self, after: &PlanRecord) -> Vec<FactDifference> {
        self.compared(after, Agreement::Differs).collect()
    }

    /// Facts that may differ, because a file from before fingerprints hides them. `path of ingest`.
    pub fn unknowns(&self, after: &PlanRecord) -> Vec<String> {
        let hidden = self.compared(after, Agreement::Unknown);
        hidden.map(|difference| difference.fact).collect()
    }

    fn compared(
        &self,
        after: &PlanRecord,
        wanted: Agreement,
    ) -> impl Iterator<Item = FactDifference> {
        let (mut old, mut new) = (facts(self), facts(after));
        for (fact, unstated) in OPTIONAL {
            if old.contains_key(fact) || new.contains_key(fact) {
                for facts in [&mut old, &mut new] {
                    facts.entry(fact.to_owned()).or_insert(unstated.to_owned());
                }
            }
        }
        // An endpoint that only one side has is named by the fact "endpoints".
        let common = old.into_iter().filter_map(move |(what, value)| {
            let other = new.remove(&what)?;
            Some((what, value, other))
        });
        let body = |plan: &PlanRecord, name: &str| {
            let named = plan.endpoints.iter().find(|e| e.name == name)?;
            named.body.clone()
        };
        let agreement = |what: &str, before: &str, after_fact: &str| {
            let bodies = what
                .strip_prefix("body of ")
                .and_then(|name| body(self, name).zip(body(after, name)));
            match bodies {
                Some((before, after)) => agreement_of_bodies(&before, &after),
                None => agreement(what, before, after_fact),
            }
        };
        let matching =
            common.filter(|(fact, before, after)| agreement(fact, before, after) == wanted);
        let differences: Vec<FactDifference> = matching
            .map(|(fact, before, after)| FactDifference {
                fact,
                before,
                after,
            })
            .collect();
        differences.into_iter()
    }
}

/// Whether two facts of a name agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Same,
    Differs,
    Unknown,
}

fn agreement(what: &str, before: &str, after: &str) -> Agreement {
    if what.starts_with("path of ") {
        return agreement_of_paths(before, after);
    }
    if before == after {
        Agreement::Same
    } else {
        Agreement::Differs
    }
}

/// Of two bodies. Files from before fingerprints have the SHA-256 of the template without its secret fields, so it
/// decides only for bodies without any.
fn agreement_of_bodies(before: &BodyRecord, after: &BodyRecord) -> Agreement {
    let is_old = |body: &BodyRecord| body.sha256.len() == WHOLE_DIGEST;
    let hides = |body: &BodyRecord| {
        let template = body.template.as_deref();
        is_old(body) && template.is_none_or(|text| text.contains(redact::REDACTED))
    };
    let bits = |body: &BodyRecord| (body.bytes, body.sha256.get(..4).map(str::to_owned));
    let same_age = is_old(before) == is_old(after);
    let same = if same_age {
        (before.bytes, &before.sha256) == (after.bytes, &after.sha256)
    } else {
        bits(before) == bits(after)
    };
    let hidden = hides(before) || hides(after);
    if hidden && (same || !same_age) {
        Agreement::Unknown
    } else if same {
        Agreement::Same
    } else {
        Agreement::Differs
    }
}

/// Of two paths with queries. A plain value in an old file is hidden first, as in the new one.
fn agreement_of_paths(before: &str, after: &str) -> Agreement {
    let [before, after] = [before, after].map(redact::url);
    let split = |c: char| "?&=;/".contains(c);
    let (mut old, mut new) = (before.split(split), after.split(split));
    let mut unknown = false;
    loop {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(old), Some(new)) if redact::is_unknown(old) || redact::is_unknown(new) => {
                unknown = true;
            }
            (Some(old), Some(new)) if old == new => {}
            _ => return Agreement::Differs,
        }
    }
    if unknown {
        Agreement::Unknown
    } else {
        Agreement::Same
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
