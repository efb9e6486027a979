// The usual stage: one slapd, the hub, the sample application, an administrator, a browser.
import { launch, Visitor } from './browser.mjs';
import { Hub, administrator, clientSecret } from './hub.mjs';
import { Peers } from './peers.mjs';
import { freePort } from './where.mjs';

export class Stage {
  // `directories`: name, label, base, domain and mode of each slapd; or, with `open`, any other source: `open` starts
  // its peer and answers with what the site document must say. `policy`: figures of the site document.
  static async set(directories, { policy, consent } = {}) {
    const stage = new Stage();
    try {
      stage.peers = Peers.start();
      stage.hub = await Hub.start();
      stage.browser = await launch();
      stage.sources = [];
      for (const { open, ...directory } of directories) {
        const { name, base_dn, domain } = directory;
        const made = open ? await open(stage.peers, stage.hub) : await stage.peers.slapd(name, base_dn, domain);
        stage.sources.push({ ...made, ...directory });
      }
      const port = await freePort();
      const home = `http://localhost:${port}/`;
      stage.client = {
        id: 'portal', name: 'Crew portal', redirect_uris: [`${home}callback`], post_logout_redirect_uris: [home],
        original_source: directories.map(({ name }) => name), consent,
      };
      await stage.hub.apply(stage.sources, [stage.client], policy);
      stage.application = (await stage.peers.application(stage.hub.url, 'portal', clientSecret, port)).url;
      return stage;
    } catch (error) {
      await stage.strike();
      throw error;
    }
  }

  // Another mode for the only source, as an administrator would set it.
  async switchTo(mode) {
    this.sources[0].mode = mode;
    await this.hub.apply(this.sources, [this.client]);
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

// What the console knows of somebody: their page, and the trace of their last sign-in. Plain pages, so that only what
// the server says counts.
export async function inspect(stage, search) {
  const administrator = await stage.inTheConsole({ scripts: false });
  const { page } = administrator;
  await page.goto(`${stage.hub.url}/console/people?q=${encodeURIComponent(search)}`);
  const found = await page.locator('tbody tr').count();
  if (found !== 1) {
    await administrator.leave();
    return { found };
  }
  await page.locator('tbody a').first().click();
  await page.waitForURL(/\/console\/people\/[0-9a-f-]{36}/);
  const text = async (locator) => (await locator.allTextContents()).join('\n');
  const sentence = await text(page.locator('.sentence'));
  const decides = await text(page.getByRole('region', { name: 'Who decides what' }));
  const whole = await text(page.getByRole('main'));
  let trace = '';
  const last = page.locator('a[title="Show this trace"]').first();
  if (await last.count()) {
    await last.click();
    await page.waitForURL(/code=/);
    trace = await text(page.getByRole('region', { name: 'Sign-in trace' }));
    await administrator.accessible(`lab-person-${search}`);
  }
  administrator.quiet();
  await administrator.leave();
  return { found, sentence, decides, whole, trace };
}

export const corporate = {
  name: 'corp-ldap', label: 'Corporate LDAP', base_dn: 'dc=example,dc=test', domain: 'example.test', mode: 'active',
};
