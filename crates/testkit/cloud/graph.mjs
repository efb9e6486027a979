// A subset of Microsoft Graph v1.0, after its published reference: users, groups, members, devices, delta queries. It is
// stricter than it has to be: what the reference does not mention is refused. It shuffles, repeats, sends short and empty
// pages, and hands out tokens that belong to one query only.
import crypto from 'node:crypto';

const USER = ['id', 'displayName', 'givenName', 'surname', 'userPrincipalName', 'mail', 'jobTitle', 'department',
  'mobilePhone', 'employeeId', 'preferredLanguage', 'accountEnabled', 'createdDateTime', 'lastPasswordChangeDateTime',
  'onPremisesImmutableId', 'onPremisesSecurityIdentifier', 'employeeType', 'otherMails', 'isResourceAccount', 'employeeOrgData',
  'onPremisesExtensionAttributes', 'extension_0123456789abcdef0123456789abcdef_badge'];
const GROUP = ['id', 'displayName', 'description', 'securityEnabled', 'mailEnabled', 'members'];
const DEVICE = ['id', 'deviceId', 'displayName', 'operatingSystem', 'operatingSystemVersion', 'manufacturer', 'model',
  'accountEnabled', 'approximateLastSignInDateTime', 'trustType'];
const KNOWN = { users: USER, groups: GROUP, devices: DEVICE };
const TYPE = { users: 'user', groups: 'group', devices: 'device' };

export const idOf = (name) => {
  const hash = crypto.createHash('sha256').update(name).digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};

export function openGraph(origin, control) {
  const held = { users: new Map(), groups: new Map(), devices: new Map() };
  const gone = { users: [], groups: [], devices: [] };
  const tokens = new Map();
  let revision = 1;
  let requests = [];

  const put = (kind, object) => { held[kind].set(object.id, { ...object, revision: ++revision }); };
  const addUser = (name, more = {}) => put('users', { id: idOf(name), displayName: `Test ${name}`, givenName: 'Test',
    surname: name, userPrincipalName: `${name}@example.test`, mail: `${name}@example.test`, jobTitle: null, department: 'Sales',
    mobilePhone: null, employeeId: null, preferredLanguage: null, accountEnabled: true,
    createdDateTime: '2026-01-01T00:00:00Z', lastPasswordChangeDateTime: '2026-02-01T08:30:00Z',
    onPremisesImmutableId: null, onPremisesSecurityIdentifier: null, employeeType: null, otherMails: [], isResourceAccount: null,
    employeeOrgData: null, onPremisesExtensionAttributes: { extensionAttribute1: null, extensionAttribute15: null }, ...more });
  const addGroup = (name, members) => put('groups', { id: idOf(`group ${name}`), displayName: name, description: null,
    securityEnabled: true, mailEnabled: false, members: members.map((id) => ({ id, revision: revision + 1 })), left: [] });
  const addDevice = (name, owners, more = {}) => put('devices', { id: idOf(`device ${name}`), deviceId: idOf(`device id ${name}`),
    displayName: name, operatingSystem: 'Windows', operatingSystemVersion: '10.0.26100', manufacturer: 'Contoso', model: 'Slate 3',
    accountEnabled: true, approximateLastSignInDateTime: '2026-11-01T07:15:00Z', trustType: 'AzureAd', owners, ...more });

  const typeOf = (id) => Object.keys(held).find((kind) => held[kind].has(id)) ?? 'users';
  const shown = (kind, object, select) => Object.fromEntries(
    select.filter((name) => name !== 'members' && object[name] !== undefined).map((name) => [name, object[name]]));
  const shuffled = (list) => list.map((item) => [crypto.randomInt(1 << 30), item]).sort((a, b) => a[0] - b[0]).map(([, item]) => item);
  const token = (value) => { const name = crypto.randomBytes(18).toString('base64url'); tokens.set(name, value); return name; };

  function fail(response, status, code, message, headers = {}) {
    response.writeHead(status, { 'content-type': 'application/json', 'request-id': crypto.randomUUID(), ...headers });
    response.end(JSON.stringify({ error: { code, message, innerError: { date: new Date().toISOString().slice(0, 19) } } }));
  }
  function send(response, body) {
    response.writeHead(200, { 'content-type': 'application/json;odata.metadata=minimal', 'request-id': crypto.randomUUID() });
    response.end(JSON.stringify(body));
  }
  class Refused extends Error { constructor(status, code, message, headers) { super(message); Object.assign(this, { status, code, headers }); } }
  const refuse = (message) => { throw new Refused(400, 'Request_UnsupportedQuery', message); };

  // Every option of the query is known and well formed, or the request is refused.
  function optionsOf(url, allowed) {
    const options = {};
    for (const [name, value] of url.searchParams) {
      if (!allowed.includes(name)) refuse(`Unrecognized query parameter: '${name}'.`);
      if (name in options) refuse(`Query option '${name}' was specified more than once.`);
      options[name] = value;
    }
    if ('$top' in options && !(/^\d+$/.test(options.$top) && +options.$top >= 1 && +options.$top <= 999)) {
      refuse('Invalid page size specified. Must be between 1 and 999 inclusive.');
    }
    return options;
  }
  function selectOf(kind, text) {
    const select = (text ?? KNOWN[kind].filter((name) => name !== 'members').join(',')).split(',');
    for (const name of select) if (!KNOWN[kind].includes(name)) refuse(`Could not find a property named '${name}' on type 'microsoft.graph.${TYPE[kind]}'.`);
    return [...new Set(['id', ...select])];
  }
  function wantsEventual(request, options) {
    if (request.headers.consistencylevel !== 'eventual' || options.$count !== 'true') {
      refuse("This query needs the header 'ConsistencyLevel: eventual' and $count=true.");
    }
  }

  // One page of a list that is fixed when its first page is asked for.
  function paged(response, path, items, size, more = {}) {
    const take = Math.min(size, control.pageSize ?? 100);
    const rest = items.slice(take);
    const next = rest.length > 0 ? { '@odata.nextLink': `${origin}/v1.0/${path}?$skiptoken=${token({ path, items: rest, size })}` } : {};
    send(response, { '@odata.context': `${origin}/v1.0/$metadata#${path}`, ...more, ...next, value: items.slice(0, take) });
  }
  function continued(response, path, options) {
    if (Object.keys(options).length !== 1) refuse('A skip token stands alone.');
    const page = tokens.get(options.$skiptoken);
    if (!page || page.path !== path) refuse('Skip token is not valid for this request.');
    paged(response, path, page.items, page.size);
  }

  function list(request, response, url, kind) {
    const options = optionsOf(url, ['$select', '$top', '$filter', '$count', '$expand', '$skiptoken']);
    if ('$skiptoken' in options) return continued(response, kind, options);
    const select = selectOf(kind, options.$select);
    let found = [...held[kind].values()];
    if ('$filter' in options) {
      const terms = options.$filter.split(' or ').map((term) => /^(userPrincipalName|mail) eq '((?:[^']|'')*)'$/.exec(term));
      if (kind !== 'users' || terms.includes(null)) refuse('Invalid filter clause.');
      const same = (a, b) => a?.toLowerCase() === b.replaceAll("''", "'").toLowerCase();
      found = found.filter((object) => terms.some(([, name, value]) => same(object[name], value)));
    }
    if ('$expand' in options && (kind !== 'devices' || options.$expand !== 'registeredOwners($select=id)')) refuse('Invalid $expand.');
    const items = found.map((object) => ({ ...shown(kind, object, select),
      ...(options.$expand && { registeredOwners: object.owners.map((id) => ({ '@odata.type': `#microsoft.graph.${TYPE[typeOf(id)]}`, id })) }) }));
    return paged(response, kind, items, +(options.$top ?? 100));
  }

  const transitive = (id, seen = new Set()) => {
    for (const group of held.groups.values()) {
      if (!seen.has(group.id) && group.members.some((member) => member.id === id)) { seen.add(group.id); transitive(group.id, seen); }
    }
    return seen;
  };

  function one(request, response, url, kind, id, relation) {
    const object = held[kind].get(id);
    if (!object) throw new Refused(404, 'Request_ResourceNotFound', `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`);
    if (relation === undefined) {
      return send(response, shown(kind, object, selectOf(kind, optionsOf(url, ['$select']).$select)));
    }
    const options = optionsOf(url, ['$select', '$top', '$count', '$skiptoken']);
    const path = `${kind}/${id}/${relation}`;
    if ('$skiptoken' in options) return continued(response, path, options);
    const select = (options.$select ?? 'id').split(',');
    const top = +(options.$top ?? 100);
    if (kind === 'users' && relation === 'transitiveMemberOf/microsoft.graph.group') {
      wantsEventual(request, options);
      if (control.failGroups) throw new Refused(503, 'serviceNotAvailable', 'as told', { 'retry-after': '0' });
      const groups = [...transitive(id)].map((group) => shown('groups', held.groups.get(group), selectOf('groups', select.join(','))));
      return paged(response, path, groups, top, { '@odata.count': groups.length });
    }
    if (kind === 'groups' && relation === 'members') {
      if (select.some((name) => name !== 'id')) refuse('Only id is a property of directoryObject.');
      const members = object.members.map((member) => ({ '@odata.type': `#microsoft.graph.${TYPE[typeOf(member.id)]}`, id: member.id }));
      return paged(response, path, members, top);
    }
    throw new Refused(400, 'BadRequest', `Resource not found for the segment '${relation}'.`);
  }

  // What changed of a kind in (from, to], as the items of a delta query.
  function changes(kind, from, to, select) {
    const items = [];
    for (const object of held[kind].values()) {
      if (object.revision <= from || object.revision > to) continue;
      const item = shown(kind, object, select);
      if (kind === 'groups' && select.includes('members')) {
        const came = object.members.filter((member) => member.revision > from);
        const left = from === 0 ? [] : object.left.filter((member) => member.revision > from);
        const said = (id) => ({ '@odata.type': `#microsoft.graph.${TYPE[typeOf(id)]}`, id });
        const pieces = [...came.map((member) => said(member.id)), ...left.map((member) => ({ ...said(member.id), '@removed': { reason: 'deleted' } }))];
        // Large groups come in pieces, over several pages.
        do items.push({ ...item, 'members@delta': pieces.splice(0, 3) }); while (pieces.length > 0);
      } else {
        // Later rounds need not tell more than what changed.
        items.push(from === 0 || kind !== 'users' ? item : { id: item.id, displayName: item.displayName });
      }
    }
    const removed = from === 0 ? [] : gone[kind].filter((object) => object.revision > from && object.revision <= to);
    items.push(...removed.map(({ id, reason }) => ({ id, '@removed': { reason } })));
    const mixed = kind === 'groups' ? items : shuffled(items);
    // "Replays": the same object may come more than once.
    return mixed.length > 2 ? [...mixed, mixed[0]] : mixed;
  }

  function delta(request, response, url, kind) {
    const options = optionsOf(url, ['$select', '$deltatoken', '$skiptoken']);
    const path = `${kind}/delta`;
    const given = options.$deltatoken ?? options.$skiptoken;
    if (given === undefined || given === 'latest') {
      const select = selectOf(kind, options.$select);
      if (given === 'latest') return finished(response, path, select, revision);
      return page(response, path, kind, { select, to: revision, items: changes(kind, 0, revision, select), first: true });
    }
    if (Object.keys(options).length !== 1) refuse('A token of a delta query stands alone.');
    const known = tokens.get(given);
    if (!known || known.path !== path || ('$deltatoken' in options) !== ('from' in known)) {
      throw new Refused(400, 'Directory_ReplicaUnavailable', 'The token belongs to another query.');
    }
    if (known.epoch !== (control.epoch ?? 0)) {
      throw new Refused(410, 'syncStateNotFound', 'The sync state generation is not found; resynchronize.', { location: `${origin}/v1.0/${path}?$deltatoken=` });
    }
    if ('from' in known) {
      return page(response, path, kind, { select: known.select, to: revision, items: changes(kind, known.from, revision, known.select), first: false });
    }
    return page(response, path, kind, known);
  }
  function finished(response, path, select, to, value = []) {
    const link = `${origin}/v1.0/${path}?$deltatoken=${token({ path, from: to, select, epoch: control.epoch ?? 0 })}`;
    send(response, { '@odata.context': `${origin}/v1.0/$metadata#${path}`, '@odata.deltaLink': link, value });
  }
  function page(response, path, kind, { select, to, items, first }) {
    // The first page of a first read is short, and its second is empty: the reference allows both.
    const take = first ? 1 : first === undefined ? 0 : control.pageSize ?? 100;
    const rest = items.slice(take);
    if (rest.length === 0 && first === false) return finished(response, path, select, to, items);
    const state = { path, select, to, items: rest, first: first === true ? undefined : false, epoch: control.epoch ?? 0 };
    return send(response, { '@odata.context': `${origin}/v1.0/$metadata#${path}`,
      '@odata.nextLink': `${origin}/v1.0/${path}?$skiptoken=${token(state)}`, value: items.slice(0, take) });
  }

  async function answer(request, response, url, mayRead) {
    requests.push(`${request.method} ${decodeURIComponent(url.pathname)}${url.search}`);
    try {
      if ((control.throttle ?? 0) > 0) { control.throttle -= 1; throw new Refused(429, 'TooManyRequests', 'as told', { 'retry-after': String(control.retryAfter ?? 0) }); }
      if ((control.fail ?? 0) > 0) { control.fail -= 1; throw new Refused(503, 'serviceNotAvailable', 'as told', { 'retry-after': String(control.retryAfter ?? 0) }); }
      const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (control.forbidden) throw new Refused(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
      if (!await mayRead(bearer)) throw new Refused(401, 'InvalidAuthenticationToken', 'Access token is missing, expired or invalid.', { 'www-authenticate': 'Bearer' });
      if (request.method !== 'GET') throw new Refused(405, 'Request_BadRequest', 'Only GET is answered here.');
      if (!/\bapplication\/json\b/.test(request.headers.accept ?? '')) throw new Refused(406, 'NotAcceptable', 'Ask for application/json.');
      const [kind, id, ...relation] = url.pathname.slice('/v1.0/'.length).split('/');
      if (!(kind in KNOWN)) throw new Refused(400, 'BadRequest', `Resource not found for the segment '${kind}'.`);
      if (id === undefined) list(request, response, url, kind);
      else if (id === 'delta' && relation.length === 0) delta(request, response, url, kind);
      else one(request, response, url, kind, id, relation.length > 0 ? relation.join('/') : undefined);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      fail(response, error.status, error.code, error.message, error.headers);
    }
  }

  // What tests tell it. Empty if it was none of these.
  function change(told) {
    if (told.addUser) addUser(told.addUser, told.more);
    else if (told.patchUser) put('users', { ...held.users.get(idOf(told.patchUser)), ...told.more });
    else if (told.deleteGroup) { const id = idOf(`group ${told.deleteGroup}`); held.groups.delete(id); gone.groups.push({ id, reason: 'deleted', revision: ++revision }); }
    else if (told.patchGroup) put('groups', { ...held.groups.get(idOf(`group ${told.patchGroup}`)), ...told.more });
    else if (told.deleteDevice) held.devices.delete(idOf(`device ${told.deleteDevice}`));
    else if (told.deleteUser) { const id = idOf(told.deleteUser); held.users.delete(id); gone.users.push({ id, reason: told.reason ?? 'changed', revision: ++revision }); }
    else if (told.addGroup) addGroup(told.addGroup, told.members);
    else if (told.addDevice) addDevice(told.addDevice, told.owners, told.more);
    else if (told.join) { const group = held.groups.get(idOf(`group ${told.join}`)); put('groups', { ...group, members: [...group.members, { id: told.member, revision: revision + 1 }], left: group.left.filter((member) => member.id !== told.member) }); }
    else if (told.leave) { const group = held.groups.get(idOf(`group ${told.leave}`)); put('groups', { ...group, members: group.members.filter((member) => member.id !== told.member), left: [...group.left, { id: told.member, revision: revision + 1 }] }); }
    else if (told.idOf) return { idOf: idOf(told.idOf) };
    else if (told.requests) { const seen = requests; requests = []; return seen; }
    else return undefined;
    return {};
  }
  return { users: held.users, answer, change };
}
