//! Locks a mutex although a thread panicked with it: what it guards is complete after every statement.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
