// A person moves: unknown to the hub, then signed in by their directory, then by the hub alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

let stage;
before(async () => { stage = await Stage.set([{ ...corporate, mode: 'capture' }]); });
after(() => stage?.strike());

async function signedInAs(visitor, name) {
  await visitor.page.waitForURL((url) => url.href === stage.application);
  const heading = await visitor.page.getByRole('heading', { level: 1 }).textContent();
  assert.match(heading, name ?? /^Signed in as /);
}

async function findsInPeople(visitor, search) {
  await visitor.page.goto(`${stage.hub.url}/console/people?q=${encodeURIComponent(search)}`);
  await visitor.settled();
  return visitor.page.locator('tbody tr').count();
}

test('a person unknown to the hub signs in with their LDAP password and appears in People', async () => {
  const console = await stage.inTheConsole();
  assert.equal(await findsInPeople(console, 'u000001'), 0);
  const person = await stage.atTheDoor();
  await person.accessible('door-identifier');
  await person.signIn('u000001', 'Passw0rd-1');
  await signedInAs(person);
  await person.accessible('application-signed-in');
  const shown = await person.page.locator('table').first().textContent();
  assert.match(shown, /u000001@example\.test/);
  assert.equal(await findsInPeople(console, 'u000001'), 1);
  await console.accessible('console-people-one');
  person.quiet();
  console.quiet();
  await person.leave();
  await console.leave();
});

test('the application refreshes its tokens, and sign-out ends the session at the hub too', async () => {
  const person = await stage.atTheDoor();
  await person.signIn('u000002', 'Passw0rd-2');
  await signedInAs(person);
  const refresh = person.page.getByRole('button', { name: 'Refresh' });
  await refresh.click();
  await person.page.getByText('Refreshed once.').waitFor();
  await person.page.getByRole('button', { name: 'Sign out' }).click();
  await person.page.waitForLoadState('load');
  if (person.page.url().startsWith(stage.hub.url)) {
    await person.accessible('door-sign-out');
    await person.page.getByRole('button').first().click();
  }
  await person.page.waitForURL((url) => url.href.startsWith(stage.application));
  await person.page.getByRole('link', { name: 'Sign in' }).click();
  await person.page.getByLabel('E-mail or username').waitFor();
  person.quiet();
  await person.leave();
});

test('a wrong password is refused on one page that says nothing about the person', async () => {
  const texts = [];
  for (const name of ['u000003', 'nobody-has-this-name']) {
    const person = await stage.atTheDoor();
    await person.signIn(name, 'not the password');
    await person.page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    await person.accessible(`door-refused-${texts.length}`);
    texts.push(await person.page.locator('[role=alert]').textContent());
    person.expecting('Failed to load resource');
    person.quiet();
    await person.leave();
  }
  assert.equal(texts[0], texts[1]);
});

test('with scripts off the same way leads into the application', async () => {
  const person = await stage.atTheDoor({ scripts: false });
  await person.signIn('u000004', 'Passw0rd-4');
  await signedInAs(person);
  person.quiet();
  await person.leave();
});

test('the sign-in page brings no script and at most 40 kB', async () => {
  const person = await stage.visitor();
  let bytes = 0;
  const kinds = [];
  const weighed = [];
  person.page.on('response', (response) => {
    if (!response.url().startsWith(stage.hub.url)) return;
    kinds.push(response.request().resourceType());
    weighed.push(response.body().then((body) => { bytes += body.length; }, () => {}));
  });
  await person.page.goto(stage.application);
  await person.page.getByRole('link', { name: 'Sign in' }).click();
  await person.page.getByLabel('E-mail or username').waitFor();
  await person.settled();
  await Promise.all(weighed);
  assert.ok(!kinds.includes('script'), kinds.join());
  assert.ok(bytes > 0 && bytes <= 40_000, `${bytes} bytes`);
  await person.leave();
});

test('captured, they sign in again with slapd stopped; somebody with nothing captured gets the outage page', async () => {
  const first = await stage.atTheDoor();
  await first.signIn('u000005', 'Passw0rd-5');
  await signedInAs(first);
  await first.leave();

  await stage.peers.stop('corp-ldap');
  try {
    const again = await stage.atTheDoor();
    await again.signIn('u000005', 'Passw0rd-5');
    await signedInAs(again);
    again.quiet();
    await again.leave();

    const unlucky = await stage.atTheDoor();
    await unlucky.signIn('u000006@example.test', 'Passw0rd-6');
    await unlucky.page.getByText('Your directory cannot be reached right now').waitFor();
    await unlucky.accessible('door-outage');
    unlucky.expecting('Failed to load resource');
    unlucky.quiet();
    await unlucky.leave();
  } finally {
    await stage.peers.startAgain('corp-ldap');
  }
  const console = await stage.inTheConsole();
  assert.equal(await findsInPeople(console, 'u000006'), 0);
  await console.leave();
});
