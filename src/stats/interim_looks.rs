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
    /// Nothing looked at yet. `episode` is ℓ0, the length in requests of the slow spell to exclude; `None` takes
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

    /// Looks at every length that is due among the first `samples`; `prefix` gives the clusters of this many.
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

    /// The decision at this time; INCONCLUSIVE means that the run continues.
    pub fn verdict(&self) -> Verdict {
        self.test.verdict()
    }

    /// How far a PASS is from shown, 0 ..= 1: the evidence at the latest look, or the share of the sample that the
    /// condition on slow spells needs, whichever is smaller.
    pub fn progress_to_pass(&self) -> f64 {
        let spells = self.share_of(|clusters, episode| {
            clusters.pass_condition(self.test.theta0(), self.test.alpha(), episode)
        });
        self.test.progress_to_pass().min(spells)
    }

    /// The same of a FAIL at this level.
    pub fn progress_to_fail(&self, level: f64) -> f64 {
        let spells = self.share_of(|clusters, episode| {
            clusters.fail_condition(self.test.theta0(), self.test.alpha(), episode)
        });
        self.test.progress_to_fail(level).min(spells)
    }

    /// Whether there is at least as much evidence for a PASS as for a FAIL at the latest look.
    pub fn leans_to_pass(&self) -> bool {
        self.test.latest().pass >= self.test.latest().fail
    }

    /// How much of what a condition on slow spells asks for the latest look has seen, 0 ..= 1.
    fn share_of(&self, condition: impl Fn(&Clusters, f64) -> EpisodeCondition) -> f64 {
        let (Some(clusters), Some(episode)) = (&self.latest, self.episode) else {
            return 1.0;
        };
        match condition(clusters, episode) {
            EpisodeCondition::Met => 1.0,
            EpisodeCondition::NeedsSamples(samples) => self.at as f64 / samples as f64,
            EpisodeCondition::NeedsEpisodes(episodes) => {
                clusters.slow.count as f64 / episodes as f64
            }
        }
    }

    /// The length of the sample at which the verdict that it leans to is shown if exceedances and slow spells continue
    /// as at the latest look, a FAIL at this level. `u64::MAX` if it never is, `None` before the first look.
    pub fn projected(&self, fail_level: f64) -> Option<u64> {
        let clusters = self.latest.as_ref()?;
        let (theta0, alpha) = (self.test.theta0(), self.test.alpha());
        let (level, spells_from) = if self.leans_to_pass() {
            let from = |episode| clusters.pass_condition_from(theta0, alpha, episode);
            (alpha, self.episode.map(from))
        } else {
            let from = |episode| clusters.fail_condition_from(theta0, alpha, episode);
            (fail_level, self.episode.map(from))
        };
        let effect = self.episode.map_or(1.0, |_| clusters.design_effect);
        let (n, k) = (
            clusters.samples() as f64 / effect,
            clusters.slow.total as f64 / effect,
        );
        let shown_at = self.test.mixture().samples_to_decide(n, k, level);
        let shown_at = shown_at.map_or(u64::MAX, |shown| (shown.samples as f64 * effect) as u64);
        Some(shown_at.max(spells_from.unwrap_or(0)))
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
        let progress = looking.progress_to_pass();
        assert!((0.4..0.51).contains(&progress), "{progress}");
        assert_eq!(looking.projected(0.05), Some(1_199));
        looking.advance(1_300, clusters_of(&clean));
        assert_eq!(
            (looking.verdict(), looking.progress_to_pass()),
            (Verdict::Pass, 1.0)
        );
    }

    #[test]
    fn the_projection_is_where_a_sample_that_goes_on_like_this_is_decided() {
        // At a look whose share is that of the whole.
        for (every, at) in [(14_usize, 84), (40, 80), (90, 90)] {
            let bits: Vec<bool> = (0..60_000).map(|i| i % every == every - 1).collect();
            let mut looking = InterimLooks::new(0.05, 0.05, Some(2.0));
            looking.advance(at, clusters_of(&bits));
            let projected = looking.projected(0.05).expect("a look") as f64;
            let mut whole = InterimLooks::new(0.05, 0.05, Some(2.0));
            let decided = (1..).find(|&n| {
                whole.advance(n, clusters_of(&bits));
                whole.verdict() != Verdict::Inconclusive
            });
            let ratio = projected / decided.expect("it is decided") as f64;
            assert!(
                (0.8..1.25).contains(&ratio),
                "{every}: {projected}, {decided:?}"
            );
        }
    }

    #[test]
    fn a_fail_waits_for_three_spells_and_for_the_level_that_other_gates_leave() {
        let two: Vec<bool> = (0..100).map(|i| i % 50 == 49).collect();
        let mut looking = InterimLooks::new(0.001, 0.05, Some(1.0));
        assert_eq!(looking.projected(0.05), None);
        looking.advance(100, clusters_of(&two));
        let progress = looking.progress_to_fail(0.05);
        assert!(progress > 0.4 && progress <= 2.0 / 3.0, "{progress}");
        assert!(looking.projected(0.05) >= Some(150));
        let few: Vec<bool> = (0..60).map(|i| i % 12 == 5).collect();
        let mut looking = InterimLooks::new(0.05, 0.05, Some(1.0));
        looking.advance(60, clusters_of(&few));
        assert!(looking.progress_to_fail(0.05 / 3.0) < looking.progress_to_fail(0.05));
        assert!(looking.projected(0.05 / 3.0) > looking.projected(0.05));
    }
}
