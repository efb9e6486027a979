// Very many people, groups and devices of one directory: found and listed page by page, with a run whose results are as
// many. `cargo xtask test --thorough` makes a million people; what pages cost is printed, not judged.
import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';

const people = Number(process.env.ISTHMUS_TEST_PEOPLE ?? (process.env.ISTHMUS_TEST_TIER === 'thorough' ? 1_000_000 : 3_000));
const groups = people / 50;
const devices = people / 2;
// A page, and how often it is asked for.
const shown = 50;
const times = 20;

const site = `
[[source]]
name = "staff"
label = "Staff list"
kind = "file"
mode = "active"
domains = ["example.test"]

[source.file]
path = "people.csv"
format = "csv"
id = "number"
username = "login"
settle_seconds = 0
groups_path = "groups.csv"
devices_path = "devices.csv"
mapping = { given_name = "given", family_name = "family", email = "mail", employee_number = "badge" }
`;

let hub;
let browser;

// The lines of a file, written as they are made, there at once.
async function write(file, head, count, line) {
  const stream = createWriteStream(`${file}.new`);
  stream.write(`${head}\n`);
  for (let n = 0; n < count; n += 1) {
    if (!stream.write(`${line(n)}\n`)) await new Promise((resolve) => { stream.once('drain', resolve); });
  }
  await new Promise((resolve) => { stream.end(resolve); });
  await rename(`${file}.new`, file);
}

before(async () => {
  hub = await Hub.start();
  const files = path.join(hub.data, 'sources');
  await mkdir(files, { recursive: true });
  const given = ['Anna', 'José', 'Zoë', 'Björn', 'Łukasz', 'Priya', 'Siobhán', 'Yuki'];
  const family = ['Smith', 'Müller', 'García', 'Kowalska', 'O\'Brien', 'Nguyen', 'Åkesson'];
  await write(path.join(files, 'people.csv'), 'number,login,given,family,mail,badge', people, (n) =>
    `${n},user${n},${given[n % given.length]},${family[n % family.length]},user${n}@example.test,${1_000_000 + n}`);
  await write(path.join(files, 'groups.csv'), 'id,name,members', groups, (n) =>
    `g${n},Group ${n},${Array.from({ length: 50 }, (_, member) => (n * 50 + member * 7) % people).join(';')}`);
  await write(path.join(files, 'devices.csv'), 'id,name,owners,serial_number,manufacturer', devices, (n) =>
    `d${n},laptop-${n},${n},SN${n},Maker`);
  const file = path.join(hub.folder, 'many.toml');
  await writeFile(file, site);
  await hub.run('apply', file, '--data', hub.data);
  await new Promise((resolve) => { setTimeout(resolve, 2_100); });
  const began = performance.now();
  const ended = await hub.import('staff', '--full');
  console.log(`# ${people} people, ${groups} groups, ${devices} devices in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  assert.equal(ended.state, 'completed');
  assert.equal(ended.counts.outcomes.person.created, people);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

// What the server takes for a page, again and again.
async function cost(visitor, what, address) {
  const took = [];
  let text = '';
  for (let time = 0; time < times; time += 1) {
    const began = performance.now();
    const answer = await visitor.context.request.get(`${hub.url}${address}`);
    text = await answer.text();
    took.push(performance.now() - began);
    assert.equal(answer.status(), 200, what);
  }
  took.sort((a, b) => a - b);
  console.log(`# ${what}: ${took[times / 2].toFixed(0)} ms, worst ${took[times - 1].toFixed(0)} ms`);
  return text;
}

test('very many people, groups, devices and results are found and listed page by page', async () => {
  const visitor = await Visitor.enter(browser, { viewport: { width: 1440, height: 900 } });
  const { page } = visitor;
  await page.goto(await hub.administratorLink());
  const fields = page.locator('input[type=password]');
  for (let field = 0; field < await fields.count(); field += 1) await fields.nth(field).fill(administrator.password);
  await page.getByRole('button').last().click();
  await page.waitForLoadState('load');
  await page.goto(`${hub.url}/console`);
  if (page.url().includes('/sign-in')) await visitor.signIn(administrator.username, administrator.password);
  await page.waitForURL(/\/console\/overview/);
  await visitor.settled();

  for (const [kind, total] of [['people', people + 1], ['groups', groups], ['devices', devices]]) {
    await page.goto(`${hub.url}/console/${kind}`);
    await visitor.settled();
    await visitor.accessible(`very-many-${kind}`);
    const seen = new Set();
    let pages = 0;
    for (; pages < 3; pages += 1) {
      const names = await page.locator('tbody th a').evaluateAll((links) => links.map((link) => link.href));
      assert.equal(names.length, Math.min(shown, total - seen.size), `${kind}, page ${pages}`);
      for (const name of names) {
        assert.ok(!seen.has(name), `${name} is on two pages`);
        seen.add(name);
      }
      const next = page.getByRole('link', { name: 'Next' });
      if (!await next.count()) break;
      const before = page.url();
      await next.click();
      await page.waitForURL((url) => url.href !== before);
      await visitor.settled();
    }
    // The same place once more, deep in the list.
    const deep = new URL(page.url());
    await cost(visitor, `${kind}, first page`, `/console/${kind}`);
    await cost(visitor, `${kind}, a later page`, `${deep.pathname}${deep.search}`);
  }

  const last = people - 1;
  for (const [what, words] of [['one person by username', `user${last}`], ['one person by number', `${1_000_000 + last}`],
    ['many people by name', 'Smith'], ['many people by two words', 'anna smith'], ['everybody by a beginning', 'user'], ['nobody', 'zzzz']]) {
    await cost(visitor, what, `/console/people?q=${encodeURIComponent(words)}`);
  }
  await cost(visitor, 'people of one source and state', '/console/people?source=staff&state=staged');
  await cost(visitor, 'one group', `/console/groups?q=group ${groups - 1}`);
  await cost(visitor, 'one device', `/console/devices?q=laptop-${devices - 1}`);

  await page.goto(`${hub.url}/console/people?q=user${last}`);
  await visitor.settled();
  assert.equal(await page.locator('tbody tr').count(), 1);
  await page.locator('tbody th a').click();
  await page.waitForURL(/\/people\/.+/);
  await visitor.settled();
  await cost(visitor, 'a person', new URL(page.url()).pathname);

  await page.goto(`${hub.url}/console/sources/staff`);
  await visitor.settled();
  await cost(visitor, 'the source', '/console/sources/staff');
  await page.locator('a[href*="/imports/"]').first().click();
  await page.waitForURL(/\/imports\/.+/);
  await visitor.settled();
  await visitor.accessible('very-many-results');
  const run = new URL(page.url()).pathname;
  await cost(visitor, 'results of the import', run);
  await cost(visitor, 'the overview', '/console/overview');
  visitor.quiet();
  await visitor.leave();
});
