// The real binary: `isthmus serve` on a fresh data folder, `apply` for what it should know, `admin create`.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { assets, binary, freePort } from './where.mjs';

const isthmus = () => binary('ISTHMUS_BINARY', 'isthmus');
const environment = { ...process.env, ISTHMUS_ASSETS: assets };
if (assets === 'embedded') delete environment.ISTHMUS_ASSETS;
const network = ['--allow-network', '127.0.0.0/8'];

export const clientSecret = 'a-secret-of-the-browser-tests-0123456789';
export const administrator = { username: 'admin', password: 'correct horse battery staple 7' };

const ldap = (source) => `kind = "ldap"
urls = [${JSON.stringify(source.url)}]
bind_dn = ${JSON.stringify(source.bind_dn)}
base_dn = ${JSON.stringify(source.base_dn)}
lockout_threshold = 5
lockout_window = "15m"
`;

// The other kinds have a table of their own.
const tables = { entra: 'openid', openid: 'openid', sql: 'sql' };
function settings({ kind, settings: { ca_pem, ...rest } }) {
  return `kind = ${JSON.stringify(kind)}\n${tables[kind]} = ${inline(rest)}\n`;
}

// JSON as TOML on one line.
function inline(value) {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const pairs = Object.entries(value).filter(([, inner]) => inner !== null);
  return `{ ${pairs.map(([name, inner]) => `${JSON.stringify(name)} = ${inline(inner)}`).join(', ')} }`;
}

export class Hub {
  // `url`: what browsers call it, if a proxy stands in front; `more`: further arguments of `serve`.
  static async start({ url, more = [] } = {}) {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'isthmus-end2end-'));
    const port = await freePort();
    const hub = new Hub(folder, port, url ?? `http://localhost:${port}`, more);
    await hub.serve();
    return hub;
  }

  constructor(folder, port, url, more) {
    this.folder = folder;
    this.data = path.join(folder, 'data');
    this.port = port;
    this.url = url;
    this.more = more;
    this.own = `http://localhost:${port}`;
    this.log = '';
  }

  async serve() {
    const args = ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`, '--public-url', this.url];
    this.process = spawn(isthmus(), [...args, ...network, ...this.more], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => { this.log = (this.log + chunk).slice(-20_000); };
    this.process.stdout.on('data', keep);
    this.process.stderr.on('data', keep);
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (this.process.exitCode !== null) throw new Error(`isthmus ended:\n${this.log}`);
      const ready = await fetch(`${this.own}/readyz`).catch(() => null);
      if (ready?.ok) return;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    throw new Error(`isthmus does not get ready:\n${this.log}`);
  }

  async run(...args) {
    return promisify(execFile)(isthmus(), args, { env: environment });
  }

  // Registers sources and clients by a site document; the running server notices within two seconds.
  async apply(sources, clients, policy = {}) {
    const text = (value) => JSON.stringify(value);
    let document = Object.keys(policy).length ? '[policy]\n' : '';
    for (const [figure, value] of Object.entries(policy)) document += `${figure} = ${text(value)}\n`;
    for (const source of sources) {
      const variable = `SECRET_${source.name.replaceAll('-', '_')}`;
      await writeFile(path.join(this.folder, `${source.name}.crt`), source.ca_pem);
      document += `[[source]]
name = ${text(source.name)}
label = ${text(source.label ?? source.name)}
ca_file = ${text(`${source.name}.crt`)}
bind_password = { env = ${text(variable)} }
domains = [${text(source.domain)}]
mode = ${text(source.mode ?? 'active')}
just_in_time = true
${source.settings ? settings(source) : ldap(source)}
`;
      environment[variable] = source.bind_password;
    }
    for (const client of clients) {
      document += `[[client]]
id = ${text(client.id)}
name = ${text(client.name ?? client.id)}
secret = { env = "CLIENT_SECRET" }
redirect_uris = ${text(client.redirect_uris)}
post_logout_redirect_uris = ${text(client.post_logout_redirect_uris)}
original_source = ${text(client.original_source)}
consent = ${text(client.consent ?? 'never')}

`;
    }
    environment.CLIENT_SECRET = clientSecret;
    const file = path.join(this.folder, 'site.toml');
    await writeFile(file, document);
    const { stdout } = await this.run('apply', file, '--data', this.data, ...network);
    await new Promise((resolve) => { setTimeout(resolve, 2_100); });
    return stdout;
  }

  // `isthmus import`, beside the running server. Its last line tells what became of whom.
  async import(source, ...flags) {
    const { stdout } = await this.run('import', source, '--data', this.data, ...network, ...flags);
    const ended = stdout.trim().split('\n').map((line) => JSON.parse(line)).find(({ event }) => event === 'ended');
    if (!ended) throw new Error(`the import did not end:\n${stdout}`);
    return ended;
  }

  // The one-time link with which the first administrator sets a password.
  async administratorLink() {
    const args = ['admin', 'create', '--data', this.data, '--username', administrator.username];
    const { stdout } = await this.run(...args, '--public-url', this.url);
    const link = /https?:\/\/\S+\/set-up\S*/.exec(stdout)?.[0];
    if (!link) throw new Error(`no link in: ${stdout}`);
    return link;
  }

  async stop() {
    const ended = new Promise((resolve) => { this.process.once('exit', resolve); });
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM');
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
