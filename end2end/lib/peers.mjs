// Real peers: slapd and the sample application, kept by the `peers` binary of crates/testkit for as long as the test
// runs. One request at a time, one line of JSON each way.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { binary } from './where.mjs';

export class Peers {
  static start() {
    const process = spawn(binary('ISTHMUS_PEERS', 'peers'), { stdio: ['pipe', 'pipe', 'inherit'] });
    return new Peers(process);
  }

  constructor(process) {
    this.process = process;
    this.lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]();
  }

  async ask(wish) {
    this.process.stdin.write(`${JSON.stringify(wish)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`the peers ended while asked to ${wish.do}; see above`);
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`${wish.do}: ${answer.error}`);
    return answer;
  }

  slapd(name, base_dn = 'dc=example,dc=test', domain = 'example.test', people = 20) {
    return this.ask({ do: 'slapd', name, base_dn, domain, people });
  }

  hire(name, username, given, family) {
    return this.ask({ do: 'hire', name, username, given, family });
  }

  // An OpenID provider with Microsoft Graph beside it; `people` by the part before @example.test.
  cloud(name, redirect_uri, people) {
    return this.ask({ do: 'cloud', name, redirect_uri, people });
  }

  invite(name, username) {
    return this.ask({ do: 'invite', name, username });
  }

  // The tables of an old portal; `database`: postgres, mariadb or sqlite.
  legacy(name, database, people = 20) {
    return this.ask({ do: 'legacy', name, database, people });
  }

  execute(name, sql) {
    return this.ask({ do: 'execute', name, sql });
  }

  enrol(name, from, to) {
    return this.ask({ do: 'enrol', name, from, to });
  }

  stop(name) {
    return this.ask({ do: 'stop', name });
  }

  startAgain(name) {
    return this.ask({ do: 'start', name });
  }

  disable(name, username) {
    return this.ask({ do: 'disable', name, username });
  }

  enable(name, username) {
    return this.ask({ do: 'enable', name, username });
  }

  // Wrong passwords at the directory itself until the account is locked there.
  lockOut(name, username) {
    return this.ask({ do: 'lock-out', name, username });
  }

  // `entry` is named below the base: 'uid=u000001,ou=people'. No values = the attribute goes.
  set(name, entry, attribute, ...values) {
    return this.ask({ do: 'set', name, entry, attribute, values });
  }

  async values(name, entry, attribute) {
    return (await this.ask({ do: 'values', name, entry, attribute })).values;
  }

  certificate() {
    return this.ask({ do: 'certificate' });
  }

  application(issuer, client_id, client_secret, port) {
    return this.ask({ do: 'application', issuer, client_id, client_secret, port });
  }

  // Its peers end with it.
  end() {
    this.process.stdin.end();
  }
}
