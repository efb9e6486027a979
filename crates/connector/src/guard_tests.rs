use std::sync::Arc;

use directory::{AccountStatus, AdapterResult};
use tokio::time::{advance, sleep};

use super::*;

/// Answers what it is told, after a while.
struct Scripted {
    answer: Mutex<Result<(), TroubleKind>>,
    takes: Duration,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(takes: Duration) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(Ok(())), takes, asked: AtomicUsize::new(0) })
    }
    fn set(&self, answer: Result<(), TroubleKind>) {
        *self.answer.lock().unwrap() = answer;
    }
    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
    async fn answer(&self) -> Result<(), Trouble> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sleep(self.takes).await;
        let answer = *self.answer.lock().unwrap();
        answer.map_err(|kind| Trouble { kind, endpoint: "stub".into(), reason: "told to".into() })
    }
}

#[async_trait]
impl Connector for Scripted {
    async fn find(&self, _: &str) -> Result<Found, Trouble> {
        self.answer().await.map(|()| Found::Nobody)
    }
    async fn fetch(&self, _: &ImmutableId) -> Result<Option<SourceEntry>, Trouble> {
        self.answer().await.map(|()| None)
    }
    async fn verify(&self, _: &SourceEntry, _: &SecretString) -> Verification {
        match self.answer().await {
            Ok(()) => Verification {
                result: AdapterResult::BadPassword,
                sent: true,
                proves_password: false,
                endpoint: "stub".into(),
                reason: String::new(),
                locked_until: None,
                trouble: None,
            },
            Err(trouble) => Verification { sent: true, ..Verification::not_sent(&trouble) },
        }
    }
    async fn page(&self, _: Option<Cursor>) -> Result<Page, Trouble> {
        self.answer().await.map(|()| Page { entries: vec![], rejected: vec![], next: None })
    }
    async fn default_lockout(&self) -> Result<LockoutReading, Trouble> {
        self.answer().await.map(|()| LockoutReading::default())
    }
    async fn probe(&self) -> Vec<ProbeStep> {
        let passed = self.answer().await.is_ok();
        vec![ProbeStep { name: "Connect".into(), passed, detail: String::new(), remedy: None, milliseconds: 0 }]
    }
}

fn entry() -> SourceEntry {
    SourceEntry {
        immutable_id: "1".to_owned().into(),
        locator: "uid=a".into(),
        username: None,
        names: vec![],
        attributes: Default::default(),
        groups: vec![],
        groups_complete: true,
        status: AccountStatus::Active,
        password_set_at: None,
        lockout: LockoutReading::default(),
        privileged: false,
        raw: std::collections::BTreeMap::new(),
        anchors: directory::Anchors::default(),
        server: String::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn five_consecutive_failures_open_it_and_nobody_dials_until_the_probe() {
    let source = Scripted::new(Duration::ZERO);
    let guarded = Guarded::new(source.clone(), GuardSettings::default());
    source.set(Err(TroubleKind::Unavailable));
    for _ in 0..4 {
        guarded.find("a").await.unwrap_err();
    }
    source.set(Ok(()));
    guarded.find("a").await.unwrap();
    source.set(Err(TroubleKind::Unavailable));
    for _ in 0..5 {
        assert_eq!(guarded.state(), BreakerState::Closed);
        guarded.verify(&entry(), &"x".into()).await;
    }
    let shared: Arc<dyn Connector> = Arc::new(Arc::new(guarded));
    assert_eq!(shared.breaker(), BreakerState::Open, "and it is seen through any number of handles");
    let guarded = shared;
    let asked = source.asked();
    assert_eq!(guarded.find("a").await.unwrap_err().kind, TroubleKind::BreakerOpen);
    let verification = guarded.verify(&entry(), &"x".into()).await;
    assert_eq!((verification.result, verification.sent), (AdapterResult::Unavailable, false));
    assert_eq!(source.asked(), asked, "nobody dialled");

    advance(Duration::from_secs(11)).await;
    assert_eq!(guarded.breaker(), BreakerState::HalfOpen);
    guarded.find("a").await.unwrap_err();
    assert_eq!((source.asked(), guarded.breaker()), (asked + 1, BreakerState::Open), "a failed probe opens it again");
    advance(Duration::from_secs(11)).await;
    source.set(Ok(()));
    guarded.find("a").await.unwrap();
    assert_eq!(guarded.breaker(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_and_a_cancelled_one_gives_its_place_back() {
    let source = Scripted::new(Duration::from_secs(1));
    let guarded = Arc::new(Guarded::new(source.clone(), GuardSettings::default()));
    source.set(Err(TroubleKind::Unavailable));
    for _ in 0..5 {
        guarded.find("a").await.unwrap_err();
    }
    advance(Duration::from_secs(11)).await;
    source.set(Ok(()));
    let asked = source.asked();
    {
        let probe = guarded.find("a");
        tokio::pin!(probe);
        assert!(timeout(Duration::from_millis(10), &mut probe).await.is_err());
        assert_eq!(guarded.find("b").await.unwrap_err().kind, TroubleKind::BreakerOpen);
        assert_eq!(source.asked(), asked + 1);
    }
    guarded.find("a").await.unwrap();
    assert_eq!(guarded.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn odd_names_never_open_it() {
    let source = Scripted::new(Duration::ZERO);
    let guarded = Guarded::new(source.clone(), GuardSettings::default());
    source.set(Err(TroubleKind::Odd));
    for _ in 0..100 {
        assert_eq!(guarded.find("*)(").await.unwrap_err().kind, TroubleKind::Odd);
    }
    assert_eq!(guarded.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn d17_a_refused_service_account_opens_it_at_once_and_for_longer() {
    let source = Scripted::new(Duration::ZERO);
    let guarded = Guarded::new(source.clone(), GuardSettings::default());
    source.set(Err(TroubleKind::Misconfigured));
    guarded.find("a").await.unwrap_err();
    assert_eq!(guarded.state(), BreakerState::Open);
    advance(Duration::from_mins(4)).await;
    assert_eq!(guarded.state(), BreakerState::Open);
    source.set(Ok(()));
    assert!(guarded.probe().await[0].passed);
    assert_eq!(guarded.state(), BreakerState::Closed, "a live test that passes closes it");
}

#[tokio::test(start_paused = true)]
async fn the_bulkhead_bounds_what_runs_and_what_waits() {
    let source = Scripted::new(Duration::from_secs(10));
    let settings = GuardSettings { concurrent: 2, waiting: 3, ..GuardSettings::default() };
    let guarded = Arc::new(Guarded::new(source.clone(), settings));
    let requests: Vec<_> = (0..10)
        .map(|_| {
            let guarded = guarded.clone();
            tokio::spawn(async move { guarded.find("a").await })
        })
        .collect();
    sleep(Duration::from_millis(1)).await;
    assert_eq!(source.asked(), 2);
    // A sweep has its own place.
    let sweep = tokio::spawn({
        let guarded = guarded.clone();
        async move { guarded.page(None).await }
    });
    let mut busy = 0;
    for request in requests {
        match request.await.unwrap() {
            Ok(_) => {}
            Err(trouble) => {
                assert_eq!(trouble.kind, TroubleKind::Busy);
                busy += 1;
            }
        }
    }
    assert_eq!(busy, 8);
    sweep.await.unwrap().unwrap();
    assert_eq!(guarded.state(), BreakerState::Closed, "being busy is no failure of the source");
}
