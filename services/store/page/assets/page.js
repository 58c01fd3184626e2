// page: what is asked when, and what happens when somebody presses something.

import { ask, forgetToken, hasToken, Refused, setToken } from './api.js';
import { byId, setText } from './dom.js';
import { isRebuilding, showRebuild, showSilence, showStatus } from './status.js';
import { redraw, refreshTraffic } from './traffic.js';
import * as words from './words.js';

const STATUS_MS = 5000;
const TRAFFIC_MS = 30000;
const choice = { range: 'day', bucket: 'hour', class: 'all' };
const state = {
  isPaused: false, isLocked: false, isBusy: false, status: null, answeredMs: null, trafficAtMs: 0, rebuild: null,
  isWanted: false,
};

// ---- asking ----

function lock(text) {
  state.isLocked = true;
  byId('login').hidden = false;
  byId('main').hidden = true;
  byId('logout').hidden = true;
  setText(byId('login-error'), hasToken() ? text : '');
  setText(byId('updated'), '');
  byId('token').focus();
}

function unlock() {
  state.isLocked = false;
  byId('login').hidden = true;
  byId('main').hidden = false;
  byId('logout').hidden = !hasToken();
}

function isUnauthenticated(error) {
  return error instanceof Refused && error.status === 401;
}

function showNote(text) {
  const note = byId('traffic-note');
  note.hidden = text === '';
  setText(note, text);
}

async function refreshRebuild(status) {
  if (!isRebuilding(status)) {
    state.rebuild = null;
    showRebuild(status, null, null);
    return;
  }
  try {
    const rebuild = await ask('rebuild');
    showRebuild(status, rebuild, state.rebuild);
    state.rebuild = rebuild;
  } catch (error) {
    if (isUnauthenticated(error)) throw error;
    setText(byId('rebuild-words'), `How far it is cannot be said now: ${error.message}.`);
  }
}

async function refreshFigures(status) {
  byId('figures').hidden = !status.is_rpc;
  if (!status.is_rpc) {
    showNote('The figures are answered by a store with the role rpc; this one only writes.');
    return;
  }
  try {
    await refreshTraffic({ ...choice }, status.now_ms);
    showNote('');
  } catch (error) {
    if (isUnauthenticated(error)) throw error;
    showNote(`The figures cannot be read now: ${error.message}. ${state.trafficAtMs > 0 ? `What is shown is of ${words.clock(state.trafficAtMs)}.` : ''}`);
    return;
  }
  state.trafficAtMs = Date.now();
}

async function refresh(withFigures) {
  const status = await ask('status');
  unlock();
  document.body.classList.remove('stale');
  state.status = status;
  state.answeredMs = Date.now();
  showStatus(status);
  setText(byId('updated'), `Updated ${words.clock(status.now_ms)}`);
  const isDue = withFigures || Date.now() - state.trafficAtMs >= TRAFFIC_MS;
  await Promise.all([refreshRebuild(status), isDue ? refreshFigures(status) : null]);
}

/** One look at a time; what comes meanwhile is done after it. */
async function look(withFigures = false) {
  if (state.isBusy) {
    state.isWanted = true;
    return;
  }
  state.isBusy = true;
  try {
    await refresh(withFigures);
  } catch (error) {
    if (isUnauthenticated(error)) lock('The store does not know this token.');
    else fail(error);
  }
  state.isBusy = false;
  document.body.dataset.looks = String(Number(document.body.dataset.looks ?? 0) + 1);
  if (state.isWanted) {
    state.isWanted = false;
    await look(true);
  }
}

function fail(error) {
  document.body.classList.add('stale');
  showSilence(error instanceof Refused ? `It says: ${error.message}.` : 'No answer came in time.', state.answeredMs);
  setText(byId('updated'), state.answeredMs === null ? '' : `As of ${words.clock(state.answeredMs)}`);
}

// ---- pressing ----

function pause(isPaused) {
  state.isPaused = isPaused;
  const button = byId('pause');
  button.setAttribute('aria-pressed', String(isPaused));
  setText(button, isPaused ? 'Go on' : 'Pause');
  if (!isPaused) look();
}

function choose(group, value) {
  choice[group] = value;
  for (const button of byId(group).querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(button.dataset.value === value));
  }
}

function onSegment(group, value) {
  choose(group, value);
  if (group === 'range') choose('bucket', value === 'day' || value === 'week' ? 'hour' : 'day');
  look(true);
}

for (const group of ['range', 'bucket', 'class']) {
  for (const button of byId(group).querySelectorAll('button')) {
    button.addEventListener('click', () => onSegment(group, button.dataset.value));
  }
}
byId('pause').addEventListener('click', () => pause(!state.isPaused));
byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value.trim());
  byId('token').value = '';
  look(true);
});
byId('logout').addEventListener('click', () => {
  forgetToken();
  look(true);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && !state.isPaused && !state.isLocked) look();
});
new ResizeObserver(redraw).observe(byId('charts'));
setInterval(() => {
  if (!state.isPaused && !state.isLocked && !document.hidden) look();
}, STATUS_MS);
look(true);
