// chart: counts by time as inline SVG. What it shows is also in the card's table.

import { svg } from './dom.js';
import * as words from './words.js';

const HEIGHT = 168;
const TOP = 8;
const BOTTOM = 24;
const LEFT = 46;
const RIGHT = 4;
const BAR_MIN = 3; // narrower ones become one area
const HOUR = 3600;
const DAY = 86400;
const STEPS = [1, 2, 3, 6, 12].map((n) => n * HOUR).concat([1, 2, 7, 14, 28, 91, 182, 364, 728, 1820].map((n) => n * DAY));

/** Round values from 0 to at least `most`: at most five. */
export function ticks(most) {
  if (most <= 0) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough));
  const values = [];
  for (let value = 0; value < most + step; value += step) values.push(value);
  return values;
}

function timeLabel(seconds, step) {
  const ms = seconds * 1000;
  if (step >= 91 * DAY) return words.month(ms);
  return step < DAY && seconds % DAY !== 0 ? words.hour(ms) : words.day(ms);
}

function frame(series, width) {
  const values = ticks(Math.max(...series.counts, 0));
  const most = values[values.length - 1];
  const inner = { width: width - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
  const seconds = series.counts.length * series.step;
  return {
    values,
    x: (time) => LEFT + ((time - series.start) / seconds) * inner.width,
    y: (value) => TOP + inner.height * (1 - value / most),
    width,
    barWidth: inner.width / series.counts.length,
    timeStep: STEPS.find((step) => (seconds / step) * 64 <= inner.width) ?? STEPS[STEPS.length - 1],
  };
}

function valueAxis(at) {
  return svg('g', { class: 'axis', 'aria-hidden': 'true' }, ...at.values.flatMap((value) => [
    svg('line', { x1: LEFT, x2: at.width - RIGHT, y1: at.y(value), y2: at.y(value), class: value === 0 ? 'base' : 'grid' }),
    svg('text', { x: LEFT - 8, y: at.y(value) + 4, 'text-anchor': 'end' }, words.short(value)),
  ]));
}

function timeAxis(series, at) {
  const labels = [];
  const end = series.start + series.counts.length * series.step;
  for (let time = Math.ceil(series.start / at.timeStep) * at.timeStep; time < end; time += at.timeStep) {
    const x = at.x(time);
    if (x < LEFT + 12 || x > at.width - 20) continue;
    labels.push(svg('text', { x, y: HEIGHT - 6, 'text-anchor': 'middle' }, timeLabel(time, at.timeStep)));
  }
  return svg('g', { class: 'axis', 'aria-hidden': 'true' }, ...labels);
}

function bars(series, at) {
  const gap = at.barWidth > 6 ? 2 : 0.6;
  return series.counts.map((value, i) => svg('rect', {
    x: at.x(series.start + i * series.step) + gap / 2,
    y: at.y(value),
    width: at.barWidth - gap,
    height: at.y(0) - at.y(value),
    rx: at.barWidth > 8 && value > 0 ? 1.5 : 0,
    class: isCut(series, i) ? 'mark cut' : 'mark',
  }));
}

function area(series, at) {
  const middle = (i) => at.x(series.start + (i + 0.5) * series.step);
  const line = series.counts.map((value, i) => `${middle(i).toFixed(1)},${at.y(value).toFixed(1)}`).join('L');
  const last = series.counts.length - 1;
  return [
    svg('path', { class: 'area', d: `M${middle(0)},${at.y(0)}L${line}L${middle(last)},${at.y(0)}Z` }),
    svg('path', { class: 'line', d: `M${line}` }),
  ];
}

/** The range holds only a part of this bucket. */
export function isCut(series, i) {
  const start = series.start + i * series.step;
  return start < series.from || start + series.step > series.to;
}

function describe(label, series) {
  const most = Math.max(...series.counts);
  const at = series.start + series.counts.indexOf(most) * series.step;
  const sum = series.counts.reduce((a, b) => a + b, 0);
  return `${words.number(sum)} in all, at most ${words.number(most)}, in the ${series.step === DAY ? 'day' : 'hour'} `
    + `from ${words.stamp(at * 1000)} UTC. The table below has every value of ${label}.`;
}

/** The chart of {start, step, from, to, counts}, so wide. */
export function chart(id, label, series, width) {
  const at = frame(series, width);
  const marks = at.barWidth >= BAR_MIN ? bars(series, at) : area(series, at);
  return svg('svg', { class: 'chart', viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'img', 'aria-labelledby': `${id}-t ${id}-d` },
    svg('title', { id: `${id}-t` }, `${label} per ${series.step === DAY ? 'day' : 'hour'}`),
    svg('desc', { id: `${id}-d` }, describe(label, series)),
    valueAxis(at), ...marks, timeAxis(series, at));
}

/** Which value is under a pointer so far from the left; -1: none. */
export function bucketAt(series, width, x) {
  const i = Math.floor(((x - LEFT) / (width - LEFT - RIGHT)) * series.counts.length);
  return i >= 0 && i < series.counts.length ? i : -1;
}
