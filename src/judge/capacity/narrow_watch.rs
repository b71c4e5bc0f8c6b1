//! Watches a narrowing trial: it ends as soon as its verdict is shown.

use super::judgement::{CapacityJudge, GateProof, fails, sequential_proof};
use super::sample::GateRows;
use crate::judge::gate::ALPHA;
use crate::run::recording::Bits;
use crate::stats::cluster::Clusters;
use crate::stats::interim_looks::InterimLooks;

/// A narrowing trial that is being sent.
#[derive(Clone, Debug)]
pub struct NarrowWatch {
    judge: CapacityJudge,
    rate: f64,
    gates: Vec<WatchedRows>,
    seen: u64,
}

/// The looks at both rows of one gate.
#[derive(Clone, Debug)]
struct WatchedRows {
    at_most: InterimLooks,
    /// `None` while both rows have been the same at every look.
    certain: Option<InterimLooks>,
}

impl NarrowWatch {
    /// Nothing seen yet of gates with these allowed shares.
    pub fn new(judge: CapacityJudge, rate: f64, allowed_shares: &[f64]) -> NarrowWatch {
        let rows = |&theta0: &f64| WatchedRows {
            at_most: judge.looks(theta0, rate),
            certain: None,
        };
        NarrowWatch {
            judge,
            rate,
            gates: allowed_shares.iter().map(rows).collect(),
            seen: 0,
        }
    }

    /// The number of requests at which the next look is due.
    pub fn next_look(&self) -> u64 {
        self.gates
            .first()
            .map_or(u64::MAX, |gate| gate.at_most.next())
    }

    /// Takes in the first requests, all of them answered, in the order of gates. Says whether the verdict is shown.
    pub fn advance(&mut self, gates: &[GateRows]) -> bool {
        for (watched, rows) in self.gates.iter_mut().zip(gates) {
            if rows.at_most != rows.certain {
                let before = &watched.at_most;
                let certain = watched.certain.get_or_insert_with(|| before.clone());
                look(certain, &rows.certain);
            }
            look(&mut watched.at_most, &rows.at_most);
            self.seen = rows.at_most.len();
        }
        self.is_decided()
    }

    fn is_decided(&self) -> bool {
        let proof = |gate: &WatchedRows| GateProof {
            passes: sequential_proof(gate.at_most.test()).passes,
            p_fail: sequential_proof(gate.certain.as_ref().unwrap_or(&gate.at_most).test()).p_fail,
        };
        let proofs: Vec<GateProof> = self.gates.iter().map(proof).collect();
        let passes = proofs.iter().all(|proof| proof.passes);
        fails(&proofs, ALPHA) || (passes && self.judge.narrow_may_pass(self.rate, self.seen))
    }
}

fn look(looks: &mut InterimLooks, row: &Bits) {
    looks.advance(row.len(), |n| Clusters::of_words(row.words(), n));
}
