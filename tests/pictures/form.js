// The form of task.json as the classic editor draws it: groups, fields with their defaults, rules applied to the values.
'use strict'

const { escapeHtml } = require('./text')

/** Whether a rule such as `a = x && b != ""` holds for the values. */
function holds(rule, values) {
  const condition = (text) => {
    const [, name, operator, expected] = /^\s*(\w+)\s*(!=|==|=)\s*(.*?)\s*$/.exec(text)
    const equal = String(values[name] ?? '') === expected.replace(/^"(.*)"$/, '$1')
    return operator === '!=' ? !equal : equal
  }
  return rule.split('||').some((either) => either.split('&&').every(condition))
}

function field(input, value) {
  const text = escapeHtml(String(value ?? ''))
  switch (input.type) {
    case 'boolean':
      return `<span class="box">${String(value) === 'true' ? '✓' : ''}</span>`
    case 'multiLine':
      return `<div class="area" style="height:${1.45 * Math.max(1, Math.ceil(value.length / 45))}em">${text}</div>`
    case 'filePath':
      return `<div class="text">${text}<b>…</b></div>`
    case 'string':
      return `<div class="text">${text}</div>`
    default:
      return `<div class="select"><span>${escapeHtml(input.options?.[value] ?? String(value ?? ''))}</span><b>▾</b></div>`
  }
}

/** The form for somebody who has filled in `changes`, and has opened one closed group. */
exports.form = (task, changes, opened) => {
  const values = {}
  for (const input of task.inputs) values[input.name] = input.defaultValue ?? ''
  Object.assign(values, changes)
  const isShown = ({ visibleRule }) => !visibleRule || holds(visibleRule, values)
  const row = (input) => {
    const star = input.required ? ' <i>*</i>' : ''
    const check = input.type === 'boolean' ? ' class="row check"' : ' class="row"'
    return `<div${check}><label>${escapeHtml(input.label)}${star} <em>i</em></label>${field(input, values[input.name])}</div>`
  }
  const rows = (name) => task.inputs.filter((input) => input.groupName === name && isShown(input)).map(row)
  const group = ({ name, displayName, isExpanded }) => {
    const shown = rows(name)
    if (!shown.length) return ''
    // A heading is not parted from its first field.
    const isOpen = isExpanded || name === opened
    const [first, ...others] = isOpen ? shown : ['']
    return `<section><div class="keep"><h2>${isOpen ? '⌄' : '›'} ${escapeHtml(displayName)}</h2>${first}</div>${others.join('\n')}</section>`
  }
  const title = task.instanceNameFormat.replace(/\$\((\w+)\)/g, (_, name) => values[name])
  return `<div class="row"><label>Display name <i>*</i></label><div class="text">${escapeHtml(title)}</div></div>
${rows(undefined).join('\n')}
${task.groups.filter(isShown).map(group).join('\n')}`
}
