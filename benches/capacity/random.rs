//! Seeded draws: the same on every machine and in every version of every crate.

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 * (-53.0_f64).exp2()
    }

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Lognormal with this mean and coefficient of variation.
    pub(crate) fn lognormal(&mut self, mean: f64, variation: f64) -> f64 {
        let variance = variation.mul_add(variation, 1.0).ln();
        (variance
            .sqrt()
            .mul_add(self.normal(), mean.ln() - variance / 2.0))
        .exp()
    }
}
