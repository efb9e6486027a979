// The hub behind a reverse proxy that ends TLS: what browsers are given belongs to the public address, and only a
// trusted proxy may say who the client is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Visitor, launch } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';
import { Peers } from '../lib/peers.mjs';
import { reverseProxy } from '../lib/proxy.mjs';
import { freePort } from '../lib/where.mjs';

let peers; let hub; let stranger; let proxy; let browser;
before(async () => {
  peers = Peers.start();
  const port = await freePort();
  const url = `https://localhost:${port}`;
  hub = await Hub.start({ url, more: ['--trusted-proxy', '127.0.0.0/8'] });
  // The same, but it trusts nobody.
  stranger = await Hub.start({ url });
  const { certificate, key } = await peers.certificate();
  proxy = await reverseProxy(port, { certificate, key, hubPort: hub.port, forwardedFor: () => '203.0.113.7' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  proxy?.close();
  proxy?.closeAllConnections();
  await hub?.stop();
  await stranger?.stop();
  peers?.end();
});

test('an administrator signs in through the proxy: cookies, redirects and forms belong to the public address', async () => {
  const visitor = await Visitor.enter(browser, { ignoreHTTPSErrors: true });
  const { page, context } = visitor;
  const left = [];
  page.on('request', (request) => { if (!request.url().startsWith(hub.url)) left.push(request.url()); });
  await page.goto(await hub.administratorLink());
  for (const field of await page.locator('input[type=password]').all()) await field.fill(administrator.password);
  await page.getByRole('button').last().click();
  await page.goto(`${hub.url}/console`);
  if (page.url().includes('/sign-in')) await visitor.signIn(administrator.username, administrator.password);
  await page.waitForURL(`${hub.url}/console/**`);
  await visitor.settled();
  assert.ok(page.url().startsWith(`${hub.url}/console/`), page.url());
  assert.deepEqual(left, [], 'nothing leads away from the public address');
  const cookies = (await context.cookies()).filter(({ name }) => name !== 'isthmus-theme');
  assert.ok(cookies.length > 0);
  for (const { name, secure, httpOnly, path } of cookies) {
    assert.match(name, /^__Host-/);
    assert.ok(secure && httpOnly && path === '/', name);
  }
  const answer = await page.goto(`${hub.url}/console/people`);
  assert.match(answer.headers()['strict-transport-security'] ?? '', /max-age=\d{8}/);
  const discovery = await (await page.request.get(`${hub.url}/.well-known/openid-configuration`)).json();
  assert.equal(discovery.issuer.replace(/\/$/, ''), hub.url);
  assert.ok(discovery.token_endpoint.startsWith(hub.url), discovery.token_endpoint);
  visitor.quiet();
  await visitor.leave();
});

async function answered(from, claim) {
  const answer = await fetch(`${from.own}/readyz`, { headers: { 'x-forwarded-for': claim } });
  return answer.status;
}

test('what a trusted proxy says must be an address; what anybody else says is not heard', async () => {
  assert.equal(await answered(hub, 'not an address'), 400);
  assert.equal(await answered(hub, '203.0.113.9, 127.0.0.1'), 200);
  assert.equal(await answered(stranger, 'not an address'), 200);
});
