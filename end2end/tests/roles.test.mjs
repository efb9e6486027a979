// Roles: each sees and may do what the matrix says, and a change that takes two people is decided by the second.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Visitor, launch } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';

// Nobody dials it: what is decided here is decided without it.
const site = `[[source]]
name = "corp-ldap"
label = "Corporate LDAP"
kind = "ldap"
urls = ["ldaps://directory.invalid"]
bind_dn = "cn=reader,dc=example,dc=test"
bind_password = { file = "bind.secret" }
base_dn = "dc=example,dc=test"
domains = ["example.test"]
mode = "observe"
lockout_threshold = 5
lockout_window = "15m"

[[client]]
id = "portal"
secret = { file = "bind.secret" }
redirect_uris = ["http://localhost:9/callback"]
original_source = "corp-ldap"

[policy]
approval_tenure = "1s"
`;
const password = (name) => `four unusual lanterns for ${name}`;

let hub;
let browser;
before(async () => {
  hub = await Hub.start();
  browser = await launch();
  const file = path.join(hub.folder, 'site.toml');
  await writeFile(file, site);
  await writeFile(path.join(hub.folder, 'bind.secret'), 'a-secret-of-the-browser-tests-0123456789\n');
  await hub.run('apply', file, '--data', hub.data);
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

// Sets the password behind a link, and signs in.
async function moveIn(link, name, secret, options) {
  const visitor = await Visitor.enter(browser, options);
  await visitor.page.goto(link);
  await visitor.page.getByLabel('New password').fill(secret);
  await visitor.page.getByRole('button', { name: 'Set password' }).click();
  await visitor.page.getByRole('heading', { name: 'Your password is set' }).waitFor();
  return comeBack(visitor, name, secret);
}

async function comeBack(visitor, name, secret) {
  await visitor.page.goto(`${hub.url}/console`);
  if (visitor.page.url().includes('/sign-in')) await visitor.signIn(name, secret);
  await visitor.page.waitForURL(/\/console\/(overview|people)/);
  await visitor.settled();
  return visitor;
}

async function invite(visitor, name, role) {
  const { page } = visitor;
  await page.goto(`${hub.url}/console/administrators`);
  await visitor.settled();
  await page.locator('#new-username').fill(name);
  await page.locator('#new-role').selectOption(role);
  await page.getByRole('button', { name: 'Create and show the set-up link' }).click();
  const link = await page.locator('#invitation').textContent();
  assert.match(link, /\/set-up\?token=/);
  return link;
}

async function hostLink(name, ...more) {
  const args = ['admin', 'create', '--data', hub.data, '--username', name, '--public-url', hub.url, ...more];
  const { stdout } = await hub.run(...args);
  return /https?:\/\/\S+\/set-up\S*/.exec(stdout)[0];
}

const entries = async (visitor) => visitor.page.locator('nav.side a:not(.brand)').allTextContents();
const status = async (visitor, url) => (await visitor.page.goto(hub.url + url)).status();

const plain = { scripts: false };

test('each sees and may do what the matrix says, and the second person approves', async () => {
  const { username, password: secret } = administrator;
  const first = await moveIn(await hub.administratorLink(), username, secret, plain);
  // The first administrator makes an operator and an auditor; a second administrator is made on the host.
  const operator = await moveIn(await invite(first, 'opal', 'operator'), 'opal', password('opal'), plain);
  const auditor = await moveIn(await invite(first, 'arno', 'auditor'), 'arno', password('arno'), plain);
  const second = await moveIn(await hostLink('bea'), 'bea', password('bea'), plain);

  const all = ['People', 'Sources', 'Apps', 'Approvals', 'Administrators', 'Find a person'];
  for (const [visitor, sees] of [[first, all], [auditor, all], [operator, all.filter((entry) => entry !== 'Administrators')]]) {
    const seen = await entries(visitor);
    for (const entry of all) assert.equal(seen.includes(entry), sees.includes(entry), `${entry} in ${seen}`);
  }
  assert.equal(await status(operator, '/console/administrators'), 403);
  operator.expecting('Failed to load resource');
  assert.equal(await status(auditor, '/console/administrators'), 200);
  assert.equal(await auditor.page.getByRole('button', { name: /^Take / }).count(), 0, 'an auditor only reads');
  assert.equal(await auditor.page.locator('#new-username').count(), 0);
  await auditor.page.goto(`${hub.url}/console/sources/corp-ldap`);
  assert.equal(await auditor.page.getByRole('button', { name: 'Change the mode' }).count(), 0);
  for (const [visitor, rotates, publishes] of [[first, 1, 1], [operator, 0, 1], [auditor, 0, 0]]) {
    await visitor.page.goto(`${hub.url}/console/apps/portal`);
    assert.equal(await visitor.page.getByRole('button', { name: 'Make a new secret' }).count(), rotates);
    assert.equal(await visitor.page.locator('#h-groups').count(), publishes);
  }

  // The first administrator wants the directory retired. That takes two.
  await first.page.goto(`${hub.url}/console/sources/corp-ldap`);
  await first.page.locator('input[name=mode][value=retired]').check();
  await first.page.getByRole('button', { name: 'Change the mode' }).click();
  await first.page.getByText('A second person must agree.').waitFor();
  await first.page.goto(`${hub.url}/console/approvals`);
  await first.page.getByRole('link', { name: /mode: observe → retired/ }).click();
  await first.page.getByText('You proposed this: another administrator decides it.').waitFor();
  assert.equal(await first.page.getByRole('button', { name: /^Approve/ }).count(), 0, 'not by the author');
  const proposal = first.page.url();
  await operator.page.goto(proposal);
  await operator.page.getByText('Administrators decide this.').waitFor();
  assert.equal(await operator.page.getByRole('button', { name: /^Approve/ }).count(), 0, 'nor by an operator');

  await second.page.goto(proposal);
  await second.page.getByRole('button', { name: 'Approve and make the change' }).click();
  await second.page.getByText('Approved. The change is in force').waitFor();
  await new Promise((resolve) => { setTimeout(resolve, 2_100); });
  await second.page.goto(`${hub.url}/console/sources`);
  await second.page.getByText('Retired').first().waitFor();

  // The role is taken: signed out everywhere.
  await first.page.goto(`${hub.url}/console/administrators`);
  await first.page.getByRole('button', { name: 'Take Operator from opal' }).click();
  await first.page.getByText('They are signed out everywhere.').waitFor();
  await operator.page.goto(`${hub.url}/console/sources`);
  assert.match(operator.page.url(), /\/sign-in/);
  for (const visitor of [first, second, auditor, operator]) {
    visitor.quiet();
    await visitor.leave();
  }
});

test('with scripts the same pages wake without a complaint, axe finds nothing, and a link is shown once', async () => {
  const visitor = await comeBack(await Visitor.enter(browser), administrator.username, administrator.password);
  await invite(visitor, 'rena', 'reviewer');
  await visitor.settled();
  await visitor.accessible('console-administrators-invited');
  // What is kept for a browser without scripts may be drawn twice within three seconds.
  await new Promise((resolve) => { setTimeout(resolve, 3_200); });
  await visitor.page.goto(`${hub.url}/console/administrators`);
  await visitor.settled();
  assert.equal(await visitor.page.locator('#invitation').count(), 0, 'once');
  for (const name of ['administrators', 'approvals']) {
    await visitor.page.goto(`${hub.url}/console/${name}`);
    await visitor.settled();
    await visitor.accessible(`console-${name}`);
  }
  await visitor.page.locator('tbody a').first().click();
  await visitor.page.waitForURL(/\/approvals\/[0-9a-f-]{36}/);
  await visitor.settled();
  await visitor.page.getByText('approved by bea', { exact: false }).first().waitFor();
  await visitor.accessible('console-approval');
  visitor.quiet();
  await visitor.leave();
});

test('a break-glass administrator signs in with a password and the code of the host', async () => {
  const visitor = await Visitor.enter(browser);
  const { page } = visitor;
  await page.goto(await hostLink('glass', '--break-glass'));
  await page.getByLabel('New password').fill(password('glass'));
  await page.getByRole('button', { name: 'Set password' }).click();
  await page.goto(`${hub.url}/sign-in?return_to=%2Fconsole`);
  await visitor.signIn('glass', password('glass'));
  await page.getByRole('heading', { name: 'Break glass' }).waitFor();
  await visitor.accessible('door-code');
  const { stdout } = await hub.run('admin', 'break-glass', '--data', hub.data);
  await page.getByLabel('Code').fill(/[A-Z2-9]{3}(-[A-Z2-9]{3}){3}/.exec(stdout)[0]);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/console\/(overview|people)/);
  await visitor.settled();
  assert.match(hub.log, /break-glass administrator signed in/);
  visitor.quiet();
  await visitor.leave();
});
