// dom: building elements. Text is always set as text, so data can never become markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element with attributes and children (elements or texts). */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same of SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

export const byId = (id) => document.getElementById(id);

/** Changes nothing when the text is the same, so that it is not read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Shows exactly these children. */
export function show(element, ...children) {
  element.replaceChildren(...children);
}

/**
 * A table. columns: {title, isNumber}; rows: arrays of texts or elements, the first a header of its
 * row.
 */
export function table(caption, columns, rows, foot = null) {
  const cell = (value, i, isHead) => {
    const kind = columns[i].isNumber ? 'number' : null;
    const name = isHead ? 'th' : 'td';
    return el(name, { class: kind, scope: isHead ? 'row' : null }, value);
  };
  const line = (row) => el('tr', {}, ...row.map((value, i) => cell(value, i, i === 0)));
  const head = columns.map((column) => el('th', { scope: 'col', class: column.isNumber ? 'number' : null }, column.title));
  return el('table', {},
    el('caption', { class: 'hidden' }, caption),
    el('thead', {}, el('tr', {}, ...head)),
    el('tbody', {}, ...rows.map(line)),
    foot ? el('tfoot', {}, line(foot)) : null);
}

/** What may be wider than the screen scrolls by itself, also by keyboard. */
export function scroller(label, child) {
  return el('div', { class: 'scroller', role: 'region', 'aria-label': label, tabindex: '0' }, child);
}
