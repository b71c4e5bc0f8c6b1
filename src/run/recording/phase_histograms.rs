//! Where the time of the requests went: one histogram a phase.

use crate::run::histogram::{Histogram, Precision};
use crate::run::sample::Phases;

/// One histogram a phase; three significant digits.
#[derive(Clone, Debug)]
pub struct PhaseHistograms {
    /// Waiting for a free connection under the in-flight cap.
    pub wait: Histogram,
    /// Name resolution.
    pub dns: Histogram,
    /// TCP connect.
    pub connect: Histogram,
    /// TLS handshake.
    pub tls: Histogram,
    /// HTTP/2: waiting for a free stream.
    pub slot: Histogram,
    /// Redirects that were followed.
    pub redirect: Histogram,
    /// Send, or the last redirect, to first byte.
    pub first_byte: Histogram,
    /// First byte to last byte.
    pub body: Histogram,
}

impl PhaseHistograms {
    pub(super) fn new() -> PhaseHistograms {
        let empty = || Histogram::new(Precision::Three);
        PhaseHistograms {
            wait: empty(),
            dns: empty(),
            connect: empty(),
            tls: empty(),
            slot: empty(),
            redirect: empty(),
            first_byte: empty(),
            body: empty(),
        }
    }

    /// Names and histograms in the order of time.
    pub fn named(&self) -> [(&'static str, &Histogram); 8] {
        [
            ("wait", &self.wait),
            ("dns", &self.dns),
            ("connect", &self.connect),
            ("tls", &self.tls),
            ("slot", &self.slot),
            ("redirect", &self.redirect),
            ("first_byte", &self.first_byte),
            ("body", &self.body),
        ]
    }

    /// The histogram of a name that [`PhaseHistograms::named`] gives.
    pub fn by_name_mut(&mut self, name: &str) -> Option<&mut Histogram> {
        Some(match name {
            "wait" => &mut self.wait,
            "dns" => &mut self.dns,
            "connect" => &mut self.connect,
            "tls" => &mut self.tls,
            "slot" => &mut self.slot,
            "redirect" => &mut self.redirect,
            "first_byte" => &mut self.first_byte,
            "body" => &mut self.body,
            _ => return None,
        })
    }

    pub(super) fn record(&mut self, phases: &Phases) {
        let pairs = [
            (&mut self.wait, phases.wait_ns),
            (&mut self.dns, phases.dns_ns),
            (&mut self.connect, phases.connect_ns),
            (&mut self.tls, phases.tls_ns),
            (&mut self.slot, phases.slot_ns),
            (&mut self.redirect, phases.redirect_ns),
            (&mut self.first_byte, phases.first_byte_ns),
            (&mut self.body, phases.body_ns),
        ];
        for (histogram, value_ns) in pairs {
            if let Some(value_ns) = value_ns {
                histogram.record(value_ns);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &PhaseHistograms) {
        for (name, histogram) in other.named() {
            if let Some(own) = self.by_name_mut(name) {
                own.add(histogram);
            }
        }
    }
}
