// Texts in HTML.
'use strict'

const MarkdownIt = require('markdown-it')

// Azure DevOps renders summaries without foreign HTML.
const markdown = new MarkdownIt({ html: false, linkify: true })

exports.escapeHtml = (text) => markdown.utils.escapeHtml(text)
exports.inline = (text) => markdown.renderInline(text)
exports.render = (text) => markdown.render(text)
