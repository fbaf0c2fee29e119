// The way of the original task: an archive in a temporary file, with the level that it asks for, and then an upload with an account key.
"use strict";
const fs = require("fs");
const archiver = require("archiver");
const storage = require("azure-storage");

const KEY = Buffer.alloc(64, 7).toString("base64");

function pack(format, folder, file) {
  return new Promise((resolve, reject) => {
    const archive = format === "zip" ? archiver("zip") : archiver("tar", { gzip: true, gzipOptions: { level: 1 } });
    const out = fs.createWriteStream(file);
    out.on("close", resolve);
    archive.on("error", reject);
    archive.pipe(out);
    archive.directory(folder, false);
    archive.finalize();
  });
}

function send(file, url) {
  const host = `${url}/bench`;
  const blobs = storage.createBlobService("bench", KEY, host);
  return new Promise((resolve, reject) => {
    blobs.createContainerIfNotExists("bench", (failure) => {
      if (failure) return reject(failure);
      blobs.createBlockBlobFromLocalFile("bench", "package", file, (failure) => (failure ? reject(failure) : resolve()));
    });
  });
}

async function main([what, format, folder, file, url]) {
  if (what !== "send") await pack(format, folder, file);
  if (what !== "pack") await send(file, url);
}

main(process.argv.slice(2)).catch((failure) => {
  console.error(failure);
  process.exit(1);
});
