// Opens pages in Chromium, lets axe look at them, and checks that nothing is wider than the screen. Usage: node look.mjs CHROMIUM FOLDER-OR-URL... [--shots FOLDER]
import fs from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../web/package.json', import.meta.url))
const { chromium } = require('playwright-core')
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const [executablePath, ...rest] = process.argv.slice(2)
const shots = rest.includes('--shots') ? rest.splice(rest.indexOf('--shots'), 2)[1] : undefined
const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
let problems = 0
for (const colorScheme of ['light', 'dark']) {
  for (const [device, width, height] of [['phone', 360, 740], ['desktop', 1280, 800]]) {
    const viewport = { width, height }
    const strict = await browser.newContext({ viewport, colorScheme })
    const open = await browser.newContext({ viewport, colorScheme, bypassCSP: true }) // axe is a script
    for (const url of rest) {
      const said = []
      const obedient = await strict.newPage()
      obedient.on('console', (message) => said.push(message.text()))
      await obedient.goto(url)
      const wide = await obedient.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      const styled = await obedient.evaluate(() => getComputedStyle(document.querySelector('main')).maxWidth !== 'none')
      const page = await open.newPage()
      await page.goto(url)
      await page.evaluate(axe)
      const { violations } = await page.evaluate(() => globalThis.axe.run(document))
      if (wide > 0 || !styled || said.length > 0 || violations.length > 0) {
        problems++
        const found = violations.map((each) => [each.id, each.nodes[0].html.slice(0, 200)])
        console.log(JSON.stringify({ colorScheme, device, url, wide, styled, said, found }))
      }
      if (shots) {
        const name = url.replace(/\W+/g, '-').slice(-40)
        await obedient.screenshot({ path: `${shots}/${colorScheme}-${device}${name}.png`, fullPage: true })
      }
      await Promise.all([obedient.close(), page.close()])
    }
    await Promise.all([strict.close(), open.close()])
  }
}
await browser.close()
process.exit(problems === 0 ? 0 : 1)
