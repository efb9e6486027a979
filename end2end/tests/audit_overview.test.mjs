// Overview and Audit in a browser: every number leads to its rows, the log is filtered by links and forms, taken away
// and found again in itself; nothing complains, with scripts and without.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';

let hub;
let browser;
let prepared = false;

before(async () => {
  hub = await Hub.start();
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
  ['woken', {}],
  ['plain', { scripts: false }],
  ['dark-narrow', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
]) {
  test(`${name}: the Overview counts, and each number leads to its rows`, async () => {
    const visitor = await inTheConsole(options);
    const { page } = visitor;
    assert.equal(await page.getByRole('heading', { level: 1 }).innerText(), 'Overview');
    await page.getByText('New shore').waitFor();
    await visitor.accessible(`overview-${name}`);
    await page.getByText('Show as a table').click();
    assert.equal(await page.getByRole('table', { name: /by hour and path/ }).locator('tbody tr').count(),
      new Date().getUTCHours() + 1);
    await page.getByRole('link', { name: /^By Isthmus [1-9]/ }).click();
    await page.waitForURL(/sign-ins\?path=hub/);
    await visitor.settled();
    await visitor.accessible(`sign-ins-${name}`);
    assert.ok(await page.locator('tbody tr').count() > 0);
    await page.goto(`${hub.url}/console/overview`);
    await visitor.settled();
    await page.locator('a.mark', { hasText: 'New shore' }).click();
    await page.waitForURL(/people\?state=migrated/);
    await visitor.settled();
    assert.equal(await page.locator('tbody tr').count(), 1);
    visitor.quiet();
    await visitor.leave();
  });

  test(`${name}: the log is filtered, opened and taken away`, async () => {
    const visitor = await inTheConsole({ acceptDownloads: true, ...options });
    const { page } = visitor;
    await page.goto(`${hub.url}/console/audit`);
    await visitor.settled();
    await visitor.accessible(`audit-${name}`);
    await page.getByLabel('Kind').selectOption('session');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(/kind=session/);
    await visitor.settled();
    const kinds = await page.locator('tbody summary').allInnerTexts();
    assert.ok(kinds.length > 0 && kinds.every((kind) => kind.startsWith('session.')), kinds.join());
    await page.locator('tbody summary').first().click();
    await page.locator('tbody dt', { hasText: 'event' }).first().waitFor();
    await visitor.accessible(`audit-open-${name}`);
    for (const [format, extension] of [['CSV', 'csv'], ['JSON lines', 'jsonl']]) {
      const coming = page.waitForEvent('download');
      await page.getByRole('button', { name: `Export ${format}` }).click();
      const download = await coming;
      assert.match(download.suggestedFilename(), new RegExp(`^isthmus-audit-.*\\.${extension}$`));
      const text = await readFile(await download.path(), 'utf8');
      assert.ok(text.includes('session.opened') && !text.includes('role.granted'), text);
    }
    await page.goto(`${hub.url}/console/audit?kind=audit.exported`);
    await visitor.settled();
    assert.ok(await page.locator('tbody tr').count() >= 2);
    await page.goto(`${hub.url}/console/audit?kind=nothing.such`);
    await visitor.settled();
    await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();
    await visitor.accessible(`audit-no-match-${name}`);
    visitor.quiet();
    await visitor.leave();
  });
}
