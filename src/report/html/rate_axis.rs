//! Rates from left to right, on a logarithmic scale with 1-2-5 ticks.

use super::axis::AxisTick;
use crate::report::figures::per_second as shown_rate;

/// Labels at most, so that they do not touch on a phone.
const MOST_LABELS: usize = 7;

/// Space at both ends, as a factor.
const SPACE: f64 = 1.15;

/// Rates from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RateAxis {
    low: f64,
    high: f64,
}

impl RateAxis {
    /// An axis with all of these rates, in requests per second.
    pub(super) fn holding(rates: impl IntoIterator<Item = f64>) -> RateAxis {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for rate in rates {
            low = low.min(rate);
            high = high.max(rate);
        }
        if !low.is_finite() {
            (low, high) = (1.0, 10.0);
        }
        RateAxis {
            low: low / SPACE,
            high: high * SPACE,
        }
    }

    /// In percent of the width; beyond the ends at the edge.
    pub(super) fn x(&self, rate: f64) -> f64 {
        let rate = rate.clamp(self.low, self.high);
        (rate / self.low).ln() / (self.high / self.low).ln() * 100.0
    }

    /// The steps 1, 2, 5 of each decade, or decades alone where there are too many.
    pub(super) fn ticks(&self) -> Vec<AxisTick> {
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let of = |digits: &[f64]| -> Vec<f64> {
            let steps = decades
                .clone()
                .flat_map(|decade| digits.iter().map(move |digit| digit * 10f64.powi(decade)));
            steps
                .filter(|step| (self.low..=self.high).contains(step))
                .collect()
        };
        let fine = of(&[1.0, 2.0, 5.0]);
        let steps = if fine.len() > MOST_LABELS {
            of(&[1.0])
        } else {
            fine
        };
        steps
            .into_iter()
            .map(|step| AxisTick {
                at: self.x(step),
                label: Some(shown_rate(step)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::RateAxis;

    fn labels(rates: &[f64]) -> Vec<String> {
        let axis = RateAxis::holding(rates.iter().copied());
        axis.ticks()
            .into_iter()
            .filter_map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn a_rate_axis_has_steps_of_1_2_5_and_few_labels() {
        assert_eq!(
            labels(&[20.0, 640.0]),
            ["20/s", "50/s", "100/s", "200/s", "500/s"]
        );
        assert_eq!(
            labels(&[1.0, 10_000.0]),
            ["1/s", "10/s", "100/s", "1,000/s", "10,000/s"]
        );
    }

    #[test]
    fn rates_lie_on_a_logarithmic_scale_inside_the_plot() {
        let axis = RateAxis::holding([10.0, 1_000.0]);
        assert!((axis.x(100.0) - 50.0).abs() < 1e-9);
        assert!(axis.x(10.0) > 0.0 && axis.x(1_000.0) < 100.0);
        assert_eq!(axis.x(1e9), 100.0);
    }
}
