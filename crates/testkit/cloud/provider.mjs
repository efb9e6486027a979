// The OpenID half: npm's oidc-provider, which is certified and knows nothing of us. Pages and people are ours.
import Provider from 'oidc-provider';

// For browsers; programs get JSON and post the same form.
const page = (hint) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Contoso</title><link rel="icon" href="data:,">
</head><body><main><h1>Contoso</h1><form method="post">
<p><label>Account <input name="who" value="${hint.replace(/[^\w.@-]/g, '')}"></label></p>
<p><label>Password <input name="password" type="password"></label></p>
<p><button>Sign in</button></p></form></main></body></html>`;

export function openProvider(origin, tenant, people, control, environment) {
  const issuer = `${origin}/${tenant}/v2.0`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'isthmus', client_secret: environment.CLOUD_SECRET, token_endpoint_auth_method: 'client_secret_basic',
      redirect_uris: environment.CLOUD_REDIRECT_URIS.split(' '),
      grant_types: ['authorization_code', 'client_credentials'], response_types: ['code'],
    }],
    pkce: { required: () => true },
    scopes: ['openid', 'profile', 'email', `${origin}/.default`],
    claims: { openid: ['sub', 'oid', 'tid', 'amr'], email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username', 'cost_center', 'roles', 'address'] },
    // Entra ID puts everything into the ID token; others leave the profile to userinfo.
    conformIdTokenClaims: environment.CLOUD_SHORT_ID_TOKENS === '1',
    features: { devInteractions: { enabled: false }, clientCredentials: { enabled: true },
      resourceIndicators: { enabled: false } },
    cookies: { keys: ['for tests only'] },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, ClientCredentials: 3600, Grant: 3600, IdToken: 3600, Interaction: 600, Session: 3600 },
    findAccount: async (ctx, id) => {
      const person = people.get(id);
      return person && { accountId: id, claims: async () => ({ sub: id, oid: id, tid: control.tenant ?? tenant,
        email: person.mail ?? undefined, name: person.displayName, given_name: person.givenName, family_name: person.surname,
        preferred_username: person.userPrincipalName, ...person.claims }) };
    },
    // First party: nobody is asked for consent.
    loadExistingGrant: async (ctx) => {
      const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid profile email');
      await grant.save();
      return grant;
    },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out) => { ctx.type = 'text'; ctx.body = `${out.error}: ${out.error_description ?? ''}`; },
  });
  provider.on('server_error', (ctx, error) => console.error('server_error', error));
  provider.on('grant.error', (ctx, error) => console.error('grant.error', error.message, error.error_description ?? ''));

  // GET shows who may sign in, POST signs in (`who`), or says no (`no`).
  async function interaction(request, response, form) {
    if (request.method === 'GET') {
      const details = await provider.interactionDetails(request, response);
      const hint = details.params.login_hint ?? '';
      if ((request.headers.accept ?? '').includes('text/html')) {
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(page(hint));
        return;
      }
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ hint: hint || null }));
    } else if (form.get('no')) {
      await provider.interactionFinished(request, response, { error: form.get('no'), error_description: 'as told' }, { mergeWithLastSubmission: false });
    } else {
      const found = [...people.values()].find((person) => person.userPrincipalName === form.get('who'));
      const known = found && found.accountEnabled && form.get('password') === environment.CLOUD_PASSWORD;
      if (!known) { response.statusCode = 401; response.end('wrong name or password'); return; }
      await provider.interactionFinished(request, response, { login: { accountId: found.id, amr: control.amr ?? ['pwd'] } }, { mergeWithLastSubmission: false });
    }
  }
  return { issuer, provider, interaction };
}
