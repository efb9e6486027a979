// A directory goes on saying who may be here after the password has moved: somebody disabled there is refused within
// `status_max_age`, though the hub could check their password, and is let in again once enabled.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

// The shortest that can be set.
const maxAge = 60;
let stage;
before(async () => {
  stage = await Stage.set([{ ...corporate, mode: 'capture' }], { policy: { status_max_age: `${maxAge}s` } });
});
after(() => stage?.strike());

// "in", "refused", or what else the page says.
async function signsIn() {
  const person = await stage.atTheDoor();
  await person.signIn('u000007', 'Passw0rd-7');
  await person.page.waitForLoadState('load');
  const heading = await person.page.getByRole('heading', { level: 1 }).textContent();
  await person.leave();
  if (/^Signed in as /.test(heading)) return 'in';
  // The page for everybody: it tells nothing about the person.
  return heading === 'You are not signed in' ? 'refused' : heading;
}

async function until(outcome, seconds) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const now = await signsIn();
    if (now === outcome) return;
    assert.ok(Date.now() < deadline, `after ${seconds} s: ${now}, not ${outcome}`);
    await new Promise((resolve) => { setTimeout(resolve, 3_000); });
  }
}

test('disabled in the directory: refused within status_max_age though captured; enabled: back at once', async () => {
  assert.equal(await signsIn(), 'in');
  await stage.peers.stop('corp-ldap');
  assert.equal(await signsIn(), 'in', 'captured: the hub checks the password by itself');
  await stage.peers.startAgain('corp-ldap');

  await stage.peers.disable('corp-ldap', 'u000007');
  await until('refused', maxAge + 15);
  await stage.peers.enable('corp-ldap', 'u000007');
  await until('in', 15);
});

test('the code on the page tells help desk why', async () => {
  await stage.peers.disable('corp-ldap', 'u000007');
  await until('refused', maxAge + 15);
  const person = await stage.atTheDoor();
  await person.signIn('u000007', 'Passw0rd-7');
  await person.accessible('door-refused-disabled');
  const code = (await person.page.locator('.code .c').textContent()).trim();
  assert.ok(code, 'the page has a code to read out');
  await person.leave();

  const console = await stage.inTheConsole();
  await console.page.goto(`${stage.hub.url}/console/find?q=${code}`);
  await console.settled();
  assert.match(await console.page.locator('main').textContent(), /disabled/i);
  await console.accessible('console-find-refused-disabled');
  console.quiet();
  await console.leave();
  await stage.peers.enable('corp-ldap', 'u000007');
});
