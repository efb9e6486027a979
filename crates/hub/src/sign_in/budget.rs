//! The lockout budget (semantics, section 4): how many wrong passwords of one account the hub lets reach its source.

use std::cmp::max;

use chrono::{DateTime, TimeDelta, Utc};
use directory::{ImmutableId, LockoutReading, LockoutSettings, Policy, SourceId};
use storage::{
    Transaction,
    budget::{Budget, BudgetPlace},
};

use crate::{HubError, HubParts, kernel::seconds};

/// The source's clock and ours are not one: places return this much later than the source forgets.
const MARGIN: TimeDelta = TimeDelta::seconds(5);

/// What the lockout policy of an account leaves to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    /// Wrong passwords after which the source locks; empty = it never does.
    pub(super) threshold: Option<u32>,
    pub(super) places: u32,
    /// After the last kept place all return; empty = they never expire.
    pub(super) window: Option<TimeDelta>,
}

/// Why there is no limit to keep: the source cannot be used (semantics, section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLimit {
    ThresholdUnknown,
    WindowUnknown,
    WaiverMissing,
}

impl NoLimit {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::ThresholdUnknown => "nobody knows after how many wrong passwords it locks: set lockout_threshold",
            Self::WindowUnknown => "nobody knows for how long it counts wrong passwords: set lockout_window",
            Self::WaiverMissing => "it locks at one or two wrong passwords, and nobody accepted that: lockout_waiver",
        }
    }
}

impl Limit {
    /// The limit of an account. What the entry shows counts (a policy of its own), else what is configured.
    pub(super) fn of(shown: LockoutReading, configured: LockoutSettings, policy: &Policy) -> Result<Self, NoLimit> {
        let threshold = shown.threshold.or(configured.threshold).ok_or(NoLimit::ThresholdUnknown)?;
        if threshold == 0 {
            let places = max(1, policy.budget_without_lockout);
            return Ok(Self { threshold: None, places, window: Some(seconds(policy.budget_without_lockout_window)) });
        }
        if threshold <= 2 && !configured.waiver {
            return Err(NoLimit::WaiverMissing);
        }
        let window = shown.window_seconds.or(configured.window_seconds).ok_or(NoLimit::WindowUnknown)?;
        let window = (window > 0).then(|| seconds(window));
        Ok(Self { threshold: Some(threshold), places: max(1, threshold.saturating_sub(2)), window })
    }
}

impl Limit {
    /// After a restore nobody knows which places were taken since the backup, at most all of them. Where the source
    /// does not show its own count, one wrong password goes through until the source has forgotten those: they and
    /// this one are still fewer than its threshold.
    pub(super) fn after_restore(
        self,
        restored_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        count: SourceCount,
    ) -> Self {
        let remembers = |at: DateTime<Utc>| self.window.is_none_or(|window| now - at <= window + window / 10 + MARGIN);
        let careful = self.threshold.is_some() && count.failures.is_none() && restored_at.is_some_and(remembers);
        Self { places: if careful { 1 } else { self.places }, ..self }
    }
}

/// What the source itself counted, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceCount {
    pub(super) failures: Option<u32>,
    /// Before the request was sent.
    pub(super) read_at: DateTime<Utc>,
}

/// Which places are still taken at `now`.
fn still_taken(places: &[BudgetPlace], limit: Limit, count: SourceCount, now: DateTime<Utc>) -> Vec<BudgetPlace> {
    let Some(window) = limit.window else {
        // Never expires: back when the source's own count is clear. A bind that ended after that reading is not in it.
        let cleared = count.failures == Some(0);
        let taken = |place: &&BudgetPlace| !cleared || place.kept_at.is_none_or(|kept| kept >= count.read_at);
        return places.iter().filter(taken).copied().collect();
    };
    // A tenth more than the window, for a source that counts from the end of the bind.
    let expiry = window + window / 10 + MARGIN;
    let last = places.iter().map(|place| place.kept_at.unwrap_or(place.taken_at)).max();
    match last {
        Some(last) if now.signed_duration_since(last) <= expiry => places.to_vec(),
        Some(_) | None => Vec::new(),
    }
}

/// Whether one more bind may be tried with these places taken.
fn admits(taken: &[BudgetPlace], limit: Limit, count: SourceCount, known_device: bool) -> bool {
    let used = as_u32(taken.len());
    // The source's count does not hold what is under way, or ended after it was read.
    let unseen = taken.iter().filter(|place| place.kept_at.is_none_or(|kept| kept >= count.read_at)).count();
    let at_source = count.failures.unwrap_or(0).saturating_add(as_u32(unseen));
    // Without lockout the source's count is of no consequence.
    let larger = if limit.threshold.is_some() { max(used, at_source) } else { used };
    if larger >= limit.places {
        return false;
    }
    // One place is for browsers the person signed in with before: a stranger cannot use the budget up.
    let strangers = as_u32(taken.iter().filter(|place| !place.known_device).count());
    known_device || limit.places < 2 || max(strangers, at_source) < limit.places - 1
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Takes a place in the transaction that checks for one; empty if there is none. Expired ones return first.
pub(super) async fn take(
    tx: &mut Transaction,
    hub: &HubParts,
    account: (SourceId, &ImmutableId),
    limit: Limit,
    count: SourceCount,
    known_device: bool,
) -> Result<Option<uuid::Uuid>, HubError> {
    let now = hub.clock.now();
    let mut budget = Budget { queries: tx, source: account.0, immutable_id: account.1 };
    let places = budget.places().await?;
    let taken = still_taken(&places, limit, count, now);
    for place in places.iter().filter(|place| !taken.contains(place)) {
        budget.give_back(place.id).await?;
    }
    if !admits(&taken, limit, count, known_device) {
        return Ok(None);
    }
    let place = BudgetPlace { id: hub.random.id(now), taken_at: now, kept_at: None, known_device };
    budget.take(&place).await?;
    Ok(Some(place.id))
}

/// Whether any place is taken now.
pub(super) async fn is_any_taken(
    tx: &mut Transaction,
    hub: &HubParts,
    account: (SourceId, &ImmutableId),
    limit: Limit,
    count: SourceCount,
) -> Result<bool, HubError> {
    let places = Budget { queries: tx, source: account.0, immutable_id: account.1 }.places().await?;
    Ok(!still_taken(&places, limit, count, hub.clock.now()).is_empty())
}

/// What becomes of a place when its bind has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The password never left: this place returns.
    NotSent,
    /// OK, or a code that only the right password gets: all finished places return.
    Proven,
    /// Everything else, time-outs included.
    Kept,
}

/// Ends a place.
pub(super) async fn end(
    tx: &mut Transaction,
    hub: &HubParts,
    account: (SourceId, &ImmutableId),
    place: uuid::Uuid,
    ending: Ending,
) -> Result<(), HubError> {
    let now = hub.clock.now();
    let mut budget = Budget { queries: tx, source: account.0, immutable_id: account.1 };
    match ending {
        Ending::NotSent => budget.give_back(place).await?,
        Ending::Kept => budget.keep(place, now).await?,
        Ending::Proven => {
            budget.give_back(place).await?;
            budget.give_back_finished(now + TimeDelta::days(1)).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

    fn shown(threshold: Option<u32>, window: Option<u64>) -> LockoutReading {
        LockoutReading { threshold, window_seconds: window, ..LockoutReading::default() }
    }

    fn limit(threshold: u32, window: u64) -> Limit {
        let configured = LockoutSettings { waiver: true, ..LockoutSettings::default() };
        Limit::of(shown(Some(threshold), Some(window)), configured, &Policy::default()).unwrap()
    }

    fn place(kept_after: Option<i64>, known_device: bool) -> BudgetPlace {
        let kept_at = kept_after.map(|s| NOW + TimeDelta::seconds(s));
        BudgetPlace { id: uuid::Uuid::nil(), taken_at: NOW, kept_at, known_device }
    }

    const UNREAD: SourceCount = SourceCount { failures: None, read_at: DateTime::<Utc>::MAX_UTC };

    #[test]
    fn the_budget_is_two_below_the_threshold_and_at_least_one() {
        assert_eq!([1, 2, 3, 5, 10].map(|t| limit(t, 60).places), [1, 1, 1, 3, 8]);
    }

    #[test]
    fn after_a_restore_one_wrong_password_goes_through_until_the_source_has_forgotten() {
        let restored = Some(NOW);
        let places = |limit: Limit, seconds, count| {
            limit.after_restore(restored, NOW + TimeDelta::seconds(seconds), count).places
        };
        assert_eq!([0, 71, 72].map(|s| places(limit(10, 60), s, UNREAD)), [1, 1, 8]);
        assert_eq!(places(limit(10, 0), 1_000_000, UNREAD), 1, "its lockouts never expire");
        assert_eq!(places(limit(0, 60), 0, UNREAD), 10, "it never locks");
        let shown = SourceCount { failures: Some(2), read_at: NOW };
        assert_eq!(places(limit(10, 60), 0, shown), 8, "its own count is better than a guess");
        assert_eq!(limit(10, 60).after_restore(None, NOW, UNREAD).places, 8);
    }

    #[test]
    fn without_lockout_it_is_ten_in_a_quarter_of_an_hour() {
        let off = limit(0, 60);
        assert_eq!((off.threshold, off.places, off.window), (None, 10, Some(TimeDelta::minutes(15))));
    }

    #[test]
    fn an_unknown_threshold_and_a_tiny_one_without_waiver_make_the_source_unusable() {
        let (none, policy) = (LockoutSettings::default(), Policy::default());
        assert_eq!(Limit::of(shown(None, None), none, &policy), Err(NoLimit::ThresholdUnknown));
        assert_eq!(Limit::of(shown(Some(2), Some(60)), none, &policy), Err(NoLimit::WaiverMissing));
        assert_eq!(Limit::of(shown(Some(5), None), none, &policy), Err(NoLimit::WindowUnknown));
        let configured = LockoutSettings { threshold: Some(5), window_seconds: Some(60), waiver: false };
        assert_eq!(Limit::of(shown(None, None), configured, &policy).unwrap().places, 3);
        assert_eq!(Limit::of(shown(Some(9), Some(60)), configured, &policy).unwrap().places, 7, "its own policy");
    }

    #[test]
    fn one_place_is_kept_for_known_devices() {
        let five = limit(5, 60);
        let strangers = [place(Some(0), false), place(Some(0), false)];
        assert!(admits(&strangers[..1], five, UNREAD, false));
        assert!(!admits(&strangers, five, UNREAD, false));
        assert!(admits(&strangers, five, UNREAD, true));
        assert!(admits(&[], limit(3, 60), UNREAD, false), "a single place is for everybody");
    }

    #[test]
    fn the_larger_count_wins_and_unseen_binds_add_to_the_sources() {
        let five = limit(5, 60);
        let read = |failures| SourceCount { failures: Some(failures), read_at: NOW + TimeDelta::seconds(10) };
        assert!(admits(&[], five, read(1), false));
        assert!(!admits(&[], five, read(2), false), "two elsewhere: the last place is for known devices");
        assert!(admits(&[], five, read(2), true));
        assert!(!admits(&[], five, read(3), true));
        let under_way = [place(None, true)];
        assert!(!admits(&under_way, five, read(2), true));
        let seen = [place(Some(9), true)];
        assert!(admits(&seen, five, read(1), true), "counted there by now");
    }

    #[test]
    fn all_places_return_after_the_window_since_the_last_kept_one() {
        let hundred = limit(5, 100);
        let places = [place(Some(0), false), place(Some(50), false)];
        let left = |after: i64| still_taken(&places, hundred, UNREAD, NOW + TimeDelta::seconds(after)).len();
        assert_eq!([50, 115, 165, 166].map(left), [2, 2, 2, 0]);
    }

    #[test]
    fn a_cancelled_request_keeps_its_place() {
        let places = [place(None, false)];
        let left = |after: i64| still_taken(&places, limit(5, 100), UNREAD, NOW + TimeDelta::seconds(after)).len();
        assert_eq!([114, 116].map(left), [1, 0]);
    }

    #[test]
    fn a_window_that_never_ends_returns_places_when_the_source_counts_none() {
        let endless = limit(5, 0);
        let places = [place(Some(0), false), place(Some(20), false), place(None, false)];
        let read = |failures| SourceCount { failures, read_at: NOW + TimeDelta::seconds(10) };
        let later = NOW + TimeDelta::days(400);
        assert_eq!(still_taken(&places, endless, read(None), later).len(), 3);
        assert_eq!(still_taken(&places, endless, read(Some(1)), later).len(), 3);
        assert_eq!(still_taken(&places, endless, read(Some(0)), later).len(), 2, "what that reading saw returns");
    }

    proptest! {
        #[test]
        fn never_more_places_than_the_threshold_less_two(
            threshold in 3u32..50, tries in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..200),
        ) {
            let limit = limit(threshold, 900);
            let mut taken = Vec::new();
            for (known_device, ended) in tries {
                if admits(&taken, limit, UNREAD, known_device) {
                    taken.push(place(ended.then_some(0), known_device));
                }
            }
            prop_assert!(taken.len() <= threshold as usize - 2);
        }

        #[test]
        fn what_the_source_counts_never_reaches_its_threshold_through_us(
            threshold in 3u32..50, elsewhere in 0u32..60, known_device in any::<bool>(),
        ) {
            let count = SourceCount { failures: Some(elsewhere), read_at: NOW + TimeDelta::seconds(1) };
            if admits(&[], limit(threshold, 900), count, known_device) {
                prop_assert!(elsewhere < threshold - 2);
            }
        }
    }
}
