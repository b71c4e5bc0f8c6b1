//! When a growing sample is looked at: at lengths that are fixed beforehand, so that the whole sample, looked at
//! again at the same moments, gives the same verdict.

use super::cluster::{Clusters, EpisodeCondition};
use super::sequential::SequentialTest;
use crate::verdict::Verdict;

/// A look comes when the sample has grown by one part in this many.
const GROWTH: u64 = 50;

/// The length of the sample at the look after the one at `samples`: 2 % more, at least one.
pub fn next(samples: u64) -> u64 {
    samples + (samples / GROWTH).max(1)
}

/// One gate on a growing sample, looked at whenever its next length is reached.
#[derive(Clone, Debug)]
pub struct InterimLooks {
    test: SequentialTest,
    /// ℓ0, in requests; `None` takes requests as independent.
    episode: Option<f64>,
    /// The latest look.
    at: u64,
    latest: Option<Clusters>,
}

impl InterimLooks {
    /// Nothing looked at yet. `episode` is ℓ0, the length in requests of the slow episode to exclude; `None` takes
    /// requests as independent.
    ///
    /// # Panics
    /// If `theta0` or `alpha` is not inside (0, 1).
    pub fn new(theta0: f64, alpha: f64, episode: Option<f64>) -> InterimLooks {
        InterimLooks {
            test: SequentialTest::new(theta0, alpha),
            episode,
            at: 0,
            latest: None,
        }
    }

    /// The length of the sample at which the next look is due.
    pub fn next(&self) -> u64 {
        next(self.at)
    }

    /// Looks at every length that is due among the first `samples`; `prefix` gives the clusters of so many.
    pub fn advance(&mut self, samples: u64, prefix: impl Fn(u64) -> Clusters) {
        while self.next() <= samples {
            self.look(prefix(self.next()));
        }
    }

    /// Looks at the end too, whether or not a look is due there.
    pub fn finish(&mut self, samples: u64, prefix: impl Fn(u64) -> Clusters) {
        self.advance(samples, &prefix);
        if self.at < samples {
            self.look(prefix(samples));
        }
    }

    /// Looks once, at a sample whose growth is not known.
    pub fn look_once(&mut self, clusters: Clusters) {
        self.look(clusters);
    }

    fn look(&mut self, clusters: Clusters) {
        self.at = clusters.samples();
        match self.episode {
            Some(episode) => self.test.look_guarded(&clusters, episode),
            None => self.test.look(self.at, clusters.slow.total),
        };
        self.latest = Some(clusters);
    }

    /// The evidence.
    pub fn test(&self) -> &SequentialTest {
        &self.test
    }

    /// What the latest look saw.
    pub fn latest(&self) -> Option<&Clusters> {
        self.latest.as_ref()
    }

    /// What has been decided so far; INCONCLUSIVE means go on.
    pub fn verdict(&self) -> Verdict {
        self.test.verdict()
    }

    /// How far it is from decided, 0 ..= 1: the evidence at the latest look, or, where the evidence would do, the
    /// samples that the condition on episodes still asks for.
    pub fn progress(&self) -> f64 {
        let evidence = self.test.progress();
        match (self.verdict(), self.waits_for()) {
            (Verdict::Pass | Verdict::Fail, _) => 1.0,
            (_, Some(samples)) => evidence.min(self.at as f64 / samples as f64),
            (_, None) => evidence,
        }
    }

    /// Whether there is more evidence for a PASS than for a FAIL at the latest look.
    pub fn leans_to_pass(&self) -> bool {
        self.test.latest().pass > self.test.latest().fail
    }

    /// The samples in all that a PASS still waits for because of bursts.
    fn waits_for(&self) -> Option<u64> {
        let (clusters, episode) = (self.latest.as_ref()?, self.episode?);
        match clusters.pass_condition(self.test.theta0(), self.test.alpha(), episode) {
            EpisodeCondition::NeedsSamples(samples) if self.leans_to_pass() => Some(samples),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InterimLooks, next};
    use crate::stats::cluster::Clusters;
    use crate::verdict::Verdict;

    fn clusters_of(bits: &[bool]) -> impl Fn(u64) -> Clusters + '_ {
        |n| Clusters::of(bits[..n as usize].iter().copied())
    }

    #[test]
    fn looks_come_after_every_sample_and_later_after_two_in_a_hundred() {
        let looks: Vec<u64> = std::iter::successors(Some(1), |&n| Some(next(n)))
            .take(200)
            .collect();
        assert_eq!(looks[..100], (1..=100).collect::<Vec<u64>>());
        assert_eq!(looks[100..103], [102, 104, 106]);
        assert!(looks.windows(2).all(|w| (w[1] - w[0]) * 50 <= w[0].max(50)));
    }

    #[test]
    fn looking_in_pieces_and_looking_again_say_the_same() {
        let bits: Vec<bool> = (0..5_000_u32)
            .map(|i| i.wrapping_mul(2_654_435_761) % 40 == 0)
            .collect();
        let (mut pieces, mut again) = (
            InterimLooks::new(0.05, 0.05, Some(2.0)),
            InterimLooks::new(0.05, 0.05, Some(2.0)),
        );
        for n in [3, 3, 700, 701, 4_999] {
            pieces.advance(n, clusters_of(&bits));
        }
        pieces.finish(5_000, clusters_of(&bits));
        again.finish(5_000, clusters_of(&bits));
        assert_eq!(pieces.test(), again.test());
        assert_eq!(pieces.verdict(), Verdict::Pass);
    }

    #[test]
    fn a_clean_service_waits_for_the_samples_that_exclude_an_episode() {
        let clean = vec![false; 2_000];
        let mut looking = InterimLooks::new(0.05, 0.05, Some(20.0));
        // The evidence is there at 82, the condition at U(0)·20/0.05 = 1198.3.
        looking.advance(600, clusters_of(&clean));
        assert_eq!(looking.verdict(), Verdict::Inconclusive);
        let progress = looking.progress();
        assert!((0.4..0.51).contains(&progress), "{progress}");
        looking.advance(1_300, clusters_of(&clean));
        assert_eq!(
            (looking.verdict(), looking.progress()),
            (Verdict::Pass, 1.0)
        );
    }
}
