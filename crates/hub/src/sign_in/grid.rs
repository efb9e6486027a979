//! Refusals are released on a grid of time, so that how long one took says nothing (semantics, section 5).

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
    time::Duration,
};

use directory::{ClientId, SourceId};
use tokio::time::Instant;

use super::memory::lock;

/// Refusals of a route that its release time follows.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Refusals kept per route; the latest of a busy route say enough.
const SAMPLES: usize = 1_000;
const ROUTES: usize = 10_000;

/// A way to a decision that is the same for everybody on it: never a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RouteKey {
    pub(super) client: Option<ClientId>,
    /// "Which directory?", if answered.
    pub(super) directory: Option<SourceId>,
    /// The source that owns the typed domain.
    pub(super) domain: Option<SourceId>,
}

/// How long refusals took lately, by route.
#[derive(Debug, Default)]
pub(super) struct Grid {
    routes: Mutex<HashMap<RouteKey, VecDeque<(Instant, Duration)>>>,
}

impl Grid {
    /// Waits until a refusal that began at `began` may be seen. `slow_steps` are added while the whole installation is
    /// under fire.
    pub(super) async fn release(&self, route: &RouteKey, began: Instant, step: Duration, slow_steps: u32) {
        let took = began.elapsed();
        let target = grid_point(self.p99(route), step) + step * slow_steps;
        self.note(route, took);
        // Slower than the target: the next point of the grid, never the moment it happened to be done.
        let target = if took <= target { target } else { next_point(took, step) };
        tokio::time::sleep_until(began + target).await;
    }

    fn p99(&self, route: &RouteKey) -> Duration {
        let now = Instant::now();
        let mut routes = lock(&self.routes);
        let Some(samples) = routes.get_mut(route) else { return Duration::ZERO };
        samples.retain(|(at, _)| now.duration_since(*at) <= REMEMBERED_FOR);
        let mut durations: Vec<Duration> = samples.iter().map(|(_, took)| *took).collect();
        durations.sort_unstable();
        let rank = (durations.len() * 99).div_ceil(100);
        rank.checked_sub(1).and_then(|at| durations.get(at)).copied().unwrap_or(Duration::ZERO)
    }

    fn note(&self, route: &RouteKey, took: Duration) {
        let mut routes = lock(&self.routes);
        if routes.len() >= ROUTES && !routes.contains_key(route) {
            routes.clear();
        }
        let samples = routes.entry(route.clone()).or_default();
        samples.push_back((Instant::now(), took));
        while samples.len() > SAMPLES {
            samples.pop_front();
        }
    }
}

/// The first point of the grid for a route with this p99: the step, or the next multiple above the p99.
fn grid_point(p99: Duration, step: Duration) -> Duration {
    if p99 < step { step } else { next_point(p99, step) }
}

/// The next multiple of `step` above `took`.
fn next_point(took: Duration, step: Duration) -> Duration {
    let step_nanos = step.as_nanos().max(1);
    let points = took.as_nanos() / step_nanos + 1;
    step * u32::try_from(points).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(400);

    fn route(client: &str) -> RouteKey {
        RouteKey { client: Some(ClientId(client.into())), directory: None, domain: None }
    }

    /// A refusal on `route` that took `work`; when it was seen.
    async fn refuse(grid: &Grid, route: &RouteKey, work: Duration) -> Duration {
        let began = Instant::now();
        tokio::time::sleep(work).await;
        grid.release(route, began, STEP, 0).await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn fast_and_slow_refusals_of_one_route_are_seen_at_the_same_time() {
        for (source, seen) in [(50, 400), (500, 800), (2_000, 2_400)] {
            let grid = Grid::default();
            let (route, source) = (route("portal"), Duration::from_millis(source));
            refuse(&grid, &route, source).await;
            let known = refuse(&grid, &route, source).await;
            let unknown = refuse(&grid, &route, Duration::from_millis(3)).await;
            assert_eq!((known, unknown), (Duration::from_millis(seen), Duration::from_millis(seen)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_slower_than_its_route_is_still_on_the_grid() {
        let grid = Grid::default();
        assert_eq!(refuse(&grid, &route("a"), Duration::from_millis(901)).await, STEP * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn routes_do_not_slow_each_other_and_forget() {
        let grid = Grid::default();
        refuse(&grid, &route("slow"), Duration::from_secs(2)).await;
        assert_eq!(refuse(&grid, &route("other"), Duration::ZERO).await, STEP);
        assert!(refuse(&grid, &route("slow"), Duration::ZERO).await > STEP * 4);
        tokio::time::sleep(REMEMBERED_FOR).await;
        assert_eq!(refuse(&grid, &route("slow"), Duration::ZERO).await, STEP);
    }

    #[tokio::test(start_paused = true)]
    async fn an_installation_under_fire_answers_one_step_later() {
        let grid = Grid::default();
        let began = Instant::now();
        grid.release(&route("a"), began, STEP, 1).await;
        assert_eq!(began.elapsed(), STEP * 2);
    }
}
