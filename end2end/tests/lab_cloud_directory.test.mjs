// Lab "Migrate users from Azure Active Directory": the cloud directory is an inbound identity provider, people sign in
// there by redirect and are created just in time. Peer: npm's certified `oidc-provider` with the strict Graph subset.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { arrived, imports, meetsTheOutagePage, showsInTheConsole, signsIn } from '../lib/lab.mjs';
import { Stage, inspect } from '../lib/stage.mjs';

const NAME = 'contoso';
const LABEL = 'Contoso cloud';
const NEW_PASSWORD = 'seven quiet lanterns on the quay';
let stage;
let cloud;
before(async () => {
  stage = await Stage.set([{
    name: NAME, label: LABEL, kind: 'entra', domain: 'example.test', mode: 'active',
    open: async (peers, hub) => {
      cloud = await peers.cloud(NAME, `${hub.url}/sign-in/callback/${NAME}`, ['ada', 'bob', 'cleo']);
      return cloud;
    },
  }]);
});
after(() => stage?.strike());

// From the application to the provider, where this name is typed, and back to the hub.
async function throughTheCloud(name, typed = '') {
  const person = await stage.atTheDoor({ ignoreHTTPSErrors: true });
  if (typed) {
    await person.page.getByLabel('E-mail or username').fill(typed);
    await person.page.getByRole('button', { name: 'Continue', exact: true }).click();
  }
  await person.page.getByRole('link', { name: `Continue with ${LABEL}` }).click();
  await person.page.getByLabel('Account').waitFor();
  if (typed) assert.equal(await person.page.getByLabel('Account').inputValue(), typed, 'the provider is told the name');
  await person.page.getByLabel('Account').fill(`${name}@example.test`);
  await person.page.getByLabel('Password').fill(cloud.password);
  await person.page.getByRole('button', { name: 'Sign in' }).click();
  return person;
}

test('lab cloud directory: an import brings its people by Microsoft Graph', async () => {
  await imports(stage, NAME, 'created', 3);
  await imports(stage, NAME, 'created', 0);
  assert.equal((await inspect(stage, 'ada')).found, 1);
});

test('lab cloud directory: whoever was imported signs in over there, and no password is typed here', async () => {
  const { email } = await arrived(stage, await throughTheCloud('ada', 'ada@example.test'));
  assert.equal(email, 'ada@example.test');
  await showsInTheConsole(stage, 'ada', { row: 'D6', asked: LABEL, password: LABEL });
});

test('lab cloud directory: somebody invited after the import is created when they come back', async () => {
  await stage.peers.invite(NAME, 'newcomer');
  const { email } = await arrived(stage, await throughTheCloud('newcomer'));
  assert.equal(email, 'newcomer@example.test');
  await showsInTheConsole(stage, 'newcomer', { row: 'D18', asked: LABEL });
  await imports(stage, NAME, 'created', 0);
  assert.equal((await inspect(stage, 'newcomer')).found, 1, 'import and sign-in mean the same person');
});

test('lab cloud directory: in mode capture whoever comes back sets a password here', async () => {
  await stage.switchTo('capture');
  const person = await throughTheCloud('bob');
  await person.page.getByRole('heading', { name: 'Set a password here' }).waitFor();
  await person.accessible('door-offer');
  await person.page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD);
  await person.page.getByLabel('New password, once more').fill(NEW_PASSWORD);
  await person.page.getByRole('button', { name: 'Set password and continue' }).click();
  const before = await arrived(stage, person);
  await showsInTheConsole(stage, 'bob', { row: 'D6r', asked: LABEL, password: 'Isthmus' });
  assert.deepEqual(await signsIn(stage, 'bob@example.test', NEW_PASSWORD), before, 'applications notice nothing');
  await showsInTheConsole(stage, 'bob', { row: 'D1', asked: 'nobody outside this hub' });
});

test('lab cloud directory: with the provider stopped, whoever moved signs in, and nobody else loses anything', async () => {
  await stage.peers.stop(NAME);
  await signsIn(stage, 'bob@example.test', NEW_PASSWORD);
  const unlucky = await stage.atTheDoor({ ignoreHTTPSErrors: true });
  await unlucky.page.getByRole('link', { name: `Continue with ${LABEL}` }).click();
  // The browser may know its way to a provider that is gone; then the browser says so, and the hub cannot.
  await unlucky.page.waitForLoadState('load');
  await unlucky.leave();
  assert.equal((await inspect(stage, 'cleo')).found, 1);
});
