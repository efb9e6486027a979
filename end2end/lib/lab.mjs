// What the three labs of the reference architecture have in common.
import assert from 'node:assert/strict';
import { inspect } from './stage.mjs';

// A sign-in to the application with the password of an old directory (or, later, of the hub).
export async function signsIn(stage, name, password) {
  const person = await stage.atTheDoor();
  await person.signIn(name, password);
  return arrived(stage, person);
}

// The application says who came; `sub` and e-mail as its tokens have them.
export async function arrived(stage, person) {
  await person.page.waitForURL((url) => url.href === stage.application);
  await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  const claim = async (name) => {
    const cells = person.page.getByRole('row', { name: new RegExp(`^${name} `) }).first().getByRole('cell');
    return cells.last().textContent();
  };
  const claims = { sub: await claim('sub'), email: await claim('email') };
  person.quiet();
  await person.leave();
  return claims;
}

export async function meetsTheOutagePage(stage, name, password) {
  const person = await stage.atTheDoor();
  await person.signIn(name, password);
  await person.page.getByText('Your directory cannot be reached right now').waitFor();
  person.expecting('Failed to load resource');
  person.quiet();
  await person.leave();
}

// Who decides in the console about somebody: one row of the decision table, and who was asked.
export async function showsInTheConsole(stage, search, { row, asked, password, sentence }) {
  const shown = await inspect(stage, search);
  assert.equal(shown.found, 1, `${search} is one person`);
  assert.match(shown.trace, new RegExp(`Decision.*${row} after`, 's'), shown.trace);
  assert.match(shown.trace, new RegExp(`Asked\\s*${asked}`), shown.trace);
  if (password) assert.match(shown.decides, new RegExp(`Password\\s*${password}`), shown.decides);
  if (sentence) assert.match(shown.sentence, sentence);
  return shown;
}

// `isthmus import`: complete, that many people, and nobody put aside.
export async function imports(stage, name, outcome, people) {
  const { state, counts } = await stage.hub.import(name);
  assert.equal(state, 'completed');
  const outcomes = counts.outcomes.person ?? {};
  assert.equal(outcomes[outcome] ?? 0, people, JSON.stringify(counts));
  for (const trouble of ['rejected', 'held', 'failed', 'missing']) assert.equal(outcomes[trouble] ?? 0, 0, JSON.stringify(counts));
  return counts;
}
