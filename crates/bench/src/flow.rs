//! One person's way: authorization request, sign-in pages, code, tokens, refresh. Each is a browser nobody has seen
//! before: it brings no cookie, and this way needs none. Connections are kept, as browsers and applications keep them:
//! the driver shares the machine with what it measures.

use anyhow::{Context as _, bail, ensure};
use openidconnect::PkceCodeChallenge;
use reqwest::{Client, Response, header, redirect};
use serde_json::Value;
use url::Url;

use crate::hub::{CLIENT_SECRET, REDIRECT};

/// More steps than this, and the way leads in a circle.
const STEPS: usize = 12;

pub struct Flow {
    hub: Url,
    client_id: String,
    client: Client,
}

impl Flow {
    pub fn new(hub: &Url, client_id: &str) -> Self {
        // Made once: reading the system's certificate authorities takes longer than a request.
        let client = Client::builder().redirect(redirect::Policy::none()).build().unwrap_or_default();
        Self { hub: hub.clone(), client_id: client_id.to_owned(), client }
    }

    /// The whole code flow of one person; their refresh token.
    pub async fn sign_in(&self, person: usize) -> anyhow::Result<String> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mut start = self.hub.join("oauth2/authorize")?;
        start
            .query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("response_type", "code")
            .append_pair("scope", "openid profile")
            .append_pair("redirect_uri", REDIRECT)
            .append_pair("state", "s")
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        let code = self.code(start, &format!("u{person:06}"), &format!("Passw0rd-{person}")).await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", verifier.secret()),
        ];
        self.tokens(&form).await
    }

    /// Hands in a refresh token; the next one.
    pub async fn refresh(&self, refresh_token: &str) -> anyhow::Result<String> {
        self.tokens(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    async fn tokens(&self, form: &[(&str, &str)]) -> anyhow::Result<String> {
        let tokens = self.client.post(self.hub.join("oauth2/token")?);
        let tokens = tokens.basic_auth(&self.client_id, Some(CLIENT_SECRET)).form(form).send().await?;
        let tokens: Value = tokens.json().await?;
        ensure!(tokens.get("id_token").is_some(), "no ID token: {tokens}");
        Ok(tokens["refresh_token"].as_str().context("no refresh token")?.to_owned())
    }

    /// Bytes of the page where the password is typed, its stylesheet included.
    pub async fn page_size(&self) -> anyhow::Result<usize> {
        let page = self.client.get(self.hub.join("sign-in")?).send().await?.text().await?;
        let stylesheet = page.split("rel=\"stylesheet\"").next().and_then(|head| head.rsplit("href=\"").next());
        let stylesheet = stylesheet.and_then(|rest| rest.split('"').next()).filter(|path| path.ends_with(".css"));
        let Some(path) = stylesheet else { return Ok(page.len()) };
        Ok(page.len() + self.client.get(self.hub.join(path)?).send().await?.bytes().await?.len())
    }

    async fn code(&self, start: Url, username: &str, password: &str) -> anyhow::Result<String> {
        let browser = &self.client;
        let mut at = start;
        let mut answer = browser.get(at.clone()).send().await?;
        for _ in 0..STEPS {
            if let Some(to) = location(&at, &answer)? {
                if to.as_str().starts_with(REDIRECT) {
                    let code = to.query_pairs().find(|(name, _)| name == "code");
                    return Ok(code.with_context(|| format!("no code in {to}"))?.1.into_owned());
                }
                answer = browser.get(to.clone()).send().await?;
                at = to;
                continue;
            }
            let status = answer.status();
            let page = answer.text().await?;
            ensure!(status.is_success(), "{status} at {at}");
            let mut form = hidden(&page);
            form.push(("identifier".to_owned(), username.to_owned()));
            if page.contains("type=\"password\"") {
                form.push(("password".to_owned(), password.to_owned()));
            } else if !page.contains("id=\"identifier\"") {
                bail!("an unexpected page at {at}");
            }
            at = self.hub.join("sign-in")?;
            let origin = self.hub.origin().ascii_serialization();
            answer = browser.post(at.clone()).header(header::ORIGIN, origin).form(&form).send().await?;
        }
        bail!("the way leads in a circle at {at}")
    }
}

fn location(at: &Url, answer: &Response) -> anyhow::Result<Option<Url>> {
    let Some(to) = answer.headers().get(header::LOCATION) else { return Ok(None) };
    Ok(Some(at.join(to.to_str()?)?))
}

/// The hidden fields of a form, as our own pages write them.
fn hidden(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    inputs
        .filter(|input| input.contains("type=\"hidden\""))
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())))
        .collect()
}

fn attribute(input: &str, name: &str) -> Option<String> {
    let value = input.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_travel_with_the_form() {
        let page =
            "<form><input type=\"hidden\" name=\"transaction\" value=\"a&amp;b\"><input name=\"identifier\"></form>";
        assert_eq!(hidden(page), [("transaction".to_owned(), "a&b".to_owned())]);
    }
}
