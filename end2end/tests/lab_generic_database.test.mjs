// Lab "Migrate users from an on-premises generic database": the table of an old portal, in PostgreSQL and in MariaDB.
// Where the reference architecture exports hashes or scripts and has no just-in-time creation, the hub reads the row,
// compares the stored password itself, and creates people at their first sign-in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imports, meetsTheOutagePage, showsInTheConsole, signsIn } from '../lib/lab.mjs';
import { Stage, inspect } from '../lib/stage.mjs';

const NAME = 'portal-db';
const LABEL = 'Old portal';
const open = (database) => ({
  name: NAME, label: LABEL, kind: 'sql', domain: 'example.test', mode: 'active',
  open: (peers) => peers.legacy(NAME, database),
});

for (const database of ['postgres', 'mariadb']) {
  test(`lab generic database: the portal in ${database}`, async (lab) => {
    const stage = await Stage.set([open(database)]);
    try {
      await walk(lab, stage);
    } finally {
      await stage.strike();
    }
  });
}

async function walk(lab, stage) {
  await lab.test('lab generic database: an import brings people, groups and devices', async () => {
    const counts = await imports(stage, NAME, 'created', 20);
    assert.equal(counts.outcomes.group.created, 10, JSON.stringify(counts));
    assert.equal(counts.outcomes.device.created, 20, JSON.stringify(counts));
    await imports(stage, NAME, 'created', 0);
    const shown = await inspect(stage, 'u000003');
    assert.match(shown.decides, new RegExp(`Password\\s*${LABEL}`));
    assert.match(shown.whole, /Rolle 3/);
  });

  await lab.test('lab generic database: whoever was imported signs in, whatever made the stored hash', async () => {
    for (let person = 0; person < 8; person += 1) {
      const { email } = await signsIn(stage, `u00000${person}`, `Passw0rd-${person}`);
      assert.equal(email, `u00000${person}@example.test`);
    }
    await showsInTheConsole(stage, 'u000003', { row: 'D6', asked: LABEL, password: LABEL });
  });

  await lab.test('lab generic database: somebody whose row is new is created at their first sign-in', async () => {
    await stage.peers.enrol(NAME, 20, 22);
    assert.equal((await inspect(stage, 'u000021')).found, 0);
    await signsIn(stage, 'u000021', 'Passw0rd-5');
    await showsInTheConsole(stage, 'u000021', { row: 'D18', asked: LABEL });
    await imports(stage, NAME, 'created', 1);
    assert.equal((await inspect(stage, 'u000021')).found, 1, 'import and sign-in mean the same person');
  });

  await lab.test('lab generic database: in mode capture a sign-in takes the password over, and the row is asked no more', async () => {
    await stage.switchTo('capture');
    const before = await signsIn(stage, 'u000004', 'Passw0rd-4');
    await showsInTheConsole(stage, 'u000004', { row: 'D6', asked: LABEL, password: 'Isthmus' });
    assert.deepEqual(await signsIn(stage, 'u000004', 'Passw0rd-4'), before, 'applications notice nothing');
    await showsInTheConsole(stage, 'u000004', { row: 'D1', asked: 'nobody outside this hub' });
  });

  await lab.test('lab generic database: with the database stopped, whoever moved signs in, and nobody else loses anything', async () => {
    await stage.peers.stop(NAME);
    await signsIn(stage, 'u000004', 'Passw0rd-4');
    await meetsTheOutagePage(stage, 'u000005', 'Passw0rd-5');
    await showsInTheConsole(stage, 'u000005', { row: 'D14', asked: LABEL, password: LABEL });
  });
}
