//! The interleaved blocks of both sides, and their sums.

use std::time::Duration;

use super::super::measuring::Measuring;
use crate::cli::resolve::Ab;
use crate::judge::comparison::{self, Pair, SideName, order_of};
use crate::probe::engine::{OwnError, RunIds};
use crate::run::recording::Recording;
use crate::run::run_file::{
    EndpointRun, FinishedRun, Instrument, NameAddresses, SideRecord, StreamUse, Throttled,
};

/// The measured blocks: complete pairs.
pub(super) struct Blocks {
    /// One block of each side, pair by pair.
    pub(super) pairs: Vec<Pair<FinishedRun>>,
    /// What each side's requests carry.
    pub(super) ids: Pair<RunIds>,
    /// Whether a signal came before the last pair was complete.
    stopped: bool,
}

/// A side while it is measured.
struct Taking {
    ids: RunIds,
    /// Requests to the endpoint that got most.
    sent: u64,
    blocks: Vec<FinishedRun>,
}

impl Taking {
    fn new() -> Taking {
        Taking {
            ids: RunIds::fresh(),
            sent: 0,
            blocks: Vec::new(),
        }
    }

    fn take(&mut self, block: FinishedRun) {
        let planned = block.endpoints.iter().map(|e| e.recording.planned());
        self.sent += planned.max().unwrap_or(0);
        self.blocks.push(block);
    }
}

impl Blocks {
    /// Measures block after block. A signal ends it; the block under way and a pair that lacks its other half are left
    /// out.
    pub(super) fn measure(
        ab: &Ab,
        measuring: &Measuring,
        own_error: Pair<OwnError>,
    ) -> anyhow::Result<Blocks> {
        let (mut before, mut after) = (Taking::new(), Taking::new());
        let mut stopped = false;
        for (number, turn) in (1..).zip(order_of(ab.pairs)) {
            let (side, own_error) = match turn.side {
                SideName::Before => (&mut before, own_error.before.clone()),
                SideName::After => (&mut after, own_error.after.clone()),
            };
            let label = format!(
                "block {number} of {} ({})",
                2 * ab.pairs,
                turn.side.as_str()
            );
            let ids = side.ids.after(side.sent);
            let block = measuring.block(&ab.block_plan(turn), ids, own_error, &label)?;
            if block.stopped {
                stopped = true;
                break;
            }
            side.take(block);
        }
        let ids = Pair {
            before: before.ids,
            after: after.ids,
        };
        let pairs = before.blocks.into_iter().zip(after.blocks);
        Ok(Blocks {
            pairs: pairs
                .map(|(before, after)| Pair { before, after })
                .collect(),
            ids,
            stopped,
        })
    }

    /// Whether there are fewer pairs than planned.
    pub(super) fn is_cut(&self, ab: &Ab) -> bool {
        (self.pairs.len() as u64) < ab.pairs
    }

    /// The blocks of one endpoint, pair by pair.
    pub(super) fn of_endpoint(&self, number: usize) -> impl Iterator<Item = Pair<&Recording>> {
        self.pairs.iter().map(move |pair| Pair {
            before: &pair.before.endpoints[number].recording,
            after: &pair.after.endpoints[number].recording,
        })
    }

    /// One side's blocks laid end to end.
    pub(super) fn whole(&self, side: SideRecord, block: Duration) -> FinishedRun {
        let blocks: Vec<&FinishedRun> = self
            .pairs
            .iter()
            .map(|pair| match side {
                SideRecord::Before => &pair.before,
                SideRecord::After => &pair.after,
            })
            .collect();
        let first = blocks[0];
        let instruments = blocks.iter().map(|block| &block.instrument);
        FinishedRun {
            endpoints: (0..first.endpoints.len())
                .map(|number| whole_endpoint(&blocks, number, block))
                .collect(),
            stopped: self.stopped,
            started_at: first.started_at,
            instrument: Instrument {
                wall: instruments.clone().map(|one| one.wall).sum(),
                cpu: instruments.clone().map(|one| one.cpu).sum(),
                throttled: instruments
                    .filter_map(|one| one.throttled)
                    .reduce(Throttled::and),
                addresses: addresses(&blocks),
                streams: streams(&blocks),
                ..first.instrument.clone()
            },
        }
    }
}

/// Those of all blocks.
fn addresses(blocks: &[&FinishedRun]) -> Vec<NameAddresses> {
    let mut whole: Vec<NameAddresses> = Vec::new();
    for part in blocks.iter().flat_map(|block| &block.instrument.addresses) {
        match whole.iter_mut().find(|own| own.name == part.name) {
            Some(own) => own.add(part),
            None => whole.push(part.clone()),
        }
    }
    whole
}

/// The same of HTTP/2 connections.
fn streams(blocks: &[&FinishedRun]) -> Vec<StreamUse> {
    let mut whole: Vec<StreamUse> = Vec::new();
    for part in blocks.iter().flat_map(|block| &block.instrument.streams) {
        match whole.iter_mut().find(|own| own.origin == part.origin) {
            Some(own) => own.add(part),
            None => whole.push(part.clone()),
        }
    }
    whole
}

/// Blocks are not audited, so no answers are kept.
fn whole_endpoint(blocks: &[&FinishedRun], number: usize, block: Duration) -> EndpointRun {
    let parts: Vec<&EndpointRun> = blocks.iter().map(|b| &b.endpoints[number]).collect();
    let recordings = parts.iter().map(|part| &part.recording);
    let recording =
        comparison::whole(recordings, block).unwrap_or_else(|| parts[0].recording.clone());
    let mut whole = EndpointRun::new(&*parts[0].name, recording);
    for part in parts {
        whole.warmup.merge(&part.warmup);
        for (kind, message) in &part.errors {
            whole.errors.entry(*kind).or_insert_with(|| message.clone());
        }
    }
    whole
}
