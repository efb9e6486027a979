//! Properties of people that expressions name. Graph refuses a whole request for one property that it does not know, so
//! each is tried before it is asked for: a name that is wrong costs its expression, and neither import nor sign-in.

use std::collections::BTreeSet;

use connector::Trouble;
use reqwest::StatusCode;
use url::Url;

use super::{Graph, Patience, refusal};
use crate::{OpenIdConnector, raw};

/// Properties of one source that are tried; more nobody writes expressions for.
const MOST: usize = 100;

/// The properties to ask for so that these names can be read.
pub(super) fn of_names(names: &BTreeSet<String>) -> BTreeSet<String> {
    let plain = |name: &&str| {
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic());
        first && name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    names.iter().map(|name| raw::first(name)).filter(plain).take(MOST).map(str::to_owned).collect()
}

/// What an attempt to ask for properties ended with.
enum Tried {
    Known,
    /// Graph does not know one of them, or does not show it to this application.
    Refused(Trouble),
}

impl OpenIdConnector {
    /// Finds out once which of the properties that expressions name can be asked for. What cannot be found out now is
    /// found out the next time.
    pub(super) async fn learn_properties(&self, graph: &Graph, patience: Patience) -> Result<(), Trouble> {
        if graph.named.is_empty() || graph.properties.get().is_some() {
            return Ok(());
        }
        let mut known = graph.named.clone();
        if matches!(self.try_properties(graph, &known, patience).await?, Tried::Refused(_)) {
            // Is it the properties, or everything?
            if let Tried::Refused(trouble) = self.try_properties(graph, &BTreeSet::new(), patience).await? {
                return Err(trouble);
            }
            for name in &graph.named {
                let alone = BTreeSet::from([name.clone()]);
                if matches!(self.try_properties(graph, &alone, patience).await?, Tried::Refused(_)) {
                    tracing::warn!(source = %self.name, property = %name, "an expression reads a property that Graph does not show");
                    known.remove(name);
                }
            }
        }
        let _first = graph.properties.set(known);
        Ok(())
    }

    async fn try_properties(
        &self,
        graph: &Graph,
        names: &BTreeSet<String>,
        patience: Patience,
    ) -> Result<Tried, Trouble> {
        let names: Vec<&str> = std::iter::once("id").chain(names.iter().map(String::as_str)).collect();
        let url: Url = graph.url("users", &[("$select", &names.join(",")), ("$top", "1")])?;
        let answer = self.graph_get(graph, &url, patience, false).await?;
        match answer.status {
            StatusCode::OK => Ok(Tried::Known),
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_IMPLEMENTED => {
                Ok(Tried::Refused(refusal(&answer)))
            }
            _ => Err(refusal(&answer)),
        }
    }

    /// Properties that expressions read in vain, for the live test.
    pub(super) fn unknown_properties(graph: &Graph) -> Vec<&str> {
        let known = graph.properties.get();
        let unknown = graph.named.iter().filter(|name| known.is_some_and(|known| !known.contains(*name)));
        unknown.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_a_property_is_asked_for() {
        let names = [
            "employeeType",
            "onPremisesExtensionAttributes/extensionAttribute1",
            "onPremisesExtensionAttributes.extensionAttribute2",
            "extension_0123456789abcdef0123456789abcdef_badge",
            "a,b",
            "x y",
            "https://example.org/claim",
            "&$filter",
            "",
        ];
        let asked = of_names(&names.map(str::to_owned).into());
        let expected =
            ["employeeType", "extension_0123456789abcdef0123456789abcdef_badge", "onPremisesExtensionAttributes"];
        assert_eq!(asked.into_iter().collect::<Vec<_>>(), expected);
    }
}
