// What is judged inside the page. The functions run in the browser and stand alone.
'use strict';

/** Texts whose contrast with what is behind them is below WCAG's AA. */
function faint() {
  const rgba = (text) => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((i) => top[i] * alpha + below[i] * (1 - alpha));
  };
  const light = (color) => {
    const [r, g, b] = color.slice(0, 3).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest('.hidden, script, noscript, title, desc')) continue;
    const style = getComputedStyle(element);
    const color = element.closest('svg') ? style.fill : style.color;
    const back = behind(element.closest('svg')?.parentElement ?? element);
    const [a, b] = [light(over(rgba(color), back)), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${node.textContent.trim().slice(0, 40)}`);
  }
  return found;
}

/** What a screen reader could not tell, and what is not there exactly once. */
function unlabelled() {
  const found = [];
  const name = (element) => (element.getAttribute('aria-label') ?? '') || element.textContent.trim()
    || (element.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('').trim()
    || (element.labels?.[0]?.textContent ?? '').trim();
  const demand = (is, what, element) => { if (!is) found.push(`${what}: ${element.outerHTML.slice(0, 80)}`); };
  for (const element of document.querySelectorAll('button, a, input, summary, [role=region], [role=group], progress, section, article')) {
    demand(name(element), 'no name', element);
  }
  for (const element of document.querySelectorAll('section, article')) demand(element.getAttribute('aria-labelledby'), 'no label', element);
  for (const element of document.querySelectorAll('svg:not([aria-hidden])')) {
    demand(element.getAttribute('role') === 'img' && (element.getAttribute('aria-label') || (element.querySelector('title') && element.querySelector('desc'))), 'a picture without words', element);
  }
  for (const element of document.querySelectorAll('table')) {
    demand(element.caption?.textContent.trim(), 'no caption', element);
    for (const head of element.querySelectorAll('th')) demand(head.scope, 'no scope', head);
  }
  for (const element of document.querySelectorAll('img')) demand(element.hasAttribute('alt'), 'no alt', element);
  for (const element of document.querySelectorAll('[tabindex]')) demand(Number(element.getAttribute('tabindex')) <= 0, 'tabindex', element);
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) found.push(`twice: #${id}`);
  for (const element of document.querySelectorAll('[aria-labelledby]')) {
    for (const id of element.getAttribute('aria-labelledby').split(' ')) demand(document.getElementById(id), `#${id} is missing`, element);
  }
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1');
  if (!document.documentElement.lang) found.push('no language');
  return found;
}

/** The figures as a person reads them. */
function figures() {
  const text = (selector, root = document) => root.querySelector(selector)?.textContent.trim() ?? null;
  const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
  const rows = (selector) => [...document.querySelectorAll(`${selector} tbody tr`)].map(cells);
  return {
    headline: text('#headline'),
    headlineLevel: document.getElementById('headline').className,
    findings: [...document.querySelectorAll('#findings li')].map((item) => item.textContent.trim()),
    totals: Object.fromEntries(['users', 'videos', 'images', 'music'].map((name) => [name, text(`#total-${name}`)])),
    people: Object.fromEntries(['videos', 'images', 'music'].map((name) => [name, text(`.series-${name} .figure .quiet`)])),
    languages: rows('#languages'),
    topUsers: rows('#top-users'),
    referrals: rows('#referrals'),
    partitions: rows('#partitions'),
    partitionsAll: [...document.querySelectorAll('#partitions tfoot tr')].map(cells),
    letters: rows('#letters-card'),
    rebuild: text('#rebuild-words'),
    note: document.getElementById('traffic-note').hidden ? null : text('#traffic-note'),
    isTooWide: document.documentElement.scrollWidth > window.innerWidth,
  };
}

module.exports = { faint, figures, unlabelled };
