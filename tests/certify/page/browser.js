// One visit of the status page by a headless Chromium: node browser.js '{"url": …}'; prints what was
// seen as JSON. The steps are named in the plan and done in their order.
'use strict';

const fs = require('fs');
const judge = require('./judge.js');

const { chromium } = require(process.env.PLAYWRIGHT);
const PATIENCE_MS = 60000;
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--font-render-hinting=none'];

/** The page has asked once more and shown what came. */
async function nextLook(page, action) {
  const looks = await page.evaluate(() => Number(document.body.dataset.looks ?? 0));
  await action();
  await page.waitForFunction((before) => Number(document.body.dataset.looks ?? 0) > before, looks, { timeout: PATIENCE_MS });
}

const steps = {
  /** Press a button of the controls: "range week". */
  async choose(page, [group, value]) {
    await page.click(`#${group} [data-value=${value}]`);
    await page.waitForFunction((shown) => document.body.dataset.shows.split(' ').includes(shown), `${group}=${value}`, { timeout: PATIENCE_MS });
  },
  async pause(page) {
    await page.click('#pause');
  },
  /** The table of a series, and the file that its button saves. */
  async table(page, [name], seen) {
    const card = page.locator(`.series-${name}`);
    if (!(await card.locator('details[open]').count())) await card.locator('summary').click();
    await card.locator('tbody tr').first().waitFor();
    seen.table = await card.locator('tbody tr').evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    seen.marks = await card.locator('svg .mark, svg .line').count();
    seen.description = await card.locator('svg desc').textContent();
  },
  async csv(page, [selector], seen) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`${selector} button.small`)]);
    seen.csvName = download.suggestedFilename();
    seen.csv = fs.readFileSync(await download.path(), 'utf8');
  },
  /** Where the focus goes from the top, until it leaves the page or begins again. */
  async tabs(page, _, seen) {
    seen.tabs = [];
    for (let i = 0; i < 100; i++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === document.body) return null;
        const style = getComputedStyle(element);
        return {
          name: element.getAttribute('aria-label') ?? element.textContent.trim(),
          kind: element.tagName.toLowerCase(),
          isSeen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        };
      });
      if (at === null || (seen.tabs.length > 0 && at.name === seen.tabs[0].name)) break;
      seen.tabs.push(at);
    }
  },
  /** By keyboard alone. */
  async press(page, keys) {
    for (const key of keys) await page.keyboard.press(key);
  },
  async login(page, [token], seen) {
    await page.waitForSelector('#login:not([hidden])', { timeout: PATIENCE_MS });
    seen.isHidden = await page.locator('#main').isHidden();
    await nextLook(page, async () => {
      await page.fill('#token', token);
      await page.keyboard.press('Enter');
    });
    seen.loginError = await page.locator('#login-error').textContent();
  },
  /** End the store that the page is of. */
  async kill(_, [pid]) {
    process.kill(pid, 'SIGKILL');
  },
  async waitFor(page, [selector]) {
    await page.waitForSelector(selector, { timeout: PATIENCE_MS });
  },
  async judge(page, _, seen) {
    seen.faint = await page.evaluate(judge.faint);
    seen.unlabelled = await page.evaluate(judge.unlabelled);
  },
  async screenshot(page, [path, isWhole]) {
    await page.screenshot({ path, fullPage: isWhole !== false });
  },
};

async function visit(browser, plan) {
  const seen = { errors: [], requests: [] };
  const context = await browser.newContext({
    viewport: { width: plan.width ?? 1280, height: plan.height ?? 900 }, colorScheme: plan.theme ?? 'light', reducedMotion: 'reduce', acceptDownloads: true,
  });
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() !== 'log') seen.errors.push(message.text()); });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => seen.requests.push(request.url()));
  await page.goto(plan.url);
  await page.waitForFunction(() => Number(document.body.dataset.looks ?? 0) > 0, null, { timeout: PATIENCE_MS });
  for (const [name, ...given] of plan.steps ?? []) await steps[name](page, given, seen);
  seen.figures = await page.evaluate(judge.figures);
  await context.close();
  return seen;
}

async function main() {
  const plan = JSON.parse(process.argv[2]);
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGS });
  try {
    process.stdout.write(JSON.stringify(await visit(browser, plan)));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
