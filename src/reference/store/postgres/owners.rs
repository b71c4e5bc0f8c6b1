//! The names under which this process counts.

use std::sync::{Arc, Mutex};

use crate::reference::mutex::lock;

/// The process's own name, and others that it uses when another session has locked the counts of the last one. Clones
/// share them.
#[derive(Clone)]
pub(super) struct Owners(Arc<Mutex<Vec<i64>>>);

impl Owners {
    pub(super) fn new(process: i64) -> Owners {
        Owners(Arc::new(Mutex::new(vec![process])))
    }

    /// The process, as others know it.
    pub(super) fn process(&self) -> i64 {
        lock(&self.0)[0]
    }

    pub(super) fn all(&self) -> Vec<i64> {
        lock(&self.0).clone()
    }

    pub(super) fn another(&self) -> i64 {
        let name = i64::from(rand::random::<u32>()) << 31 | 1;
        lock(&self.0).push(name);
        name
    }
}
