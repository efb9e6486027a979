// The usual stage: one slapd, the hub, the sample application, an administrator, a browser.
import { launch, Visitor } from './browser.mjs';
import { Hub, administrator, clientSecret } from './hub.mjs';
import { Peers } from './peers.mjs';
import { freePort } from './where.mjs';

export class Stage {
  // `directories`: name, label, base, domain and mode of each slapd. `policy`: figures of the site document.
  static async set(directories, { policy, consent } = {}) {
    const stage = new Stage();
    try {
      stage.peers = Peers.start();
      stage.hub = await Hub.start();
      stage.browser = await launch();
      const sources = [];
      for (const { name, label, base_dn, domain, mode } of directories) {
        sources.push({ ...await stage.peers.slapd(name, base_dn, domain), name, label, mode });
      }
      const port = await freePort();
      const home = `http://localhost:${port}/`;
      stage.client = {
        id: 'portal', name: 'Crew portal', redirect_uris: [`${home}callback`], post_logout_redirect_uris: [home],
        original_source: directories.map(({ name }) => name), consent,
      };
      await stage.hub.apply(sources, [stage.client], policy);
      stage.application = (await stage.peers.application(stage.hub.url, 'portal', clientSecret, port)).url;
      return stage;
    } catch (error) {
      await stage.strike();
      throw error;
    }
  }

  async strike() {
    await this.browser?.close();
    await this.hub?.stop();
    this.peers?.end();
  }

  visitor(options) {
    return Visitor.enter(this.browser, options);
  }

  // Somebody at the sample application, on the way to its provider.
  async atTheDoor(options) {
    const visitor = await this.visitor(options);
    await visitor.page.goto(this.application);
    await visitor.page.getByRole('link', { name: 'Sign in' }).click();
    return visitor;
  }

  // The administrator in the console. The first call sets the password by the one-time link.
  async inTheConsole(options) {
    const visitor = await this.visitor(options);
    const { page } = visitor;
    if (!this.administratorReady) {
      await page.goto(await this.hub.administratorLink());
      await visitor.accessible('door-set-up');
      const fields = page.locator('input[type=password]');
      for (let field = 0; field < await fields.count(); field += 1) {
        await fields.nth(field).fill(administrator.password);
      }
      await page.getByRole('button').last().click();
      await page.waitForLoadState('load');
      this.administratorReady = true;
    }
    await page.goto(`${this.hub.url}/console`);
    if (page.url().includes('/sign-in')) await visitor.signIn(administrator.username, administrator.password);
    await page.waitForURL(/\/console\//);
    await visitor.settled();
    return visitor;
  }
}

export const corporate = {
  name: 'corp-ldap', label: 'Corporate LDAP', base_dn: 'dc=example,dc=test', domain: 'example.test', mode: 'active',
};
