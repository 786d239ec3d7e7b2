// Bundles run as Lambda would run them: outcomes, environment, pool, and no process left behind.

import { describe, expect, test } from '@jest/globals';
import { LocalFunction, TooManyRequests } from '../../../local/lambda/function.ts';
import { definitionOf, isAlive, withFunction } from './bundle.ts';

const untilReleased = `
  import { existsSync } from 'node:fs';
  export const handler = async (event) => {
    while (!existsSync(event.release)) await new Promise((resolve) => setTimeout(resolve, 5));
    return process.pid;
  };
`;

describe('an invocation', () => {
  test('returns what the handler returns, with the context that Lambda gives', async () => {
    const code = `
      export const handler = async (event, context) => ({
        event,
        context: { ...context, remaining: context.getRemainingTimeInMillis() },
      });
    `;
    await withFunction({ code, definition: { timeoutSeconds: 5 } }, async (local) => {
      const result = await local.invoke({ force: true }, { clientContext: { custom: { a: 1 } } });
      expect(result.functionError).toBeUndefined();
      expect(result.payload).toMatchObject({
        event: { force: true },
        context: {
          awsRequestId: result.requestId,
          functionName: 'MomentoAuth-RotateKey-abc',
          functionVersion: '$LATEST',
          invokedFunctionArn: local.definition.arn,
          memoryLimitInMB: '256',
          logGroupName: 'MomentoAuth-RotateKeyLogs-abc',
          logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
          clientContext: { custom: { a: 1 } },
        },
      });
      const { context } = result.payload as { context: { remaining: number } };
      expect(context.remaining).toBeGreaterThan(0);
      expect(context.remaining).toBeLessThanOrEqual(5000);
      expect(result.maxMemoryMb).toBeGreaterThan(10);
      expect(result.durationMs).toBeGreaterThan(0);
    });
  });

  test('keeps a payload of more than one packet and of other alphabets whole', async () => {
    const code = 'export const handler = async (event) => event;';
    await withFunction({ code }, async (local) => {
      const payload = { text: 'ключ – 鍵 '.repeat(50_000) };
      expect((await local.invoke(payload)).payload).toEqual(payload);
      expect((await local.invoke(undefined)).payload).toBeNull();
    });
  });

  test('reports a thrown error as Lambda does, and the environment lives on', async () => {
    const code = `
      class RotationFailed extends Error { name = 'RotationFailed'; }
      export const handler = async (event) => {
        if (event === 'text') throw 'boom';
        if (event === 'circular') { const a = {}; a.a = a; return a; }
        throw new RotationFailed('default: refresh-token-spent');
      };
    `;
    await withFunction({ code }, async (local) => {
      const result = await local.invoke({});
      expect(result.functionError).toBe('Unhandled');
      expect(result.payload).toEqual({
        errorType: 'RotationFailed',
        errorMessage: 'default: refresh-token-spent',
        trace: expect.arrayContaining([expect.stringContaining('RotationFailed: default')]),
      });
      expect(result.logTail).toContain('ERROR\tInvoke Error\t{"errorType":"RotationFailed"');
      const pids = local.pids;
      expect((await local.invoke('text')).payload).toEqual({
        errorType: 'string',
        errorMessage: 'boom',
        trace: [],
      });
      expect((await local.invoke('circular')).payload).toMatchObject({
        errorMessage: 'Unable to stringify response body',
      });
      expect(local.pids).toEqual(pids);
    });
  });

  test('is killed at its timeout, also in a loop that yields to nothing', async () => {
    const code = `
      export const handler = async (event) => {
        console.log('before the loop');
        if (event.loop) for (;;) {}
        await new Promise(() => setTimeout(() => {}, 60_000));
      };
    `;
    // Long enough for a busy machine to print the first line.
    await withFunction({ code, definition: { timeoutSeconds: 1.5 } }, async (local) => {
      const both = [{ loop: true }, { loop: false }].map((event) => local.invoke(event));
      for (const result of await Promise.all(both)) {
        expect(result).toMatchObject({ functionError: 'Unhandled', maxMemoryMb: null });
        expect(result.payload).toEqual({
          errorType: 'Sandbox.Timedout',
          errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.50 seconds`,
        });
        expect(result.durationMs).toBeGreaterThanOrEqual(1_490);
        expect(result.logTail).toMatch(
          /before the loop\n.* Task timed out after 1\.50 seconds\nEND/,
        );
      }
      expect(local.pids).toEqual([]);
    });
  });

  test('that ends just before its timeout is not killed', async () => {
    const code = `export const handler = () => new Promise((r) => setTimeout(r, 200, 'in time'));`;
    await withFunction({ code, definition: { timeoutSeconds: 2 } }, async (local) => {
      expect(await local.invoke({})).toMatchObject({ payload: 'in time' });
      expect(local.pids).toHaveLength(1);
    });
  });

  test.each([
    ['process.exit(3)', 'Runtime exited with error: exit status 3'],
    ['process.exit(0)', 'Runtime exited without providing a reason'],
    ["process.kill(process.pid, 'SIGKILL')", 'Runtime exited with error: signal: killed'],
  ])('whose process ends by %s is a Runtime.ExitError', async (statement, message) => {
    const code = `
      export const handler = async () => {
        console.log('last words');
        ${statement};
        await new Promise((r) => setTimeout(r, 5000));
      };
    `;
    const lines: string[] = [];
    const options = { onLog: (line: string) => lines.push(line) };
    await withFunction({ code, options }, async (local) => {
      const result = await local.invoke({});
      expect(result.functionError).toBe('Unhandled');
      expect(result.payload).toEqual({
        errorType: 'Runtime.ExitError',
        errorMessage: `RequestId: ${result.requestId} Error: ${message}`,
      });
      expect(lines).toEqual(['last words']);
      expect(local.pids).toEqual([]);
    });
  });

  test('with an error outside the handler fails with that error, and the next begins afresh', async () => {
    const code = `
      export const handler = async (event) => {
        if (event === 'ok') return 'ok';
        if (event === 'reject') Promise.reject(new TypeError('nobody waits'));
        else setTimeout(() => { throw new RangeError('late'); });
        await new Promise((r) => setTimeout(r, 5000));
      };
    `;
    await withFunction({ code }, async (local) => {
      expect((await local.invoke('reject')).payload).toMatchObject({
        errorType: 'Runtime.UnhandledPromiseRejection',
        errorMessage: 'TypeError: nobody waits',
      });
      expect((await local.invoke('throw')).payload).toMatchObject({
        errorType: 'RangeError',
        errorMessage: 'late',
      });
      expect((await local.invoke('ok')).payload).toBe('ok');
    });
  });
});

describe('loading the code', () => {
  test.each<[string, Record<string, string>, string, string, string]>([
    ['no file', {}, 'index.handler', 'Runtime.ImportModuleError', "Cannot find module 'index'"],
    [
      'a package that is not in the bundle',
      { 'index.mjs': "import 'not-bundled'; export const handler = () => 1;" },
      'index.handler',
      'Runtime.ImportModuleError',
      'not-bundled',
    ],
    [
      'a syntax error',
      { 'index.mjs': 'export const = 1' },
      'index.handler',
      'Runtime.UserCodeSyntaxError',
      'Unexpected token',
    ],
    [
      'no such export',
      { 'index.mjs': 'export const other = 1' },
      'index.handler',
      'Runtime.HandlerNotFound',
      'index.handler is undefined or not exported',
    ],
    [
      'not a function',
      { 'index.mjs': 'export const handler = 1' },
      'index.handler',
      'Runtime.HandlerNotFound',
      'not a function',
    ],
    [
      'a callback handler, which Node.js 24 has no more',
      { 'index.mjs': 'export const handler = (event, context, callback) => callback()' },
      'index.handler',
      'Runtime.CallbackHandlerDeprecated',
      'callback-based',
    ],
    [
      'an error while loading',
      { 'index.mjs': "throw new RangeError('no schedule')" },
      'index.handler',
      'RangeError',
      'no schedule',
    ],
  ])('%s', async (_what, code, handler, errorType, message) => {
    await withFunction({ code, definition: { handler } }, async (local) => {
      const result = await local.invoke({});
      expect(result.functionError).toBe('Unhandled');
      expect(result.payload).toMatchObject({
        errorType,
        errorMessage: expect.stringContaining(message),
      });
      expect(local.pids).toEqual([]);
    });
  });

  test('an exit while loading', async () => {
    await withFunction({ code: 'process.exit(7)' }, async (local) => {
      expect((await local.invoke({})).payload).toMatchObject({
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringContaining('exit status 7'),
      });
    });
  });

  test.each([
    ['CommonJS', { 'index.js': 'exports.handler = async () => typeof require' }, 'function'],
    [
      'a module by its package.json',
      {
        'index.js': 'export const handler = async () => import.meta.url.slice(0, 5)',
        'package.json': '{"type":"module"}',
      },
      'file:',
    ],
  ])('index.js that is %s', async (_what, code, expected) => {
    await withFunction({ code }, async (local) => {
      expect((await local.invoke({})).payload).toBe(expected);
    });
  });

  test('a bundle folder that is gone is an outcome, not a hanging invocation', async () => {
    const local = new LocalFunction({
      definition: definitionOf({ codeDir: '/nonexistent/bundle' }),
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    });
    expect((await local.invoke({})).payload).toMatchObject({ errorType: 'Runtime.ExitError' });
    await local.close();
  });
});

describe('the process sees', () => {
  test('the template’s environment and Lambda’s, and nothing of its parent', async () => {
    process.env.PARENT_CANARY = 'leaked';
    const code = 'export const handler = async () => ({ env: process.env, cwd: process.cwd() });';
    try {
      await withFunction(
        {
          code,
          definition: {
            environment: { KEY_SECRETS: '["default"]' },
            logFormat: 'JSON',
            applicationLogLevel: 'INFO',
          },
          options: { extraEnvironment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' } },
        },
        async (local) => {
          const { codeDir } = local.definition;
          expect((await local.invoke({})).payload).toEqual({
            cwd: codeDir,
            env: {
              AWS_ACCESS_KEY_ID: 'ASIALOCALROTATEKEY00',
              AWS_DEFAULT_REGION: 'eu-west-1',
              AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
              AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
              AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
              AWS_LAMBDA_FUNCTION_NAME: 'MomentoAuth-RotateKey-abc',
              AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
              AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
              AWS_LAMBDA_LOG_FORMAT: 'JSON',
              AWS_LAMBDA_LOG_GROUP_NAME: 'MomentoAuth-RotateKeyLogs-abc',
              AWS_LAMBDA_LOG_LEVEL: 'INFO',
              AWS_LAMBDA_LOG_STREAM_NAME: expect.any(String),
              AWS_LAMBDA_RUNTIME_API: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
              AWS_REGION: 'eu-west-1',
              AWS_SECRET_ACCESS_KEY: 'local-secret-access-key',
              AWS_SESSION_TOKEN: 'local-session-token',
              KEY_SECRETS: '["default"]',
              LAMBDA_TASK_ROOT: codeDir,
              LANG: 'en_US.UTF-8',
              PATH: '/usr/local/bin:/usr/bin:/bin',
              TZ: ':UTC',
              _HANDLER: 'index.handler',
            },
          });
        },
      );
    } finally {
      delete process.env.PARENT_CANARY;
    }
  });

  test('a heap of the template’s memory, unless its NODE_OPTIONS says otherwise; times in UTC', async () => {
    const code = `
      import { getHeapStatistics } from 'node:v8';
      export const handler = async () => ({
        heapMb: getHeapStatistics().heap_size_limit / 1048576,
        execArgv: process.execArgv,
        hours: new Date(0).getHours(),
        sourceMaps: process.env.NODE_OPTIONS,
      });
    `;
    await withFunction(
      {
        code,
        definition: { memoryMb: 192, environment: { NODE_OPTIONS: '--enable-source-maps' } },
      },
      async (local) => {
        const { payload } = await local.invoke({});
        expect(payload).toMatchObject({
          execArgv: ['--max-old-space-size=192'],
          hours: 0,
          sourceMaps: '--enable-source-maps',
        });
        const { heapMb } = payload as { heapMb: number };
        expect(heapMb).toBeGreaterThanOrEqual(192);
        expect(heapMb).toBeLessThan(192 + 128);
      },
    );
    await withFunction(
      { code, definition: { environment: { NODE_OPTIONS: '--max-old-space-size=300' } } },
      async (local) => {
        const { heapMb } = (await local.invoke({})).payload as { heapMb: number };
        expect(heapMb).toBeGreaterThanOrEqual(300);
      },
    );
  });

  test.each([
    [{ environment: { AWS_REGION: 'eu-west-1' } }, /AWS_REGION, which Lambda reserves/],
    [{ codeDir: null }, /no bundle/],
    [{ runtime: 'python3.13' }, /Node\.js only/],
  ])('nothing of a function that cannot run: %j', (definition, message) => {
    const options = {
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    };
    expect(
      () =>
        new LocalFunction({
          definition: definitionOf({ codeDir: '/x', ...definition }),
          ...options,
        }),
    ).toThrow(message);
  });
});

describe('the log', () => {
  test('every line goes to the listener under its request, and to the tail', async () => {
    const code = `
      console.log('loading');
      export const handler = async (event) => {
        process.stdout.write('half ');
        process.stdout.write('a line\\n');
        console.error('to stderr', event);
        process.stdout.write('unfinished');
      };
    `;
    const lines: [string, string | null][] = [];
    const options = {
      onLog: (line: string, requestId: string | null) => lines.push([line, requestId]),
    };
    await withFunction({ code, options }, async (local) => {
      const first = await local.invoke(1);
      const second = await local.invoke(2);
      expect(lines.filter(([line]) => line !== 'loading')).toHaveLength(6);
      expect(lines).toContainEqual(['half a line', first.requestId]);
      expect(lines).toContainEqual(['to stderr 1', first.requestId]);
      expect(lines).toContainEqual(['unfinished', first.requestId]);
      expect(lines).toContainEqual(['to stderr 2', second.requestId]);
      expect(lines[0]?.[0]).toBe('loading');
      expect(first.logTail).toContain(`START RequestId: ${first.requestId} Version: $LATEST\n`);
      expect(first.logTail).toContain('half a line\n');
      expect(first.logTail).toMatch(/Memory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration/);
      expect(second.logTail).not.toContain('Init Duration');
      expect(second.logTail).not.toContain('to stderr 1');
    });
  });

  test('is complete when the result comes, however much was printed', async () => {
    const code = `
      export const handler = async (event) => {
        for (let n = 0; n < 2000; n++) process.stderr.write(event + ' ' + 'x'.repeat(200) + '\\n');
      };
    `;
    let lines: string[] = [];
    const options = { onLog: (line: string) => lines.push(line) };
    await withFunction({ code, options }, async (local) => {
      for (let event = 0; event < 20; event += 1) {
        lines = [];
        await local.invoke(event);
        expect(lines.length).toBe(2000);
      }
    });
  });

  test('its tail is the last 4 KB', async () => {
    const code = `export const handler = async () => console.log('x'.repeat(9000) + '\\nthe end');`;
    await withFunction({ code }, async (local) => {
      const { logTail } = await local.invoke({});
      expect(Buffer.byteLength(logTail)).toBe(4096);
      expect(logTail).toMatch(/x\nthe end\nEND RequestId/);
    });
  });

  test('an error is one JSON line where the template wants JSON', async () => {
    const code = `export const handler = async () => { throw new Error('denied'); };`;
    const lines: string[] = [];
    await withFunction(
      { code, definition: { logFormat: 'JSON' }, options: { onLog: (line) => lines.push(line) } },
      async (local) => {
        const { requestId } = await local.invoke({});
        expect(lines).toHaveLength(1);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({
          level: 'ERROR',
          requestId,
          errorType: 'Error',
          errorMessage: 'denied',
        });
      },
    );
  });
});

describe('the pool', () => {
  test('a warm environment is used again: module state stays', async () => {
    const code = 'let n = 0; export const handler = async () => [process.pid, ++n];';
    await withFunction({ code }, async (local) => {
      const [pid] = (await local.invoke({})).payload as number[];
      expect((await local.invoke({})).payload).toEqual([pid, 2]);
      expect(local.pids).toEqual([pid]);
    });
  });

  test('concurrent invocations have an environment each, up to the limit', async () => {
    await withFunction({ code: untilReleased, options: { concurrencyLimit: 2 } }, async (local) => {
      const { codeDir } = local.definition;
      const event = { release: `${codeDir}/release` };
      const running = [local.invoke(event), local.invoke(event)];
      await expect(local.invoke(event)).rejects.toThrow(TooManyRequests);
      const { writeFile } = await import('node:fs/promises');
      await writeFile(event.release, '');
      const pids = (await Promise.all(running)).map(({ payload }) => payload);
      expect(new Set(pids).size).toBe(2);
      expect(new Set(local.pids)).toEqual(new Set(pids));
      expect(pids).toContain((await local.invoke(event)).payload);
    });
  });

  test('killCurrent kills what is busy, and only that; the next invocation starts another', async () => {
    await withFunction({ code: untilReleased }, async (local) => {
      const { codeDir } = local.definition;
      expect(local.killCurrent()).toBe(0);
      const warm = await local.invoke({ release: codeDir });
      expect(local.killCurrent()).toBe(0);
      const running = local.invoke({ release: '/nonexistent' });
      expect(local.killCurrent()).toBe(1);
      const result = await running;
      expect(result.payload).toMatchObject({
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringContaining('signal: killed'),
      });
      expect(isAlive(warm.payload as number)).toBe(false);
      expect((await local.invoke({ release: codeDir })).payload).not.toBe(warm.payload);
    });
  });

  test('an environment that died while idle is replaced', async () => {
    const code = `export const handler = async () => process.pid;`;
    await withFunction({ code }, async (local) => {
      const { payload: pid } = await local.invoke({});
      process.kill(pid as number, 'SIGKILL');
      while (local.pids.length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await local.invoke({})).payload).not.toBe(pid);
    });
  });
});
