// Every page of the console, with scripts and without: nothing to complain about, and the same work can be done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

let stage;
before(async () => {
  stage = await Stage.set([{ ...corporate, mode: 'capture' }]);
  const person = await stage.atTheDoor();
  await person.signIn('u000001', 'Passw0rd-1');
  await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  await person.leave();
});
after(() => stage?.strike());

const pages = {
  people: '/console/people',
  'people-nobody-fits': '/console/people?q=zzzz',
  sources: '/console/sources',
  source: '/console/sources/corp-ldap',
  'source-profile': '/console/sources/corp-ldap/profile',
  'source-new': '/console/sources/new?kind=ldap',
  'source-new-ad': '/console/sources/new?kind=active-directory',
  approvals: '/console/approvals',
  administrators: '/console/administrators',
  attributes: '/console/attributes',
  'attribute-new': '/console/attributes/new',
  waiting: '/console/waiting',
  apps: '/console/apps',
  app: '/console/apps/portal',
  'app-new': '/console/apps/new',
  find: '/console/find',
};

async function walk(visitor, scripts) {
  for (const [name, url] of Object.entries(pages)) {
    const response = await visitor.page.goto(stage.hub.url + url);
    assert.equal(response.status(), 200, url);
    await visitor.settled();
    await visitor.accessible(`console-${name}-${scripts}`);
    assert.equal(await visitor.page.getByRole('heading', { level: 1 }).count(), 1, `one heading on ${url}`);
  }
  await visitor.page.goto(`${stage.hub.url}/console/people`);
  await visitor.settled();
  await visitor.page.locator('tbody a').first().click();
  await visitor.page.waitForURL(/\/console\/people\/[0-9a-f-]{36}/);
  await visitor.settled();
  await visitor.page.getByText('Who decides what').waitFor();
  await visitor.page.locator('a[title="Show this trace"]').first().click();
  await visitor.page.waitForURL(/code=/);
  await visitor.settled();
  await visitor.accessible(`console-person-${scripts}`);
}

test('with scripts: every page wakes without a complaint, axe finds nothing', async () => {
  const administrator = await stage.inTheConsole();
  await walk(administrator, 'woken');
  administrator.quiet();
  await administrator.leave();
});

test('without scripts: every page is whole', async () => {
  const administrator = await stage.inTheConsole({ scripts: false });
  await walk(administrator, 'plain');
  administrator.quiet();
  await administrator.leave();
});

test('dark and narrow, the pages stay accessible', async () => {
  const options = { colorScheme: 'dark', viewport: { width: 390, height: 844 } };
  const administrator = await stage.inTheConsole(options);
  await walk(administrator, 'dark-narrow');
  administrator.quiet();
  await administrator.leave();
});

for (const scripts of [true, false]) {
  test(`an application is registered ${scripts ? 'with' : 'without'} scripts, and its secret shown once`, async () => {
    const administrator = await stage.inTheConsole({ scripts });
    const { page } = administrator;
    const name = scripts ? 'Woken app' : 'Plain app';
    await page.goto(`${stage.hub.url}/console/apps/new`);
    await administrator.settled();
    const identifier = page.getByLabel('Client id', { exact: false }).first();
    if (await identifier.count()) await identifier.fill(scripts ? 'woken' : 'plain');
    await page.getByLabel(/^Name/).first().fill(name);
    await page.getByLabel(/redirect/i).first().fill('http://localhost:9999/callback');
    await page.getByRole('button', { name: /register|save/i }).first().click();
    await page.getByText(/shown once/).first().waitFor();
    await administrator.settled();
    await administrator.accessible(`console-app-registered-${scripts}`);
    await page.goto(`${stage.hub.url}/console/apps`);
    await administrator.settled();
    await page.getByRole('link', { name }).first().waitFor();
    administrator.quiet();
    await administrator.leave();
  });
}

test('nobody without a session sees a page of the console', async () => {
  const stranger = await stage.visitor();
  for (const url of Object.values(pages)) {
    await stranger.page.goto(stage.hub.url + url);
    assert.match(stranger.page.url(), /\/sign-in/);
  }
  await stranger.leave();
});

test('somebody who signed in with a directory password is no administrator', async () => {
  const person = await stage.visitor();
  await person.page.goto(`${stage.hub.url}/console`);
  await person.signIn('u000001', 'Passw0rd-1');
  await person.settled();
  await person.page.goto(`${stage.hub.url}/console/people`);
  assert.equal(await person.page.locator('tbody tr').count(), 0);
  await person.leave();
});
