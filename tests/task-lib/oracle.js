'use strict';
// Asks Microsoft's library for tasks what it reads from environments and how it writes commands: `node oracle.js CASES ANSWERS`.
// Both are files of JSON, because the library writes to the standard output as it reads. Many cases share one process.
const fs = require('fs');
const tl = require('azure-pipelines-task-lib/task');
const internal = require('azure-pipelines-task-lib/internal');
const { TaskCommand } = require('azure-pipelines-task-lib/taskcommand');
const { version } = require('azure-pipelines-task-lib/package.json');

let said = [];
tl.setStdStream({ write: (text) => { said.push(text); } });

function load(environment) {
  Object.keys(process.env).forEach((name) => { delete process.env[name]; });
  Object.assign(process.env, environment);
  internal._loadData();
  said = [];
}

const readers = {
  input: (name) => tl.getInput(name, false),
  variable: (name) => tl.getVariable(name),
  taskVariable: (name) => tl.getTaskVariable(name),
  url: (id) => tl.getEndpointUrl(id, true),
  scheme: (id) => tl.getEndpointAuthorizationScheme(id, true),
  parameter: (id, key) => tl.getEndpointAuthorizationParameter(id, key, true),
  data: (id, key) => tl.getEndpointDataParameter(id, key, true),
};

const speakers = {
  setVariable: (name, value, output) => tl.setVariable(name, value, false, output === 'true'),
  setSecret: (value) => tl.setSecret(value),
  setTaskVariable: (name, value, secret) => tl.setTaskVariable(name, value, secret === 'true'),
  logIssue: (kind, text, code) => tl.logIssue(kind === 'error' ? tl.IssueType.Error : tl.IssueType.Warning, text, '', 0, 0, code),
  setProgress: (percent, operation) => tl.setProgress(Number(percent), operation),
  complete: (result, text) => tl.setResult(tl.TaskResult[result], text),
  debug: (text) => tl.debug(text),
};

function answers({ environment, questions }) {
  load(environment);
  return questions.map(([kind, ...about]) => readers[kind](...about) ?? null);
}

function line({ name, properties, data }) {
  return new TaskCommand(name, Object.fromEntries(properties), data).toString();
}

function lines([kind, ...about]) {
  load({});
  speakers[kind](...about);
  return said.join('').split('\n').filter((text) => text !== '');
}

const [, , source, target] = process.argv;
const { environments, commands, calls } = JSON.parse(fs.readFileSync(source, 'utf8'));
fs.writeFileSync(target, JSON.stringify({
  version,
  environments: environments.map(answers),
  commands: commands.map(line),
  calls: calls.map(lines),
}));
