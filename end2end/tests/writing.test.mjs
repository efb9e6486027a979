// Writing at a directory, at a real slapd with a password policy: switched on and off by an administrator, an account
// unlocked there by help desk, and an expired password changed there by its owner on the way into the application.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

const NAME = corporate.name;
const POLICY = 'cn=default,ou=policies';
const variants = [
  ['wide', { viewport: { width: 1440, height: 900 } }],
  ['plain', { scripts: false, viewport: { width: 1024, height: 768 } }],
  ['dark-narrow', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
];
const entry = (username) => `uid=${username},ou=people`;

let stage;
const writer = {};
before(async () => {
  stage = await Stage.set([corporate]);
  [{ write_dn: writer.dn, write_password: writer.password }] = stage.sources;
});
after(() => stage?.strike());

async function settingsOf(visitor) {
  await visitor.page.goto(`${stage.hub.url}/console/sources/${NAME}/settings`);
  await visitor.settled();
  return visitor.page.getByRole('region', { name: 'Writing there' });
}

async function switchOn(visitor, password) {
  const panel = await settingsOf(visitor);
  await panel.getByLabel('Second account').fill(writer.dn);
  await panel.getByLabel('Its password').fill(password);
  await panel.getByRole('checkbox', { name: /^Help desk may unlock/ }).check();
  await panel.getByRole('checkbox', { name: /^Expired passwords may be changed/ }).check();
  await panel.getByRole('button', { name: 'Save writing' }).click();
  return panel;
}

async function savedWith(visitor, fact) {
  await visitor.page.waitForURL(/done=saved/);
  await visitor.settled();
  await visitor.page.getByRole('status').filter({ hasText: 'Saved.' }).waitFor();
  const settings = await visitor.page.getByRole('region', { name: 'Settings' }).innerText();
  assert.match(settings, fact);
}

for (const [name, options] of variants) {
  test(`${name}: writing is switched on with an account that the directory takes, and off again`, async () => {
    const visitor = await stage.inTheConsole(options);
    const { page } = visitor;
    const panel = await settingsOf(visitor);
    assert.equal(await panel.getByLabel('Second account').inputValue(), '');
    await visitor.accessible(`writing-off-${name}`);
    await switchOn(visitor, 'not its password');
    await panel.getByRole('alert').filter({ hasText: 'Corporate LDAP does not take this account' }).waitFor();
    if (options.scripts !== false) assert.equal(visitor.expecting('status of 422'), 1);
    await page.waitForFunction(() => document.activeElement?.closest('[role=alert]'));
    await visitor.accessible(`writing-refused-${name}`);
    assert.equal(await page.locator('button[aria-busy=true]').count(), 0);
    await panel.getByRole('link', { name: 'Go to the field' }).click();
    await page.waitForFunction(() => document.activeElement?.id === 'write_password');
    // The account that reads never writes.
    await switchOn(visitor, stage.sources[0].bind_password);
    await panel.getByRole('alert').filter({ hasText: 'does not take this account' }).waitFor();
    if (options.scripts !== false) visitor.expecting('status of 422');
    await switchOn(visitor, writer.password);
    await savedWith(visitor, /Writing there\s+unlocks accounts, changes expired passwords/);
    await visitor.accessible(`writing-on-${name}`);
    await settingsOf(visitor);
    assert.equal(await panel.getByLabel('Second account').inputValue(), writer.dn);
    assert.equal(await panel.getByLabel('Its password').inputValue(), '', 'never shown');
    assert.ok(await panel.getByRole('checkbox', { name: /^Help desk may unlock/ }).isChecked());
    await panel.getByLabel('Second account').fill('');
    await panel.getByRole('checkbox', { name: /^Help desk may unlock/ }).uncheck();
    await panel.getByRole('checkbox', { name: /^Expired passwords may be changed/ }).uncheck();
    await panel.getByRole('button', { name: 'Save writing' }).click();
    await savedWith(visitor, /Writing there\s+off/);
    visitor.quiet();
    await visitor.leave();
  });
}

async function signedIn(visitor) {
  await visitor.page.waitForURL((url) => url.href === stage.application);
  await visitor.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
}

async function refused(visitor, heading = 'You are not signed in') {
  await visitor.page.getByRole('heading', { name: heading }).waitFor();
  visitor.expecting('Failed to load resource');
}

test('writing is switched on for what follows', async () => {
  const visitor = await stage.inTheConsole({ scripts: false });
  await switchOn(visitor, writer.password);
  await savedWith(visitor, /unlocks accounts/);
  await visitor.leave();
  await new Promise((resolve) => { setTimeout(resolve, 2_100); });
});

for (const [number, [name, options]] of variants.entries()) {
  test(`${name}: help desk unlocks an account at its directory, and its owner reads of it`, async () => {
    const index = number + 1;
    const username = `u00000${index}`;
    const first = await stage.atTheDoor();
    await first.signIn(username, `Passw0rd-${index}`);
    await signedIn(first);
    await first.leave();
    await stage.peers.lockOut(NAME, username);
    const locked = await stage.atTheDoor(options);
    await locked.signIn(username, `Passw0rd-${index}`);
    await refused(locked);
    await locked.leave();

    const visitor = await stage.inTheConsole(options);
    const { page } = visitor;
    await page.goto(`${stage.hub.url}/console/people?q=${username}`);
    await visitor.settled();
    await page.locator('tbody a').first().click();
    await page.waitForURL(/people\/[0-9a-f-]{36}/);
    await visitor.settled();
    assert.match(await page.locator('.sentence').innerText(), /locked/);
    await page.getByText('locked there until').waitFor();
    await page.getByText('Locked there, as last seen.').waitFor();
    await visitor.accessible(`person-locked-there-${name}`);
    await page.getByRole('button', { name: 'Unlock here', exact: true }).click();
    await page.getByRole('status').filter({ hasText: 'Unlocked here: they can try again now.' }).waitFor();
    await page.getByText('locked there until').waitFor();
    await page.getByRole('button', { name: 'Unlock at Corporate LDAP too' }).click();
    await page.getByRole('status').filter({ hasText: 'Unlocked there and here' }).waitFor();
    assert.deepEqual(await stage.peers.values(NAME, entry(username), 'pwdAccountLockedTime'), []);
    await visitor.settled();
    assert.equal(await page.getByText('locked there until').count(), 0, 'the page shows it at once');
    await page.getByText('Not locked there, as last seen.').waitFor();
    assert.doesNotMatch(await page.locator('.sentence').innerText(), /locked/);
    await visitor.accessible(`person-unlocked-there-${name}`);
    await page.getByRole('button', { name: 'Unlock at Corporate LDAP too' }).click();
    await page.getByRole('status').filter({ hasText: 'It is not locked there, so nothing was sent.' }).waitFor();
    // Once more, at an address that stays: the page still answers, and no button stays busy.
    await page.getByRole('button', { name: 'Unlock at Corporate LDAP too' }).click();
    await page.getByRole('status').filter({ hasText: 'It is not locked there, so nothing was sent.' }).waitFor();
    await visitor.settled();
    assert.equal(await page.locator('button[aria-busy=true]').count(), 0);
    visitor.quiet();
    await visitor.leave();

    const again = await stage.atTheDoor(options);
    await again.signIn(username, `Passw0rd-${index}`);
    await again.page.getByText('Help desk unlocked it').waitFor();
    await again.accessible(`door-told-of-unlock-${name}`);
    await again.page.getByRole('button', { name: 'Continue' }).or(again.page.getByRole('link', { name: 'Continue' })).click();
    await signedIn(again);
    again.quiet();
    await again.leave();
  });
}

async function fill(person, current, fresh, repeated = fresh) {
  await person.page.getByLabel('Current password').fill(current);
  await person.page.getByLabel('New password', { exact: true }).fill(fresh);
  await person.page.getByLabel('New password, once more').fill(repeated);
  await person.page.getByRole('button', { name: 'Change password and sign in' }).click();
}

for (const [number, [name, options]] of variants.entries()) {
  test(`${name}: a password that its directory wants changed is changed there, on the way into the application`, async () => {
    const username = `u00001${number}`;
    const old = `Passw0rd-1${number}`;
    const once = 'The kettle whistled before we left';
    const fresh = `Seven quiet lighthouse keepers ${number}`;
    // An administrator gave them a password once, and another one now: slapd remembers the first, and wants a new one.
    await stage.peers.set(NAME, POLICY, 'pwdInHistory', '5');
    await stage.peers.set(NAME, entry(username), 'userPassword', once);
    await stage.peers.set(NAME, entry(username), 'userPassword', old);
    await stage.peers.set(NAME, entry(username), 'pwdReset', 'TRUE');
    const person = await stage.atTheDoor(options);
    const { page } = person;
    const scripts = [];
    page.on('response', (response) => {
      const own = response.url().startsWith(stage.hub.url);
      if (own && response.request().resourceType() === 'script') scripts.push(response.url());
    });
    const asked = () => page.getByRole('heading', { name: 'Your password must be changed' }).waitFor();
    await person.signIn(username, old);
    await asked();
    await page.getByText('Corporate LDAP').first().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'current');
    await person.accessible(`door-expired-${name}`);

    // What the hub refuses is not sent.
    await fill(person, old, `${username} ${username} 1`);
    await asked();
    assert.match(await page.locator('#new-error').innerText(), /name/);
    await person.accessible(`door-expired-weak-${name}`);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'new');
    await fill(person, old, fresh, 'Something else that was typed');
    await asked();
    assert.match(await page.locator('#repeated-error').innerText(), /differs from the new password/);
    // What the directory refuses, in its rule's words.
    await fill(person, old, once);
    await asked();
    assert.match(await page.locator('#new-error').innerText(), /remembers that you had this one before/);
    await person.accessible(`door-expired-history-${name}`);
    // A wrong current password ends it, as at any sign-in; the right one leads back.
    await fill(person, 'not my password at all', fresh);
    await refused(person);
    await page.getByText('Your password was not changed.').waitFor();
    await person.accessible(`door-expired-wrong-${name}`);
    await page.getByLabel('Password', { exact: true }).fill(old);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await asked();
    await fill(person, old, fresh);
    await signedIn(person);
    await person.accessible(`application-after-change-${name}`);
    assert.deepEqual(scripts, [], 'no byte of JavaScript');
    person.quiet();
    await person.leave();

    const again = await stage.atTheDoor(options);
    await again.signIn(username, old);
    await refused(again);
    await again.page.getByLabel('Password', { exact: true }).fill(fresh);
    await again.page.getByRole('button', { name: 'Sign in' }).click();
    await signedIn(again);
    await again.leave();
  });
}
