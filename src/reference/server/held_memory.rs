//! The memory that requests over HTTP/2 hold together: one connection carries a hundred of them, and each is cheap to
//! open and dear to keep.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// An account of bytes with a limit.
#[derive(Debug)]
pub(super) struct HeldMemory {
    held: AtomicUsize,
    limit_bytes: usize,
}

/// What the requests of one connection hold together.
#[derive(Clone, Debug, Default)]
pub(super) struct ConnectionShare(Arc<AtomicUsize>);

/// A connection that holds less may use all of the memory, one that holds more may use half of it. Clients with few
/// requests are served while others keep hundreds of them open.
const SMALL_SHARE_BYTES: usize = 64 * 1024;

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    memory: Arc<HeldMemory>,
    share: ConnectionShare,
    bytes: AtomicUsize,
    /// The request is answered: what still comes is thrown away.
    is_settled: AtomicBool,
}

/// The limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requests over HTTP/2 hold all the memory that they may")]
pub(super) struct MemoryHeld;

impl HeldMemory {
    pub(super) fn new(limit_bytes: usize) -> Arc<HeldMemory> {
        Arc::new(HeldMemory {
            held: AtomicUsize::new(0),
            limit_bytes,
        })
    }

    /// Bytes that are held now.
    pub(super) fn bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Begins to hold something for a connection.
    pub(super) fn hold(
        self: &Arc<Self>,
        share: &ConnectionShare,
        bytes: usize,
    ) -> Result<HeldBytes, MemoryHeld> {
        let held = HeldBytes {
            memory: self.clone(),
            share: share.clone(),
            bytes: AtomicUsize::new(0),
            is_settled: AtomicBool::new(false),
        };
        held.grow(bytes)?;
        Ok(held)
    }
}

impl HeldBytes {
    /// From now on nothing more is kept, and nothing more counted.
    pub(super) fn settle(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    /// Holds this much more, or as much as before.
    pub(super) fn grow(&self, bytes: usize) -> Result<(), MemoryHeld> {
        if self.is_settled.load(Ordering::Relaxed) {
            return Ok(());
        }
        let of_connection = self.share.0.load(Ordering::Relaxed);
        let limit_bytes = if of_connection < SMALL_SHARE_BYTES {
            self.memory.limit_bytes
        } else {
            self.memory.limit_bytes / 2
        };
        let grown = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= limit_bytes);
        let held = &self.memory.held;
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| MemoryHeld)?;
        self.share.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.share.0.fetch_sub(bytes, Ordering::Relaxed);
        self.memory.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionShare, HeldMemory, MemoryHeld, SMALL_SHARE_BYTES};

    #[test]
    fn together_they_hold_no_more_than_the_limit_and_give_everything_back() {
        let (memory, share) = (HeldMemory::new(10), ConnectionShare::default());
        let first = memory.hold(&share, 4).expect("room");
        let second = memory.hold(&share, 4).expect("room");
        assert_eq!(first.grow(3), Err(MemoryHeld));
        assert_eq!(first.grow(2), Ok(()));
        assert_eq!(memory.hold(&share, 1).err(), Some(MemoryHeld));
        assert_eq!(first.grow(usize::MAX), Err(MemoryHeld));
        assert_eq!(memory.bytes(), 10);
        drop(first);
        assert_eq!(memory.bytes(), 4);
        assert_eq!(second.grow(6), Ok(()));
        second.settle();
        assert_eq!((second.grow(100), memory.bytes()), (Ok(()), 10));
        drop(second);
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn a_connection_that_holds_much_leaves_half_for_those_that_hold_little() {
        let memory = HeldMemory::new(4 * SMALL_SHARE_BYTES);
        let (large, small) = (ConnectionShare::default(), ConnectionShare::default());
        let first = memory.hold(&large, SMALL_SHARE_BYTES).expect("room");
        let second = memory.hold(&large, SMALL_SHARE_BYTES).expect("room");
        assert_eq!(memory.hold(&large, 1).err(), Some(MemoryHeld));
        let other = memory.hold(&small, SMALL_SHARE_BYTES).expect("room");
        assert_eq!(memory.hold(&small, 1).err(), Some(MemoryHeld));
        drop((first, second));
        assert_eq!(other.grow(1), Ok(()), "half of it is free again");
    }
}
