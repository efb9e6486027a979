// Lab "Migrate users from an on-premises generic database": the table of an old portal, in PostgreSQL and in MariaDB.
// Where the reference architecture exports hashes or scripts and has no just-in-time creation, the hub reads the row,
// compares the stored password itself, and creates people at their first sign-in. The lab's password hook is the call-out.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import https from 'node:https';
import path from 'node:path';
import { test } from 'node:test';
import { imports, meetsTheOutagePage, showsInTheConsole, signsIn } from '../lib/lab.mjs';
import { Stage, inspect } from '../lib/stage.mjs';

const NAME = 'portal-db';
const LABEL = 'Old portal';
const open = (database, application) => ({
  name: NAME, label: LABEL, kind: 'sql', domain: 'example.test', mode: 'active',
  open: async (peers, hub) => {
    const legacy = await peers.legacy(NAME, database);
    const { password } = legacy.settings;
    password.formats.OWN = { scheme: 'call-out' };
    password.call_out = await application.open(peers, hub);
    return legacy;
  },
});

// The old application, which alone knows how it stores some of its passwords.
class OldApplication {
  asked = [];

  async open(peers, hub) {
    const { certificate, key, ca_pem } = await peers.certificate();
    this.server = https.createServer({ cert: certificate, key }, async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const { id, password } = JSON.parse(body);
      this.asked.push({ id, authorization: request.headers.authorization });
      response.writeHead(password === `only the portal knows ${id}` ? 200 : 403).end();
    });
    await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    await mkdir(path.join(hub.data, 'sources'), { recursive: true });
    await writeFile(path.join(hub.data, 'sources', 'portal.token'), 'a token of the portal\n');
    return { url: `https://localhost:${this.server.address().port}/check`, ca_pem, token_file: 'portal.token' };
  }

  close() {
    this.server?.closeAllConnections();
    this.server?.close();
  }
}

for (const database of ['postgres', 'mariadb']) {
  test(`lab generic database: the portal in ${database}`, async (lab) => {
    const application = new OldApplication();
    const stage = await Stage.set([open(database, application)]);
    try {
      await walk(lab, stage, application);
    } finally {
      await stage.strike();
      application.close();
    }
  });
}

async function walk(lab, stage, application) {
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

  await lab.test('lab generic database: a hash that only the old application knows is asked about once', async () => {
    await stage.peers.execute(NAME, "update T_PERSON set PW_ALGO = 'OWN', PW_HASH = 'riddle' where PERS_NO in (6, 7)");
    await signsIn(stage, 'u000006', 'only the portal knows 6');
    await showsInTheConsole(stage, 'u000006', { row: 'D6', asked: LABEL, password: 'Isthmus' });
    await signsIn(stage, 'u000006', 'only the portal knows 6');
    assert.deepEqual(application.asked, [{ id: '6', authorization: 'Bearer a token of the portal' }]);
    const wrong = await stage.atTheDoor();
    await wrong.signIn('u000007', 'not the password');
    await wrong.page.getByRole('heading', { name: 'You are not signed in' }).waitFor();
    await wrong.leave();
    assert.equal(application.asked.length, 2);
  });

  await lab.test('lab generic database: with the database stopped, whoever moved signs in, and nobody else loses anything', async () => {
    await stage.peers.stop(NAME);
    await signsIn(stage, 'u000004', 'Passw0rd-4');
    await meetsTheOutagePage(stage, 'u000005', 'Passw0rd-5');
    await showsInTheConsole(stage, 'u000005', { row: 'D14', asked: LABEL, password: LABEL });
  });
}
