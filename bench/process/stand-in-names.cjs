// Preloaded into every contender alike: the stand-ins' names (`*.test`) mean this machine. Nothing is asked of a
// resolver, so that none's delay is in any figure.
'use strict';

const dns = require('node:dns');

const HERE = { address: '127.0.0.1', family: 4 };
const isStandIn = (name) => String(name).endsWith('.test');
const { lookup } = dns;
const { lookup: lookupPromise, resolveTxt } = dns.promises;

dns.lookup = (name, options, callback = options) => {
  if (!isStandIn(name)) return lookup(name, options, callback);
  if (options?.all) return process.nextTick(callback, null, [HERE]);
  return process.nextTick(callback, null, HERE.address, HERE.family);
};
dns.promises.lookup = async (name, options) => {
  if (!isStandIn(name)) return lookupPromise(name, options);
  return options?.all ? [HERE] : HERE;
};
// grpc-js asks for a service's configuration; the names have none.
dns.promises.resolveTxt = async (name) => {
  if (!isStandIn(name)) return resolveTxt(name);
  throw Object.assign(new Error('no record'), { code: 'ENODATA' });
};
