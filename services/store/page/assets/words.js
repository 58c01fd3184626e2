// words: numbers, times and durations as people read them. Times are UTC.

const NUMBER = new Intl.NumberFormat('en-US');
const SHORT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (n) => String(n).padStart(2, '0');

export const number = (n) => NUMBER.format(n);
export const short = (n) => (Math.abs(n) < 10000 ? NUMBER.format(n) : SHORT.format(n));

/** "1 record", "3 records" */
export const count = (n, one, more = `${one}s`) => `${number(n)} ${n === 1 ? one : more}`;

/** A rate with as many digits as mean something. */
export function rate(perSecond) {
  if (perSecond >= 10 || perSecond === 0) return number(Math.round(perSecond));
  return perSecond < 0.1 ? '< 0.1' : perSecond.toFixed(1);
}

export function duration(ms) {
  if (ms < SECOND) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 2 * MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < 2 * HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} days`;
}

export function clock(ms) {
  const date = new Date(ms);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

export function day(ms, withYear = false) {
  const date = new Date(ms);
  const year = withYear ? ` ${date.getUTCFullYear()}` : '';
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${year}`;
}

export function month(ms) {
  const date = new Date(ms);
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

export const hour = (ms) => clock(ms).slice(0, 5);

/** "2026-12-01 04:00", to sort by and for files. */
export function stamp(ms) {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** The moment, with its day unless it is today. */
export function moment(ms, nowMs) {
  return stamp(ms).slice(0, 10) === stamp(nowMs).slice(0, 10) ? clock(ms) : `${day(ms, true)} ${clock(ms)}`;
}
