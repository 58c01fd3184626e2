// status: the overview, the pipeline and a rebuild, from one answer of the store.

import { csvButton } from './csv.js';
import { byId, el, scroller, setText, show, svg, table } from './dom.js';
import { behind, findings } from './findings.js';
import * as words from './words.js';

const ICONS = {
  ok: { label: 'Well', d: 'M5.5 10.5l3 3 6-6.5' },
  info: { label: 'Note', d: 'M10 9v5M10 6v.01' },
  warn: { label: 'Attention', d: 'M10 5.5v5.5M10 14v.01' },
  bad: { label: 'Fault', d: 'M6.5 6.5l7 7M13.5 6.5l-7 7' },
};
const STATES = {
  running: 'Running', waiting: 'Waiting', checking: 'Checking', held: 'Held', stopped: 'Stands still', elsewhere: '–',
};
const COLUMNS = ['Partition', 'State', 'Log end', 'Applied', 'Behind', 'Records/s', 'Owner', 'Dead letters'];
const LEFT_ALIGNED = new Set(['Partition', 'State', 'Owner']);
let rows = [];

// ---- overview ----

function icon(level) {
  const { label, d } = ICONS[level];
  const shape = level === 'warn' ? svg('path', { class: 'disc', d: 'M10 1.5L19 18H1z' }) : svg('circle', { class: 'disc', cx: 10, cy: 10, r: 9 });
  return svg('svg', { class: `icon ${level}`, viewBox: '0 0 20 20', role: 'img', 'aria-label': label }, shape, svg('path', { class: 'sign', d }));
}

function showHeadline(level, text) {
  const headline = byId('headline');
  if (headline.dataset.text === `${level} ${text}`) return;
  headline.dataset.text = `${level} ${text}`;
  headline.className = `headline ${level}`;
  show(headline, icon(level), el('span', {}, text));
}

/** Nothing can be said but that. */
export function showSilence(text, sinceMs) {
  const whole = sinceMs === null ? text : `${text} What is shown is of ${words.clock(sinceMs)}.`;
  showHeadline('bad', 'The store does not answer');
  show(byId('findings'), el('li', { class: 'bad' }, whole));
}

function showOverview(status) {
  const found = findings(status);
  showHeadline(found[0].level, found[0].title);
  show(byId('findings'), ...found.map(({ level, text }) => el('li', { class: level }, found.length > 1 ? icon(level) : null, el('span', {}, text))));
}

// ---- pipeline ----

/** Next offsets by partition, of a position "3:1043,5:78". */
function parsePosition(text) {
  return new Map((text ? text.split(',') : []).map((pair) => pair.split(':').map(Number)));
}

function lettersBy(letters, key) {
  const counts = new Map();
  for (const letter of letters) counts.set(letter[key], (counts.get(letter[key]) ?? 0) + letter.count);
  return counts;
}

/** A line for each partition that is known from anywhere; what is not known is null. */
function pipelineRows(status) {
  const own = new Map((status.ingest?.partitions ?? []).map((row) => [row.partition, row]));
  const position = parsePosition(status.tables.is_known ? status.tables.position : '');
  const letters = status.tables.is_known ? lettersBy(status.tables.letters, 'partition') : null;
  const all = new Set([...own.keys(), ...position.keys(), ...(letters?.keys() ?? []), ...Array(status.ingest?.topic_partitions ?? 0).keys()]);
  return [...all].sort((a, b) => a - b).map((partition) => {
    const row = own.get(partition);
    return {
      partition,
      isOwn: row !== undefined,
      state: row?.state ?? 'elsewhere',
      end: row && row.end >= 0 ? row.end : null,
      applied: row?.applied ?? position.get(partition) ?? null,
      rate: row && row.rate_per_1000_s >= 0 ? row.rate_per_1000_s / 1000 : null,
      letters: letters === null ? null : letters.get(partition) ?? 0,
    };
  });
}

const known = (value, asText = words.number) => (value === null ? '–' : asText(value));
const behindOf = (row) => (row.end === null || row.applied === null ? null : Math.max(0, row.end - row.applied));

function sum(values) {
  const all = values.filter((value) => value !== null);
  return all.length === 0 ? null : all.reduce((a, b) => a + b, 0);
}

function pipelineTable() {
  const columns = COLUMNS.map((title) => ({ title, isNumber: !LEFT_ALIGNED.has(title) }));
  const lines = rows.map((row) => [
    String(row.partition),
    el('span', { class: `state ${row.state}` }, STATES[row.state]),
    known(row.end), known(row.applied), known(behindOf(row)), known(row.rate, words.rate),
    row.isOwn ? 'This process' : 'Another, or none',
    known(row.letters),
  ]);
  const own = rows.filter((row) => row.isOwn);
  const foot = ['All', '', known(sum(own.map((row) => row.end))), known(sum(rows.map((row) => row.applied))), known(sum(rows.map(behindOf))),
    known(sum(rows.map((row) => row.rate)), words.rate), '', known(sum(rows.map((row) => row.letters)))];
  return table('Partitions of the events topic', columns, lines, rows.length > 1 ? foot : null);
}

function csvRows() {
  return rows.map((row) => [row.partition, row.state, row.end ?? '', row.applied ?? '', behindOf(row) ?? '', row.rate ?? '', row.isOwn ? 'this' : '', row.letters ?? '']);
}

function pipelineWords(status) {
  if (status.ingest === null) return `${status.topic}, as the tables have it`;
  return `${status.topic}: ${words.count(status.ingest.partitions.length, 'partition')} here, ${words.number(behind(status.ingest))} behind`;
}

function showLetters(tables) {
  const card = byId('letters-card');
  card.hidden = !tables.is_known || tables.letters.length === 0;
  if (card.hidden) return;
  const causes = [...lettersBy(tables.letters, 'cause')].sort((a, b) => b[1] - a[1]);
  const oldest = (cause) => Math.min(...tables.letters.filter((row) => row.cause === cause).map((row) => row.oldest_ms));
  const columns = [{ title: 'Cause' }, { title: 'Records', isNumber: true }, { title: 'Oldest (UTC)', isNumber: true }];
  const lines = causes.map(([cause, count]) => [cause, words.number(count), words.stamp(oldest(cause))]);
  show(card, el('div', { class: 'card-head' }, el('h3', {}, 'Dead letters that wait for a decision')), table('Open dead letters by cause', columns, lines));
}

function showPipeline(status) {
  rows = pipelineRows(status);
  setText(byId('pipeline-words'), pipelineWords(status));
  const card = byId('pipeline-card');
  if (card.childElementCount === 0) {
    const names = ['partition', 'state', 'log_end', 'applied', 'behind', 'records_per_s', 'owner', 'dead_letters'];
    show(card, scroller('Partitions', el('div', { id: 'partitions' })),
      el('div', { class: 'card-foot end' }, csvButton('Pipeline', 'pipeline', names, csvRows)));
  }
  show(byId('partitions'), rows.length > 0 ? pipelineTable() : el('p', { class: 'quiet empty' }, 'No partition is known yet.'));
  showLetters(status.tables);
}

// ---- rebuild ----

const UNFINISHED = new Set(['building', 'indexing', 'catching_up', 'verifying', 'ready']);

/** Somebody rebuilds the tables now. */
export function isRebuilding(status) {
  return status.tables.is_known && status.tables.generations.some(({ state }) => UNFINISHED.has(state));
}

function noRebuild(status) {
  if (!status.tables.is_known) return 'Unknown, as the tables cannot be read here.';
  const { generation, generations } = status.tables;
  const live = generations.find(({ id }) => id === generation);
  const made = live ? `, made ${words.moment(live.created_ms, status.now_ms)}` : '';
  return `No rebuild is going on. Generation ${generation} answers${made}.`;
}

function rebuildWords(now, before) {
  const share = now.total > 0 ? (100 * now.done) / now.total : 100;
  const parts = [`Generation ${now.generation} is ${now.state.replace('_', ' ')}${now.is_paused ? ', paused' : ''}: `
    + `${words.number(now.done)} of ${words.count(now.total, 'record')} (${share.toFixed(1)} %)`];
  const passedS = before && before.generation === now.generation ? (now.now_ms - before.now_ms) / 1000 : 0;
  const perS = passedS > 0 ? (now.done - before.done) / passedS : 0;
  if (now.state === 'building' && perS >= 1) {
    parts.push(`${words.rate(perS)}/s`, `${words.duration((1000 * (now.total - now.done)) / perS)} left`);
  }
  parts.push(`${words.number(now.behind)} behind the log’s end`);
  return `${parts.join(', ')}.${now.detail ? ` ${now.detail}.` : ''}`;
}

/** rebuild, before: two answers of rebuild.json, the newer and an older one; or null. */
export function showRebuild(status, rebuild, before) {
  const bar = byId('rebuild-bar');
  const isKnown = rebuild !== null && rebuild.generation !== null;
  bar.hidden = !isKnown;
  setText(byId('rebuild-words'), isKnown ? rebuildWords(rebuild, before) : noRebuild(status));
  if (!isKnown) return;
  bar.max = Math.max(1, rebuild.total);
  bar.value = rebuild.total > 0 ? rebuild.done : 1;
}

// ---- all of it ----

export function showStatus(status) {
  setText(byId('bot'), `bot ${status.bot_id}`);
  document.title = `telefact ${status.bot_id}`;
  showOverview(status);
  showPipeline(status);
  const tables = status.tables.is_known ? `, generation ${status.tables.generation}` : '';
  setText(byId('build'), `telefact-store ${status.version}, up ${words.duration(status.now_ms - status.started_ms)}${tables}.`);
}
