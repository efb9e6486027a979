// Lab "Migrate users from an on-premises LDAP directory server": connected and tested, its people imported, delegated,
// created just in time, and at last taken over without resetting anybody's password. At a real slapd.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { imports, meetsTheOutagePage, showsInTheConsole, signsIn } from '../lib/lab.mjs';
import { Stage, corporate, inspect } from '../lib/stage.mjs';

const NAME = corporate.name;
let stage;
before(async () => { stage = await Stage.set([corporate]); });
after(() => stage?.strike());

test('lab LDAP server: the connection and an example username are tested before anybody depends on it', async () => {
  const administrator = await stage.inTheConsole({ scripts: false });
  await administrator.page.goto(`${stage.hub.url}/console/sources/${NAME}`);
  await administrator.page.getByLabel('Also look for this person').fill('u000003');
  await administrator.page.getByRole('button', { name: 'Test the connection' }).click();
  await administrator.page.getByText(/All \d+ steps passed\./).waitFor();
  await administrator.page.getByText('u000003@example.test').first().waitFor();
  assert.equal((await inspect(stage, 'u000003')).found, 0, 'a test creates nobody');
  await administrator.leave();
});

test('lab LDAP server: an import brings its people and groups, and a second one has nothing to do', async () => {
  const counts = await imports(stage, NAME, 'created', 21);
  assert.equal(counts.outcomes.group.created, 12, JSON.stringify(counts));
  await imports(stage, NAME, 'created', 0);
  const shown = await inspect(stage, 'u000003');
  assert.equal(shown.found, 1);
  assert.match(shown.decides, /Password\s*Corporate LDAP/);
  assert.match(shown.whole, /team-3/);
});

test('lab LDAP server: whoever was imported signs in with their directory password, by username or by e-mail', async () => {
  const one = await signsIn(stage, 'u000003', 'Passw0rd-3');
  const other = await signsIn(stage, 'u000003@example.test', 'Passw0rd-3');
  assert.deepEqual(one, other, 'one person, whichever name was typed');
  assert.equal(one.email, 'u000003@example.test');
  await showsInTheConsole(stage, 'u000003', { row: 'D6', asked: 'Corporate LDAP', password: 'Corporate LDAP' });
});

test('lab LDAP server: somebody hired after the import is created at their first sign-in', async () => {
  await stage.peers.hire(NAME, 'newcomer', 'Nina', 'Newcomer');
  assert.equal((await inspect(stage, 'newcomer')).found, 0);
  const { email } = await signsIn(stage, 'newcomer', 'Passw0rd-newcomer@example.test');
  assert.equal(email, 'newcomer@example.test');
  await showsInTheConsole(stage, 'newcomer', { row: 'D18', asked: 'Corporate LDAP' });
  await imports(stage, NAME, 'created', 0);
  assert.equal((await inspect(stage, 'newcomer')).found, 1, 'import and sign-in mean the same person');
});

test('lab LDAP server: in mode capture a sign-in takes the password over; the profile stays the directory\'s', async () => {
  await stage.switchTo('capture');
  const before = await signsIn(stage, 'u000004', 'Passw0rd-4');
  const shown = await showsInTheConsole(stage, 'u000004', { row: 'D6', asked: 'Corporate LDAP', password: 'Isthmus' });
  assert.match(shown.decides, /Corporate LDAP/, 'two independent switches: only one was thrown');
  assert.deepEqual(await signsIn(stage, 'u000004', 'Passw0rd-4'), before, 'applications notice nothing');
  await showsInTheConsole(stage, 'u000004', { row: 'D1', asked: 'nobody outside this hub' });
});

test('lab LDAP server: with the directory stopped, whoever moved signs in, and nobody else loses anything', async () => {
  await stage.peers.stop(NAME);
  await signsIn(stage, 'u000004', 'Passw0rd-4');
  await meetsTheOutagePage(stage, 'u000005', 'Passw0rd-5');
  await showsInTheConsole(stage, 'u000005', { row: 'D14', asked: 'Corporate LDAP', password: 'Corporate LDAP' });
  await stage.peers.startAgain(NAME);
});
