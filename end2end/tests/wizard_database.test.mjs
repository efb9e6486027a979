// Connecting an unknown database in the browser: its tables are offered, the proposal is taken with one press, looked
// at, tried and saved. With scripts and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage } from '../lib/stage.mjs';

let stage;
before(async () => { stage = await Stage.set([]); });
after(() => stage?.strike());

// The page of a step after its form was sent.
async function send(visitor, button) {
  const before = visitor.page.url();
  await visitor.page.getByRole('button', { name: button, exact: true }).click();
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
  test(`an unknown database is connected ${scripts ? 'with' : 'without'} scripts`, async () => {
    const name = `portal-${how}`;
    const { settings, bind_password } = await stage.peers.legacy(name, 'postgres');
    const administrator = await stage.inTheConsole({ scripts });
    const { page } = administrator;
    const labelled = (label) => page.getByLabel(label, { exact: true });
    await page.goto(`${stage.hub.url}/console/sources/new?kind=sql`);
    await administrator.settled();
    await labelled('Database').fill(settings.url);
    await labelled('Certificate authority (PEM)').fill(settings.ca_pem);
    await labelled('Password of the database account').fill(bind_password);
    // A guess of one's own.
    await labelled('Username').fill('email_adr');
    await send(administrator, 'Try these settings');
    await page.getByText('There is a proposal.').waitFor();
    assert.equal(await page.locator('#people-list option').count(), 4);
    assert.ok(await page.locator('#groups-name_column-list').count());
    await administrator.accessible(`wizard-proposal-${how}`);

    await send(administrator, 'Fill in what is empty');
    assert.equal(await labelled('Table of people').inputValue(), 'public.t_person');
    assert.equal(await labelled('Immutable id').inputValue(), 'pers_no');
    assert.equal(await labelled('Username').inputValue(), 'email_adr', 'what was typed stays');
    assert.equal(await labelled('Stored password').inputValue(), 'pw_hash');
    assert.ok(await page.locator('#username_column-list option[value=login_name]').count());
    await administrator.accessible(`wizard-proposal-taken-${how}`);
    await labelled('Username').fill('login_name');
    await labelled('E-mail domains it owns').fill(`${how}.test`);
    await send(administrator, 'Try these settings');
    await page.getByText('every column of the settings is there').waitFor();
    assert.ok(!(await page.content()).includes(bind_password), 'the secret never comes back');
    await onwards(administrator, 'Test person');
    await page.getByLabel('Test with this person').fill('u000005');
    await send(administrator, 'Try this person');
    await page.getByText('What would be created').waitFor();
    await onwards(administrator, 'Finish');
    await page.getByLabel('What people call it').fill(`Portal ${how}`);
    await page.getByLabel('Short name').fill(name);
    await page.getByRole('button', { name: 'Connect this directory' }).click();
    await page.waitForURL(new RegExp(`/console/sources/${name}`));
    await administrator.settled();
    administrator.quiet();
    await administrator.leave();
  });
}
