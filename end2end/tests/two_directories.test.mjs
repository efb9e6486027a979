// Two directories, a jsmith in each: two people, and each password only opens its own.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage, corporate } from '../lib/stage.mjs';

const harbour = {
  name: 'harbour-ldap', label: 'Harbour LDAP', base_dn: 'dc=harbour,dc=test', domain: 'harbour.test', mode: 'active',
};
let stage;
before(async () => { stage = await Stage.set([corporate, harbour]); });
after(() => stage?.strike());

async function subjectOf(directory) {
  const person = await stage.atTheDoor();
  await person.accessible('door-which-directory');
  await person.signIn('jsmith', `Passw0rd-jsmith@${directory.domain}`, directory.label);
  await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  const subject = await person.page.getByRole('row', { name: /^sub / }).first().getByRole('cell').last().textContent();
  person.quiet();
  await person.leave();
  return subject;
}

test('both people called jsmith sign in, and they are two people', async () => {
  const [one, other] = [await subjectOf(corporate), await subjectOf(harbour)];
  assert.notEqual(one, other);
  assert.equal(await subjectOf(corporate), one);
});

test('the password of one jsmith does not open the other', async () => {
  const person = await stage.atTheDoor();
  await person.signIn('jsmith', 'Passw0rd-jsmith@example.test', harbour.label);
  await person.page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
  await person.leave();
});
