// Tabs of a real Chromium: its locks, its channels, its workers, its network that comes and goes.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumPath, tellSkipped } from '../../local/console/chromium.ts';

const executablePath = chromiumPath();
if (executablePath === undefined) {
  tellSkipped('the token provider is not tested in a browser');
}
const inBrowser = executablePath === undefined ? describe.skip : describe;

const PAGE = `<!doctype html><script type="module">
  import { momentoTokenProvider } from '/browser.js';
  const idToken = new URLSearchParams(location.search).get('login');
  window.tokens = momentoTokenProvider({ url: '/token', getIdToken: () => idToken });
  window.ask = async () => (await tokens.getToken()).authToken;
</script>`;

const WORKER = `import { momentoTokenProvider } from '/browser.js';
  momentoTokenProvider({ url: '/token', getIdToken: () => 'ann' })
    .getToken().then(({ authToken }) => postMessage(authToken), (error) => postMessage(error.message));`;

inBrowser('in Chromium', () => {
  const logins: (string | undefined)[] = [];
  let url: string;
  let browser: Browser;
  let context: BrowserContext;

  const server = createServer((request, response) => {
    const send = (type: string, body: string | Uint8Array) => {
      response.setHeader('content-type', type);
      response.end(body);
    };
    const [path = ''] = (request.url ?? '').split('?');
    if (path === '/token') {
      logins.push(request.headers.authorization?.replace('Bearer ', ''));
      const authToken = `token ${logins.length} of ${logins.at(-1)}`;
      send('application/json', JSON.stringify({ authToken, endpoint: 'e', expiresIn: 900 }));
    } else if (path === '/browser.js') send('text/javascript', code);
    else if (path === '/worker.js') send('text/javascript', WORKER);
    else send('text/html', PAGE);
  });
  let code: Uint8Array = new Uint8Array();

  beforeAll(async () => {
    const built = await build({
      entryPoints: ['client/browser/index.ts'],
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      write: false,
    });
    code = built.outputFiles[0]?.contents ?? code;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await chromium.launch({ executablePath: executablePath ?? '' });
  }, 60_000);
  beforeEach(async () => {
    logins.length = 0;
    context = await browser.newContext();
  });
  afterEach(() => context.close());
  afterAll(async () => {
    await browser?.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function tab(login = 'ann'): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${url}?login=${login}`);
    await page.waitForFunction('window.ask');
    return page;
  }
  const ask = (page: Page): Promise<string> => page.evaluate('ask()');

  test('tabs of one login share a token, a tab that is opened later too, another login never', async () => {
    const tabs = await Promise.all([tab(), tab(), tab()]);
    const other = await tab('bob');
    const tokens = await Promise.all([...tabs, other].map(ask));
    expect(new Set(tokens.slice(0, 3)).size).toBe(1);
    expect(tokens[3]).toMatch(/of bob$/);
    expect(await ask(await tab())).toBe(tokens[0]);
    expect(logins.toSorted()).toEqual(['ann', 'bob']);

    // One of them is refused it by Momento: its new one goes to all.
    const [first, second] = tabs;
    const renewed = await first.evaluate('tokens.renew().then(({ authToken }) => authToken)');
    expect(renewed).not.toBe(tokens[0]);
    expect(logins).toHaveLength(3);
    await second.evaluate('tokens.renew()');
    expect(await ask(second)).toBe(renewed);
    expect(logins).toHaveLength(3);
  });

  test('a worker, where there is no window', async () => {
    const page = await tab();
    const token = await page.evaluate(
      `new Promise((resolve) => {
        new Worker('/worker.js', { type: 'module' }).onmessage = ({ data }) => resolve(data);
      })`,
    );
    expect(token).toBe('token 1 of ann');
    // It is a sibling like any other.
    expect(await ask(page)).toBe(token);
  });

  test('the network goes and comes back', async () => {
    const page = await tab();
    await context.setOffline(true);
    const asked = ask(page);
    await page.waitForFunction(`tokens.getState().error?.code === 'unreachable'`);
    await context.setOffline(false);
    expect(await asked).toBe('token 1 of ann');
  });
});
