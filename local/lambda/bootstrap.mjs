// The inside of an execution environment: speaks Lambda's Runtime API and calls the handler.
//
// Plain JavaScript, so that it starts without a compiler: its start-up is part of every cold start.
// `node:http` is required, never imported: on Node 22 and later the import alone loads undici (22 to 32 ms).

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect, types } from 'node:util';

const require = createRequire(import.meta.url);
/** @type {typeof import('node:http')} */
const http = require('node:http');
/** @type {typeof import('node:fs')} */
const fs = require('node:fs');

const runtimeApi = environment('AWS_LAMBDA_RUNTIME_API');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const writeStdout = process.stdout.write.bind(process.stdout);
const writeStderr = process.stderr.write.bind(process.stderr);

/** The invocation that runs now; undefined while the code loads and between invocations. */
/** @type {string | undefined} */
let currentRequestId;
let dying = false;

process.on('uncaughtException', (error) => die(error, 129));
process.on('unhandledRejection', (reason) => {
  const error = new Error(String(reason instanceof Error ? reason : inspect(reason)));
  error.name = 'Runtime.UnhandledPromiseRejection';
  die(error, 128);
});

const handler = await loadHandler().catch((error) => die(error, 1));
if (handler !== undefined) {
  for (;;) await serve(handler);
}

/** @param {(event: unknown, context: object) => unknown} handle */
async function serve(handle) {
  const invocation = await call('GET', 'invocation/next');
  const requestId = header(invocation.headers, 'lambda-runtime-aws-request-id');
  currentRequestId = requestId;
  let kind = 'response';
  let body;
  try {
    body = serialize(await handle(JSON.parse(invocation.body), contextOf(invocation.headers)));
  } catch (error) {
    kind = 'error';
    body = reportError(error, 'Invoke Error');
  }
  // Once its end is marked the invocation has no more lines of its own.
  await markEnd(requestId);
  await call('POST', `invocation/${requestId}/${kind}`, body);
  currentRequestId = undefined;
}

/** @param {Record<string, string | string[] | undefined>} headers */
function contextOf(headers) {
  const deadlineMs = Number(header(headers, 'lambda-runtime-deadline-ms'));
  const clientContext = headers['lambda-runtime-client-context'];
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: header(headers, 'lambda-runtime-aws-request-id'),
    invokedFunctionArn: header(headers, 'lambda-runtime-invoked-function-arn'),
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: typeof clientContext === 'string' ? JSON.parse(clientContext) : undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

async function loadHandler() {
  const root = environment('LAMBDA_TASK_ROOT');
  const name = environment('_HANDLER');
  const [, file, path] = /^(.*?[^./]*)\.([^/]+)$/.exec(name) ?? [];
  if (file === undefined || path === undefined) {
    throw named('Runtime.MalformedHandlerName', 'Bad handler');
  }
  const loaded = await loadModule(root, file);
  /** @type {unknown} */
  let found = loaded;
  for (const part of path.split('.')) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined;
  }
  if (found === undefined) {
    throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (typeof found !== 'function') {
    throw named('Runtime.HandlerNotFound', `${name} is not a function`);
  }
  if (found.length >= 3) {
    throw named(
      'Runtime.CallbackHandlerDeprecated',
      'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later.',
    );
  }
  return /** @type {(event: unknown, context: object) => unknown} */ (found);
}

/**
 * In Lambda's own order. CommonJS is required and not imported: `import()` of it takes half as long again.
 * @param {string} root
 * @param {string} file
 */
async function loadModule(root, file) {
  const path = ['.js', '.mjs', '.cjs'].map((end) => join(root, file + end)).find(fs.existsSync);
  if (path === undefined) {
    throw named('Runtime.ImportModuleError', `Error: Cannot find module '${file}'`);
  }
  try {
    const isModule = path.endsWith('.mjs') || (path.endsWith('.js') && packageIsModule(root));
    return isModule ? await import(pathToFileURL(path).href) : require(path);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw named('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, error.stack);
    }
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (error instanceof Error && /^(ERR_)?MODULE_NOT_FOUND$/.test(String(code))) {
      throw named('Runtime.ImportModuleError', `Error: ${error.message}`, error.stack);
    }
    throw error;
  }
}

/** @param {string} root */
function packageIsModule(root) {
  const path = join(root, 'package.json');
  return fs.existsSync(path) && JSON.parse(fs.readFileSync(path, 'utf8')).type === 'module';
}

/**
 * Reports an error that belongs to no handler call, and ends the process as Lambda's runtime does.
 * @param {unknown} error
 * @param {number} exitCode
 * @returns {Promise<undefined>}
 */
async function die(error, exitCode) {
  if (dying) return undefined;
  dying = true;
  const requestId = currentRequestId;
  const title = requestId === undefined ? 'Init Error' : 'Uncaught Exception';
  const body = reportError(error, title);
  const path = requestId === undefined ? 'init/error' : `invocation/${requestId}/error`;
  if (requestId !== undefined) await markEnd(requestId);
  // A connection of its own: the other may be waiting for the next invocation.
  await call('POST', path, body, { connection: new http.Agent(), fatal: true });
  process.exit(exitCode);
}

/**
 * Writes the error to stderr as Lambda's runtime does, and gives its Runtime API form.
 * @param {unknown} error
 * @param {string} title
 */
function reportError(error, title) {
  const response = errorResponse(error);
  const { trace, ...fields } = response;
  const properties = types.isNativeError(error) ? { ...error } : {};
  const timestamp = new Date().toISOString();
  const record = process.env.AWS_LAMBDA_LOG_FORMAT === 'JSON';
  const requestId = currentRequestId;
  const details = record
    ? { timestamp, level: 'ERROR', requestId, message: title, ...fields, stackTrace: trace }
    : { ...fields, ...properties, stack: trace };
  const text = stringify(details) ?? JSON.stringify(response);
  writeStderr(record ? `${text}\n` : `${timestamp}\t${requestId}\tERROR\t${title}\t${text}\n`);
  return JSON.stringify(response);
}

/** @param {unknown} error */
function errorResponse(error) {
  if (types.isNativeError(error) || error instanceof Error) {
    return {
      errorType: error.name,
      errorMessage: error.message,
      trace: error.stack?.split('\n') ?? [],
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

/** @param {unknown} value */
function stringify(value) {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value */
function serialize(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? 'null';
  } catch {
    throw new Error('Unable to stringify response body');
  }
}

/** @param {string} requestId */
async function markEnd(requestId) {
  const mark = `\0END ${requestId}\n`;
  await Promise.all(
    [writeStdout, writeStderr].map(
      (write) => new Promise((resolve) => write(mark, () => resolve(undefined))),
    ),
  );
}

/**
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @param {string} [body]
 * @param {{ connection?: import('node:http').Agent, fatal?: boolean }} [options]
 * @returns {Promise<{ headers: Record<string, string | string[] | undefined>, body: string }>}
 */
function call(method, path, body, { connection = agent, fatal = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      `http://${runtimeApi}/2018-06-01/runtime/${path}`,
      {
        method,
        agent: connection,
        headers:
          body === undefined
            ? {}
            : {
                'content-type': 'application/json',
                'content-length': Buffer.byteLength(body),
                'x-local-max-rss-kib': process.resourceUsage().maxRSS,
                'x-local-fatal': String(fatal),
              },
      },
      (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }),
        );
        response.on('error', reject);
      },
    );
    // The parent is gone, or has given this environment up: there is nothing to live for.
    request.on('error', () => process.exit(1));
    request.end(body);
  });
}

/**
 * @param {Record<string, string | string[] | undefined>} headers
 * @param {string} name
 */
function header(headers, name) {
  const value = headers[name];
  if (typeof value !== 'string') throw new Error(`the Runtime API sent no ${name}`);
  return value;
}

/** @param {string} name */
function environment(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}

/**
 * @param {string} name
 * @param {string} message
 * @param {string} [stack]
 */
function named(name, message, stack) {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
