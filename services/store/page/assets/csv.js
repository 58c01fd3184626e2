// csv: tables as files. Texts come from strangers: one that a spreadsheet would take for a formula
// gets an apostrophe before it.

import { el } from './dom.js';

function field(value) {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The text of a file: names, then rows of numbers and texts. */
export function csv(names, rows) {
  return [names, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function download(fileName, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
  const link = el('a', { href: url, download: fileName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** A button that saves what `rows()` gives at that moment. */
export function csvButton(what, fileName, names, rows) {
  return el('button', {
    type: 'button',
    class: 'small',
    'aria-label': `Save ${what} as CSV`,
    onclick: () => download(`telefact-${fileName}.csv`, csv(names, rows())),
  }, 'CSV');
}
