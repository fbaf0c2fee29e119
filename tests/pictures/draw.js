// Draws the pictures of docs/ by headless Chromium. The transcripts and summaries are golden files, which the tests make by whole builds in the
// emulated cloud; the form is task/task.json itself.
'use strict'

const { execFileSync } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const UPNG = require('upng-js')
const { form } = require('./form')
const { log } = require('./log')
const { render } = require('./text')

const root = join(__dirname, '../..')
// What the golden files leave open.
const read = (path) =>
  readFileSync(join(root, path), 'utf8')
    .replaceAll('NUMBER', '1764000000000000').replaceAll('WORK', '/agent/_work').replaceAll('PACKED', '0.9 KiB')
const style = readFileSync(join(__dirname, 'page.css'), 'utf8')
const COLOURS = 24
const chromium = process.env.CHROMIUM ?? 'chromium'
const folder = mkdtempSync(join(tmpdir(), 'pictures-'))

function chrome(arguments_) {
  const quiet = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking'
  const more = `--disable-component-update --disable-sync --hide-scrollbars --user-data-dir=${join(folder, 'profile')}`
  return execFileSync(chromium, [...`${quiet} ${more}`.split(' '), ...arguments_], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
}

/** Draws `body` into docs/`name`.png, as high as it is. */
function draw(name, body, width) {
  const page = join(folder, `${name}.html`)
  const measure = '<script>document.title = document.documentElement.scrollHeight</script>'
  const head = `<!doctype html><meta charset="utf-8"><style>${style}</style>`
  writeFileSync(page, `${head}<body class="${name.split('-')[0]}">${body}${measure}`)
  const seen = chrome([`--window-size=${width},200`, '--dump-dom', `file://${page}`])
  const height = Number(/<title>(\d+)</.exec(seen)[1])
  const picture = join(root, 'docs', `${name}.png`)
  chrome([`--window-size=${width},${height}`, `--screenshot=${picture}`, `file://${page}`])
  // With a palette a picture of text is a third as large.
  const { width: across, height: down, ...image } = UPNG.decode(readFileSync(picture))
  const pixels = UPNG.toRGBA8({ width: across, height: down, ...image })
  writeFileSync(picture, Buffer.from(UPNG.encode(pixels, across, down, COLOURS)))
  console.log(`${picture}: ${width} x ${height}`)
}

try {
  const task = JSON.parse(read('task/task.json'))
  draw('form', form(task, {}), 1180)
  draw('summary', render(read('tests/golden/summaries/seed.md')), 1000)
  draw('summary-failure', render(read('tests/golden/summaries/failed-customizer.md')), 1000)
  draw('log', log(read('tests/golden/transcripts/failed-customizer.txt')), 1100)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
