// The page in a real Chromium, as a person uses it.

import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromiumPath, tellSkipped } from './chromium.ts';
import { startWorld, type World } from './world.ts';

const executablePath = chromiumPath();
if (executablePath === undefined) tellSkipped('the page is not tested in a browser');
const inBrowser = executablePath === undefined ? describe.skip : describe;
const PATIENCE_MS = 10_000;

inBrowser('the page in Chromium', () => {
  let world: World;
  let browser: Browser;
  const opened: Page[] = [];
  /** What the browser complained of. */
  const complaints: string[] = [];

  beforeAll(async () => {
    [world, browser] = await Promise.all([
      startWorld(),
      chromium.launch({ executablePath: executablePath ?? '' }),
    ]);
    world.importKey(600);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await world?.close();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((page) => page.context().close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  async function open(options: BrowserContextOptions = {}, url = world.page.url): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    return openIn(await context.newPage(), url);
  }

  async function openIn(page: Page, url = world.page.url): Promise<Page> {
    opened.push(page);
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => complaints.push(`${error}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(url);
    await page.getByText('Live', { exact: true }).waitFor();
    return page;
  }

  /** A refusal is an answer, and Chromium complains of it all the same. */
  const expectRefusals = (status: number) => {
    expect(complaints.length).toBeGreaterThan(0);
    expect(complaints.filter((text) => !text.includes(`status of ${status}`))).toEqual([]);
    complaints.length = 0;
  };

  async function logIn(page: Page, label = 'tenant-a-data-entry'): Promise<void> {
    await page.getByLabel('As a demonstration user').selectOption({ label });
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  const story = (page: Page) => page.locator('#entries');
  const answers = (page: Page) => page.locator('#attempts');

  test('a rotation that happens is drawn, told, and in the table', async () => {
    const page = await open();
    await page.getByText('The same as a table').click();
    const rows = page.locator('#key-table tbody tr');
    const versions = await rows.count();
    const signs = await page.locator('#time-line .sign.rotated').count();
    await page.getByRole('button', { name: 'Rotate now' }).click();
    await story(page).getByText('default: Rotated:').first().waitFor();
    await expectCount(rows, versions + 1);
    await expectCount(page.locator('#time-line .sign.rotated'), signs + 1);
    await expectCount(page.locator('#time-line rect.old'), versions);
    expect(await rows.first().textContent()).toMatch(/^default[0-9a-f]{8}AWSCURRENTrotation/);
    expect(
      await page
        .getByRole('meter', { name: 'Life of the key default' })
        .getAttribute('aria-valuetext'),
    ).toMatch(/^lives \d+ min \d+ s more$/);
    // What moves is the picture: nothing else on the page does.
    expect(await page.evaluate(LAYOUT_SHIFTS)).toEqual([]);
  });

  test('log in: claims, the scope in words, and a life that runs down', async () => {
    const page = await open();
    await logIn(page);
    await page.getByText('There is a token.').waitFor();
    const scope = page.locator('#scope > li > span');
    await expectCount(scope, 2);
    expect(await scope.allTextContents()).toEqual([
      'read keys that begin with “tenant-a:” in cache “calendar-events”',
      'publish and subscribe to topic “tenant-a-events” in cache “collaboration”',
    ]);
    await page.getByText('Claims of the login').click();
    expect(await page.locator('#claims').textContent()).toMatch(/custom:tenantIdtenant-a/);
    const left = page.locator('#token-left');
    const before = await left.textContent();
    expect(before).toMatch(/^14 min \d+ s until its end/);
    await expectChange(left, before);
    const tokenId = await page.locator('#token-details dd').first().textContent();
    expect(tokenId).toMatch(/^[0-9a-f-]{36}$/);
    await page.getByRole('button', { name: 'Renew the token' }).click();
    await page
      .locator('#token-details')
      .getByText(/^1; 1 gave the same token/)
      .waitFor();
    // The whole token is nowhere to be read.
    expect(await page.content()).not.toMatch(/eyJ[\w-]{20}/);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('Nobody is logged in.').waitFor();
  });

  test('what is allowed and what is denied, each with its reason', async () => {
    const page = await open();
    await logIn(page);
    const fields = ['Cache', 'Key'].map((name) => page.locator('#cache-form').getByLabel(name));
    await expectValue(fields[1], 'tenant-a:monday');
    expect(await fields[0]?.inputValue()).toBe('calendar-events');
    await page.getByRole('button', { name: 'Read' }).click();
    await answers(page).getByText('✓ allowed').waitFor();
    expect(await answers(page).textContent()).toContain(
      'Permission 1: read keys that begin with “tenant-a:”',
    );
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    await answers(page).getByText('✕ denied').waitFor();
    await page.getByRole('button', { name: 'tenant-b' }).click();
    await page.getByRole('button', { name: 'Read' }).click();
    const foreign = answers(page).locator('li').first();
    await foreign.getByText('tenant-b:monday').first().waitFor();
    expect(await foreign.textContent()).toMatch(
      /✕ denied read .*PERMISSION_ERROR.*No permission lets the token read key/,
    );
    await page.getByRole('button', { name: 'tenant-a (the user’s)' }).click();
    await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
    await answers(page).getByText(': subscribed').waitFor();
    await page.getByLabel('Message').fill('good morning');
    await page.getByRole('button', { name: 'Publish' }).click();
    await answers(page).getByText('✉ received').waitFor();
    expect(await answers(page).textContent()).toMatch(
      /✉ received good morning from token id [0-9a-f-]{36}/,
    );
    // The subscription goes on with the next token: of a shorter login, or it would be the same.
    const { identity } = world.stack.tokenEndpoint ?? {};
    const shorter = `Bearer ${await identity?.login('tenant-a-data-entry', { lifetimeSeconds: 300 })}`;
    await page.route('**/token', (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: shorter } }),
    );
    await page.getByRole('button', { name: 'Renew the token' }).click();
    await page.locator('#token-details').getByText('1', { exact: true }).waitFor();
    await page.getByLabel('Message').fill('and once more');
    await page.getByRole('button', { name: 'Publish' }).click();
    await answers(page).getByText('and once more').waitFor();
    await page.getByRole('button', { name: 'Unsubscribe' }).click();
  });

  test('refused: 403 and 401, and what the user would see', async () => {
    const page = await open();
    await logIn(page, 'tenant-a-data-entry, but in no group');
    await page.getByText('403: this user may not have a token').waitFor();
    expect(await page.locator('#scope').textContent()).toBe('Nothing: there is no token.');
    expect(await page.getByRole('button', { name: 'Read' }).isDisabled()).toBe(true);
    expectRefusals(403);
    await logIn(page, 'tenant-a-data-entry, whose login has ended');
    await page.getByText('401: this login is not valid').waitFor();
    expectRefusals(401);
    await logIn(page);
    await page.getByText('There is a token.').waitFor();
  });

  test('two tabs of one login: one token', async () => {
    const page = await open();
    await logIn(page, 'tenant-b-viewer');
    await page.getByText('There is a token.').waitFor();
    const minted = () =>
      world.news.all.filter((item) => item.kind === 'gateway-call' && item.call.status === 200)
        .length;
    const before = minted();
    const other = await openIn(await page.context().newPage());
    await logIn(other, 'tenant-b-viewer');
    await other.getByText('There is a token.').waitFor();
    await expectCount(other.locator('#scope > li'), 2);
    expect(minted()).toBe(before);
  });

  test('killed half-way, and healed by the next tick', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Kill the next rotation' }).click();
    await page.getByText('armed', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Rotate now' }).click();
    await story(page).getByText('A run died half-way').waitFor();
    await page.locator('#time-line rect.waits').last().waitFor();
    await page.getByRole('button', { name: 'Deliver a tick now' }).click();
    await story(page).getByText('default: Healed: ').first().waitFor();
    await page.locator('#time-line .sign.healed').last().waitFor();
    expect(await page.locator('#announcer').textContent()).toMatch(/^Healed: /);
  });

  test('Momento away: the button counts down, and it is over', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Momento away' }).click();
    await page.getByText(/^[12] s left$/).waitFor();
    await page.locator('#time-line .fault-span').last().waitFor();
    await story(page).getByText('Momento is back.').first().waitFor();
    await page.getByText(/^\d+ s left$/).waitFor({ state: 'detached' });
  });

  test('Momento away: what fails is no denial, and the token comes back by itself', async () => {
    const page = await open();
    await logIn(page);
    await page.locator('#fill button').first().waitFor();
    await page.getByRole('button', { name: 'Momento away' }).click();
    await page.getByText(/^[12] s left$/).waitFor();
    await page.getByRole('button', { name: 'Read' }).click();
    const failed = answers(page).locator('li').first();
    await failed.getByText('✕ failed').waitFor();
    expect(await failed.textContent()).toMatch(/✕ failed read .*SERVER_UNAVAILABLE, \d+ ms$/);
    // Nobody has had one of this kind yet: there is none to share.
    await logIn(page, 'tenant-a-data-entry, logged in for a minute');
    await page.getByText('No token now: 503 (upstream-unavailable).').waitFor();
    const left = page.locator('#token-left');
    // Beside the sentence, a moment later.
    await left.filter({ hasText: /^no token; the next try is in \d+ s$/ }).waitFor();
    await expectChange(left, await left.textContent());
    await page.getByText('There is a token.').waitFor();
    expectRefusals(503);
  });

  test('logged out while an operation waits for its token: told, and no bug of the page', async () => {
    const page = await open();
    await logIn(page);
    await page.locator('#fill button').first().waitFor();
    // Never answered.
    await page.route('**/token', () => {});
    await page.getByRole('button', { name: 'Renew the token' }).click();
    await page.getByText('A token is being asked for').waitFor();
    await page.getByRole('button', { name: 'Read' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await answers(page).getByText('✕ failed').waitFor();
  });

  test('Subscribe pressed twice: each message once, and one press ends it', async () => {
    const page = await open();
    await logIn(page);
    await page.locator('#fill button').first().waitFor();
    await page.getByRole('button', { name: 'Subscribe', exact: true }).dblclick();
    await expectCount(answers(page).getByText(': subscribed'), 2);
    const publish = async (message: string) => {
      await page.getByLabel('Message').fill(message);
      await page.getByRole('button', { name: 'Publish' }).click();
    };
    await publish('the first');
    await answers(page).getByText('the first').first().waitFor();
    await publish('the second');
    await answers(page).getByText('the second').first().waitFor();
    await expectCount(answers(page).getByText('the first'), 1);
    await page.getByRole('button', { name: 'Unsubscribe' }).click();
    await publish('the third');
    await expectCount(answers(page).getByText(': published'), 3);
    await expectCount(answers(page).getByText('the third'), 0);
  });

  test('with the keyboard alone', async () => {
    const page = await open();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('To the keys');
    const seen: string[] = [];
    const goTo = async (name: string) => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press('Tab');
        const focused = `${await page.evaluate(FOCUSED)}`;
        expect([focused, await page.evaluate(FOCUS_IS_VISIBLE)]).toEqual([focused, true]);
        seen.push(focused);
        if (focused === name) return;
      }
      throw new Error(`The focus never came to ${name}: ${seen}`);
    };
    await goTo('The same as a table');
    await page.keyboard.press('Enter');
    await page.locator('#key-table table').waitFor();
    await goTo('Rotate now');
    await page.keyboard.press('Space');
    await story(page).getByText('default: Rotated:').first().waitFor();
    await goTo('login-choice');
    await page.keyboard.press('ArrowDown');
    await goTo('Log in');
    await page.keyboard.press('Enter');
    await page.getByText('There is a token.').waitFor();
    await page.locator('#fill button').first().waitFor();
    await goTo('Read');
    await page.keyboard.press('Enter');
    await answers(page).locator('li').first().waitFor();
    // In the order in which it is read.
    expect(seen.indexOf('Kill the next rotation half-way')).toBeLessThan(
      seen.indexOf('Rotate now'),
    );
    expect(seen.indexOf('entries')).toBeLessThan(seen.indexOf('login-choice'));
  });

  describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
    test('every text has its contrast, and nothing sticks out at 360 and 1600 pixels', async () => {
      const page = await open({ colorScheme });
      await logIn(page);
      await page.locator('#fill button').first().waitFor();
      await page.getByRole('button', { name: 'Read' }).click();
      await page.getByRole('button', { name: 'Write', exact: true }).click();
      await answers(page).getByText('✕ denied').waitFor();
      await page.getByText('The same as a table').click();
      const background = `${await page.evaluate('getComputedStyle(document.body).backgroundColor')}`;
      const [, red] = /(\d+)/.exec(background) ?? [];
      expect(Number(red) > 128).toBe(colorScheme === 'light');
      expect(await page.evaluate(LOW_CONTRASTS)).toEqual([]);
      for (const width of [360, 1600]) {
        await page.setViewportSize({ width, height: 900 });
        expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([
          width,
          width,
        ]);
      }
    });
  });

  test('cut off, it says so; back again, it knows all that happened meanwhile', async () => {
    const line = await startLine(Number(new URL(world.page.url).port));
    try {
      const page = await open({}, `http://127.0.0.1:${line.port}`);
      const versions = await page.locator('#key-table tbody tr').count();
      await line.cut();
      await page.getByText('The line is broken.').waitFor();
      const rotated = world.news.next('a rotation', PATIENCE_MS, (item) =>
        item.kind === 'event' ? true : undefined,
      );
      await fetch(`${world.page.url}/faults/rotate-now`, {
        method: 'POST',
        headers: { origin: world.page.url },
        body: '{}',
      });
      await rotated;
      await line.mend();
      await page.getByText('Live', { exact: true }).waitFor();
      await expectCount(page.locator('#key-table tbody tr'), versions + 1);
      // Chromium's own words for it.
      expect(complaints.filter((text) => !/net::ERR_/.test(text))).toEqual([]);
      complaints.length = 0;
    } finally {
      await Promise.all(opened.splice(0).map((page) => page.context().close()));
      await line.end();
    }
  });
});

async function expectCount(
  found: {
    count(): Promise<number>;
    nth(index: number): { waitFor(options: object): Promise<void> };
  },
  count: number,
): Promise<void> {
  if (count > 0) await found.nth(count - 1).waitFor({ state: 'attached' });
  expect(await found.count()).toBe(count);
}

async function expectValue(
  field: { inputValue(): Promise<string>; page(): Page } | undefined,
  value: string,
): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while ((await field?.inputValue()) !== value && Date.now() < endMs) {
    await field?.page().waitForTimeout(20);
  }
  expect(await field?.inputValue()).toBe(value);
}

async function expectChange(
  text: { textContent(): Promise<string | null>; page(): Page },
  before: string | null,
): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while ((await text.textContent()) === before && Date.now() < endMs) {
    await text.page().waitForTimeout(20);
  }
  expect(await text.textContent()).not.toBe(before);
}

/** A line to the page that can be cut. */
async function startLine(to: number) {
  const sockets = new Set<Socket>();
  let server: Server;
  let port = 0;
  const mend = async () => {
    server = createServer((near) => {
      const far = connect(to, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket
          .on('error', () => {})
          .once('close', () => {
            sockets.delete(socket);
            near.destroy();
            far.destroy();
          });
      }
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  };
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await mend();
  return { port, cut, mend, end: cut };
}

const FOCUSED = `(() => {
  const { id, textContent, tagName } = document.activeElement;
  return ['BUTTON', 'SUMMARY', 'A'].includes(tagName) ? textContent.trim() : id || tagName;
})()`;

const FOCUS_IS_VISIBLE = `(() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
})()`;

/** What moved by itself, not within half a second of something that a person did. */
const LAYOUT_SHIFTS = `new Promise((resolve) => {
  const named = (node) => node?.nodeName + (node?.id ? '#' + node.id : '');
  const observer = new PerformanceObserver((list) => {
    observer.disconnect();
    resolve(list.getEntries().filter(({ hadRecentInput, value }) => !hadRecentInput && value > 0.001)
      .map(({ value, sources }) => value.toFixed(3) + ' ' + sources.map(({ node }) => named(node)).join(' ')));
  });
  observer.observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => resolve([]), 300);
})`;

/** Texts below 4.5 : 1 on what is behind them. What is disabled may be fainter. */
const LOW_CONTRASTS = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgba(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || element.closest(':disabled, title, .unseen, noscript')) continue;
    if (element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const inPicture = element.closest('svg') !== null;
    const ground = element.matches('.bar-label')
      ? rgba(getComputedStyle(document.querySelector('rect.serves')).fill)
      : behind(element);
    const [bright, dark] = [luminance(rgba(inPicture ? style.fill : style.color)), luminance(ground)].sort((a, b) => b - a);
    const contrast = (bright + 0.05) / (dark + 0.05);
    const needed = element.matches('svg .sign') ? 3 : 4.5;
    if (contrast < needed) low.push(walker.currentNode.data.trim().slice(0, 40) + ': ' + contrast.toFixed(2));
  }
  return [...new Set(low)];
})()`;
