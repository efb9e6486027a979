// `isthmus demo`: nothing to install, and a person moves before your eyes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Visitor, launch } from '../lib/browser.mjs';
import { assets, binary, freePort } from '../lib/where.mjs';

let demo;
let browser;
let text = '';
before(async () => {
  const port = await freePort();
  const environment = { ...process.env, ISTHMUS_ASSETS: assets };
  if (assets === 'embedded') delete environment.ISTHMUS_ASSETS;
  const args = ['demo', '--listen', `127.0.0.1:${port}`];
  demo = spawn(binary('ISTHMUS_BINARY', 'isthmus'), args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  demo.stdout.on('data', (chunk) => { text += chunk; });
  browser = await launch();
  for (let attempt = 0; attempt < 200 && !text.includes('LDAP directory'); attempt += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
});
after(async () => {
  await browser?.close();
  demo?.kill('SIGTERM');
});

test('the two printed logins work, and the administrator sees both people', async () => {
  const [application] = /http:\/\/\S+/.exec(text.slice(text.indexOf('Sample application')));
  const logins = [...text.matchAll(/sign in as\s+(\S+)\s+with\s+(\S+)/g)].map(([, name, password]) => [name, password]);
  assert.equal(logins.length, 3, text);
  for (const [name, password] of logins.slice(0, 2)) {
    const person = await Visitor.enter(browser);
    await person.page.goto(application);
    await person.page.getByRole('link', { name: 'Sign in' }).click();
    await person.signIn(name, password);
    await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
    await person.accessible(`demo-${name}`);
    person.quiet();
    await person.leave();
  }
  const [console] = /http:\/\/\S+\/console/.exec(text);
  const administrator = await Visitor.enter(browser);
  await administrator.page.goto(console);
  await administrator.signIn(...logins[2]);
  await administrator.page.waitForURL(/\/console/);
  await administrator.settled();
  await administrator.page.goto(`${console}/people`);
  await administrator.settled();
  await administrator.page.getByRole('link', { name: 'Julia Smith' }).waitFor();
  await administrator.page.getByRole('link', { name: 'Amara Okafor' }).waitFor();
  await administrator.leave();
});
