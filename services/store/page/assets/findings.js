// findings: what there is to say about a status, in words, the worst first. Pure.

import * as words from './words.js';

const SLOW_MS = 60000; // behind for longer is worth a look
const LEVELS = ['ok', 'info', 'warn', 'bad'];

/** Records that are in the log and not in the tables, of the partitions that this process has. */
export function behind(ingest) {
  return ingest.partitions.reduce((sum, { end, applied }) => sum + Math.max(0, end - applied), 0);
}

function ofStopped(row, nowMs) {
  return {
    level: 'bad',
    title: `Partition ${row.partition} stands still`,
    text: `Partition ${row.partition} stands still at offset ${words.number(row.applied)} since `
      + `${words.moment(row.since_ms, nowMs)} (${words.duration(nowMs - row.since_ms)}): ${row.why}. `
      + `What to do: docs/refusals.md, “log”, ${row.reason}.`,
  };
}

function ofPartitions(ingest, nowMs) {
  const held = ingest.partitions.filter((row) => row.state === 'held').map((row) => row.partition);
  const found = ingest.partitions.filter((row) => row.state === 'stopped').map((row) => ofStopped(row, nowMs));
  if (held.length > 0) {
    found.push({
      level: 'info',
      title: 'Ingest is held',
      text: `Partition ${held.join(', ')} waits at a limit that a rebuild has set; it goes on when that is lifted.`,
    });
  }
  return found;
}

/** Of the partitions that go on; those that stand still are told of by themselves. */
function ofLag(ingest) {
  const going = ingest.partitions.filter((row) => row.state !== 'stopped');
  const records = behind({ partitions: going });
  const whose = going.length < ingest.partitions.length ? 'the other' : 'this process’s';
  if (records === 0) {
    return { level: 'ok', title: 'Everything is applied', text: `Everything in the log of ${whose} ${words.count(going.length, 'partition')} is in the tables.` };
  }
  const age = words.duration(ingest.lag_ms);
  const isAgeKnown = ingest.lag_ms > 0;
  return {
    level: ingest.lag_ms > SLOW_MS ? 'warn' : 'ok',
    title: `${isAgeKnown ? age : words.count(records, 'record')} behind`,
    text: `${words.count(records, 'record')} of the log ${records === 1 ? 'is' : 'are'} not in the tables yet${isAgeKnown ? `; the newest applied event is ${age} old` : ''}.`,
  };
}

function ofIngest(ingest, nowMs) {
  if (ingest === null) {
    return [{ level: 'info', title: 'This store answers reads', text: 'This process has not the role ingest: how far the log is applied, the pages of the stores that have it say.' }];
  }
  if (!ingest.is_assigned) {
    return [{ level: 'warn', title: 'Waits for its partitions', text: 'Kafka has not given this process its partitions yet.' }];
  }
  const found = ofPartitions(ingest, nowMs);
  if (!ingest.is_running && !ingest.is_database_well) {
    found.push({ level: 'bad', title: 'The database is away', text: 'PostgreSQL does not take what is written; nothing is lost, and it goes on by itself.' });
  } else if (!ingest.is_running) {
    found.push({ level: 'warn', title: 'Waits for Kafka', text: 'The log cannot be read now; it goes on by itself.' });
  } else if (ingest.partitions.length === 0) {
    found.push({ level: 'ok', title: 'Stands by', text: 'Other stores have all partitions; this one takes over when one of them ends.' });
  } else if (ingest.partitions.some((row) => row.state !== 'stopped')) {
    found.push(ofLag(ingest));
  }
  return found;
}

function ofLetters(letters, nowMs) {
  const open = letters.reduce((sum, { count }) => sum + count, 0);
  if (open === 0) return [];
  const oldest = Math.min(...letters.map((row) => row.oldest_ms));
  return [{
    level: 'warn',
    title: `${words.count(open, 'dead letter')} to decide on`,
    text: `${words.count(open, 'record')} could not be applied and ${open === 1 ? 'waits' : 'wait'} for a decision, the oldest since `
      + `${words.moment(oldest, nowMs)}. What to do: telefact-store dlq list (docs/dead-letters.md).`,
  }];
}

function ofTables(status, nowMs) {
  const { tables } = status;
  if (!status.is_rpc) {
    return [{ level: 'info', title: 'This store only writes', text: 'This process has not the role rpc: the figures are on the pages of the stores that have it.' }];
  }
  if (!tables.is_known) return [{ level: 'bad', title: 'The tables cannot be read', text: `The tables cannot be read: ${tables.why}.` }];
  const failed = tables.generations.filter(({ state }) => state === 'failed').map(({ id, detail }) => ({
    level: 'warn',
    title: 'A rebuild failed',
    text: `Generation ${id} failed: ${detail || 'it differs from the live one'}. What to do: docs/replay.md.`,
  }));
  return [...ofLetters(tables.letters, nowMs), ...failed];
}

/** [{level, title, text}], the worst first. */
export function findings(status) {
  const found = [...ofIngest(status.ingest, status.now_ms), ...ofTables(status, status.now_ms)];
  return found.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
}
