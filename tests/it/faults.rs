//! What goes wrong in operation, made to go wrong: after each fault, what was accepted is done, nothing is lost and
//! nothing is inserted twice. Bounded and seeded; `A7PROBE_LONG=1` runs the long version.

mod order;
mod provider;
mod stop;
