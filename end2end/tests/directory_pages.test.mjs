// Imports, Groups and Devices in a browser: a file is read, its run watched until it ends, its people, groups and
// devices are found by links; nothing complains, with scripts and without, light and dark, wide and narrow.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';

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
mapping = { display_name = "name", email = "mail" }
`;

let hub;
let browser;
let prepared = false;

before(async () => {
  hub = await Hub.start();
  const files = path.join(hub.data, 'sources');
  await mkdir(files, { recursive: true });
  let people = 'number,login,name,mail\n';
  for (let n = 0; n < 60; n += 1) people += `${n},user${n},Person ${n},user${n}@example.test\n`;
  people += '60,amara,Amara Okafor,amara@example.test\n';
  await writeFile(path.join(files, 'people.csv'), people);
  await writeFile(path.join(files, 'groups.csv'), 'id,name,members\ng1,Harbour crew,60;1;2;g2\ng2,Night watch,3\n');
  await writeFile(path.join(files, 'devices.csv'), 'id,name,owners,serial_number,manufacturer\nd1,lt-0417,60,PF0XYZ12,Lenovo\nd2,lt-0418,1,,\n');
  const file = path.join(hub.folder, 'file.toml');
  await writeFile(file, site);
  await hub.run('apply', file, '--data', hub.data);
  await new Promise((resolve) => { setTimeout(resolve, 2_100); });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

async function inTheConsole(options) {
  const visitor = await Visitor.enter(browser, options);
  const { page } = visitor;
  if (!prepared) {
    await page.goto(await hub.administratorLink());
    const fields = page.locator('input[type=password]');
    for (let field = 0; field < await fields.count(); field += 1) await fields.nth(field).fill(administrator.password);
    await page.getByRole('button').last().click();
    await page.waitForLoadState('load');
    prepared = true;
  }
  await page.goto(`${hub.url}/console`);
  if (page.url().includes('/sign-in')) await visitor.signIn(administrator.username, administrator.password);
  await page.waitForURL(/\/console\/overview/);
  await visitor.settled();
  return visitor;
}

for (const [name, options] of [
  ['wide', { viewport: { width: 1440, height: 900 } }],
  ['plain', { scripts: false }],
  ['dark-narrow', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
]) {
  test(`${name}: an import is started, watched and taken away, and what it brought is found`, async () => {
    const visitor = await inTheConsole({ acceptDownloads: true, ...options });
    const { page } = visitor;
    await page.goto(`${hub.url}/console/sources/staff`);
    await visitor.settled();
    await visitor.accessible(`source-imports-${name}`);
    await page.getByRole('radio', { name: /^Everything/ }).check();
    await page.getByRole('button', { name: 'Start the import' }).click();
    await page.waitForURL(/\/imports\//);
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (await page.getByText('completed', { exact: true }).count()) break;
      // With scripts the page looks again by itself.
      await page.waitForTimeout(200);
      if (options.scripts === false) await page.reload();
    }
    await page.getByText('completed', { exact: true }).waitFor();
    await visitor.settled();
    await visitor.accessible(`import-${name}`);
    if (await page.getByRole('button', { name: 'Export CSV' }).count()) {
      const coming = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Export CSV' }).click();
      const download = await coming;
      assert.match(download.suggestedFilename(), /^isthmus-import-.*\.csv$/);
      const text = await readFile(await download.path(), 'utf8');
      assert.ok(text.startsWith('number,kind,outcome,id,place,person,detail'), text);
      await page.getByLabel('Outcome').selectOption('rejected');
      await page.getByRole('button', { name: 'Show', exact: true }).click();
      await page.waitForURL(/outcome=rejected/);
      await visitor.settled();
      await page.getByRole('heading', { name: 'Nothing has this outcome' }).waitFor();
    }

    await page.goto(`${hub.url}/console/groups`);
    await visitor.settled();
    await visitor.accessible(`groups-${name}`);
    assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['Harbour crew', 'Night watch']);
    await page.getByRole('link', { name: 'Harbour crew' }).click();
    await page.waitForURL(/\/groups\/.+/);
    await visitor.settled();
    await visitor.accessible(`group-${name}`);
    await page.getByRole('link', { name: 'Night watch' }).waitFor();
    await page.getByRole('link', { name: 'Amara Okafor' }).click();
    await page.waitForURL(/\/people\//);
    await visitor.settled();
    await visitor.accessible(`person-with-everything-${name}`);
    await page.getByRole('link', { name: 'Harbour crew' }).waitFor();
    await page.getByRole('link', { name: 'lt-0417' }).click();
    await page.waitForURL(/\/devices\//);
    await visitor.settled();
    await visitor.accessible(`device-${name}`);

    await page.goto(`${hub.url}/console/devices?q=pf0x`);
    await visitor.settled();
    await visitor.accessible(`devices-${name}`);
    assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['lt-0417']);
    await page.goto(`${hub.url}/console/devices?which=gone`);
    await visitor.settled();
    await page.getByRole('heading', { name: 'Nothing fits these filters' }).waitFor();
    await visitor.accessible(`devices-no-match-${name}`);
    visitor.quiet();
    await visitor.leave();
  });
}
