// What a task does before its first request that loads the modules of the original task.
"use strict";
require("azure-pipelines-task-lib/task");
require("archiver");
require("azure-storage");
const http = require("http");

http.get(`http://127.0.0.1:${process.argv[2]}/`).on("error", () => {});
