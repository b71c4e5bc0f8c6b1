//! The part of a sequence that one sending thread records: its own requests only, merged at the end.

use super::latency_code::LatencyCode;
use super::sequence::{MOST_IN_SEQUENCE, Sequence, SequenceEntry};
use crate::run::shard::Shard;

/// Which requests of an endpoint a recording sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexShare {
    /// All of them.
    All,
    /// `first`, `first + step`, `first + 2·step` and so on.
    EveryNth {
        /// The lowest index.
        first: u64,
        /// From each index to the next one; at least 1.
        step: u64,
    },
    /// Those that a thread of a closed model took: any, in about ascending order, none of which has a send lag.
    Taken,
}

/// A recorded sequence: the whole, or a part of it.
#[derive(Clone, Debug)]
pub struct SequencePart(Form);

#[derive(Clone, Debug)]
enum Form {
    Whole(Sequence),
    EveryNth {
        first: u64,
        step: u64,
        own: Sequence,
    },
    Taken(TakenCodes),
}

impl SequencePart {
    /// Nothing recorded yet of these requests.
    pub(super) fn of(share: IndexShare) -> SequencePart {
        SequencePart(match share {
            IndexShare::All | IndexShare::EveryNth { first: 0, step: 1 } => {
                Form::Whole(Sequence::default())
            }
            IndexShare::EveryNth { first, step } => Form::EveryNth {
                first,
                step,
                own: Sequence::default(),
            },
            IndexShare::Taken => Form::Taken(TakenCodes::default()),
        })
    }

    pub(crate) fn complete(sequence: Sequence) -> SequencePart {
        SequencePart(Form::Whole(sequence))
    }

    /// The sequence, if this is the whole and no request is missing.
    pub(super) fn whole(&self) -> Option<&Sequence> {
        match &self.0 {
            Form::Whole(sequence) => Some(sequence).filter(|sequence| sequence.is_complete()),
            Form::EveryNth { .. } | Form::Taken(_) => None,
        }
    }

    /// Records a request.
    pub(super) fn record(&mut self, index: u64, entry: SequenceEntry) {
        match &mut self.0 {
            Form::Whole(sequence) => sequence.set(index, entry),
            Form::EveryNth { first, step, own } => {
                if index < MOST_IN_SEQUENCE {
                    own.set(index.saturating_sub(*first) / *step, entry);
                }
            }
            Form::Taken(codes) => {
                if index < MOST_IN_SEQUENCE {
                    codes.push(index, entry.code);
                }
            }
        }
    }

    /// Adds the requests of another part, which makes this one the whole of both.
    #[cfg(test)]
    fn merge(&mut self, other: &SequencePart) {
        self.merge_shard(other, Shard::WHOLE);
    }

    /// The same of the part of a shard, whose requests are numbered on their own.
    pub(super) fn merge_shard(&mut self, other: &SequencePart, shard: Shard) {
        let mut whole = match std::mem::replace(&mut self.0, Form::Whole(Sequence::default())) {
            Form::Whole(sequence) => sequence,
            part => part.gathered(Sequence::default(), Shard::WHOLE),
        };
        whole = other.0.gathered(whole, shard);
        self.0 = Form::Whole(whole);
    }

    /// The same requests under other numbers, which stay in their order.
    pub(super) fn renumbered(&self, place: impl Fn(u64) -> u64) -> SequencePart {
        let whole = self.0.gathered(Sequence::default(), Shard::WHOLE);
        let mut renumbered = Sequence::default();
        whole
            .places()
            .for_each(|(index, entry)| renumbered.set(place(index), entry));
        SequencePart(Form::Whole(renumbered))
    }

    /// The same requests, numbered from `by` on.
    pub(super) fn shifted(self, by: u64) -> SequencePart {
        SequencePart(match self.0 {
            Form::EveryNth { first, step, own } => Form::EveryNth {
                first: first + by,
                step,
                own,
            },
            Form::Whole(own) => Form::EveryNth {
                first: by,
                step: 1,
                own,
            },
            taken @ Form::Taken(_) => Form::EveryNth {
                first: by,
                step: 1,
                own: taken.gathered(Sequence::default(), Shard::WHOLE),
            },
        })
    }
}

impl Form {
    /// The whole with these requests of a shard in it.
    fn gathered(&self, mut whole: Sequence, shard: Shard) -> Sequence {
        match self {
            Form::Whole(own) => own
                .places()
                .for_each(|(index, entry)| whole.set(shard.global(index), entry)),
            Form::EveryNth { first, step, own } => own
                .places()
                .for_each(|(place, entry)| whole.set(shard.global(first + place * step), entry)),
            Form::Taken(codes) => codes.each(|index, code| {
                let entry = SequenceEntry { code, lag_steps: 0 };
                whole.set(shard.global(index), entry);
            }),
        }
        whole
    }
}

/// Codes with their indices, each as its distance from the one before: three bytes a request, four where hundreds of
/// requests are in flight.
#[derive(Clone, Debug, Default)]
struct TakenCodes {
    bytes: Vec<u8>,
    latest: u64,
}

impl TakenCodes {
    fn push(&mut self, index: u64, code: LatencyCode) {
        let distance = index as i64 - self.latest as i64;
        self.latest = index;
        // Small distances of either sign are small numbers, and small numbers are one byte.
        let mut rest = ((distance << 1) ^ (distance >> 63)) as u64;
        while rest >= 0x80 {
            self.bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
        self.bytes.extend(code.number().to_le_bytes());
    }

    fn each(&self, mut with: impl FnMut(u64, LatencyCode)) {
        let (mut rest, mut index) = (self.bytes.as_slice(), 0i64);
        while let Some((&code, after)) = read_distance(rest, &mut index).split_first_chunk() {
            rest = after;
            if let Some(code) = LatencyCode::from_number(u16::from_le_bytes(code)) {
                with(index as u64, code);
            }
        }
    }
}

/// Moves the index by the distance in front of the bytes; gives the bytes behind it.
fn read_distance<'a>(mut bytes: &'a [u8], index: &mut i64) -> &'a [u8] {
    let (mut number, mut shift) = (0u64, 0);
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    *index += (number >> 1) as i64 ^ -((number & 1) as i64);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Form, IndexShare, SequencePart};
    use crate::run::recording::sequence::{MOST_IN_SEQUENCE, SequenceEntry};
    use crate::run::sample::Outcome;
    use crate::run::schedule::mix;

    /// A request in the order in which requests end: up to `spread` later than they are due.
    fn ended(count: u64, spread: u64) -> Vec<(u64, SequenceEntry)> {
        let mut order: Vec<u64> = (0..count).collect();
        order.sort_by_key(|&index| index + mix(index) % spread);
        let entry = |index| {
            let lag_ns = mix(index ^ 5) % 3 * 200_000;
            SequenceEntry::of(Outcome::Ok, 2_000_000 + mix(index) % 50_000_000, lag_ns)
        };
        order
            .into_iter()
            .map(|index| (index, entry(index)))
            .collect()
    }

    fn recorded(
        share: IndexShare,
        requests: &[(u64, SequenceEntry)],
        is_own: impl Fn(u64) -> bool,
    ) -> SequencePart {
        let mut part = SequencePart::of(share);
        let own = requests.iter().filter(|(index, _)| is_own(*index));
        own.for_each(|&(index, entry)| part.record(index, entry));
        part
    }

    #[test]
    fn every_third_request_a_thread_makes_the_whole_and_no_thread_keeps_more_than_its_own() {
        let requests = ended(10_000, 40);
        let whole = recorded(IndexShare::All, &requests, |_| true);
        let parts = [2, 0, 1].map(|first| {
            let share = IndexShare::EveryNth { first, step: 3 };
            recorded(share, &requests, |index| index % 3 == first)
        });
        for part in &parts {
            let Form::EveryNth { own, .. } = &part.0 else {
                panic!("a part keeps its form: {:?}", part.0);
            };
            assert!(own.len() <= 10_000 / 3 + 1 && part.whole().is_none());
        }
        let [mut merged, second, third] = parts;
        merged.merge(&second);
        assert_eq!(merged.whole(), None);
        merged.merge(&third);
        assert_eq!(merged.whole(), whole.whole());
        assert_eq!(merged.whole().map(|w| w.len()), Some(10_000));
    }

    #[test]
    fn requests_as_threads_of_a_closed_model_took_them_make_the_whole() {
        // 512 in flight on four threads, which take what is next.
        let mut requests = ended(20_000, 512);
        requests
            .iter_mut()
            .for_each(|(_, entry)| entry.lag_steps = 0);
        let whole = recorded(IndexShare::All, &requests, |_| true);
        let mut merged = SequencePart::of(IndexShare::Taken);
        for thread in 0..4 {
            let is_own = |index| mix(index ^ 77) % 4 == thread;
            let part = recorded(IndexShare::Taken, &requests, is_own);
            let Form::Taken(codes) = &part.0 else {
                panic!("a part keeps its form: {:?}", part.0);
            };
            let own = requests.iter().filter(|(index, _)| is_own(*index)).count();
            assert!(
                codes.bytes.len() <= 4 * own,
                "{} of {own}",
                codes.bytes.len()
            );
            merged.merge(&part);
        }
        assert_eq!(merged.whole(), whole.whole());
    }

    #[test]
    fn a_later_block_follows_the_one_before_it() {
        let requests = ended(1_000, 10);
        let whole = recorded(IndexShare::All, &requests, |_| true);
        let mut first = recorded(IndexShare::All, &requests, |index| index < 400);
        let mut second = SequencePart::of(IndexShare::All);
        for &(index, entry) in requests.iter().filter(|(index, _)| *index >= 400) {
            second.record(index - 400, entry);
        }
        first.merge(&second.shifted(400));
        assert_eq!(first.whole(), whole.whole());
    }

    #[test]
    fn no_part_keeps_what_is_behind_the_capacity() {
        let (_, entry) = ended(1, 1)[0];
        let shares = [
            IndexShare::All,
            IndexShare::Taken,
            IndexShare::EveryNth { first: 1, step: 2 },
        ];
        for share in shares {
            let mut part = SequencePart::of(share);
            part.record(MOST_IN_SEQUENCE + 1, entry);
            let mut merged = SequencePart::of(IndexShare::All);
            merged.merge(&part);
            assert!(merged.whole().is_some_and(|whole| whole.is_empty()));
        }
    }
}
