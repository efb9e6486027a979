// One process, one port: OpenID Connect below /TENANT/v2.0, Microsoft Graph below /v1.0, and a control for tests.
import fs from 'node:fs';
import https from 'node:https';
import { openGraph } from './graph.mjs';
import { openProvider } from './provider.mjs';

const tenant = '11111111-2222-4333-8444-555555555555';
const control = {};
let answer = (request, response) => { response.statusCode = 503; response.end(); };
const server = https.createServer(
  { cert: fs.readFileSync(process.env.CLOUD_CERTIFICATE), key: fs.readFileSync(process.env.CLOUD_KEY) },
  (request, response) => answer(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.statusCode = 500;
    response.end();
  }));

async function bodyOf(request) {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

server.listen(0, '127.0.0.1', () => {
  const origin = `https://localhost:${server.address().port}`;
  const graph = openGraph(origin, control);
  const { issuer, provider, interaction } = openProvider(origin, tenant, graph.users, control, process.env);
  const oidc = provider.callback();
  const mayRead = async (token) => Boolean(token && await provider.ClientCredentials.find(token));
  answer = async (request, response) => {
    const url = new URL(request.url, origin);
    if (url.pathname === '/__control') {
      const told = JSON.parse(await bodyOf(request));
      response.end(JSON.stringify(graph.change(told) ?? Object.assign(control, told)));
    } else if (url.pathname.startsWith('/interaction/')) {
      await interaction(request, response, new URLSearchParams(request.method === 'POST' ? await bodyOf(request) : ''));
    } else if (url.pathname.startsWith('/v1.0/')) {
      await graph.answer(request, response, url, mayRead);
    } else if (url.pathname.startsWith(`/${tenant}/v2.0`)) {
      if (control.down) { response.statusCode = 503; response.end(); return; }
      request.originalUrl = request.url;
      request.url = request.url.slice(`/${tenant}/v2.0`.length) || '/';
      await oidc(request, response);
    } else {
      response.statusCode = 404;
      response.end();
    }
  };
  console.log(`READY ${issuer}`);
});
