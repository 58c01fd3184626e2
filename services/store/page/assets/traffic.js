// traffic: what the bot's chats do: a chart for each series, and the rankings.

import { ask } from './api.js';
import { bucketAt, chart, isCut } from './chart.js';
import { csvButton } from './csv.js';
import { byId, el, scroller, setText, show, svg, table } from './dom.js';
import * as words from './words.js';

const HOUR = 3600;
const DAY = 86400;
const SECONDS = { day: DAY, week: 7 * DAY, month: 31 * DAY, all: 0 };
const BUCKETS_MAX = 10000;
const RANGES = { day: 'the last 24 hours', week: 'the last 7 days', month: 'the last 31 days', all: 'all time' };
const SERIES = [
  { name: 'users', title: 'New chats', total: 'chats', people: null },
  { name: 'videos', title: 'Videos', total: 'videos', people: 'video_users' },
  { name: 'images', title: 'Images', total: 'images', people: 'image_users' },
  { name: 'music', title: 'Music', total: 'music', people: 'music_users' },
];
const cards = new Map();
let drawnWidth = 0;

// ---- charts ----

function tableOf(card) {
  const rows = card.series.counts.map((value, i) => {
    const start = words.stamp((card.series.start + i * card.series.step) * 1000);
    return [isCut(card.series, i) ? `${start} (cut by the range)` : start, words.number(value)];
  });
  const columns = [{ title: 'From (UTC)' }, { title: card.about.title, isNumber: true }];
  return table(`${card.about.title}, ${card.range}`, columns, rows);
}

function fillTable(card) {
  if (card.details.open && card.series) show(card.table, tableOf(card));
}

function csvRows(card) {
  if (!card.series) return [];
  return card.series.counts.map((value, i) => [words.stamp((card.series.start + i * card.series.step) * 1000), value]);
}

function tell(card, event) {
  const i = card.series ? bucketAt(card.series, drawnWidth, event.clientX - card.plot.getBoundingClientRect().left) : -1;
  if (i < 0) return;
  const start = (card.series.start + i * card.series.step) * 1000;
  setText(card.readout, `${words.stamp(start)}: ${words.number(card.series.counts[i])}`);
}

function makeCard(about) {
  const card = { about, series: null, range: '' };
  card.total = el('span', { class: 'big', id: `total-${about.name}` });
  card.people = el('span', { class: 'quiet' });
  card.readout = el('span', { class: 'readout quiet', 'aria-hidden': 'true' });
  card.plot = el('div', { class: 'plot', onpointermove: (event) => tell(card, event), onpointerleave: () => setText(card.readout, '') });
  card.table = scroller(`${about.title}: table`, '');
  card.details = el('details', { ontoggle: () => fillTable(card) }, el('summary', {}, 'Table', el('span', { class: 'hidden' }, ` of ${about.title}`)), card.table);
  const save = csvButton(about.title, about.name, ['start_utc', about.name], () => csvRows(card));
  byId('charts').append(el('article', { class: `card series-${about.name}`, 'aria-labelledby': `title-${about.name}` },
    el('div', { class: 'card-head' }, el('h3', { id: `title-${about.name}` }, about.title), card.readout),
    el('p', { class: 'figure' }, card.total, ' ', card.people),
    card.plot,
    el('div', { class: 'card-foot' }, card.details, save)));
  cards.set(about.name, card);
}

function draw(card) {
  const { about, series } = card;
  const sum = series.counts.length;
  show(card.plot, sum > 0 ? chart(`chart-${about.name}`, about.title, series, drawnWidth) : el('p', { class: 'quiet empty' }, 'Nothing yet.'));
  fillTable(card);
}

function measure() {
  const plot = cards.get(SERIES[0].name).plot;
  drawnWidth = Math.max(240, Math.floor(plot.clientWidth));
}

/** Draws again for another width of the screen. */
export function redraw() {
  const before = drawnWidth;
  measure();
  if (before === drawnWidth) return;
  for (const card of cards.values()) if (card.series) draw(card);
}

// ---- rankings ----

function barCell(value, most) {
  const width = most > 0 ? Math.max(0.5, (100 * value) / most) : 0;
  return svg('svg', { class: 'bar', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { x: 0, y: 0, width, height: 8, class: 'mark' }));
}

function ranking(about, rows) {
  const most = rows.length > 0 ? rows[0][1] : 0;
  const columns = [{ title: about.first }, { title: el('span', { class: 'hidden' }, 'Share') }, { title: about.second, isNumber: true }];
  const shown = rows.slice(0, 10).map(([name, value]) => [el('span', { class: 'name', title: name }, name), barCell(value, most), words.number(value)]);
  const rest = rows.length - shown.length;
  return el('article', { class: 'card', 'aria-labelledby': `title-${about.file}`, id: about.file },
    el('div', { class: 'card-head' },
      el('h3', { id: `title-${about.file}` }, about.title),
      csvButton(about.title, about.file, [about.file, 'count'], () => rows)),
    rows.length > 0 ? table(about.title, columns, shown) : el('p', { class: 'quiet empty' }, 'Nothing yet.'),
    rest > 0 ? el('p', { class: 'quiet' }, `${words.number(rest)} more in the CSV file.`) : null);
}

function showRankings(others, referrals) {
  const langs = others.top_langs.map(({ lang, count }) => [lang, count]);
  const users = others.top_users.map(({ user_id: id, count }) => [id, count]);
  const links = referrals.referrals.map(({ link, count }) => [link, count]);
  const open = document.activeElement?.closest('#rankings article')?.id;
  show(byId('rankings'),
    ranking({ title: 'Languages', file: 'languages', first: 'Language', second: 'Chats' }, langs),
    ranking({ title: 'Most downloads', file: 'top-users', first: 'Chat id', second: 'Videos' }, users),
    ranking({ title: 'Referral links', file: 'referrals', first: 'Link', second: 'Chats' }, links));
  if (open) byId(open).querySelector('button').focus();
}

// ---- asking ----

/** Where "all" begins: at the oldest time of any series. */
async function firstOf(choice) {
  const answers = await Promise.all(SERIES.map(({ name }) => ask('time-series', { series: name, class: choice.class })));
  const known = answers.map((answer) => answer.first).filter((first) => first !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

async function rangeOf(choice, nowS) {
  const to = nowS + 1;
  if (choice.range !== 'all') return { from: to - SECONDS[choice.range], to };
  const first = await firstOf(choice);
  const earliest = to - (BUCKETS_MAX - 1) * (choice.bucket === 'hour' ? HOUR : DAY);
  return { from: first === null ? to : Math.max(first, earliest), to, isShort: first !== null && first < earliest };
}

function askSeries(choice, { from, to }) {
  return Promise.all(SERIES.map(({ name }) => ask('time-series', { series: name, bucket: choice.bucket, class: choice.class, from, to })));
}

function showTotals(totals, choice, range) {
  const begins = range.isShort ? `; the chart begins ${words.day(range.from * 1000, true)}` : '';
  for (const { name, total, people } of SERIES) {
    const card = cards.get(name);
    card.range = RANGES[choice.range];
    setText(card.total, words.number(totals[total]));
    setText(card.people, `${people === null ? '' : `by ${words.count(totals[people], 'chat')}, `}${card.range}${begins}`);
  }
}

/** Asks for everything of the choice {range, bucket, class} and shows it. */
export async function refreshTraffic(choice, nowMs) {
  const nowS = Math.floor(nowMs / 1000);
  const range = await rangeOf(choice, nowS);
  const [totals, series, others, referrals] = await Promise.all([
    ask('bot-stats', { class: choice.class, seconds: SECONDS[choice.range], now: nowS }),
    askSeries(choice, range),
    ask('other-stats'),
    ask('referral-stats'),
  ]);
  measure();
  showTotals(totals, choice, range);
  SERIES.forEach(({ name }, i) => {
    const card = cards.get(name);
    card.series = series[i];
    draw(card);
  });
  showRankings(others, referrals);
  document.body.dataset.shows = Object.entries(choice).map((pair) => pair.join('=')).join(' ');
}

for (const about of SERIES) makeCard(about);
