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

/// What one request holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    memory: Arc<HeldMemory>,
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

    /// Begins to hold something.
    pub(super) fn hold(self: &Arc<Self>, bytes: usize) -> Result<HeldBytes, MemoryHeld> {
        let held = HeldBytes {
            memory: self.clone(),
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
        let HeldMemory { held, limit_bytes } = &*self.memory;
        let grown = |now: usize| now.checked_add(bytes).filter(|sum| sum <= limit_bytes);
        held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .map_err(|_| MemoryHeld)?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.memory.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{HeldMemory, MemoryHeld};

    #[test]
    fn together_they_hold_no_more_than_the_limit_and_give_everything_back() {
        let memory = HeldMemory::new(10);
        let first = memory.hold(4).expect("room");
        let second = memory.hold(4).expect("room");
        assert_eq!(first.grow(3), Err(MemoryHeld));
        assert_eq!(first.grow(2), Ok(()));
        assert_eq!(memory.hold(1).err(), Some(MemoryHeld));
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
}
