// Where things are. `cargo xtask test` says so; without it, what a plain build leaves in target/debug is used.
import { existsSync, mkdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export function binary(variable, name) {
  const file = process.env[variable] ?? path.join(root, 'target/debug', name);
  if (!existsSync(file)) throw new Error(`${file} is missing: run the tests with \`cargo xtask test\``);
  return file;
}

export function screenshots() {
  const folder = process.env.ISTHMUS_SCREENSHOTS ?? path.join(root, 'target/screenshots');
  mkdirSync(folder, { recursive: true });
  return folder;
}

export const chromiumPath = process.env.ISTHMUS_CHROMIUM ?? '/usr/bin/chromium';
// `embedded`: the binary carries its own, as a release does.
export const assets = process.env.ISTHMUS_ASSETS ?? path.join(root, 'target/site');

// A port that was free a moment ago.
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
