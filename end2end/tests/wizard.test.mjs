// Connecting a directory in the browser, at a real slapd: a wrong authority first, with advice; then what the wizard
// finds out by itself, a test person, the end, and that person signs in. With scripts and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage } from '../lib/stage.mjs';

let stage;
before(async () => { stage = await Stage.set([]); });
after(() => stage?.strike());

// The page of a step after its form was sent.
async function send(visitor, button) {
  const before = visitor.page.url();
  await visitor.page.getByRole('button', { name: button }).click();
  await visitor.page.waitForURL((url) => url.href !== before && url.searchParams.has('seen'));
  await visitor.settled();
}

async function onwards(visitor, word) {
  await visitor.page.getByRole('main').getByRole('link', { name: word }).last().click();
  await visitor.page.getByRole('heading', { level: 2, name: word }).waitFor();
  await visitor.settled();
}

for (const scripts of [true, false]) {
  const how = scripts ? 'woken' : 'plain';
  test(`a directory is connected ${scripts ? 'with' : 'without'} scripts`, async () => {
    const name = `fresh-${how}`;
    const base = `dc=${how},dc=test`;
    const slapd = await stage.peers.slapd(name, base, `${how}.test`);
    const foreign = await stage.peers.slapd(`foreign-${how}`, base, `${how}.test`, 1);
    const administrator = await stage.inTheConsole({ scripts });
    const { page } = administrator;
    await page.goto(`${stage.hub.url}/console/sources/new?kind=ldap`);
    await administrator.settled();
    await administrator.accessible(`wizard-empty-${how}`);

    // Somebody else's authority: refused, with the certificate and what to do.
    await page.getByLabel('Servers').fill(slapd.url);
    await page.getByLabel('Certificate authority (PEM)').fill(foreign.ca_pem);
    await send(administrator, 'Try the address');
    await page.getByText('issued by an authority that this hub has no reason to trust').waitFor();
    await page.getByText('Certificate of the server').waitFor();
    assert.equal(await page.getByRole('main').getByRole('link', { name: 'Service account' }).count(), 0, 'no way on');
    await administrator.accessible(`wizard-failing-${how}`);

    await page.getByLabel('Certificate authority (PEM)').fill(slapd.ca_pem);
    await send(administrator, 'Try the address');
    await page.getByText('OpenLDAP').first().waitFor();
    await onwards(administrator, 'Service account');

    await page.getByLabel('Bind DN').fill(slapd.bind_dn);
    await page.getByLabel('Password').fill(slapd.bind_password);
    await send(administrator, 'Sign in and look round');
    await page.getByText('locks after 5 wrong passwords within 15 minutes').first().waitFor();
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    assert.ok(!(await page.content()).includes(slapd.bind_password), 'the secret never comes back');
    await administrator.accessible(`wizard-account-${how}`);
    await onwards(administrator, 'Where people are');

    assert.equal(await page.getByLabel('Base DN').inputValue(), `ou=people,${base}`);
    assert.equal(await page.getByLabel('Immutable id').inputValue(), 'entryUUID');
    await send(administrator, 'Look for people');
    await administrator.accessible(`wizard-people-${how}`);
    await onwards(administrator, 'Attributes');
    await page.getByLabel('E-mail domains it owns').fill(`${how}.test`);
    await send(administrator, 'Take these');
    await onwards(administrator, 'Lockout safety');
    await send(administrator, 'Check');
    await page.getByText('at most 3 wrong passwords reach the directory').waitFor();
    await onwards(administrator, 'Test person');

    await page.getByLabel('Test with this person').fill('u000003');
    await page.getByLabel('Their password (optional)').fill('Passw0rd-3');
    await send(administrator, 'Try this person');
    await page.getByText('What would be created').waitFor();
    await page.getByText(`u000003@${how}.test`).first().waitFor();
    await administrator.accessible(`wizard-person-${how}`);
    // One can go back, and what was entered is still there.
    await onwards(administrator, 'Lockout safety');
    await onwards(administrator, 'Test person');
    await onwards(administrator, 'Finish');

    await page.getByLabel('What people call it').fill(`Fresh ${how}`);
    await page.getByLabel('Short name').fill(name);
    await page.getByLabel('Switch it on now').check();
    await administrator.accessible(`wizard-finish-${how}`);
    await page.getByRole('button', { name: 'Connect this directory' }).click();
    await page.waitForURL(new RegExp(`/console/sources/${name}`));
    await administrator.settled();
    administrator.quiet();
    await administrator.leave();

    await new Promise((resolve) => { setTimeout(resolve, 2_100); });
    const person = await stage.visitor();
    await person.page.goto(`${stage.hub.url}/sign-in?return_to=%2Fconsole`);
    await person.signIn(`u000003@${how}.test`, 'Passw0rd-3');
    await person.page.waitForURL(/\/console/);
    await person.leave();
  });
}
