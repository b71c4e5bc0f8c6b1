//! The merged shards of a run of which requests are missing: those that are there become its requests, in their order.

use super::bits::Bits;
use super::sequence::MOST_IN_SEQUENCE;
use super::{Exemplar, Recording};
use crate::run::shard::Shard;

/// How many requests of an endpoint a shard has: the first ones of its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardRequests {
    /// Which shard.
    pub shard: Shard,
    /// How many.
    pub requests: u64,
}

/// Which requests of an endpoint are there, by shard. They are numbered in the order of the whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentRequests(Vec<ShardRequests>);

impl PresentRequests {
    /// Those of these shards.
    pub fn of(shards: Vec<ShardRequests>) -> PresentRequests {
        PresentRequests(shards)
    }

    /// How many requests with a lower index are there.
    pub fn place(&self, global: u64) -> u64 {
        let own = |one: &ShardRequests| one.shard.own_below(global).min(one.requests);
        self.0.iter().map(own).sum()
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|one| one.requests).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index in the whole run of the request at a place.
    pub fn global(&self, place: u64) -> u64 {
        let ends = self.0.iter().filter(|one| one.requests > 0);
        let ends = ends.map(|one| one.shard.global(one.requests - 1).saturating_add(1));
        // The lowest index with more than `place` requests up to and including it.
        let (mut low, mut high) = (0, ends.max().unwrap_or(0));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.place(middle + 1) > place {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    fn bits(&self) -> Bits {
        let mut present = Bits::new();
        for one in &self.0 {
            let own = Bits::zeros(one.requests).complement();
            present.union_shard(&own, one.shard);
        }
        present
    }
}

/// The places of all requests, to be looked up one by one.
struct PlaceTable {
    present: Bits,
    /// Requests that are there before each word of bits.
    before: Vec<u64>,
}

impl PlaceTable {
    fn of(present: &PresentRequests) -> PlaceTable {
        let present = present.bits();
        let mut sum = 0;
        let before = present.words().iter().map(|word| {
            let before = sum;
            sum += u64::from(word.count_ones());
            before
        });
        PlaceTable {
            before: before.collect(),
            present,
        }
    }

    /// The place of a request that is there.
    fn place(&self, global: u64) -> u64 {
        let word = (global / 64) as usize;
        let lower = self.present.words()[word] & ((1 << (global % 64)) - 1);
        self.before[word] + u64::from(lower.count_ones())
    }

    /// A row without the requests that are missing.
    fn row(&self, row: &Bits) -> Bits {
        let mut closed = Bits::zeros(self.present.count_ones());
        row.ones()
            .for_each(|global| closed.set(self.place(global), true));
        closed
    }
}

impl Recording {
    /// The merged recording of some shards, its requests numbered by their places: no gap is left of the missing ones.
    #[must_use]
    pub fn without_gaps(self, present: &PresentRequests) -> Recording {
        let table = PlaceTable::of(present);
        let closed = |exemplars: &[Exemplar]| {
            let closed = exemplars.iter().map(|exemplar| Exemplar {
                index: table.place(exemplar.index),
                ..exemplar.clone()
            });
            closed.collect()
        };
        let sequence = self.sequence.as_ref();
        Recording {
            ok: table.row(&self.ok),
            client: table.row(&self.client),
            exceedances: { self.exceedances.iter() }
                .map(|counted| counted.mapped(|row| table.row(row)))
                .collect(),
            sequence: sequence.map(|part| part.renumbered(|global| table.place(global))),
            most_in_sequence: present.place(MOST_IN_SEQUENCE),
            slowest: closed(&self.slowest),
            first_failed: closed(&self.first_failed),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PlaceTable, PresentRequests, ShardRequests};
    use crate::run::shard::Shard;

    #[test]
    fn places_count_what_is_there_and_lead_back_to_the_index() {
        // Of 20 requests on four shards, the second is missing and the third was cut after two requests.
        let shard = |index, requests| ShardRequests {
            shard: Shard::new(index, 4).unwrap(),
            requests,
        };
        let present = PresentRequests::of(vec![shard(0, 5), shard(2, 2), shard(3, 5)]);
        let there = [0, 2, 3, 4, 6, 7, 8, 11, 12, 15, 16, 19];
        assert_eq!(present.len(), there.len() as u64);
        let table = PlaceTable::of(&present);
        for (place, &global) in (0u64..).zip(&there) {
            assert_eq!(present.place(global), place, "{global}");
            assert_eq!(present.global(place), global, "{place}");
            assert_eq!(table.place(global), place, "{global}");
        }
        assert!(table.present.ones().eq(there));
    }
}
