//! What goes wrong in operation, made to go wrong: after each fault, what was accepted is done, nothing is lost and
//! nothing is inserted twice. Bounded and seeded; `A7PROBE_LONG=1` runs the long version.

#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod brokers;
mod chaos;
mod clients;
mod disk;
#[cfg(all(feature = "amqp", feature = "redis", feature = "nats"))]
mod duplicates;
mod full_disk;
mod half_closed;
mod kill;
mod lost_log;
mod order;
#[cfg(feature = "postgres")]
mod postgres;
mod provider;
mod stop;
mod store_files;
mod unreadable;
#[cfg(feature = "postgres")]
mod unreadable_postgres;
mod workers;
