// A certified relying party that was not written here completes code + PKCE, refresh and logout.
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { after, before, test } from 'node:test';
import { clientSecret } from '../lib/hub.mjs';
import { Stage, corporate } from '../lib/stage.mjs';

// Node 18 has the Web Crypto API, but not as a global.
globalThis.crypto ??= webcrypto;
const oidc = await import('openid-client');

let stage;
before(async () => { stage = await Stage.set([corporate]); });
after(() => stage?.strike());

test('npm openid-client: discovery, code with PKCE, userinfo, refresh with rotation, logout', async () => {
  const { id, redirect_uris: [redirectUri], post_logout_redirect_uris: [home] } = stage.client;
  const configuration = await oidc.discovery(new URL(stage.hub.url), id, clientSecret,
    oidc.ClientSecretBasic(clientSecret), { execute: [oidc.allowInsecureRequests] });
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const start = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    // Without offline_access the refresh token ends with the session (Back-Channel Logout 1.0, section 2.7).
    scope: 'openid profile email groups',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    prompt: 'consent',
  });

  // The person walks through a browser. The application at the redirect URI did not begin this sign-in, so it leaves
  // the code alone.
  const person = await stage.visitor();
  const back = (url) => url.href.startsWith(redirectUri);
  await person.page.goto(start.href);
  await person.signIn('u000001', 'Passw0rd-1');
  const consent = person.page.getByRole('button', { name: 'Allow' });
  await Promise.race([person.page.waitForURL(back), consent.waitFor()]);
  if (!back(new URL(person.page.url()))) {
    await person.accessible('door-consent');
    await consent.click();
    await person.page.waitForURL(back);
  }
  const answer = new URL(person.page.url());

  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
  const tokens = await oidc.authorizationCodeGrant(configuration, answer, checks);
  const claims = tokens.claims();
  const profile = await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub);
  assert.equal(profile.email, 'u000001@example.test');

  assert.ok(tokens.refresh_token, 'a refresh token');
  const fresh = await oidc.refreshTokenGrant(configuration, tokens.refresh_token);
  assert.equal(fresh.claims().sub, claims.sub);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);

  const logout = oidc.buildEndSessionUrl(configuration, {
    id_token_hint: fresh.id_token, post_logout_redirect_uri: home, state: 'over',
  });
  await person.page.goto(logout.href);
  if (person.page.url().startsWith(stage.hub.url)) await person.page.getByRole('button').first().click();
  await person.page.waitForURL(`${home}**`);
  assert.equal(new URL(person.page.url()).searchParams.get('state'), 'over');
  await assert.rejects(oidc.refreshTokenGrant(configuration, fresh.refresh_token), /invalid_grant|error/);
  await person.leave();
});
