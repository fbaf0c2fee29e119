// The form of task.json as the classic editor draws it: groups, fields with their defaults, rules applied to the defaults.
'use strict'

const { escapeHtml, inline } = require('./text')

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
  if (input.type.startsWith('connectedService')) {
    return '<div class="select"><span></span><b>▾</b></div><span class="link">Manage ↗</span>'
  }
  switch (input.type) {
    case 'boolean':
      return `<span class="box">${String(value) === 'true' ? '✓' : ''}</span>`
    case 'pickList': {
      const shown = escapeHtml(input.options?.[value] ?? String(value ?? ''))
      return `<div class="select"><span>${shown}</span><b>▾</b></div>`
    }
    case 'multiLine':
      return `<div class="area" style="height:${1.4 * Math.min(Number(input.properties?.rows ?? 4), 5)}em">${text}</div>`
    case 'filePath':
      return `<div class="text">${text}</div><span class="link">…</span>`
    default:
      return `<div class="text">${text}</div>`
  }
}

/** The page for a task. `changes` are values that somebody has filled in. */
exports.form = (task, changes) => {
  const values = {}
  for (const input of task.inputs) values[input.name] = input.defaultValue ?? ''
  Object.assign(values, changes)
  const group = ({ name, displayName, isExpanded }) => {
    const inputs = task.inputs.filter((input) => input.groupName === name)
    const shown = inputs.filter((input) => !input.visibleRule || holds(input.visibleRule, values))
    const row = (input) => {
      const star = input.required ? ' <i>*</i>' : ''
      const check = input.type === 'boolean' ? ' class="row check"' : ' class="row"'
      const label = `<label>${escapeHtml(input.label)}${star} <em>i</em></label>`
      const help = `<aside>${inline(input.helpMarkDown)}</aside>`
      return `<div${check}><div>${label}${field(input, values[input.name])}</div>${help}</div>`
    }
    const body = isExpanded ? shown.map(row).join('\n') : ''
    const arrow = isExpanded ? '⌄' : '›'
    return `<section><h2>${arrow} ${escapeHtml(displayName)}</h2>${body}</section>`
  }
  return `<h1>${escapeHtml(task.friendlyName)} <small>${escapeHtml(task.description)}</small></h1>
<div class="row"><div><label>Display name <i>*</i></label><div class="text">${escapeHtml(task.instanceNameFormat)}</div></div><aside></aside></div>
${task.groups.map(group).join('\n')}`
}
