//! Seeded mutations of good inputs, for the tests of every decoder of foreign bytes. The cases are the same in every
//! run.
//!
//! The suite runs [`CASES`] of them for each decoder; with `A7PROBE_LONG=1` it runs for [`LONG`]. Decoders run on a
//! thread with a small stack, so that unbounded recursion fails at once.

use std::env as environment;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Cases for each decoder in every run of the tests.
pub(crate) const CASES: u64 = 10_000;
/// How long each decoder is tried in the long tests.
const LONG: Duration = Duration::from_secs(20);
/// A quarter of the stack of a server thread.
const STACK: usize = 512 * 1024;
/// The longest input. Mutations repeat pieces of it, and repetition grows without a bound.
const LONGEST: usize = 24 * 1024;

/// Runs a decoder on every mutation of these inputs. `words` are pieces that matter to it.
pub(crate) fn decode_mutations(
    seeds: &[Vec<u8>],
    words: &[&[u8]],
    decode: impl FnMut(&[u8]) + Send,
) {
    on_a_small_stack(|| run(seeds, words, decode));
}

/// Runs on a thread whose stack overflows early.
pub(crate) fn on_a_small_stack<T: Send>(act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, act).expect("a thread");
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn run(seeds: &[Vec<u8>], words: &[&[u8]], mut decode: impl FnMut(&[u8])) {
    let is_long = environment::var_os("A7PROBE_LONG").is_some();
    let (begun, mut cases) = (Instant::now(), 0);
    while cases < CASES || (is_long && begun.elapsed() < LONG) {
        let mut random = Random(cases);
        let mut bytes = random.pick(seeds).clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, seeds, words, &mut random);
            bytes.truncate(LONGEST);
        }
        decode(&bytes);
        cases += 1;
    }
    // Shown with `--nocapture`.
    let _ = writeln!(std::io::stderr(), "{cases} cases");
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&[u8]], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(16)).min(bytes.len());
    match random.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.next() as u8,
        2 => drop(bytes.drain(at..end)),
        3 => bytes.truncate(at),
        4 => {
            let other = random.pick(seeds);
            let from = random.below(other.len() + 1);
            bytes.splice(at..end, other[from..].iter().copied());
        }
        // Nesting, long lists and long numbers.
        5 | 6 if at < end => {
            let piece = bytes[at..end].repeat(1 + random.below(4_000));
            bytes.splice(at..at, piece);
        }
        _ if !words.is_empty() => {
            let word = random.pick(words);
            let count = if random.below(4) == 0 { 2_000 } else { 1 };
            bytes.splice(at..at, word.repeat(count));
        }
        _ => bytes.insert(at, random.next() as u8),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
