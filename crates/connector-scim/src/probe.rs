//! A live test of a source, one step after the other, each with what to do if it fails.

use connector::{ProbeStep, Trouble};
use tokio::time::Instant;

use crate::ScimConnector;

impl ScimConnector {
    pub(crate) async fn steps(&self) -> Vec<ProbeStep> {
        let mut steps = Vec::new();
        let began = Instant::now();
        let config = self.http.get(self.url(&["ServiceProviderConfig"])).await;
        let reached = config.map(|config| match config {
            Some(_) => format!("{} describes itself", self.http.endpoint),
            None => format!("{} answers", self.http.endpoint),
        });
        if !step(&mut steps, "Connection", reached, began) {
            return steps;
        }
        let began = Instant::now();
        let people = self.list("Users", &[("count", "1")]).await;
        let total = people.as_ref().map_or(0, |list| list.total);
        if !step(&mut steps, "Token", people.map(|_| "it may read people".to_owned()), began) {
            return steps;
        }
        let began = Instant::now();
        let counted = if total == 0 {
            Err(self.odd("it shows nobody: may this token read people?"))
        } else {
            Ok(total.to_string())
        };
        step(&mut steps, "People", counted, began);
        let began = Instant::now();
        let groups = if self.settings.groups {
            self.list("Groups", &[("count", "1")]).await.map(|list| list.total.to_string())
        } else {
            Ok("not read".to_owned())
        };
        step(&mut steps, "Groups", groups, began);
        steps
    }
}

fn step(steps: &mut Vec<ProbeStep>, name: &str, outcome: Result<String, Trouble>, began: Instant) -> bool {
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let passed = outcome.is_ok();
    let (detail, remedy) = match outcome {
        Ok(detail) => (detail, None),
        Err(trouble) => {
            let remedy = "Check the address (it ends before /Users), the token and the network.".to_owned();
            (trouble.to_string(), Some(remedy))
        }
    };
    steps.push(ProbeStep { name: name.to_owned(), passed, detail, remedy, milliseconds });
    passed
}
