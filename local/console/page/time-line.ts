// The picture: a lane for each key, and one each for faults, alarms and tokens. The present stands still, and what
// happens moves past it. The world is drawn when something changes; in between it is only shifted.

import type { AlarmSpan, Entry, FaultSpan, Key, Snapshot } from '../told.ts';
import { draw, setAttribute, the } from './elements.ts';
import { axisStepMs, type Bar, barsOf, pastMs, ROWS } from './lanes.ts';
import { clockTime } from './times.ts';

const ROW = 22;
const MARKS = 20;
const TITLE = 20;
const SPAN_LANE = 40;
const AXIS = 24;
const KEY_LANE = TITLE + ROWS * ROW + MARKS + 8;
/** The share of the width that is past. */
const NOW_AT = 0.7;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

const SIGNS: Partial<Record<Entry['kind'], string>> = {
  imported: '●',
  rotated: '◆',
  healed: '✚',
  failed: '✕',
  fault: '▲',
  denied: '✕',
  event: '○',
  token: '•',
  refused: '✕',
};

const ON_KEYS: readonly Entry['kind'][] = ['imported', 'rotated', 'healed', 'failed'];

export interface TimeLine {
  /** Something changed. */
  draw(state: Snapshot): void;
}

export function timeLine(now: () => number): TimeLine {
  const frame = the('#time-line');
  const scale = the<HTMLSelectElement>('#scale');
  const world = draw('g');
  const labels = draw('g');
  const fixed = draw('g');
  const picture = draw(
    'svg',
    { role: 'img', 'aria-label': 'Time line of the keys. The table below says the same.' },
    world,
    labels,
    fixed,
  );
  frame.append(picture);

  let state: Snapshot | undefined;
  let originMs = 0;
  let pixelsPerMs = 0;
  let nowX = 0;
  let width = 0;
  let drawnAtMs = 0;
  let shownBars: readonly { readonly bar: Bar; readonly label: SVGTextElement }[] = [];

  const x = (ms: number) => (ms - originMs) * pixelsPerMs;

  const redraw = () => {
    if (state === undefined) return;
    width = frame.clientWidth;
    if (width === 0) return;
    const height = heightOf(state);
    // Far from 0 a coordinate loses its fraction.
    originMs = now();
    drawnAtMs = originMs;
    nowX = Math.round(width * NOW_AT);
    const chosenMs = Number(scale.value) * 60_000;
    pixelsPerMs = nowX / (chosenMs || pastMs(state.keys, width));
    setAttribute(picture, 'width', `${width}`);
    setAttribute(picture, 'height', `${height}`);
    frame.style.height = `${height}px`;
    const fromMs = originMs - nowX / pixelsPerMs - 10_000;
    const toMs = originMs + (width - nowX) / pixelsPerMs + 60_000;
    world.replaceChildren();
    labels.replaceChildren();
    drawAxis(fromMs, toMs, height);
    const bars: { bar: Bar; label: SVGTextElement }[] = [];
    state.keys.forEach((key, index) => {
      bars.push(...drawKey(key, AXIS + index * KEY_LANE, fromMs, toMs));
    });
    shownBars = bars;
    const below = AXIS + state.keys.length * KEY_LANE;
    drawFaults(state.faults, state.entries, below, fromMs);
    drawAlarms(state.alarms, below + SPAN_LANE, fromMs);
    drawMarks(
      state.entries.filter(({ kind }) => kind === 'token' || kind === 'refused'),
      below + 3 * SPAN_LANE + TITLE + 10,
      fromMs,
    );
    drawMarks(
      state.entries.filter(({ kind }) => kind === 'event'),
      below + 2 * SPAN_LANE + TITLE + 12,
      fromMs,
    );
    drawFixed(state, height, below);
    shift();
  };

  const drawAxis = (fromMs: number, toMs: number, height: number) => {
    const step = axisStepMs(90 / pixelsPerMs);
    // Local time's whole hours, where the zone is off by whole quarters.
    for (let ms = Math.ceil(fromMs / step) * step; ms < toMs; ms += step) {
      world.append(
        draw('line', { class: 'grid', x1: x(ms), x2: x(ms), y1: AXIS - 4, y2: height }),
        draw('text', { class: 'axis', x: x(ms), y: 14 }, clockTime(ms)),
      );
    }
  };

  const drawKey = (key: Key, top: number, fromMs: number, toMs: number) => {
    const bars = barsOf(key, toMs).filter(({ untilMs }) => untilMs > fromMs);
    const shown = bars.map((bar) => {
      const y = top + TITLE + bar.row * ROW;
      const group = draw('g', { class: 'bar' });
      for (const { phase, fromMs: start, untilMs: end } of bar.stretches) {
        const thin = phase === 'old' || phase === 'revoked';
        group.append(
          draw('rect', {
            class: phase,
            x: x(start),
            y: thin ? y + 12 : y + 1,
            width: Math.max(0.5, x(end) - x(start)),
            height: thin ? 6 : ROW - 4,
          }),
        );
      }
      group.append(draw('title', {}, titleOf(bar)));
      world.append(group);
      const label = draw('text', { class: 'bar-label', y: y + ROW / 2 + 3 }, bar.version.id);
      labels.append(label);
      return { bar, label };
    });
    const isOnly = state?.keys.length === 1;
    const marks = (state?.entries ?? []).filter(
      (entry) => entry.key === key.name || (isOnly && entry.key === null),
    );
    drawMarks(
      marks.filter(({ kind }) => ON_KEYS.includes(kind)),
      top + TITLE + ROWS * ROW + 14,
      fromMs,
    );
    for (const { kind, atMs } of marks) {
      if (kind !== 'check' || atMs < fromMs) continue;
      const y = top + TITLE + ROWS * ROW + 4;
      world.append(
        draw('line', { class: 'check', x1: x(atMs), x2: x(atMs), y1: y + 2, y2: y + 12 }),
      );
    }
    return shown;
  };

  const drawMarks = (entries: readonly Entry[], y: number, fromMs: number) => {
    for (const { kind, atMs, sentence } of entries) {
      const sign = SIGNS[kind];
      if (sign === undefined || atMs < fromMs) continue;
      world.append(
        draw(
          'text',
          { class: `sign ${kind}`, x: x(atMs), y },
          sign,
          draw('title', {}, `${clockTime(atMs)} ${sentence}`),
        ),
      );
    }
  };

  const drawFaults = (
    faults: readonly FaultSpan[],
    entries: readonly Entry[],
    top: number,
    fromMs: number,
  ) => {
    for (const { fault, fromMs: start, untilMs, isOver } of faults) {
      const end = untilMs ?? now() + 86_400_000;
      if (end < fromMs) continue;
      const words = FAULT_WORDS[fault];
      const span = draw(
        'rect',
        {
          class: 'fault-span',
          x: x(start),
          y: top + TITLE,
          width: Math.max(3, x(end) - x(start)),
          height: 14,
        },
        draw('title', {}, words),
      );
      world.append(span);
      if (isOver && x(end) - x(start) < 7 * words.length) continue;
      world.append(draw('text', { class: 'span-label', x: x(start), y: top + 14 }, words));
    }
    drawMarks(
      entries.filter(({ kind }) => kind === 'fault' || kind === 'denied'),
      top + TITLE + 13,
      fromMs,
    );
  };

  const drawAlarms = (alarms: readonly AlarmSpan[], top: number, fromMs: number) => {
    for (const { name, description, fromMs: start, untilMs } of alarms) {
      const end = untilMs ?? now() + 86_400_000;
      if (end < fromMs) continue;
      world.append(
        draw(
          'rect',
          {
            class: 'alarm-span',
            x: x(start),
            y: top + TITLE,
            width: Math.max(3, x(end) - x(start)),
            height: 14,
          },
          draw('title', {}, `${name}: ${description}`),
        ),
      );
    }
  };

  const drawFixed = ({ keys, alarms }: Snapshot, height: number, below: number) => {
    const active = alarms.filter(({ untilMs }) => untilMs === null).length;
    const rule = (y: number) => draw('line', { class: 'rule', x1: 0, x2: width, y1: y, y2: y });
    const title = (y: number, text: string) =>
      draw('text', { class: 'lane', x: 2, y: y + 14 }, text);
    fixed.replaceChildren(
      draw('rect', { class: 'future', x: nowX, y: 0, width: width - nowX, height }),
      draw('line', { class: 'now', x1: nowX, x2: nowX, y1: 0, y2: height }),
      draw('rect', { class: 'now-ground', x: nowX - 38, y: 0, width: 76, height: 18 }),
      draw('text', { class: 'now-label', x: nowX, y: 14 }, 'now'),
      ...keys.flatMap(({ name }, index) => [
        rule(AXIS + index * KEY_LANE),
        title(AXIS + index * KEY_LANE, `Key ${name}`),
      ]),
      rule(below),
      title(below, 'Faults'),
      rule(below + SPAN_LANE),
      title(below + SPAN_LANE, active === 0 ? 'Alarms' : `Alarms: ${active} on`),
      rule(below + 2 * SPAN_LANE),
      title(below + 2 * SPAN_LANE, 'Events'),
      rule(below + 3 * SPAN_LANE),
      title(below + 3 * SPAN_LANE, 'Tokens'),
    );
  };

  /** The world where it belongs now; labels of bars that begin off the picture stay in it. */
  const shift = () => {
    const offset = nowX - (now() - originMs) * pixelsPerMs;
    setAttribute(world, 'transform', `translate(${offset.toFixed(1)} 0)`);
    for (const { bar, label } of shownBars) {
      const from = Math.max(4, x(bar.version.currentFromMs ?? bar.untilMs) + offset + 4);
      const until = x(bar.version.replacedAtMs ?? bar.untilMs) + offset;
      const fits = until - from > 64;
      setAttribute(label, 'visibility', fits ? 'visible' : 'hidden');
      if (fits) setAttribute(label, 'x', from.toFixed(1));
    }
  };

  let lastShiftMs = 0;
  const step = () => {
    requestAnimationFrame(step);
    const nowMs = now();
    // A picture that creeps by a fraction of a pixel need not be drawn sixty times a second.
    const everyMs = STILL.matches ? 1_000 : Math.min(1_000, Math.max(33, 0.5 / (pixelsPerMs || 1)));
    if (nowMs - lastShiftMs < everyMs) return;
    lastShiftMs = nowMs;
    if ((nowMs - drawnAtMs) * pixelsPerMs > 40) redraw();
    else shift();
  };
  requestAnimationFrame(step);
  new ResizeObserver(() => {
    if (frame.clientWidth !== width) redraw();
  }).observe(frame);

  scale.addEventListener('change', redraw);

  let drawSoon = false;
  return {
    draw(next) {
      state = next;
      if (drawSoon) return;
      drawSoon = true;
      requestAnimationFrame(() => {
        drawSoon = false;
        redraw();
      });
    },
  };
}

const heightOf = ({ keys }: Snapshot): number => AXIS + keys.length * KEY_LANE + 4 * SPAN_LANE;

export const FAULT_WORDS: Readonly<Record<FaultSpan['fault'], string>> = {
  'kill-next-rotation': 'kill the next rotation',
  'momento-away': 'Momento away',
  'writes-refused': 'writes refused',
};

function titleOf({ version }: Bar): string {
  const { id, origin, labels, createdAtMs, endsAtMs } = version;
  const until = endsAtMs === null ? 'never ends' : `ends ${clockTime(endsAtMs)}`;
  return `${id}, ${origin} ${clockTime(createdAtMs)}, ${until}${labels.length > 0 ? `, ${labels.join(' ')}` : ''}`;
}
