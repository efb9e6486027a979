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
  for (let attempt = 0; attempt < 200 && !text.includes('set a password here'); attempt += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
});
after(async () => {
  await browser?.close();
  demo?.kill('SIGTERM');
});

const printed = (words) => [...text.matchAll(new RegExp(`${words} as\\s+(\\S+)\\s+with\\s+(\\S+)`, 'g'))]
  .map(([, name, password]) => [name, password]);
const application = () => /http:\/\/\S+/.exec(text.slice(text.indexOf('Sample application')))[0];

async function atTheApplication() {
  const person = await Visitor.enter(browser);
  await person.page.goto(application());
  await person.page.getByRole('link', { name: 'Sign in' }).click();
  return person;
}

async function arrived(person, name) {
  await person.page.getByRole('heading', { name: /^Signed in as / }).waitFor();
  await person.accessible(`demo-${name}`);
  person.quiet();
  await person.leave();
}

test('the printed logins of the LDAP directory and of the old portal work, twice', async () => {
  const logins = printed('sign in').slice(0, -1);
  assert.equal(logins.length, 4, text);
  // The second time the hub checks the password itself.
  for (const [name, password] of [...logins, ...logins]) {
    const person = await atTheApplication();
    await person.signIn(name, password);
    await arrived(person, name);
  }
});

async function throughTheCloud(name, password) {
  const person = await atTheApplication();
  await person.page.getByRole('link', { name: 'Continue with Skyline cloud' }).click();
  await person.page.getByLabel('Account').fill(name);
  await person.page.getByLabel('Password').fill('not the password');
  await person.page.getByRole('button', { name: 'Sign in' }).click();
  await person.page.getByText('do not belong together').waitFor();
  await person.accessible('demo-cloud');
  await person.page.getByLabel('Password').fill(password);
  await person.page.getByRole('button', { name: 'Sign in' }).click();
  return person;
}

test('the printed logins of the cloud directory work there, and a password can be set here', async () => {
  const logins = printed('continue there');
  assert.equal(logins.length, 2, text);
  const putsItOff = await throughTheCloud(...logins[1]);
  await putsItOff.page.getByRole('button', { name: 'Not now' }).click();
  await arrived(putsItOff, logins[1][0]);
  const [name, password] = logins[0];
  const person = await throughTheCloud(name, password);
  await person.page.getByRole('heading', { name: 'Set a password here' }).waitFor();
  const chosen = 'nine green buoys off the pier';
  await person.page.getByLabel('New password', { exact: true }).fill(chosen);
  await person.page.getByLabel('New password, once more').fill(chosen);
  await person.page.getByRole('button', { name: 'Set password and continue' }).click();
  await arrived(person, `${name}-moved`);
  const again = await atTheApplication();
  await again.signIn(name, chosen);
  await arrived(again, `${name}-here`);
});

test('who cancels at the cloud directory is back at the page', async () => {
  const person = await atTheApplication();
  await person.page.getByRole('link', { name: 'Continue with Skyline cloud' }).click();
  await person.page.getByRole('button', { name: 'Cancel' }).click();
  await person.page.getByLabel('E-mail or username').waitFor();
  person.quiet();
  await person.leave();
});

test('the administrator sees the people of all three directories', async () => {
  const [console] = /http:\/\/\S+\/console/.exec(text);
  const administrator = await Visitor.enter(browser, { scripts: false });
  await administrator.page.goto(console);
  await administrator.signIn(...printed('sign in').at(-1));
  await administrator.page.waitForURL(/\/console/);
  await administrator.page.goto(`${console}/people`);
  for (const name of ['Julia Smith', 'Amara Okafor', 'Beatriz Magalhães', 'Kenji Watanabe', 'Youssef Mansour', 'Zofia Lewandowska']) {
    await administrator.page.getByRole('link', { name }).waitFor();
  }
  administrator.quiet();
  await administrator.leave();
});
