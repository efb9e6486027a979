// A reverse proxy as an operator would put in front of the hub: it ends TLS, keeps the name the browser asked for, and
// says who asked. `from` is the address it claims; a function is given what the browser sent.
import http from 'node:http';
import https from 'node:https';

export function reverseProxy(port, { certificate, key, hubPort, forwardedFor }) {
  const server = https.createServer({ cert: certificate, key }, (request, response) => {
    const headers = { ...request.headers, 'x-forwarded-proto': 'https' };
    const client = forwardedFor(request);
    if (client !== undefined) headers['x-forwarded-for'] = client;
    const onward = http.request({ host: '127.0.0.1', port: hubPort, method: request.method, path: request.url, headers });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => { response.writeHead(502).end(); });
    request.pipe(onward);
  });
  return new Promise((resolve) => { server.listen(port, '127.0.0.1', () => resolve(server)); });
}
