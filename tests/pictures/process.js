// The whole process as one picture: from scripts in a repository to the production host pool. Drawn as SVG; draw.js makes the PNG for the Marketplace,
// which shows no SVG.
'use strict'

const WIDTH = 1280
const HEIGHT = 318
const BOX = { width: 184, height: 132, top: 42 }
const STEP = 212
const LEFT = 18

// What each thing is, and the two lines below its name; what leads to it from the thing before.
const THINGS = [
  { name: 'Repository', lines: ['scripts, packages,', 'azure-pipelines.yml'], icon: 'folder' },
  { name: 'Image build', lines: ['customize, update,', 'validate'], icon: 'gear', by: 'push' },
  { name: 'Gallery version', lines: ['1.0.2609402,', 'not yet "latest"'], icon: 'stack', by: 'distribute' },
  { name: 'Staging host pool', lines: ['new session hosts', 'of this version'], icon: 'hosts', by: 'exact id' },
  { name: 'Approval', lines: ['testers approve', 'or reject'], icon: 'check', by: 'try' },
  { name: 'Production', lines: ['"latest", new hosts,', 'old ones drain'], icon: 'hosts', by: 'promote' },
]

// The stages of the pipeline below the things, first and last thing of each.
const STAGES = [
  { name: 'stage image', what: 'action: build, then action: test', from: 1, to: 2 },
  { name: 'stage staging', what: 'action: rollout', from: 3, to: 3 },
  { name: 'stage production', what: "approval, action: promote, action: rollout", from: 4, to: 5 },
]

const ICONS = {
  folder: '<path d="M2 6h8l3 3h13v15H2z"/>',
  gear: '<circle cx="14" cy="14" r="5"/><path d="M14 2v5M14 21v5M2 14h5M21 14h5M5.5 5.5l3.6 3.6M18.9 18.9l3.6 3.6M5.5 22.5l3.6-3.6M18.9 9.1l3.6-3.6"/>',
  stack: '<path d="M14 3l12 6-12 6L2 9zM2 14l12 6 12-6M2 19l12 6 12-6"/>',
  hosts: '<rect x="2" y="4" width="24" height="15" rx="1.5"/><path d="M9 25h10M14 19v6"/>',
  check: '<circle cx="14" cy="14" r="11"/><path d="M8.5 14.5l4 4 7-8"/>',
}

const COLOURS = {
  light: { back: '#ffffff', box: '#f3f7fb', edge: '#12324a', text: '#1b1b1b', soft: '#50606e', accent: '#0065b3', band: '#e3eef8' },
  dark: { back: '#1b1a19', box: '#22303c', edge: '#8cc4f2', text: '#f3f2f1', soft: '#b8c4ce', accent: '#6cb8f6', band: '#203547' },
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** The picture as SVG, for a light or a dark page. */
exports.process = (theme) => {
  const colour = COLOURS[theme]
  const x = (index) => LEFT + index * STEP
  const middle = BOX.top + BOX.height / 2
  const text = (at, y, size, fill, content, more = '') =>
    `<text x="${at}" y="${y}" font-size="${size}" fill="${fill}" text-anchor="middle" ${more}>${escape(content)}</text>`
  const things = THINGS.map(({ name, lines, icon, by }, index) => {
    const centre = x(index) + BOX.width / 2
    const arrow = index && `<path d="M${x(index) - STEP + BOX.width + 2} ${middle}h${STEP - BOX.width - 9}" stroke="${colour.accent}" stroke-width="2.5"
      marker-end="url(#tip)"/>`
    const over = index && text(x(index) - (STEP - BOX.width) / 2, BOX.top - 12, 14, colour.accent, by, 'font-weight="600"')
    return `${arrow || ''}${over || ''}
<rect x="${x(index)}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}" rx="8" fill="${colour.box}" stroke="${colour.edge}" stroke-width="1.5"/>
<g transform="translate(${centre - 14} ${BOX.top + 12})" fill="none" stroke="${colour.accent}" stroke-width="2" stroke-linejoin="round">${ICONS[icon]}</g>
${text(centre, BOX.top + 66, 17, colour.text, name, 'font-weight="600"')}
${lines.map((line, row) => text(centre, BOX.top + 90 + 20 * row, 14.5, colour.soft, line)).join('\n')}`
  })
  const stages = STAGES.map(({ name, what, from, to }) => {
    const [left, right] = [x(from), x(to) + BOX.width]
    const centre = (left + right) / 2
    return `<rect x="${left}" y="194" width="${right - left}" height="56" rx="6" fill="${colour.band}"/>
${text(centre, 218, 15, colour.text, name, 'font-weight="600"')}
${text(centre, 238, 14, colour.soft, what)}`
  })
  const back = `<path d="M${x(5) + BOX.width / 2} 258v22H${x(2) + BOX.width / 2}v-22" fill="none" stroke="${colour.soft}" stroke-width="1.8" stroke-dasharray="5 4" marker-end="url(#back)"/>
${text((x(2) + x(5) + BOX.width) / 2, 302, 14.5, colour.soft, 'the way back: action: rollout with the version of before, and action: withdraw')}`
  const marker = (id, fill) => `<marker id="${id}" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path d="M0 0l8 4-8 4z" fill="${fill}"/></marker>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="Segoe UI, Open Sans, sans-serif">
<defs>${marker('tip', colour.accent)}${marker('back', colour.soft)}</defs>
<rect width="${WIDTH}" height="${HEIGHT}" fill="${colour.back}"/>
${things.join('\n')}
${stages.join('\n')}
${back}
</svg>
`
}
exports.size = { width: WIDTH, height: HEIGHT }
