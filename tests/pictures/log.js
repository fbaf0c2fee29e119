// A transcript as the log of Azure Pipelines shows it: commands carried out, issues as coloured lines, groups closed until somebody opens them.
'use strict'

const { escapeHtml } = require('./text')

const COLOURS = ['group', 'endgroup', 'error', 'warning', 'section', 'command', 'debug']

/** What the agent writes to the log for a line of a step; nothing for most commands. */
function shown(line) {
  const command = /^##vso\[([\w.]+)\s*([^\]]*)\](.*)$/.exec(line)
  if (!command) return [line]
  const [, name, properties, data] = command
  if (name !== 'task.logissue') return []
  const of = (key) => new RegExp(`${key}=([^;]*)`).exec(properties)?.[1] ?? ''
  const text = data.replace(/%0D/g, '\r').replace(/%0A/g, '\n').replace(/%AZP25/g, '%')
  const place = of('sourcepath') && `${of('sourcepath')}(${of('linenumber')},${of('columnnumber')}): ${of('type')} ${of('code')}: `
  return `##[${of('type')}]${place}${text}`.split('\n')
}

/** The rows of the log. Groups whose title `open` accepts are open. */
exports.rows = (transcript, open) => {
  const lines = transcript.trimEnd().split('\n').flatMap(shown)
  let inGroup = false
  let isOpen = true
  const rows = lines.map((line, index) => {
    const [, kind, text] = /^##\[(\w+)\](.*)$/.exec(line) ?? [null, '', line]
    const known = COLOURS.includes(kind) ? kind : ''
    if (known === 'endgroup') {
      inGroup = false
      isOpen = true
      return ''
    }
    if (known === 'group') {
      inGroup = true
      isOpen = open(text)
    } else if (!isOpen) {
      return ''
    }
    const body = (known === 'group' ? (isOpen ? '▾ ' : '▸ ') : inGroup ? '   ' : '') + (known ? text : line)
    const tag = ['error', 'warning'].includes(known) ? `##[${known}]` : ''
    return `<p class="${known}"><b>${index + 1}</b><span>${escapeHtml(tag + body)}</span></p>`
  })
  return rows.filter(Boolean)
}

exports.log = (rows) => `<div class="lines">${rows.join('\n')}</div>`
