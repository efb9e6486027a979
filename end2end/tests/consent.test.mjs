// An application that has to ask: people see what it wants to know, may refuse, and are asked once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

let stage;
before(async () => { stage = await Stage.set([corporate], { consent: 'first-time' }); });
after(() => stage?.strike());

const asked = /wants to know who you are/;

async function atTheQuestion(options) {
  const person = await stage.atTheDoor(options);
  await person.signIn('u000001', 'Passw0rd-1');
  await person.page.getByRole('heading', { name: asked }).waitFor();
  return person;
}

test('whoever refuses stays unknown to the application', async () => {
  const person = await atTheQuestion();
  await person.accessible('door-consent');
  assert.match(await person.page.locator('main').textContent(), /Crew portal/);
  await person.page.getByRole('button', { name: 'Refuse' }).click();
  await person.page.waitForURL((url) => url.href.startsWith(stage.application));
  assert.match(await person.page.locator('body').textContent(), /access_denied/);
  await person.leave();
});

test('whoever allows is signed in, without scripts too, and is not asked again', async () => {
  const person = await atTheQuestion({ scripts: false });
  await person.page.getByRole('button', { name: 'Allow' }).click();
  await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  person.quiet();
  await person.leave();

  const again = await stage.atTheDoor();
  await again.signIn('u000001', 'Passw0rd-1');
  await again.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  again.quiet();
  await again.leave();
});
