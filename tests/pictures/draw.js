// Draws the pictures of docs/ by headless Chromium. Logs and summaries are golden files, which the tests make by whole builds in the emulated cloud; the
// form is task/task.json itself; the picture of the process is process.js.
'use strict'

const { execFileSync } = require('node:child_process')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const UPNG = require('upng-js')
const { form } = require('./form')
const { log, rows } = require('./log')
const { process: processPicture, size: processSize } = require('./process')
const { escapeHtml, render } = require('./text')

const root = join(__dirname, '../..')
// What the golden files leave open.
const read = (path) =>
  readFileSync(join(root, path), 'utf8')
    .replaceAll('NUMBER', '1775289600000000').replaceAll('WORK', '/agent/_work').replaceAll('PACKED', '2.6 MiB')
const style = readFileSync(join(__dirname, 'page.css'), 'utf8')
// What the Marketplace asks of a screenshot.
const LISTING = { width: 1366, height: 768 }
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

/** Draws `body` into docs/`name`.png, as high as it is unless a height is given; `scale` dots for each pixel of the page. */
function draw(name, body, { width, height, theme = 'light', scale = 1, colours = 48 }) {
  const page = join(folder, `${name}.html`)
  // Nothing but a window shows less than it holds.
  const cut = "[...document.querySelectorAll('.tile, .columns')].some((it) => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth)"
  const measure = `<script>document.title = ${cut} ? 'cut' : document.documentElement.scrollHeight</script>`
  const head = `<!doctype html><meta charset="utf-8"><style>${style}</style>`
  writeFileSync(page, `${head}<body class="${theme}">${body}${measure}`)
  const seen = chrome([`--window-size=${width},200`, '--dump-dom', `file://${page}`])
  const needed = Number(/<title>(\w+)</.exec(seen)[1])
  if (Number.isNaN(needed)) throw new Error(`${name} shows less than there is`)
  if (height && needed > height) throw new Error(`${name} is ${needed} high, and only ${height} are shown`)
  const picture = join(root, 'docs', `${name}.png`)
  chrome([`--window-size=${width},${height ?? needed}`, `--force-device-scale-factor=${scale}`, `--screenshot=${picture}`, `file://${page}`])
  // With a palette a picture of text is a third as large.
  const { width: across, height: down, ...image } = UPNG.decode(readFileSync(picture))
  const pixels = UPNG.toRGBA8({ width: across, height: down, ...image })
  writeFileSync(picture, Buffer.from(UPNG.encode(pixels, across, down, colours)))
  console.log(`${picture}: ${across} x ${down}`)
}

const window = (title, content, kind) => `<div class="window ${kind}"><h1>${escapeHtml(title)}</h1><div class="inner">${content}</div></div>`
/** The sections of a summary from its head to before the one with this title. */
const until = (markdown, title) => markdown.split(`\n### ${title}`)[0]

function forms(task, actions) {
  const tile = ([action, changes, opened]) => `<div class="form tile">${form(task, { ...EXAMPLE, ...changes, action }, opened)}</div>`
  return `<div class="forms">${actions.map(tile).join('')}</div>`
}

const ID = '/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers'
const GALLERY = `${ID}/Microsoft.Compute/galleries/galContoso/images/win11-avd`
const POOL = '/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp-production'
const EXAMPLE = { ibSubscription: 'images-prod', ibAzureResourceGroup: 'rg-images' }
const BUILD = {
  ...EXAMPLE,
  ibLocation: 'westeurope',
  managedIdentity: `${ID}/Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder`,
  imageSource: 'marketplace',
  baseImage: 'MicrosoftWindowsDesktop:office-365:win11-25h2-avd-m365',
  provisioner: 'powershell',
  packagePath: 'wvd/images',
  storageAccountName: 'stcontosoimages',
  inlineScript: "& 'c:\\buildartifacts\\images\\scripts\\base-installs.ps1'",
  stopOnError: 'true',
  windowsUpdateProvisioner: 'true',
  distributeType: 'sig',
  galleryImageId: GALLERY,
  imageVersion: '1.0.$(Build.BuildNumber)',
  replicationRegions: 'westeurope, northeurope',
  vmSize: 'Standard_D4s_v5',
  buildTimeoutInMinutes: '120',
}
const VERSION = `${GALLERY}/versions/1.0.2609402`

try {
  const task = JSON.parse(read('task/task.json'))
  const build = read('tests/golden/pictures/build.txt')
  const failed = read('tests/golden/pictures/failed.txt')
  const [good, bad] = ['build', 'failed'].map((name) => read(`tests/golden/pictures/${name}.md`))
  const opened = (text) => text.includes("'applications'") || text.startsWith('Last lines')

  // Of log and summary the parts that fit.
  const from = (all, text) => all.slice(all.findIndex((row) => row.includes(text)))
  const lines = from(rows(build, opened), 'customizer 4 of')
  const short = until(good, 'Steps').replace(/^\| (Repository|Commit|Pipeline|Build|Image template) \|.*\n/gm, '')
  const hero = window('bake: the log of the step', log(lines), 'log') + window('Summary of the run', render(short), 'summary')
  draw('hero', `<div class="hero">${hero}</div>`, { width: 1366, height: 600, scale: 2 })
  writeFileSync(join(root, 'docs/process.svg'), processPicture('light'))
  draw('process', processPicture('light'), { ...processSize, theme: 'bare', scale: 2 })
  draw('process-dark', processPicture('dark'), { ...processSize, theme: 'bare', scale: 2 })

  // A good build from its plan to its end.
  const whole = rows(build, (text) => text === 'Plan')
  draw('log', `<div class="log full">${log(whole)}</div>`, { ...LISTING, theme: 'log' })
  const ending = from(rows(failed, (text) => text.startsWith('Last lines')), 'customizer 1 of')
  draw('log-failure', `<div class="log full">${log(ending)}</div>`, { width: LISTING.width, theme: 'log' })
  for (const theme of ['light', 'dark']) {
    const suffix = theme === 'dark' ? '-dark' : ''
    draw(`summary${suffix}`, `<div class="summary">${render(good)}</div>`, { width: 1000, theme })
  }
  draw('summary-failure', `<div class="summary">${render(bad)}</div>`, { width: 1000 })
  const changes = read('tests/golden/summaries/diff.md').split('\n### ')[1].split('\nImage version:')[0]
  draw('changes', `<div class="summary">${render(`### ${changes}`)}</div>`, { width: 720 })
  draw('summary-listing', `<div class="summary columns">${render(good)}</div>`, LISTING)
  draw('form', `<div class="form columns">${form(task, BUILD)}</div>`, LISTING)
  draw('form-long-builds', forms(task, [
    ['wait', { templateName: 'aib-$(Build.BuildId)' }, 'LongBuilds'],
    ['run', { templateName: 'win11-golden' }],
    ['status', { templateName: 'aib-$(Build.BuildId)' }],
    ['cancel', { templateName: 'aib-$(Build.BuildId)' }],
    ['sweep', { storageAccountName: 'stcontosoimages' }],
  ]), LISTING)
  draw('form-versions', forms(task, [
    ['promote', { ImageVersionId: VERSION, requireTags: 'imageTest=passed' }],
    ['withdraw', { ImageVersionId: VERSION, withdrawReason: 'printing fails' }],
    ['retain', { galleryImageId: GALLERY }],
  ]), LISTING)
  const one = (changes, opened) => `<div class="form columns">${form(task, { ...EXAMPLE, ...changes }, opened)}</div>`
  const { ibLocation, managedIdentity } = BUILD
  draw('form-test', one({ action: 'test', ibLocation, managedIdentity, ImageVersionId: VERSION, provisioner: 'powershell' }, 'Validate'), LISTING)
  draw('form-rollout', one({ action: 'rollout', ImageVersionId: VERSION, hostPoolId: POOL, requireTags: 'imageTest=passed' }, 'RolloutHosts'), LISTING)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
