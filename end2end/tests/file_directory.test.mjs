// What administrators do with a directory that is a file: attributes of their own, import times, entries that wait.
// With scripts and without, light and dark, wide and narrow; nothing complains.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch, Visitor } from '../lib/browser.mjs';
import { Hub, administrator } from '../lib/hub.mjs';

const source = (name, label, domain) => `
[[source]]
name = "${name}"
label = "${label}"
kind = "file"
mode = "active"
domains = ["${domain}"]

[source.file]
path = "${name}.csv"
format = "csv"
id = "number"
username = "login"
settle_seconds = 0
mapping = { display_name = "name", email = "mail", employee_number = "staff_number" }
`;
const rules = `
definite = 1.0
candidate = 0.001

[[rule]]
name = "employee number"
match = ["employee_number"]
`;
const head = 'number,login,name,mail,staff_number,cost\n';
const variants = [
  ['wide', { viewport: { width: 1440, height: 900 } }],
  ['plain', { scripts: false, viewport: { width: 1024, height: 768 } }],
  ['dark-narrow', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
];

let hub;
let browser;
let prepared = false;
let corrected = '';
const write = (name, lines) => writeFile(path.join(hub.data, 'sources', `${name}.csv`), head + lines);

before(async () => {
  hub = await Hub.start();
  await mkdir(path.join(hub.data, 'sources'), { recursive: true });
  await write('staff', '1,amara,Amara Okafor,amara@example.test,700,CC-100\n2,bruno,Bruno Lima,bruno@example.test,701,\n');
  await write('agency', '');
  const file = path.join(hub.folder, 'file.toml');
  await writeFile(file, source('staff', 'Staff list', 'example.test') + source('agency', 'Agency list', 'agency.test'));
  await hub.run('apply', file, '--data', hub.data);
  const match = path.join(hub.folder, 'match.toml');
  await writeFile(match, rules);
  await hub.run('match-rules', match, '--data', hub.data);
  await new Promise((resolve) => { setTimeout(resolve, 2_100); });
  await hub.import('staff', '--full');
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
  visitor.open = async (place) => {
    await page.goto(`${hub.url}/console/${place}`);
    await visitor.settled();
  };
  // A form that is not taken: the words, said aloud to screen readers; and no button that stays busy.
  visitor.refused = async (words, status) => {
    await page.getByRole('alert').filter({ hasText: words }).waitFor();
    assert.equal(await page.locator('button[aria-busy=true]').count(), 0);
    // However long the page is, the keyboard and the eye are where the words are.
    await page.waitForFunction(() => document.activeElement?.closest('[role=alert]'));
    if (options.scripts !== false) assert.equal(visitor.expecting(`status of ${status}`), 1);
  };
  return visitor;
}

for (const [number, [name, options]] of variants.entries()) {
  test(`${name}: an attribute of one's own is defined, filled by an import, changed, and removed in two steps`, async () => {
    const visitor = await inTheConsole(options);
    const { page } = visitor;
    const save = page.getByRole('button', { name: 'Save', exact: true });
    await visitor.open('attributes');
    await page.getByRole('heading', { name: 'No attribute of your own' }).waitFor();
    await visitor.accessible(`attributes-none-${name}`);
    await page.getByRole('link', { name: 'Define an attribute' }).first().click();
    await page.waitForURL(/attributes\/new/);
    await visitor.settled();
    await visitor.accessible(`attribute-new-${name}`);

    // A name that cannot be one: said in words, with the way to the field, and what was typed is still there.
    await page.getByLabel('What people call it').fill('Cost centre');
    await page.getByLabel('Name', { exact: true }).fill('Cost Centre');
    await save.click();
    await visitor.refused('lower-case letters', 422);
    await visitor.accessible(`attribute-refused-${name}`);
    await page.getByRole('link', { name: 'Go to the field' }).click();
    await page.waitForFunction(() => document.activeElement?.id === 'name');
    if (name === 'dark-narrow') {
      // What follows differs in nothing but the width of the same pages.
      visitor.quiet();
      await visitor.leave();
      return;
    }
    if (options.scripts !== false) assert.equal(await page.getByLabel('What people call it').inputValue(), 'Cost centre');
    await page.getByLabel('What people call it').fill('Cost centre');
    await page.getByLabel('Name', { exact: true }).fill('cost-centre');
    await page.getByLabel('Text: characters at most').fill('8');
    await page.getByLabel('Claim for applications').fill('cost_centre');
    await save.click();
    await page.waitForURL(/attributes\?done=saved/);
    await page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
    await visitor.settled();
    await visitor.accessible(`attributes-one-${name}`);
    assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['Cost centre']);

    // The directory fills it: first with an expression that is none.
    await visitor.open('sources/staff/profile');
    await page.getByLabel('Expression for Cost centre').fill('entry.cost +');
    await save.click();
    await visitor.refused('custom.cost-centre: it cannot be read: it ends before it is complete.', 422);
    await visitor.accessible(`profile-refused-${name}`);
    await page.getByLabel('Expression for Cost centre').fill('entry.cost');
    await save.click();
    await page.waitForURL(/sources\/staff\?done=saved/);
    await visitor.settled();
    await hub.import('staff');
    await visitor.open('people?q=amara');
    await page.locator('tbody a').first().click();
    await page.waitForURL(/people\/[0-9a-f-]{36}/);
    await visitor.settled();
    const profile = page.getByRole('region', { name: 'Profile' });
    await profile.getByText('CC-100').waitFor();
    assert.match(await profile.innerText(), /Cost centre\s+CC-100 Staff list/);
    await visitor.accessible(`person-with-own-attribute-${name}`);

    // Changed: its name for people, and its type not while somebody has a value.
    await visitor.open('attributes');
    assert.match(await page.locator('tbody').innerText(), /text/);
    await page.getByRole('link', { name: 'Cost centre' }).click();
    await page.waitForURL(/attributes\/cost-centre/);
    await visitor.settled();
    await page.getByText('Filled by Staff list.').waitFor();
    await page.getByLabel('Type', { exact: true }).selectOption('whole-number');
    await save.click();
    await visitor.refused('its type, and whether it has several, stay', 422);
    await page.getByLabel('Type', { exact: true }).selectOption('text');
    await page.getByLabel('What people call it').fill('Cost center');
    await save.click();
    await page.waitForURL(/attributes\?done=saved/);
    await visitor.settled();
    await page.getByRole('link', { name: 'Cost center' }).click();
    await page.waitForURL(/attributes\/cost-centre/);
    await visitor.settled();
    await visitor.accessible(`attribute-${name}`);

    // Removed: what would go is said first, and nothing goes while a directory fills it.
    await page.getByRole('link', { name: /^Remove this attribute/ }).click();
    await page.waitForURL(/remove=true/);
    await visitor.settled();
    await page.getByText('This deletes the values of 1 person').waitFor();
    await visitor.accessible(`attribute-removal-${name}`);
    await page.getByRole('button', { name: 'Delete it and all of its values' }).click();
    await visitor.refused('take its expression out there first', 409);
    await visitor.open('sources/staff/profile');
    await page.getByLabel('Expression for Cost center').fill('');
    await save.click();
    await page.waitForURL(/sources\/staff\?done=saved/);
    await visitor.open('attributes/cost-centre?remove=true');
    await page.getByRole('link', { name: 'Keep it' }).waitFor();
    await page.getByRole('button', { name: 'Delete it and all of its values' }).click();
    await page.waitForURL(/attributes\?done=removed/);
    await page.getByRole('status').filter({ hasText: 'Removed' }).waitFor();
    await page.getByRole('heading', { name: 'No attribute of your own' }).waitFor();
    visitor.quiet();
    await visitor.leave();
  });

  test(`${name}: import times are saved, shown, and refused in words where they make no sense`, async () => {
    const visitor = await inTheConsole(options);
    const { page } = visitor;
    await visitor.open('sources/staff');
    const summary = page.locator('summary').filter({ hasText: 'Change the times' });
    await summary.click();
    await visitor.accessible(`import-times-${name}`);
    await page.getByLabel('Read what changed').selectOption({ label: 'Every 15 minutes' });
    await page.getByLabel('Read everything').selectOption({ label: 'Every day' });
    // What no page offers and somebody sends all the same.
    await page.route('**/api/set-import-schedule', (route) => {
      route.continue({ postData: route.request().postData().replace('every=900', 'every=1') });
    });
    await page.getByRole('button', { name: 'Save the times' }).click();
    await visitor.refused('Choose a minute to a year', 422);
    await visitor.accessible(`import-times-refused-${name}`);
    await page.getByRole('link', { name: 'Go to the field' }).click();
    await page.waitForFunction(() => document.activeElement?.tagName === 'SELECT');
    await page.unroute('**/api/set-import-schedule');
    await page.getByLabel('Read what changed').selectOption({ label: 'Every 15 minutes' });
    await page.getByLabel('Read everything').selectOption({ label: 'Every day' });
    await page.getByRole('button', { name: 'Save the times' }).click();
    await page.waitForURL(/done=scheduled/);
    await page.getByRole('status').filter({ hasText: 'The times are saved.' }).waitFor();
    await visitor.settled();
    assert.match(await summary.innerText(), /By itself: what changed every 15 minutes, everything every day\./);
    await visitor.accessible(`import-times-saved-${name}`);
    await summary.click();
    assert.equal(await page.getByLabel('Read what changed').inputValue(), '900');
    await page.getByLabel('Read what changed').selectOption({ label: 'Never' });
    await page.getByLabel('Read everything').selectOption({ label: 'Never' });
    await page.getByRole('button', { name: 'Save the times' }).click();
    await page.locator('summary').filter({ hasText: 'Nothing is imported by itself.' }).waitFor();
    await visitor.settled();
    visitor.quiet();
    await visitor.leave();
  });

  test(`${name}: entries that wait are listed, lead to whom they may be, and leave when their file is corrected`, async () => {
    const visitor = await inTheConsole(options);
    const { page } = visitor;
    await visitor.open('waiting');
    await page.getByRole('heading', { name: 'Nothing waits' }).waitFor();
    await visitor.accessible(`waiting-none-${name}`);
    // One lacks a username, one bears the employee number of somebody else.
    const [dana, okafor] = [`Dana Poole ${number}`, `A. Okafor ${number}`];
    const lines = (login, staff) => `${number}1,${login},${dana},dana${number}@agency.test,90${number},\n`
      + `${number}2,okafor${number},${okafor},okafor${number}@agency.test,${staff},\n`;
    await write('agency', corrected + lines('', '700'));
    await hub.import('agency', '--full');
    await page.reload();
    await visitor.settled();
    await page.locator('tbody tr').first().waitFor();
    assert.equal(await page.locator('tbody tr').count(), 2, await page.getByRole('main').innerText());
    await visitor.accessible(`waiting-${name}`);
    const row = (who) => page.getByRole('row').filter({ hasText: who });
    assert.match(await row(dana).innerText(), /Lacks something\s+.*no username.*Enter what is missing/s);
    assert.match(await row(okafor).innerText(), /employee number/);
    await page.getByLabel('Why', { exact: true }).selectOption('incomplete');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(/kind=incomplete/);
    await visitor.settled();
    assert.equal(await page.locator('tbody tr').count(), 1);
    await page.getByLabel('Source').selectOption('staff');
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.waitForURL(/source=staff/);
    await visitor.settled();
    await visitor.accessible(`waiting-no-match-${name}`);
    await page.getByRole('heading', { name: 'Nothing waits for this' }).waitFor();
    await page.getByRole('link', { name: 'Clear' }).click();
    await page.waitForURL(/\/waiting$/);
    await visitor.settled();
    await row(okafor).getByRole('link', { name: 'Amara Okafor' }).click();
    await page.waitForURL(/people\/[0-9a-f-]{36}/);
    await visitor.settled();
    await page.getByRole('heading', { level: 1, name: 'Amara Okafor' }).waitFor();
    const may = page.getByRole('region', { name: 'Entries that may be this person' });
    assert.ok((await may.innerText()).includes(okafor));
    await visitor.accessible(`person-who-may-be-it-${name}`);

    // The file is corrected: both are made, and nothing waits.
    corrected += lines(`dana${number}`, `91${number}`);
    await write('agency', corrected);
    await hub.import('agency', '--full');
    await visitor.open('waiting');
    await page.getByRole('heading', { name: 'Nothing waits' }).waitFor();
    await visitor.open(`people?q=dana${number}`);
    assert.equal(await page.locator('tbody tr').count(), 1);
    visitor.quiet();
    await visitor.leave();
  });
}
