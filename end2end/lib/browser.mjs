// Chromium, watched: whatever a page complains about is collected, and a test that ends with complaints fails.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumPath, screenshots } from './where.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'];

export function launch() {
  return chromium.launch({ executablePath: chromiumPath, headless: true, args: flags });
}

// A browser of its own for one person. `scripts: false` is a browser with scripts switched off.
export class Visitor {
  static async enter(browser, { scripts = true, ...options } = {}) {
    const context = await browser.newContext({ javaScriptEnabled: scripts, ...options });
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    return new Visitor(context, page, scripts);
  }

  constructor(context, page, scripts) {
    Object.assign(this, { context, page, scripts, complaints: [] });
    const add = (kind, text) => this.complaints.push(`${kind} at ${page.url()}: ${text}`);
    page.on('console', (message) => {
      // With scripts off, what the head announces is of no use to anybody.
      if (!scripts && message.text().includes('was preloaded using link preload')) return;
      if (['error', 'warning'].includes(message.type())) add(`console ${message.type()}`, message.text());
    });
    page.on('pageerror', (error) => add('script error', error.message));
    page.on('requestfailed', (request) => {
      const text = request.failure()?.errorText ?? '';
      // With scripts off, Chromium itself refuses to fetch them and calls it `csp`.
      if (!text.includes('ERR_ABORTED') && (scripts || text !== 'csp')) add('request failed', `${request.url()} ${text}`);
    });
  }

  // Answers with an error status are printed on the console by Chromium itself; a test that provokes one says so.
  expecting(part) {
    const before = this.complaints.length;
    this.complaints = this.complaints.filter((complaint) => !complaint.includes(part));
    return before - this.complaints.length;
  }

  quiet() {
    assert.deepEqual(this.complaints, []);
  }

  // The WebAssembly half has taken over (or never will, without scripts).
  async settled() {
    await this.page.waitForLoadState('load');
    if (!this.scripts) return;
    await this.page.waitForLoadState('networkidle');
    // A link inside the console loads no document: the part of the page and its questions come afterwards.
    await this.page.waitForTimeout(300);
    await this.page.waitForFunction(() => !globalThis.location.pathname.startsWith('/console')
      || (document.title && document.querySelector('h1') && !document.querySelector('[aria-busy="true"]')));
  }

  // No violation of WCAG 2.2 AA or of the best practices that axe knows.
  async accessible(name) {
    if (this.scripts) {
      // Through the debugger, so the page's own policy does not have to allow it.
      await this.page.evaluate(axe);
      const violations = await this.page.evaluate(async () => {
        const found = await globalThis.axe.run();
        return found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(' | ')}`);
      });
      assert.deepEqual(violations, [], `axe on ${name} (${this.page.url()})`);
    }
    await this.page.screenshot({ path: path.join(screenshots(), `${name}.png`), fullPage: true });
  }

  // Through the sign-in pages: the name, then the password.
  async signIn(username, password, directory) {
    const { page } = this;
    await page.getByLabel('E-mail or username').fill(username);
    if (directory) await page.getByLabel('Which directory?').selectOption({ label: directory });
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }

  async leave() {
    await this.context.close();
  }
}
